//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd || solaris || illumos

package transport

import (
	"errors"
	"syscall"
)

// closedByPeer reports whether there is anything to read on a connection that waits for its next request: an end, an
// error, or bytes that nobody asked for. Nothing is taken out.
func (c *conn) closedByPeer() bool {
	sc, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	found := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		found = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR)
	})
	return err != nil || found
}
