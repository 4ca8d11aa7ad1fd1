package host

import (
	"time"

	"github.com/gmplab/lab"
)

// leaveIdle is the time from a wake-up to the woken thread running on a core that is idle. It grows with the time for which
// the core has been, presumably because the host of a virtual machine gives the processor of a halted CPU away after a
// moment, and because caches get cold.
func (h *Host) leaveIdle(ci int32) time.Duration {
	rested := h.cost.WakeRested
	if len(rested) == 0 || h.private { // a core of one's own does not rest
		return h.cost.WakeIdle.Sample(&h.lat)
	}
	u := h.lat.Float64()
	c := &h.cores[ci]
	if c.cur != none { // nobody will ask
		return 0
	}
	idle := h.Now - c.idleAt
	before := lab.Rested{Idle: lab.ShortIdle, Wake: h.cost.WakeIdle}
	for i := range rested {
		next := &rested[i]
		if idle < next.Idle {
			a, b := before.Wake.Quantile(u), next.Wake.Quantile(u)
			share := max(0, float64(idle-before.Idle)/float64(next.Idle-before.Idle))
			return a + time.Duration(float64(share*float64(b-a)))
		}
		before = *next
	}
	return before.Wake.Quantile(u)
}
