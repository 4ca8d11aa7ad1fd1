package realrun

import (
	"os/exec"
	"syscall"
	"time"
)

// nanosleep blocks the calling thread in the kernel for d; the runtime's signals do not end the sleep.
func nanosleep(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}

// checkSyscall says whether syscall steps can be done here.
func checkSyscall() error { return nil }

// cpuTime is the CPU time that this process has used; not ok where the system does not tell.
func cpuTime() (t time.Duration, ok bool) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}

// killGroup makes the end of cmd's context kill cmd and all its children.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
