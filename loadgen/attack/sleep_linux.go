package attack

import (
	"syscall"
	"time"
)

// sleep sleeps in the system, to the precision of its own timers (50 µs of slack unless it is told otherwise). It may end
// early, by a signal.
func sleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	// Interrupted or not, whoever asked looks at the clock.
	_ = syscall.Nanosleep(&ts, nil)
}
