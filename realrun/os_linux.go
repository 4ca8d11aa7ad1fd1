package realrun

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
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

// room gives zeroed memory for n values without pointers that is not the heap's, so that the collector counts it neither
// as live nor towards its limit. It is given back when the process ends. Small rooms come from the heap.
func room[T any](n int) []T {
	const least = 4 << 10
	bytes := n * int(unsafe.Sizeof(*new(T)))
	if bytes >= least {
		if b, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE); err == nil {
			return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
		}
	}
	return make([]T, n)
}

// memoryFile makes a file that has no name and is gone when it is closed.
func memoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// rss is the memory of this process that is resident, in bytes; not ok where the system does not tell.
func rss() (bytes float64, ok bool) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0, false
	}
	return float64(resident * os.Getpagesize()), true
}

// killGroup makes the end of cmd's context kill cmd and all its children.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
