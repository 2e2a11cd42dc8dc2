package target

import "sync"

// tally counts effects that the target tells of one by one. It is safe for concurrent use.
type tally struct {
	// told are the members of an effect that the target tells. What it does not tell is not part of the key.
	told Tells
	// event says whether the event's type is among them.
	event bool

	mu     sync.Mutex
	counts map[Effect]int
	// broken is the first thing that could not be understood. From then on every count is an error: one effect is
	// missing, and which one is not known.
	broken error
}

func newTally(told Tells, event bool) *tally {
	return &tally{told: told, event: event, counts: map[Effect]int{}}
}

// add counts one effect.
func (t *tally) add(e Effect) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[t.key(e)]++
}

// spoil makes every count an error from now on.
func (t *tally) spoil(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken == nil {
		t.broken = err
	}
}

// count returns how often an effect was told.
func (t *tally) count(e Effect) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken != nil {
		return 0, t.broken
	}
	return t.counts[t.key(e)], nil
}

func (t *tally) key(e Effect) Effect {
	if !t.event {
		e.Event = ""
	}
	if !t.told.EventID {
		e.EventID = ""
	}
	if !t.told.Item {
		e.ItemID = ""
	}
	if !t.told.Status {
		e.Status = ""
	}
	return e
}
