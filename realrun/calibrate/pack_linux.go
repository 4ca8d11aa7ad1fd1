package calibrate

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A guest is a thread that may run on two cores, waits at its door and notes where it came through.
type guest struct {
	door
	tid  int64 // of the thread; 0 until it runs
	quit int64
	came int64
	core int64
}

// sleep starts the guest's thread; it may run on either core once allow has said so.
func (g *guest) sleep(core int) <-chan struct{} {
	return pinned(core, true, func() {
		atomic.StoreInt64(&g.tid, int64(unix.Gettid()))
		for seen := uint32(0); atomic.LoadInt64(&g.quit) == 0; seen++ {
			g.once(seen)
		}
	})
}

//go:nosplit
func (g *guest) once(seen uint32) {
	g.wait(seen)
	var core uint32
	syscall.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&core)), 0, 0)
	atomic.StoreInt64(&g.core, int64(core))
	atomic.AddInt64(&g.came, 1)
}

// A packing is one wake-up: the utilisation of the waker's core, and whether the woken thread ran there though another core
// was idle.
type packing struct {
	util   float64
	stayed bool
}

// pelt is the utilisation of a core on which one thread computes and sleeps, as the kernel tracks it.
type pelt struct {
	util float64
	last int64
}

const peltHalf = 32 * 1.024e6 // nanoseconds in which the past loses half its weight

func (p *pelt) update(busy bool) {
	t := now()
	keep := math.Exp2(-float64(t-p.last) / peltHalf)
	if p.util, p.last = p.util*keep, t; busy {
		p.util += 1 - keep
	}
}

// pack measures up to which utilisation of the waker's core a woken thread stays there: a thread computes for a growing share
// of every two milliseconds, and wakes another one, that hardly computes, at the end of every third share.
func (b *bench) pack() error {
	const (
		period  = 2 * time.Millisecond
		settled = 40
	)
	here, there := b.pair()
	var seen []packing
	procs(4, func() {
		g := &guest{}
		gone := g.sleep(there)
		<-pinned(here, true, func() {
			if !until(&g.tid, 1, time.Second) {
				atomic.StoreInt64(&g.quit, 1)
				return
			}
			allow(atomic.LoadInt64(&g.tid), here, there)
			p, n := pelt{last: now()}, b.times(160)
			for i, end := -settled, now()+int64(2*period)*int64(n+settled); i < n && now() < end; i++ {
				share := 0.3 + 0.65*float64(max(i, 0))/float64(n)
				p.update(false)
				pause(int64(share * float64(period)))
				p.update(true)
				came := atomic.LoadInt64(&g.came)
				ask := i >= 0 && i%3 == 0 && came == int64(atomic.LoadUint32(&g.opened)) // else it is still on its way
				if ask {
					g.open()
				}
				nap(time.Duration((1-share)*float64(period)) - 60*time.Microsecond)
				if ask && until(&g.came, came+1, period) {
					seen = append(seen, packing{p.util, atomic.LoadInt64(&g.core) == int64(here)})
				}
			}
			atomic.StoreInt64(&g.quit, 1)
			g.open()
		})
		<-gone
	})
	if len(seen) > 0 {
		b.nanos["Pack"] = append(b.nanos["Pack"], packLimit(seen))
	}
	return nil
}

// packLimit is the utilisation that parts the wake-ups that stayed from those that left with the fewest on the wrong side; 0
// if that is none: the kernel does not pack.
func packLimit(seen []packing) float64 {
	seen = slices.Clone(seen)
	slices.SortFunc(seen, func(a, b packing) int { return cmp.Compare(a.util, b.util) })
	wrong := 0 // with the limit at 0
	for _, s := range seen {
		if s.stayed {
			wrong++
		}
	}
	best, limit := wrong, 0.0
	for i, s := range seen {
		if s.stayed {
			wrong--
		} else {
			wrong++
		}
		if wrong < best {
			best, limit = wrong, s.util
			if i+1 < len(seen) {
				limit = (s.util + seen[i+1].util) / 2
			}
		}
	}
	return limit
}
