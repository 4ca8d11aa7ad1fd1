package host

import "time"

// Wake makes a blocked thread runnable, on behalf of the thread waker (or none, -1), and gives the CPU time that this
// costs the waker.
func (h *Host) Wake(t, waker int32) time.Duration { return h.wakes(t, waker, false) }

// Blocked tells whether the thread has left its core until it is woken.
func (h *Host) Blocked(t int32) bool { return h.threads[t].blocked }

// Rouse is Wake of a thread that blocks in a futex or in epoll_wait, and that pays for its way back from there itself.
func (h *Host) Rouse(t, waker int32) time.Duration { return h.wakes(t, waker, true) }

// wakes is Wake or, with pays, Rouse. On a core that was idle the way back is a part of the latency of the wake-up.
func (h *Host) wakes(t, waker int32, pays bool) time.Duration {
	th := &h.threads[t]
	if !th.blocked {
		th.woken = th.then != decide
		return h.wakeBusy
	}
	from := none
	if waker >= 0 {
		from = h.threads[waker].core
	}
	ci := th.core
	if h.mustSelect(th) {
		ci = h.selectCore(t, from)
	}
	if h.cores[ci].cur == none {
		if pays {
			h.backs += h.backIdle
		}
		latency, call := h.leaveIdle(ci)
		h.enqueue(t, ci, latency+h.stallOf(ci, 0)+h.farther(from, ci))
		return call
	}
	if pays {
		th.left += h.back
	}
	h.enqueue(t, ci, h.farther(from, ci))
	if ci == from {
		return h.wakeOwn
	}
	return h.wakeBusy
}

// Backs is the CPU that threads have burnt on their way back from futexes and sleeps while their cores left their idle states.
func (h *Host) Backs() time.Duration { return h.backs }
