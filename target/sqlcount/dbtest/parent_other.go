//go:build unix && !linux

package dbtest

import "syscall"

// endWithParent can do nothing here; the test's cleanup ends the server.
func endWithParent(*syscall.SysProcAttr) {}
