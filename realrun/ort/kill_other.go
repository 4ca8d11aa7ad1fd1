//go:build !unix

package ort

import (
	"os/exec"
	"strconv"
)

// killGroup makes the end of cmd's context kill cmd and all its children.
func killGroup(cmd *exec.Cmd) {
	cmd.Cancel = func() error {
		if err := exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run(); err != nil {
			return cmd.Process.Kill()
		}
		return nil
	}
}
