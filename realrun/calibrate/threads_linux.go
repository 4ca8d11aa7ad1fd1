package calibrate

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The measurements of the kernel run on threads of their own, each pinned to one core. The Go runtime must not disturb
// them: its preemption signal is blocked there, and what is timed is marked nosplit, so that no function prologue can
// give way to the scheduler. Such code reads the clock by a system call (about 0.2 µs, taken off where it matters),
// because package time's functions have prologues.

// cores lists the CPUs that this process may use.
func cores() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var list []int
	for i := range len(set) * int(unsafe.Sizeof(set[0])) * 8 {
		if set.IsSet(i) {
			list = append(list, i)
		}
	}
	return list
}

// pinned runs f on a thread of its own that only core runs and that ends with f; the channel is closed then. With
// quiet, the runtime's preemption signal is blocked there.
func pinned(core int, quiet bool, f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends, and its settings with it
		var set unix.CPUSet
		set.Set(core)
		_ = unix.SchedSetaffinity(0, &set) // kernelProbes has tried it
		if quiet {
			var mask unix.Sigset_t
			mask.Val[0] = 1 << (uint(unix.SIGURG) - 1)
			_ = unix.PthreadSigmask(unix.SIG_BLOCK, &mask, nil)
		}
		f()
	}()
	return done
}

// canPin tells whether this process may choose the core of a thread.
func canPin(core int) bool {
	ok := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var set unix.CPUSet
		set.Set(core)
		ok = unix.SchedSetaffinity(0, &set) == nil
	}()
	<-done
	return ok
}

// alone runs f on a pinned thread and waits for it, with enough Ps that no thread waits for one.
func alone(core int, f func()) {
	procs(runtime.NumCPU()+4, func() { <-pinned(core, true, f) })
}

// now reads CLOCK_MONOTONIC, in nanoseconds.
//
//go:nosplit
func now() int64 { return clock(unix.CLOCK_MONOTONIC) }

// threadCPU reads the CPU time of the calling thread, in nanoseconds.
//
//go:nosplit
func threadCPU() int64 { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

// cpuOf reads the CPU time of another thread of this process (clock_getcpuclockid(3): a CPU clock, per thread).
//
//go:nosplit
func cpuOf(tid int) int64 { return clock(^tid<<3 | 6) }

//go:nosplit
func clock(id int) int64 {
	var t unix.Timespec
	syscall.RawSyscall(unix.SYS_CLOCK_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&t)), 0)
	return int64(t.Sec)*1e9 + int64(t.Nsec)
}

// clockCost is the time of one now, the least of many: the rest is noise.
func clockCost() float64 {
	least := int64(1 << 62)
	for range 200 {
		t := now()
		least = min(least, now()-t)
	}
	return float64(least)
}

// switches counts how often the calling thread has left its core.
//
//go:nosplit
func switches() int64 {
	var u unix.Rusage
	syscall.RawSyscall(unix.SYS_GETRUSAGE, unix.RUSAGE_THREAD, uintptr(unsafe.Pointer(&u)), 0)
	return int64(u.Nvcsw) + int64(u.Nivcsw)
}

const (
	futexWaitPrivate = 0 | 128
	futexWakePrivate = 1 | 128
)

// A door is a futex word that counts how often it was opened.
type door struct{ opened uint32 }

// wait returns when the door has been opened more than seen times.
//
//go:nosplit
func (d *door) wait(seen uint32) {
	for atomic.LoadUint32(&d.opened) == seen { // without a limit, whose timer would cost a multiple of the rest
		syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&d.opened)), futexWaitPrivate, uintptr(seen), 0, 0, 0)
	}
}

// open lets the waiter through.
//
//go:nosplit
func (d *door) open() {
	atomic.AddUint32(&d.opened, 1)
	syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&d.opened)), futexWakePrivate, 1, 0, 0, 0)
}

// pause spins for ns nanoseconds.
//
//go:nosplit
func pause(ns int64) {
	for end := now() + ns; now() < end; {
	}
}

// until spins until *v is at least want, for at most limit; it tells whether it is.
//
//go:nosplit
func until(v *int64, want int64, limit time.Duration) bool {
	for end := now() + int64(limit); atomic.LoadInt64(v) < want; {
		if now() > end {
			return false
		}
	}
	return true
}

// A step is an interval between two clock reads in which the thread did something else.
type step struct {
	from, to int64
	switched bool // the core was given to another thread meanwhile
}

// spin reads the clock until end, or until *stop is set, and logs each step longer than least into log, as many as
// there is room for. It returns their number. The time of looking for a switch counts for no step.
//
//go:nosplit
func spin(end int64, stop *int64, least int64, log []step) int {
	n, left := 0, switches()
	for last, over := now(), false; !over && n < len(log); {
		over = last >= end || atomic.LoadInt64(stop) != 0 // one more step, in which the core may have been lost
		t := now()
		if t-last > least {
			s := switches()
			log[n] = step{last, t, s != left}
			n, left, t = n+1, s, now()
		}
		last = t
	}
	return n
}
