package store

import "sync"

// line hands jobs from the writer to the goroutine that runs hooks. It has no limit, so that the writer never waits for
// a hook: a hook that calls Record while the queue is full waits for the writer, and the two would wait for each other.
// It stays short all the same, since whoever called Update waits for its end.
type line struct {
	mu     sync.Mutex
	some   sync.Cond
	jobs   []*job
	closed bool
}

func newLine() *line {
	l := &line{}
	l.some.L = &l.mu
	return l
}

func (l *line) add(jobs []*job) {
	l.mu.Lock()
	l.jobs = append(l.jobs, jobs...)
	l.mu.Unlock()
	l.some.Signal()
}

func (l *line) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.some.Signal()
}

// take waits for jobs and returns all there are; none once the line is closed and empty.
func (l *line) take() []*job {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.jobs) == 0 && !l.closed {
		l.some.Wait()
	}
	jobs := l.jobs
	l.jobs = nil
	return jobs
}

// tell runs the hooks of committed jobs in the order of the jobs, and tells each caller.
func (s *Store) tell() {
	for jobs := s.committed.take(); len(jobs) > 0; jobs = s.committed.take() {
		for _, j := range jobs {
			for _, hook := range j.hooks {
				hook()
			}
			switch {
			case j.done != nil:
				close(j.done)
			case j.err != nil:
				s.onError(j.err)
			}
		}
	}
}
