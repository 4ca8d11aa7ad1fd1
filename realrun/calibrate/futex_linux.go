package calibrate

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sleeper is a thread that waits at its door again and again, and notes when it came through.
type sleeper struct {
	door
	tid  int64 // of the thread; 0 until it runs
	quit int64 // not 0: the thread ends when it comes through
	came int64 // how often it came through
	at   int64 // the clock when it did
	cpu  int64 // its CPU time then
}

// sleep starts the sleeper's thread on a core.
func (s *sleeper) sleep(core int) <-chan struct{} {
	return pinned(core, true, s.run)
}

func (s *sleeper) run() {
	atomic.StoreInt64(&s.tid, int64(unix.Gettid()))
	for seen := uint32(0); atomic.LoadInt64(&s.quit) == 0; seen++ {
		s.once(seen)
	}
}

//go:nosplit
func (s *sleeper) once(seen uint32) {
	s.wait(seen)
	s.at, s.cpu = now(), threadCPU()
	atomic.AddInt64(&s.came, 1)
}

// A wake is what one wake-up cost.
type wake struct {
	call  int64 // the waker, in the call
	after int64 // from the call's begin to the sleeper's first look at the clock
	back  int64 // CPU of the sleeper on its way back from sleep
	in    int64 // and on its way to the next one
}

// wake opens the door; ok is false when the sleeper did not come within limit.
//
//go:nosplit
func (s *sleeper) wake(limit time.Duration) (w wake, ok bool) {
	came, slept := s.came, cpuOf(int(s.tid))
	begin := now()
	s.open()
	w.call = now() - begin
	if !until(&s.came, came+1, limit) {
		return w, false
	}
	w.after, w.back = s.at-begin, s.cpu-slept
	return w, true
}

// end lets the sleeper's thread end.
func (s *sleeper) end() {
	atomic.StoreInt64(&s.quit, 1)
	s.open()
}

// futex measures wake-ups of a thread that sleeps on another, idle core. The CPU clock of a sleeping thread can be
// read from outside: so what the sleeper burns on the way to sleep and on the way back are both known.
func (b *bench) futex() error {
	read := clockCost()
	var call, in, back []float64
	for _, w := range b.wakes(b.times(60), false, shortRest) {
		call = append(call, float64(w.call)-read)
		in, back = append(in, max(float64(w.in)-read, 0)), append(back, max(float64(w.back)-read, 0))
		b.pool("WakeIdle", float64(w.after))
	}
	b.add("FutexWake", call...)
	b.add("FutexSleep", in...)
	b.add("FutexBackIdle", back...)
	return nil
}

// futexOwn measures a wake-up by a thread of the sleeper's own core, which is busy with the waker: to both. The sleeper is a thread of
// the batch class, which does not take its core from a waker at once: so the call holds no switch.
func (b *bench) futexOwn() error {
	core, n := b.one(), b.times(40)
	var call, back []float64
	procs(runtime.NumCPU()+4, func() {
		s := &sleeper{}
		gone := pinned(core, true, func() {
			var priority int32
			if _, _, e := syscall.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, unix.SCHED_BATCH, uintptr(unsafe.Pointer(&priority))); e == 0 {
				s.run()
			}
		})
		<-pinned(core, true, func() {
			read, nap := clockCost(), unix.NsecToTimespec(int64(300*time.Microsecond))
			sleep := func() { syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&nap)), 0, 0) }
			for end := now() + int64(patience); atomic.LoadInt64(&s.tid) == 0 && now() < end; {
				sleep()
			}
			for i, end := 0, now()+int64(patience); i < n && now() < end; i++ {
				sleep()
				slept := cpuOf(int(s.tid))
				begin := now()
				s.open()
				took := now() - begin
				sleep()
				if atomic.LoadInt64(&s.came) != int64(i)+1 {
					break
				}
				call, back = append(call, float64(took)-read), append(back, max(float64(s.cpu-slept)-read, 0))
			}
			s.end()
		})
		<-gone
	})
	b.add("FutexWakeOwn", call...)
	b.add("FutexBack", back...)
	return nil
}

// futexBusy measures the same wake-up while a third thread computes on the sleeper's core.
func (b *bench) futexBusy() error {
	read := clockCost()
	var call []float64
	for _, w := range b.wakes(b.times(40), true, shortRest) {
		call = append(call, float64(w.call)-read)
	}
	b.add("FutexWakeBusy", call...)
	return nil
}

// restedCore measures wake-ups of a thread that has slept for longer, on a core that was idle meanwhile: to both threads.
func (b *bench) restedCore() error {
	read := clockCost()
	for _, idle := range rests {
		var call []float64
		for _, w := range b.wakes(b.times(int(50*time.Millisecond/idle)), false, func(int) time.Duration { return idle }) {
			b.pool(rested(idle), float64(w.after))
			call = append(call, float64(w.call)-read)
		}
		b.add(rested(idle), call...)
	}
	return nil
}

// shortRest is how long a sleeper sleeps before it is woken for the i-th time, where that is not what is asked.
func shortRest(i int) time.Duration { return time.Duration(150+i*97%400) * time.Microsecond }

// wakes wakes a sleeper n times, at the intervals that rest says; busy: its core is busy then.
func (b *bench) wakes(n int, busy bool, rest func(i int) time.Duration) (wakes []wake) {
	here, there := b.pair()
	procs(runtime.NumCPU()+4, func() {
		s, stop := &sleeper{}, int64(0)
		gone := s.sleep(there)
		hog := gone
		if busy {
			hog = pinned(there, true, func() { spin(now()+int64(time.Second), &stop, 1<<62, make([]step, 1)) })
		}
		<-pinned(here, true, func() {
			until(&s.tid, 1, time.Second)
			pause(1e6)
			for i, end := 0, now()+int64(patience)+int64(n)*int64(rest(0)); i < n && now() < end; i++ {
				w, ok := s.wake(20 * time.Millisecond)
				pause(int64(rest(i)))
				if !ok || s.came != int64(i)+1 {
					break
				}
				w.in = cpuOf(int(s.tid)) - s.cpu // the sleeper is asleep again: one clock read of its own lies in between
				wakes = append(wakes, w)
			}
			atomic.StoreInt64(&stop, 1)
			s.end()
		})
		<-gone
		<-hog
	})
	return wakes
}

// switchIn lets two threads give way to each other on one core (sched_yield), counts how often the core really
// changed hands, and takes off what the same calls cost a thread alone.
func (b *bench) switchIn() error {
	core, yields := b.one(), b.times(1500)
	var stats [2]struct{ took, switches int64 }
	turn := func(i int, want int64, ready *int64) {
		atomic.AddInt64(ready, 1)
		until(ready, want, time.Second)
		s, t := switches(), now()
		for range yields {
			syscall.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		}
		stats[i].took, stats[i].switches = now()-t, switches()-s
	}
	var single float64
	procs(runtime.NumCPU()+4, func() {
		var one, two int64
		<-pinned(core, true, func() { turn(0, 1, &one) })
		single = float64(stats[0].took) / float64(yields)
		other := pinned(core, true, func() { turn(1, 2, &two) })
		<-pinned(core, true, func() { turn(0, 2, &two) })
		<-other
	})
	// While both run, the wall time of one is that of all: the longer one spans nearly both.
	if changes := stats[0].switches + stats[1].switches; changes > int64(yields) {
		took := float64(max(stats[0].took, stats[1].took))
		b.add("SwitchIn", (took-2*single*float64(yields))/float64(changes))
	}
	return nil
}
