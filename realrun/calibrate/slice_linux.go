package calibrate

import (
	"math/bits"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// tick lets two threads compute on one core and notes how long each was away: the slice of the other.
func (b *bench) tick() error {
	core, length := b.one(), int64(b.long(100*time.Millisecond))
	var logs [2][]step
	procs(runtime.NumCPU()+4, func() {
		run := func(i int) <-chan struct{} {
			return pinned(core, true, func() {
				never, log := int64(0), make([]step, 4096)
				logs[i] = log[:spin(now()+length, &never, 200_000, log)]
			})
		}
		first := run(0)
		<-run(1)
		<-first
	})
	var away []float64
	for _, log := range logs {
		for _, s := range log {
			if s.switched {
				away = append(away, float64(s.to-s.from))
			}
		}
	}
	b.add("Tick", away...)
	return nil
}

// protection starts a thread on a core, wakes a second one there shortly after, and notes how long the first one ran
// until it lost the core to the second. The scheduler protects a thread that got a core until its slice is over, and
// after that it ends at the next tick (kernel/sched/fair.c: set_protect_slice, update_deadline). The protection holds
// against a thread with no claim to the core: one with a positive lag, which slept before it had its share, gets the
// core at once (__pick_eevdf: the running thread is not eligible then). So the second thread first runs alone for a
// moment, which takes its lag to zero. Attempts that a third thread disturbed are dropped.
func (b *bench) protection() error {
	here, there := b.pair()
	var waited []float64
	procs(runtime.NumCPU()+4, func() {
		runner, woken := &runner{log: make([]step, 256)}, &sleeper{}
		running, waiting := runner.run(there), woken.sleep(there)
		<-pinned(here, true, func() {
			until(&woken.tid, 1, time.Second)
			pause(1e6)
			for i, end := 0, now()+int64(patience); i < b.times(40) && now() < end; i++ {
				if !runner.race(woken) {
					break
				}
				if ran, ok := runner.lost(woken.at); ok {
					waited = append(waited, float64(ran))
				}
				pause(int64(100+i*1607%3900) * 1000) // any phase of the tick
			}
			runner.end()
			woken.end()
		})
		<-running
		<-waiting
	})
	if tick := median(b.nanos["Tick"]); tick > 0 {
		b.add("Slice", sliceOf(waited, tick))
	}
	return nil
}

// A runner is a sleeper that, when woken, computes until it is stopped.
type runner struct {
	sleeper
	stop, runs int64
	log        []step
	steps      int // of the last run
}

func (r *runner) run(core int) <-chan struct{} {
	return pinned(core, true, func() {
		for seen := uint32(0); atomic.LoadInt64(&r.quit) == 0; seen++ {
			r.once(seen)
			r.steps = spin(now()+int64(20*time.Millisecond), &r.stop, 1500, r.log)
			atomic.AddInt64(&r.runs, 1)
		}
	})
}

// race lets the other thread run alone, starts the runner, wakes the other thread and stops the runner when that has
// run. It is false where a thread did not come in time.
//
//go:nosplit
func (r *runner) race(woken *sleeper) bool {
	const limit = 50 * time.Millisecond
	atomic.StoreInt64(&r.stop, 0)
	came, runs := woken.came, r.runs
	woken.open()
	if !until(&woken.came, came+1, limit) {
		return false
	}
	pause(60_000)
	came = r.came
	r.open()
	if !until(&r.came, came+1, limit) {
		return false
	}
	pause(60_000)
	came = woken.came
	woken.open()
	ok := until(&woken.came, came+1, limit)
	atomic.StoreInt64(&r.stop, 1)
	return until(&r.runs, runs+1, limit) && ok
}

// lost reads from the runner's log how long it had its core when it lost it to the thread that came at that time; not
// ok if it had lost it before.
func (r *runner) lost(came int64) (ran int64, ok bool) {
	for _, s := range r.log[:r.steps] {
		if s.switched {
			return s.from - r.at, s.from < came && came < s.to && came-s.from < 50_000
		}
	}
	return 0, false
}

// sliceOf gives the protected part of the slices after which a waiting thread got its core, in nanoseconds. It gets it
// at the first tick after the protection has ended, so the times until then lie evenly over one tick above the slice:
// their tenth percentile less a tenth of a tick is where they begin. Times shorter than atOnce are those of threads
// that had a claim to the core after all. Where the rest does not look like that (other processes that want the core
// make the scheduler choose earlier) it is the kernel's own, ASSUMED.
func sliceOf(waited []float64, tick float64) float64 {
	all := len(waited)
	waited = slices.DeleteFunc(slices.Sorted(slices.Values(waited)), func(ns float64) bool { return ns < float64(atOnce) })
	slice := quantile(waited, 0.1) - tick/10
	if 2*len(waited) < all || slice <= tick/10 || slice >= tick {
		return assumedSlice(tick)
	}
	return slice
}

// assumedSlice is the kernel's own slice, below a tick.
func assumedSlice(tick float64) float64 {
	return min(float64(baseSlice(runtime.NumCPU())), tick*9/10)
}

// atOnce is longer than the wake-up of a thread that gets its core at once, after the pause of race.
const atOnce = 150 * time.Microsecond

// baseSlice is Linux's sysctl_sched_base_slice for that many cores (kernel/sched/fair.c of Linux 6.18:
// normalized_sysctl_sched_base_slice, get_update_sysctl_factor).
func baseSlice(cores int) time.Duration {
	return 700 * time.Microsecond * time.Duration(bits.Len(uint(min(cores, 8))))
}
