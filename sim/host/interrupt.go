package host

import "time"

// What interrupts a thread: a handler on it, and other cores.

// Extend makes the thread's burst d longer, as a handler does that interrupts it. A thread that is blocked sleeps on.
func (h *Host) Extend(t int32, d time.Duration) {
	th := &h.threads[t]
	if th.blocked {
		return
	}
	ci := th.core
	c := &h.cores[ci]
	running := c.cur == t && !c.waking
	if running {
		h.account(c)
	}
	th.left += d
	if running {
		h.burst(ci)
	}
}

// Interrupt takes d from every other core that runs a thread of t's process, and tells whether there was one.
//
// SIMPLIFIED(kernel): each of many cores loses as much as one alone does, and who interrupts them waits no longer for many.
func (h *Host) Interrupt(t int32, d time.Duration) bool {
	hit := false
	for i := range h.cores {
		c := &h.cores[i]
		if c.cur == none || c.waking || c.cur < int32(len(h.foreign)) || c.cur == t {
			continue
		}
		hit = true
		if ci := int32(i); d > 0 {
			h.account(c)
			c.gap += d
			h.moved(none, ci, Gap, c.gap)
			h.burst(ci)
		}
	}
	return hit
}
