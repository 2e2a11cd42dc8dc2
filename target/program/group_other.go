//go:build !unix

package program

import "os/exec"

// Separate can do nothing here: there are no process groups.
func Separate(*exec.Cmd) {}

// killGroup ends the program alone; what it started has to end by itself.
func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		// It may have ended already.
		_ = cmd.Process.Kill()
	}
}
