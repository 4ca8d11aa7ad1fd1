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
	if c.cur != none { // nobody will ask
		return 0, h.wake
	}
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
