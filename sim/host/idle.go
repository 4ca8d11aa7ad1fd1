package host

import (
	"time"

	"github.com/gmplab/lab"
)

// leaveIdle is the time from a wake-up to the woken thread running on a core that is idle. It grows with the time for which
// the core has been, presumably because the host of a virtual machine gives the processor of a halted CPU away after a
// moment, and because caches get cold. What waking it costs the waker, call, changes with that time, too.
func (h *Host) leaveIdle(ci int32) (latency, call time.Duration) {
	rested := h.cost.WakeRested
	if len(rested) == 0 || h.private { // a core of one's own does not rest
		return h.cost.WakeIdle.Sample(&h.lat), h.wake
	}
	u := h.lat.Float64()
	c := &h.cores[ci]
	idle := h.Now - c.idleAt
	before, last := lab.Rested{Idle: lab.ShortIdle, Wake: h.cost.WakeIdle}, h.wake
	for i := range rested {
		next, call := &rested[i], last
		if next.Call.P50 > 0 {
			call = time.Duration(next.Call.P50)
		}
		if idle < next.Idle {
			a, b := before.Wake.Quantile(u), next.Wake.Quantile(u)
			share := max(0, float64(idle-before.Idle)/float64(next.Idle-before.Idle))
			return a + time.Duration(float64(share*float64(b-a))), last + time.Duration(float64(share*float64(call-last)))
		}
		before, last = *next, call
	}
	return before.Wake.Quantile(u), last
}

// stallState is for how long the odds of stalls stay as they are: about as far apart as they were measured.
const stallState = time.Second

// A stalls says how likely the hypervisor is to let an idle core wait at the moment.
type stalls struct {
	draw  lab.Stream
	seed  uint64
	odds  float64
	until time.Duration // from then on the odds are others
}

// stallOf is for how long the hypervisor lets a core wait that gets a thread: 0 where it is not idle, or was for a moment only. A virtual
// machine's core that halts gives its processor away, and others may have it when it is wanted again. How often that happens
// changes with what the neighbours on the same hardware do. Late is what of the time since the core went idle belongs to the way back from
// a sleep.
//
// SIMPLIFIED(kernel): after a shorter idleness than lab.StallIdle a core never stalls. Where one came back late in 6 to 8 % of its
// sleeps of 0.1 ms and more, it did so in 0.6 % of those of 20 µs: the hypervisor polls for a while before it gives the processor away.
//
// SIMPLIFIED(kernel): the odds are drawn anew each second from those that were measured, though a bad minute has bad seconds
// only; and each core stalls by itself.
func (h *Host) stallOf(ci int32, late time.Duration) time.Duration {
	if len(h.cost.Stalls) == 0 || h.private || h.cores[ci].cur != none || h.Now-h.cores[ci].idleAt-late < lab.StallIdle {
		return 0
	}
	s := &h.stalls
	if h.Now >= s.until { // of the second, whatever has been drawn before: another policy has the same weather
		second := h.Now / stallState
		draw := lab.NewStream(s.seed, "host/stall odds", uint64(second))
		s.odds = h.cost.Stalls[int(draw.Float64()*float64(len(h.cost.Stalls)))]
		s.until = (second + 1) * stallState
	}
	if s.draw.Float64() >= s.odds {
		return 0
	}
	return h.cost.Stall.Sample(&s.draw)
}
