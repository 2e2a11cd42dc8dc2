//go:build unix

package program

import (
	"os/exec"
	"syscall"
)

// Separate puts the program into a process group of its own, and has its context kill that.
func Separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		killGroup(cmd)
		return nil
	}
}

// killGroup ends what is left of the program's process group. The group's number is the program's, and is not given to
// anything else as long as one of the group lives; where none does, the error says so and there is nothing to do.
func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}
