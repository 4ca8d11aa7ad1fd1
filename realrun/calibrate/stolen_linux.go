package calibrate

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// gapFrom is the shortest interval that counts as a stolen moment: less is the noise of a clock read.
const gapFrom = 5 * time.Microsecond

// gaps computes on every core at once and counts the moments in which a core did something else without a switch of
// threads: interrupts, and the hypervisor. Moments in which another thread ran (of another process, of the runtime, a
// time slice) are no gaps and no busy time.
func (b *bench) gaps() error {
	list, length := cores(), int64(b.long(300*time.Millisecond))
	logs := make([][]step, len(list))
	took, used := make([]int64, len(list)), make([]int64, len(list))
	procs(len(list)+4, func() {
		var done []<-chan struct{}
		for i, core := range list {
			done = append(done, pinned(core, true, func() {
				never, log, begin, cpu := int64(0), make([]step, 1<<13), now(), threadCPU()
				logs[i] = log[:spin(begin+length, &never, int64(gapFrom), log)]
				took[i], used[i] = now()-begin, threadCPU()-cpu
			}))
		}
		for _, d := range done {
			<-d
		}
	})
	var busy, stolen, idle, n float64 // idle: not counted as the thread's CPU
	for i, log := range logs {
		busy += float64(took[i]) / 1e9
		idle += float64(took[i]-used[i]) / 1e9
		for _, s := range log {
			if s.switched {
				busy -= float64(s.to-s.from) / 1e9
				idle -= float64(s.to-s.from) / 1e9
			} else {
				stolen += float64(s.to-s.from) / 1e9
				b.pool("Gap", float64(s.to-s.from))
				n++
			}
		}
	}
	if busy > 0 {
		b.add("GapRate", n/busy)
	}
	if stolen > 0 {
		b.add("GapCPU", min(max(1-idle/stolen, 0), 1))
	}
	return nil
}

// stalls lets a thread on every core at once compute and sleep by turns, and counts how often the core comes back from idling
// later than usual. A hypervisor gives the processor of a core that idles to somebody else: a spinning core hardly stalls.
func (b *bench) stalls() error {
	list, length := cores(), int64(b.long(500*time.Millisecond))
	late := make([][]float64, len(list))
	procs(len(list)+4, func() {
		var done []<-chan struct{}
		for i, core := range list {
			done = append(done, pinned(core, true, func() {
				_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // the thread ends with f
				stat, _ := os.Open("/proc/thread-self/schedstat")  // nil where the kernel has none: no delay is known there
				defer stat.Close()
				end := now() + length
				before := runDelay(stat)
				for k := i; now() < end && b.ctx.Err() == nil; k++ {
					due := now() + int64(200+k*617%1600)*1000
					at := unix.NsecToTimespec(due)
					syscall.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
					came := now() - due
					queued := runDelay(stat)
					if queued-before < int64(stallFrom)/2 { // else another thread had the core
						late[i] = append(late[i], float64(came))
					}
					before = queued
					pause(int64(stallWork))
				}
			}))
		}
		for _, d := range done {
			<-d
		}
	})
	n, all := 0, 0
	for _, v := range late {
		usual := median(v)
		for _, x := range v {
			if x >= usual+float64(stallFrom) {
				b.pool("Stall", x-usual)
				n++
			}
		}
		all += len(v)
	}
	if all > 0 {
		b.stallOdds = append(b.stallOdds, float64(n)/float64(all))
	}
	return nil
}

// runDelay reads from a thread's schedstat for how long it has waited for its core while others had it, in nanoseconds; 0 where it
// cannot be read. Where a hypervisor stops the core nobody has queued the thread yet.
func runDelay(stat *os.File) (ns int64) {
	var text [64]byte
	n, _ := stat.ReadAt(text[:], 0)
	if f := strings.Fields(string(text[:n])); len(f) > 1 {
		ns, _ = strconv.ParseInt(f[1], 10, 64)
	}
	return ns
}

// stallWork is how long a thread computes between two sleeps of stalls: a request or a piece of marking.
const stallWork = 200 * time.Microsecond

// signals sends the runtime's preemption signal to a thread that computes on another core. The thread's last clock
// read before the handler ran tells when the signal came, the next one how long the handling took. The runtime's
// handler finds no preemption asked for and returns: it is the path without asyncPreempt. They follow each other within
// 0.3 ms, and then after 4 ms and more, when all of it takes much longer. Nothing is measured in between.
func (b *bench) signals() error {
	b.signal("", 40, func(i int) time.Duration { return time.Duration(100+i*61%200) * time.Microsecond })
	for range 3 { // two are needed
		b.signal("Cold", 20, func(i int) time.Duration { return time.Duration(4000+i*610%2000) * time.Microsecond })
		if len(b.dists["ColdSignal"]) > 1 {
			break
		}
	}
	return nil
}

const (
	fewSignals   = 12                     // are sent at least: on a busy machine most come to a thread that does not run
	latestSignal = 100 * time.Microsecond // less than lies between two; what comes later has met something else
)

// signal sends n signals, and one before them that does not count as it is always cold, and waits before each.
func (b *bench) signal(kind string, n int, wait func(i int) time.Duration) {
	here, there := b.pair()
	var sent []int64
	var send []float64
	var log []step
	procs(runtime.NumCPU()+4, func() {
		var tid, stop int64
		room := make([]step, 1<<14)
		hog := pinned(there, false, func() {
			atomic.StoreInt64(&tid, int64(unix.Gettid()))
			log = room[:spin(now()+int64(patience), &stop, 800, room)]
		})
		<-pinned(here, true, func() {
			if !until(&tid, 1, time.Second) {
				return
			}
			to := uintptr(atomic.LoadInt64(&tid))
			pause(1e6)
			read := clockCost()
			for i, end := 0, now()+int64(patience-10*time.Millisecond); i <= max(b.times(n), fewSignals) && now() < end; i++ {
				pause(int64(wait(i)))
				begin := now()
				syscall.RawSyscall(unix.SYS_TGKILL, uintptr(unix.Getpid()), to, uintptr(unix.SIGURG))
				sent, send = append(sent, begin), append(send, float64(now()-begin)-read)
			}
			pause(2e5)
			atomic.StoreInt64(&stop, 1)
		})
		<-hog
	})
	late, cpu := handled(sent, log)
	b.pool(kind+"Signal", late...)
	b.add(kind+"SignalCPU", cpu...)
	if len(send) > 0 {
		b.add(kind+"SignalSend", send[1:]...)
	}
}

// handled finds the step in which each signal but the first was handled, and gives how late after it was sent that began and
// how long it took. It leaves out signals that met a thread that did not run, and those that the kernel merged.
func handled(sent []int64, log []step) (late, cpu []float64) {
	for i, first := 0, true; len(sent) > 0 && i < len(log); i++ {
		s, n := log[i], 0
		for n < len(sent) && sent[n] < s.to {
			n++
		}
		if n == 0 {
			continue
		}
		if l := s.from - sent[0]; n == 1 && !first && !s.switched && l < int64(latestSignal) {
			late, cpu = append(late, float64(max(l, 0))), append(cpu, float64(s.to-s.from))
		}
		sent, first = sent[n:], false
	}
	return late, cpu
}

// exitSlow compares the CPU of a system call of a millisecond that loses its P with that of the same call made behind
// the runtime's back, which keeps it. A hog keeps the second P, so that sysmon takes the first one at its second look
// for the goroutine that waits in its queue. That goroutine ends at once, and the P is idle when the call ends: what
// exitsyscall then does to get it is the difference.
func (b *bench) exitSlow() error {
	here, there := b.pair()
	nap := unix.Timespec{Nsec: 1e6}
	var lost, kept []float64
	var stop atomic.Bool
	n := b.times(25)
	call := func(sys func(trap, a1, a2, a3 uintptr) (uintptr, uintptr, syscall.Errno)) float64 {
		c := threadCPU()
		sys(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&nap)), 0, 0)
		return float64(threadCPU() - c)
	}
	procs(2, func() {
		hog := pinned(there, false, func() {
			for !stop.Load() {
			}
		})
		<-pinned(here, true, func() {
			for end := now() + int64(patience); n > 0 && now() < end; n-- {
				kept = append(kept, call(syscall.RawSyscall))
				var ran atomic.Bool
				go ran.Store(true)
				cpu := call(syscall.Syscall)
				if ran.Load() {
					lost = append(lost, cpu)
				}
			}
			stop.Store(true)
		})
		<-hog
	})
	if len(lost) > 1 {
		b.add("ExitSlow", max(median(lost)-median(kept), 0))
	}
	return nil
}
