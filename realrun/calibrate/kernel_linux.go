package calibrate

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelProbes measure the kernel and the hardware. Where threads cannot be pinned there are none, and with one core
// those that need two are left out.
func kernelProbes() []probe {
	list := cores()
	if len(list) == 0 || !canPin(list[0]) {
		return nil
	}
	probes := []probe{
		{"system calls", (*bench).syscalls},
		{"pipes", (*bench).pipe},
		{"sockets", (*bench).sockets},
		{"sleeping", (*bench).sleeps},
		{"sleeping beside a busy thread", (*bench).sleepBusy},
		{"switching threads", (*bench).switchIn},
		{"time slices", (*bench).tick},
		{"stolen moments", (*bench).gaps},
		{"cores that come back late", (*bench).stalls},
	}
	if len(list) < 2 || !canPin(list[1]) {
		return probes
	}
	return append(probes,
		probe{"cache lines between cores", (*bench).steal},
		probe{"waking threads", (*bench).futex},
		probe{"waking threads of a rested core", (*bench).restedCore},
		probe{"waking threads of a busy core", (*bench).futexBusy},
		probe{"waking threads of the same core", (*bench).futexOwn},
		probe{"the way to a sleep", (*bench).sleepIn},
		probe{"packing of woken threads", (*bench).pack},
		probe{"signals", (*bench).signals},
		probe{"pages that are read first", (*bench).copied},
		probe{"sweeping beside another P", (*bench).sweepPeer},
		probe{"losing a P", (*bench).exitSlow},
		probe{"preemption on waking", (*bench).protection},
		probe{"pulling to an idle core", (*bench).idlePull})
}

// wandering are those of kernelProbes whose result holds for minutes only.
func wandering() []probe {
	list := cores()
	if len(list) < 2 || !canPin(list[0]) || !canPin(list[1]) {
		return nil
	}
	return []probe{{"pulling to an idle core", (*bench).idlePull}, {"waking threads", (*bench).futex},
		{"waking threads of a rested core", (*bench).restedCore}, {"cores that come back late", (*bench).stalls}}
}

// pair gives two of the cores, others in each round.
func (b *bench) pair() (int, int) {
	list := cores()
	i := b.round % len(list)
	return list[i], list[(i+1)%len(list)]
}

// one gives one of the cores, another in each round.
func (b *bench) one() int {
	core, _ := b.pair()
	return core
}

// syscalls: what package syscall adds to the bare system call, and an epoll_wait that does not sleep.
func (b *bench) syscalls() error {
	procs(1, func() {
		raw := b.each(3000, func(n int) {
			for range n {
				syscall.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
			}
		})
		full := b.each(3000, func(n int) {
			for range n {
				syscall.Syscall(unix.SYS_GETPPID, 0, 0, 0)
			}
		})
		b.add("Syscall", max(median(full)-median(raw), 0))
	})
	epoll, closeAll, err := pollSet()
	if err != nil {
		return err
	}
	defer closeAll()
	alone(b.one(), func() {
		b.add("Netpoll", b.each(2000, func(n int) {
			for range n {
				epollWait(epoll, 0)
			}
		})...)
	})
	return nil
}

// pollSet makes an epoll set with one descriptor that never becomes ready.
func pollSet() (epoll int, closeAll func(), err error) {
	epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return 0, nil, fmt.Errorf("no epoll set can be made (%w): free file descriptors", err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, event, &unix.EpollEvent{Events: unix.EPOLLIN})
	}
	closeAll = func() { unix.Close(event); unix.Close(epoll) }
	if err != nil {
		closeAll()
		return 0, nil, fmt.Errorf("no descriptor to poll can be made (%w): free file descriptors", err)
	}
	return epoll, closeAll, nil
}

//go:nosplit
func epollWait(fd, ms int) {
	var events [8]unix.EpollEvent
	syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(&events[0])), 8, uintptr(ms), 0, 0)
}

// pipe measures the write of one arrival (four bytes) to a pipe that nobody waits for, and the read of what is there
// through an os.File, as a goroutine does it: the lock of the file, the system call with its Syscall, the read.
func (b *bench) pipe() error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("no pipe can be made (%w): free file descriptors", err)
	}
	defer r.Close()
	defer w.Close()
	const n = 200
	fd, buffer := w.Fd(), make([]byte, 4)
	var write, read []float64
	procs(1, func() {
		for range b.times(10) {
			start := time.Now()
			for range n {
				syscall.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&buffer[0])), 4)
			}
			middle := time.Now()
			for range n {
				if _, err = r.Read(buffer); err != nil {
					return
				}
			}
			write = append(write, float64(middle.Sub(start))/n)
			read = append(read, float64(time.Since(middle))/n)
		}
	})
	b.add("PipeWrite", write...)
	b.add("PipeRead", read...)
	return err
}

// slept times one sleep f that was asked to last ask: how much longer it lasted, and the CPU that the thread burned.
//
//go:nosplit
func slept(ask int64, f func()) (over, cpu float64) {
	c, t := threadCPU(), now()
	f()
	t = now() - t
	c = threadCPU() - c
	return float64(t - ask), float64(c)
}

// sleeps measures nanosleep and epoll_wait with a time-out with the thread's default timer slack, and a sleep until a
// point in time with a slack of 1 ns, which is how the load generator waits. All other threads leave the core alone.
// A sleep of 20 µs is sysmon's.
func (b *bench) sleeps() error {
	epoll, closeAll, err := pollSet()
	if err != nil {
		return err
	}
	defer closeAll()
	short := unix.Timespec{Nsec: 20_000}
	alone(b.one(), func() {
		measure := func(over, cpu string, n int, ask int64, f func()) {
			var used []float64
			for end, n := now()+int64(patience), b.times(n); n > 0 && now() < end; n-- {
				o, c := slept(ask, f)
				b.pool(over, o)
				used = append(used, c)
			}
			b.add(cpu, used...)
		}
		measure("SleepOver", "SleepCPU", 150, short.Nano(), func() {
			syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&short)), 0, 0)
		})
		measure("EpollOver", "EpollCPU", 30, 1e6, func() { epollWait(epoll, 1) })
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // the thread ends with f
		for i, end := 0, now()+int64(patience); i < b.times(60) && now() < end; i++ {
			due := now() + int64(300+i*37%700)*1000
			at := unix.NsecToTimespec(due)
			syscall.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
			b.pool("ArmLate", float64(now()-due))
		}
	})
	return nil
}

// sleepIn reads the CPU clock of a thread while it is in a nanosleep, from another core: what it has burnt since before the call is what
// the way to the sleep takes.
func (b *bench) sleepIn() error {
	here, there := b.pair()
	var in []float64
	procs(runtime.NumCPU()+4, func() {
		var tid, quit, slept, came, before int64
		nap := unix.NsecToTimespec(int64(400 * time.Microsecond))
		gone := pinned(there, true, func() {
			atomic.StoreInt64(&tid, int64(unix.Gettid()))
			for atomic.LoadInt64(&quit) == 0 {
				pause(int64(100 * time.Microsecond))
				atomic.StoreInt64(&before, threadCPU())
				atomic.AddInt64(&slept, 1)
				syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&nap)), 0, 0)
				atomic.AddInt64(&came, 1)
			}
		})
		<-pinned(here, true, func() {
			until(&tid, 1, time.Second)
			read := clockCost()
			for i, n, end := int64(1), int64(b.times(60)), now()+int64(patience); i <= n && now() < end && until(&slept, i, 20*time.Millisecond); i++ {
				pause(int64(200 * time.Microsecond))
				burnt := cpuOf(int(tid)) - atomic.LoadInt64(&before)
				if atomic.LoadInt64(&came) == i-1 && atomic.LoadInt64(&slept) == i { // it sleeps
					in = append(in, max(float64(burnt)-read, 0))
				}
				if !until(&came, i, 20*time.Millisecond) {
					break
				}
			}
			atomic.StoreInt64(&quit, 1)
		})
		<-gone
	})
	b.add("SleepIn", in...)
	return nil
}

// sleepBusy lets one thread compute and another one on the same core sleep 20 µs again and again, as sysmon does,
// and notes for how long the first one loses the core each time.
func (b *bench) sleepBusy() error {
	core, length := b.one(), int64(b.long(60*time.Millisecond))
	log := make([]step, 1<<13)
	var steps int
	var stop int64
	procs(runtime.NumCPU()+4, func() {
		hog := pinned(core, true, func() {
			never := int64(0)
			steps = spin(now()+length, &never, 1500, log)
			atomic.StoreInt64(&stop, 1)
		})
		<-pinned(core, true, func() {
			short := unix.Timespec{Nsec: 20_000}
			for atomic.LoadInt64(&stop) == 0 {
				syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&short)), 0, 0)
			}
		})
		<-hog
	})
	var lost []float64
	for _, s := range log[:steps] {
		if s.switched {
			lost = append(lost, float64(s.to-s.from))
		}
	}
	b.add("SleepBusy", lost...)
	return nil
}

// steal measures the transfer of a cache line between two cores, which bounce one: half of a round trip. A look at
// another P's queue reads its head and tail, which share a line that the other core wrote last.
func (b *bench) steal() error {
	const trips = 500
	first, second := b.pair()
	var ns []float64
	procs(runtime.NumCPU()+4, func() {
		var line struct {
			_    [128]byte
			turn int64
			_    [128]byte
		}
		n := int64(b.times(40))
		other := pinned(second, true, func() {
			for i := int64(1); i <= n*trips; i++ {
				for spins := 0; atomic.LoadInt64(&line.turn) != 2*i-1; spins++ {
					if spins > 1e8 {
						return
					}
				}
				atomic.StoreInt64(&line.turn, 2*i)
			}
		})
		<-pinned(first, true, func() {
			for i := int64(1); i <= n*trips; {
				start := now()
				for range trips {
					atomic.StoreInt64(&line.turn, 2*i-1)
					for spins := 0; atomic.LoadInt64(&line.turn) != 2*i; spins++ {
						if spins > 1e8 {
							return
						}
					}
					i++
				}
				ns = append(ns, float64(now()-start)/(2*trips))
			}
		})
		<-other
	})
	b.add("Steal", ns...)
	return nil
}

// cpuTime is the CPU time of this process.
func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// threadTime is the CPU time of the calling thread.
func threadTime() time.Duration { return time.Duration(threadCPU()) }

// pinnedTo runs f on a thread that only the i-th core runs, and waits for it.
func pinnedTo(i int, f func()) {
	if list := cores(); len(list) > 0 {
		<-pinned(list[i%len(list)], false, f)
		return
	}
	f()
}
