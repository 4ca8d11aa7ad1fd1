package host

// selectCore chooses the core for a thread that wakes (select_task_rq_fair): the core it ran on, the waker's if that is
// less loaded, and an idle one instead if the kernel looks for one.
//
// SIMPLIFIED(kernel): load is the number of runnable threads (wake_affine_weight weighs their recent load), and whether an
// idle core is looked for follows the utilisation of this moment, not that of the last balance.
func (h *Host) selectCore(t, waker int32) int32 {
	th := &h.threads[t]
	prev := th.core
	if h.private {
		return prev
	}
	if h.pack > 0 {
		if ci := h.packsOn(t, waker); ci != none {
			return ci
		}
	}
	target := prev
	if waker >= 0 && waker != prev && h.cores[prev].cur != none && h.nr(waker) < h.nr(prev) {
		target = waker // wake_affine_weight
	}
	if h.cores[target].cur == none {
		return target
	}
	if h.cores[prev].cur == none && !h.far(prev, target) {
		return prev
	}
	r := th.recent
	th.recent = prev // remembered only when neither core was idle
	if r != prev && r != target && h.cores[r].cur == none && !h.far(r, target) {
		return r
	}
	whole := h.smt > 1 && h.idleCores[h.node(target)]
	if h.smt > 1 && !whole && !h.far(prev, target) {
		if ci := h.idleBeside(prev); ci != none {
			return ci
		}
	}
	first := h.node(target) * h.llc
	if !h.searchIdle(first) {
		return target
	}
	if whole {
		if ci := h.idleCore(target); ci != none {
			return ci
		}
		return target
	}
	for ci := h.after(target, first); ci != target; ci = h.after(ci, first) {
		if h.cores[ci].cur == none {
			return ci
		}
	}
	return target
}

// after is the CPU behind a CPU of the node that begins with CPU first, around it.
func (h *Host) after(ci, first int32) int32 {
	if ci++; ci == first+h.llc {
		return first
	}
	return ci
}

// searchIdle tells whether a wake-up looks for an idle core of a node: only while its cores' recent utilisation u is low
// (update_idle_cpu_scan: n·(1-(1.17·u)²) ≥ 1 for n cores, with the imbalance of 117 %).
func (h *Host) searchIdle(first int32) bool {
	const full = utilOne
	var sum uint64
	for i := first; i < first+h.llc; i++ {
		sum += h.cores[i].util.at(h.Now)
	}
	n := uint64(h.llc)
	x := sum / n
	used := min(x*x*117*117/(100*100)/full, full)
	return n*(full-used) >= full
}

// idlest is the core for a new thread: an idle one, or the one with the fewest threads (sched_balance_find_dst_cpu).
func (h *Host) idlest(near int32) int32 {
	if h.private {
		return near
	}
	first, best := int32(0), near
	if int(h.llc) < len(h.cores) {
		first = h.nodeFor(near) * h.llc
	}
	if h.far(near, first) {
		best = first
	}
	for i := first; i < first+h.llc; i++ {
		if h.crowd(i) < h.crowd(best) {
			best = i
		}
	}
	return best
}
