package calibrate

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

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
	return pinned(core, true, func() {
		atomic.StoreInt64(&s.tid, int64(unix.Gettid()))
		for seen := uint32(0); atomic.LoadInt64(&s.quit) == 0; seen++ {
			s.once(seen)
		}
	})
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
	wakes, sleepCPU := b.wakes(b.times(60), false, shortRest)
	read := clockCost()
	var call []float64
	for _, w := range wakes {
		call = append(call, float64(w.call)-read)
		b.pool("WakeIdle", float64(w.after))
	}
	b.add("FutexWake", call...)
	b.add("FutexSleep", sleepCPU...)
	return nil
}

// futexBusy measures the same wake-up while a third thread computes on the sleeper's core.
func (b *bench) futexBusy() error {
	wakes, _ := b.wakes(b.times(40), true, shortRest)
	read := clockCost()
	var call []float64
	for _, w := range wakes {
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
		wakes, _ := b.wakes(b.times(int(50*time.Millisecond/idle)), false, func(int) time.Duration { return idle })
		for _, w := range wakes {
			b.pool(rested(idle), float64(w.after))
			call = append(call, float64(w.call)-read)
		}
		b.add(rested(idle), call...)
	}
	return nil
}

// shortRest is how long a sleeper sleeps before it is woken for the i-th time, where that is not what is asked.
func shortRest(i int) time.Duration { return time.Duration(150+i*97%400) * time.Microsecond }

// wakes wakes a sleeper n times, at the intervals that rest says; busy: its core is busy then. sleepCPU is the CPU of each of
// its sleeps, there and back.
func (b *bench) wakes(n int, busy bool, rest func(i int) time.Duration) (wakes []wake, sleepCPU []float64) {
	here, there := b.pair()
	procs(runtime.NumCPU()+4, func() {
		s, stop := &sleeper{}, int64(0)
		gone := s.sleep(there)
		hog := gone
		if busy {
			hog = pinned(there, true, func() { spin(now()+int64(time.Second), &stop, 1<<62, make([]step, 1)) })
		}
		<-pinned(here, true, func() {
			read := clockCost()
			until(&s.tid, 1, time.Second)
			pause(1e6)
			for i, end := 0, now()+int64(patience)+int64(n)*int64(rest(0)); i < n && now() < end; i++ {
				w, ok := s.wake(20 * time.Millisecond)
				pause(int64(rest(i)))
				if !ok || s.came != int64(i)+1 {
					break
				}
				wakes = append(wakes, w)
				// The sleeper is asleep again: three clock reads of its own lie in between.
				there := cpuOf(int(s.tid)) - s.cpu
				sleepCPU = append(sleepCPU, float64(there+w.back)-2*read)
			}
			atomic.StoreInt64(&stop, 1)
			s.end()
		})
		<-gone
		<-hog
	})
	return wakes, sleepCPU
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
