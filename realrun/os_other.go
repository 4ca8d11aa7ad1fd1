//go:build !linux

package realrun

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// nanosleep is never called here: checkSyscall refuses the trial.
func nanosleep(time.Duration) {}

// checkSyscall says whether syscall steps can be done here.
func checkSyscall() error {
	return fmt.Errorf("syscall steps use nanosleep, which Go does not offer on %s: run this workload on Linux", runtime.GOOS)
}

// cpuTime is the CPU time that this process has used; not ok where the system does not tell.
func cpuTime() (t time.Duration, ok bool) { return 0, false }

// room gives zeroed memory for n values without pointers. Here it is the heap's.
func room[T any](n int) []T { return make([]T, n) }

// memoryFile makes a file that the system removes at its leisure.
func memoryFile(name string) (*os.File, error) { return os.CreateTemp("", name) }

// rss is the memory of this process that is resident, in bytes; not ok where the system does not tell.
func rss() (bytes float64, ok bool) { return 0, false }

// killGroup leaves the default: the end of cmd's context kills cmd alone.
func killGroup(*exec.Cmd) {}
