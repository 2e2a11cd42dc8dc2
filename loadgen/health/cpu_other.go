//go:build !unix

package health

import "time"

// cpuTime is not known here.
func cpuTime() (time.Duration, bool) { return 0, false }
