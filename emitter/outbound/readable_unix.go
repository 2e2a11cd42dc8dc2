//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd || solaris || illumos

package outbound

import (
	"errors"
	"syscall"
)

// readable reports whether there is anything to read on an HTTP/1.1 connection that waits for its next request: an end,
// an error, or bytes that nobody asked for, such as TLS's notice of the end. Nothing is taken out.
func readable(raw syscall.RawConn) bool {
	found := false
	// Control and not Read: net/http's reader holds the lock for reading all the time.
	err := raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		found = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR)
	})
	return err != nil || found
}
