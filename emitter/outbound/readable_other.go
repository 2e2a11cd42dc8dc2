//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd || solaris || illumos)

package outbound

import "syscall"

// readable cannot tell here without waiting. What net/http notices by itself has to do.
func readable(syscall.RawConn) bool { return false }
