//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd || solaris || illumos)

package transport

// closedByPeer cannot look at a socket here; a connection that was closed shows when it is used.
func (c *conn) closedByPeer() bool { return false }
