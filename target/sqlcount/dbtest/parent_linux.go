package dbtest

import "syscall"

// endWithParent ends the server also when the test's process ends without its cleanup, as at the end of -timeout.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
