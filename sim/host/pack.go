package host

import "time"

// Packing: some kernels of virtual machines keep a woken thread on the waker's core although another one is idle, as long as
// both fit there, so that fewer virtual CPUs must be woken. Linux 6.18 has nothing of the kind; the reference host has
// (its boot parameter sched_vcpu_pack). The rule below is what micro-benchmarks show there, sharp to two per cent: a core packs
// that runs one thread and whose utilisation with the woken thread is at most Cost.Pack, some 0.68; whether the thread's last
// core is idle does not matter.
//
// SIMPLIFIED(kernel): how else such a kernel differs is not known: new threads and balancing are as in Linux 6.18.

// packsOn is the core that keeps a thread which wakes; none: no core does.
func (h *Host) packsOn(t, waker int32) int32 {
	th := &h.threads[t]
	ci := waker
	if ci == none { // the interrupt of a sleep that is over comes where the sleep began
		ci = th.core
	}
	c := &h.cores[ci]
	if c.cur == none || len(c.queue) > 0 {
		return none
	}
	u := c.util.at(h.Now)
	if th.core != ci {
		u += th.util.at(h.Now)
	}
	if u > h.pack {
		return none
	}
	return ci
}

// carry moves a thread's part of its core's utilisation to another core.
func (h *Host) carry(th *thread, to int32) {
	if h.pack == 0 || th.core == to {
		return
	}
	u := th.util.at(h.Now)
	h.cores[th.core].util.add(h.Now, -int64(u))
	h.cores[to].util.add(h.Now, int64(u))
}

// add changes a utilisation by that of a thread that comes or goes; what the core is busy with stays.
func (u *util) add(now time.Duration, d int64) {
	u.value, u.since = uint64(max(int64(u.at(now))+d, 0)), now
}

// runs notes for the thread's own utilisation whether it runs.
func (h *Host) runs(t int32, busy bool) {
	if h.pack > 0 {
		h.threads[t].util.set(h.Now, busy)
	}
}
