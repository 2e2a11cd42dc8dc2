//go:build !linux

package attack

import "time"

// sleep has nothing finer than the runtime here, whose timers are as precise as the system's.
func sleep(d time.Duration) { time.Sleep(d) }
