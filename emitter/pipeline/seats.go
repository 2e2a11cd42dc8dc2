package pipeline

import "time"

// DefaultSeats is how many quick attempts are in flight at most, where Config does not say. Each is a connection and a
// file descriptor: a burst to thousands of subscriptions must not open them all at once. It is far more than a machine
// needs to be busy.
const DefaultSeats = 512

// slowAfter is the real time after which an attempt is slow. It then costs next to nothing but its connection, so it
// gives up its seat: subscribers that hang delay the others by this much at most.
const slowAfter = 100 * time.Millisecond

// The methods below want e.mu held.

// seat gives a flight a seat, or has its lane wait for one.
func (e *Engine) seat(f *flight) {
	e.seated++
	f.seated = true
	f.slow = time.AfterFunc(slowAfter, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.unseat(f)
		e.board()
	})
}

// unseat takes a flight's seat back, if it has one.
func (e *Engine) unseat(f *flight) {
	if f.seated {
		f.seated = false
		f.slow.Stop()
		e.seated--
	}
}

// queue has a lane wait for a seat.
func (e *Engine) queue(l *lane) {
	if !l.queued {
		l.queued = true
		e.boarding = append(e.boarding, l)
	}
}

// board begins flights of the lanes that wait for a seat, one of each in turn.
func (e *Engine) board() {
	for f := e.next(); f != nil; f = e.next() {
		go e.work(f)
	}
}

// next begins one flight of the lane that waits the longest; nil where none waits or there is no seat.
func (e *Engine) next() *flight {
	for len(e.boarding) > 0 && e.seated < e.config.Seats {
		l := e.boarding[0]
		e.boarding[0] = nil
		e.boarding = e.boarding[1:]
		l.queued = false
		if f := e.takeOff(l); f != nil {
			if l.ready.n > 0 && l.inFlight < l.limit {
				e.queue(l)
			}
			return f
		}
	}
	return nil
}

// pace adapts how many attempts a lane may have in flight: a subscriber that lets them time out gets half as many, down
// to one, and one that answers gets twice as many, up to the limit. So the dead hold few connections.
func (e *Engine) pace(l *lane, r Response) {
	switch {
	case r.Trouble == TimedOut:
		l.limit = max(1, l.limit/2)
	case r.Err == nil:
		l.limit = min(e.config.Concurrency, 2*l.limit)
	}
}
