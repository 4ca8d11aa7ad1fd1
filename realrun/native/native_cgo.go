//go:build cgo && linux

package native

// #cgo CFLAGS: -O2
// #cgo LDFLAGS: -lpthread
// #include "native.h"
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Check says whether this program has the C part: nil, or [ErrNoC].
func Check() error { return nil }

// SpinC computes links links of the dependent chain in one C call, so the runtime sees a thread that stays in C.
// The error is [ErrNoC] or nil.
func SpinC(links int64) error {
	C.lab_chain(C.int64_t(links))
	return nil
}

// SleepC sleeps for d in one C call (clock_nanosleep); a d below 0 is 0. The error is [ErrNoC] or nil.
func SleepC(d time.Duration) error {
	C.lab_sleep(C.int64_t(max(d, 0)))
	return nil
}

// Nop is an empty C call. The error is [ErrNoC] or nil.
func Nop() error {
	C.lab_nop()
	return nil
}

// Monotonic reads CLOCK_MONOTONIC, in nanoseconds: the clock of a Generator's due times, and the one that package time
// reads. The error is [ErrNoC] or nil.
func Monotonic() (int64, error) { return int64(C.lab_monotonic()), nil }

// ThreadCPU gives the CPU time that the calling thread has used. It means something only between
// runtime.LockOSThread and UnlockOSThread. It fails with [ErrNoC], or where the kernel does not tell.
func ThreadCPU() (time.Duration, error) {
	t := C.lab_thread_cpu()
	if t < 0 {
		return 0, errors.New("native: the kernel does not tell the CPU time of a thread: use a kernel with CLOCK_THREAD_CPUTIME_ID")
	}
	return time.Duration(t), nil
}

// A Generator is the load generator: a C thread with a timer slack of 1 ns that sleeps until each arrival is due and
// then writes its index to a pipe, several due ones in one write. It needs no P and the runtime does not know it.
// The pipe's read end is in the netpoller: a goroutine in Read is parked.
type Generator struct {
	c    *C.lab_generator
	pipe *os.File
	raw  []byte
}

// StartGenerator starts a thread for arrivals due at zero+due[i], where zero is a time of [Monotonic] and due ascends.
// It fails with [ErrNoC], with more arrivals than four bytes can number, and when the system gives no pipe, memory or
// thread. Stop the generator when done.
func StartGenerator(zero int64, due []time.Duration) (*Generator, error) {
	if len(due) > math.MaxUint32 {
		return nil, fmt.Errorf("native: a generator of %d arrivals was asked for: give at most %d", len(due), uint32(math.MaxUint32))
	}
	at := make([]int64, len(due))
	for i, d := range due {
		at[i] = zero + int64(d)
	}
	var c *C.lab_generator
	var fd C.int
	err := C.lab_generator_start((*C.int64_t)(unsafe.Pointer(unsafe.SliceData(at))), C.int64_t(len(at)), &c, &fd)
	if err != 0 {
		return nil, fmt.Errorf("native: the load generator cannot start (%w): free memory, threads or file descriptors", syscall.Errno(err))
	}
	return &Generator{c: c, pipe: os.NewFile(uintptr(fd), "arrivals"), raw: make([]byte, 4*1024)}, nil
}

// Read waits until arrivals are due and puts their indices into index, at least one, which must have room. It returns
// io.EOF after the last arrival and os.ErrClosed after Stop. One goroutine reads.
func (g *Generator) Read(index []uint32) (int, error) {
	raw := g.raw[:min(len(g.raw), 4*len(index))]
	n, err := g.pipe.Read(raw)
	if rest := n % 4; rest != 0 {
		var more int
		more, err = io.ReadFull(g.pipe, raw[n:n+4-rest])
		n += more
	}
	for i := range n / 4 {
		index[i] = binary.NativeEndian.Uint32(raw[4*i:])
	}
	return n / 4, err
}

// Stop ends the thread, waits for it (a tenth of a second at most) and closes the pipe. A second Stop does nothing.
func (g *Generator) Stop() error {
	if g.c == nil {
		return nil
	}
	C.lab_generator_stop(g.c)
	err := g.pipe.Close() // a thread that waits for room in the pipe gets an error
	C.lab_generator_join(g.c)
	g.c = nil
	if err != nil {
		return fmt.Errorf("native: the load generator's pipe cannot be closed (%w): end the process", err)
	}
	return nil
}
