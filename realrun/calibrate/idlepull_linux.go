package calibrate

import (
	"math"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A core that goes idle takes a waiting thread of another core only if it expects to stay idle for longer than that costs,
// by the running mean of its idle times (kernel/sched/fair.c: sched_balance_newidle, rq->avg_idle). IdlePull is that
// limit. Each core has its own, and it wanders over minutes: up when a search lasts longer than any of late, down by one per
// cent a second (max_newidle_lb_cost, update_newidle_cost). So each round finds that of one core. It is found by experiment: one core runs a thread that naps for a while again and again, the other one has two
// threads that compute; from when on these may change cores, does one of them before the next tick has mended it?
//
// pullGaps are the naps asked for, in ascending order; how long they really are is measured.
var pullGaps = [...]int64{5_000, 20_000, 30_000, 40_000, 50_000, 60_000, 75_000, 95_000, 120_000, 150_000, 250_000}

// pullTries is how often each is tried in a round.
const pullTries = 3

// pullWindow is how long a thread has for being pulled: well above 0.5 ms, below which its cache counts as hot, and below
// the tick.
const pullWindow = 2500 * time.Microsecond

// pulls counts the tries with one length of nap.
type pulls struct {
	tries, pulled int
	gap           float64 // sum over the tries of the mean idle time, nanoseconds
}

// napper naps on a core for ask nanoseconds at a time, and keeps the mean of how long the core was idle.
type napper struct{ ask, mean, stop int64 }

func (n *napper) run(core int) <-chan struct{} {
	return pinned(core, true, func() {
		_, _, _ = unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, 1, 0, 0, 0, 0)
		for atomic.LoadInt64(&n.stop) == 0 {
			ts := unix.NsecToTimespec(atomic.LoadInt64(&n.ask))
			from := now()
			_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
			gap := now() - from
			mean := atomic.LoadInt64(&n.mean)
			atomic.StoreInt64(&n.mean, mean+(gap-mean)/8)
			pause(5_000)
		}
	})
}

// roamer computes, and notes when it is on another core than at home.
type roamer struct {
	tid, moved, stop int64
	home             int
}

func (r *roamer) run() <-chan struct{} {
	return pinned(r.home, true, func() {
		atomic.StoreInt64(&r.tid, int64(unix.Gettid()))
		for atomic.LoadInt64(&r.stop) == 0 {
			pause(5_000)
			var cpu uint32
			_, _, _ = unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0)
			if int(cpu) != r.home && atomic.LoadInt64(&r.moved) == 0 {
				atomic.StoreInt64(&r.moved, now())
			}
		}
	})
}

// allow sets the cores that a thread may use.
func allow(tid int64, cores ...int) {
	var set unix.CPUSet
	for _, c := range cores {
		set.Set(c)
	}
	_ = unix.SchedSetaffinity(int(tid), &set)
}

// nap lets the calling thread sleep without telling the runtime.
func nap(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// idlePull tries each length of nap a few times, and takes limit and odds of this round and this core.
func (b *bench) idlePull() error {
	home, there := b.pair()
	tried := make([]pulls, len(pullGaps))
	procs(runtime.NumCPU()+6, func() {
		n := &napper{ask: pullGaps[0]}
		busy := [2]*roamer{{home: home}, {home: home}}
		ends := []<-chan struct{}{n.run(there), busy[0].run(), busy[1].run()}
		<-pinned(home, true, func() {
			ready := until(&busy[0].tid, 1, time.Second) && until(&busy[1].tid, 1, time.Second)
			for i := 0; ready && i < b.times(pullTries)*len(pullGaps); i++ {
				if b.ctx.Err() != nil {
					break
				}
				k := i % len(pullGaps)
				tryPull(&tried[k], n, busy, pullGaps[k], there)
			}
			for _, r := range busy {
				atomic.StoreInt64(&r.stop, 1)
			}
			atomic.StoreInt64(&n.stop, 1)
		})
		for _, end := range ends {
			<-end
		}
	})
	if tried[0].tries == 0 {
		return nil // the threads did not come: nothing was tried, nothing is known
	}
	limit := idleLimit(tried)
	b.pool("IdlePull", limit)
	if odds, ok := idleOdds(tried, limit); ok {
		b.add("IdlePullOdds", odds)
	}
	return nil
}

// tryPull lets the napper settle, sets the computing threads free, and looks after the window whether one was pulled.
func tryPull(p *pulls, n *napper, busy [2]*roamer, ask int64, there int) {
	const settle = 30 // naps until the running mean has forgotten the length before
	atomic.StoreInt64(&n.ask, ask)
	nap(settle * time.Duration(ask+30_000))
	p.gap += float64(atomic.LoadInt64(&n.mean))
	for _, r := range busy {
		atomic.StoreInt64(&r.moved, 0)
	}
	from := now()
	for _, r := range busy {
		allow(atomic.LoadInt64(&r.tid), r.home, there)
	}
	nap(pullWindow)
	p.tries++
	for _, r := range busy {
		if at := atomic.LoadInt64(&r.moved); at > 0 && at-from < int64(pullWindow) {
			p.pulled++
			break
		}
	}
	for _, r := range busy {
		allow(atomic.LoadInt64(&r.tid), r.home)
	}
}

// mean is the mean of the idle times before the tries, nanoseconds.
func (p *pulls) mean() float64 { return p.gap / float64(max(p.tries, 1)) }

// idleLimit is the mean idle time, in nanoseconds, below which tries ended without a pull and above which with one, as
// well as one limit can tell them apart: in the middle between two lengths of nap. Where none did it is the kernel's own
// upper bound, half a millisecond (sysctl_sched_migration_cost).
func idleLimit(tried []pulls) float64 {
	wrong := 0 // tries on the wrong side of the limit, when that is below all
	for _, p := range tried {
		wrong += p.tries - p.pulled
	}
	least, limit, before := wrong, 0.0, 0.0
	for i, p := range tried {
		if i == 0 {
			limit = p.mean() / 2
		}
		wrong += p.pulled - (p.tries - p.pulled)
		before = p.mean()
		if wrong < least {
			least, limit = wrong, float64(500*time.Microsecond)
			if i+1 < len(tried) {
				limit = (before + tried[i+1].mean()) / 2
			}
		}
	}
	return limit
}

// idleOdds is the share of the occasions on which a core that goes idle tries to pull (kernel/sched/fair.c: NI_RANDOM, the
// success rate of the tries before), from the tries with naps above the limit and the number of occasions that a thread
// had between the end of its hot time and that of the window. It is not known when no nap was above the limit.
func idleOdds(tried []pulls, limit float64) (odds float64, ok bool) {
	const hot, work = 500e3, 5e3
	var tries, failed, occasions float64
	for _, p := range tried {
		if p.tries > 0 && p.mean() >= limit {
			tries += float64(p.tries)
			failed += float64(p.tries - p.pulled)
			occasions += float64(p.tries) * (float64(pullWindow) - hot) / (p.mean() + work)
		}
	}
	if tries == 0 {
		return 0, false
	}
	return 1 - math.Pow(max(failed, 0.5)/tries, tries/occasions), true
}
