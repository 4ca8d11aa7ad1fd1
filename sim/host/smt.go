package host

import (
	"math/bits"
	"time"
)

// Hardware threads that share a core (lab.Cost.SMT). What this package calls a core is a CPU of the kernel's, and so one
// hardware thread; those with numbers in succession are siblings. A CPU is slower while a sibling runs; the kernel counts
// its time all the same. For placement the kernel prefers a core whose hardware threads are all idle
// (kernel/sched/fair.c: select_idle_core), as long as it believes that there is one (has_idle_cores).
//
// SIMPLIFIED(kernel): one running sibling slows a CPU down as much as several do, and a moment that host and interrupts take
// counts as running; no thread that runs is moved to a wholly idle core (active_load_balance_cpu_stop): two that share a
// core stay there until one blocks or waits.

// speedBits is the precision of a speed.
const speedBits = 14

// siblings are the CPUs of a CPU's core: the first of them, and the one behind the last.
func (h *Host) siblings(ci int32) (first, end int32) {
	first = ci / h.smt * h.smt
	return first, first + h.smt
}

// shared is the time that a CPU takes for work, as long as nothing changes. It begins to run, if it did not run before.
func (h *Host) shared(ci int32, work time.Duration) time.Duration {
	c := &h.cores[ci]
	if !c.runs {
		h.setRuns(ci, true)
	}
	if !c.slow {
		return work
	}
	hi, lo := bits.Mul64(uint64(min(work, 1<<60)), 1<<speedBits)
	lo, carry := bits.Add64(lo, h.speed-1, 0)
	n, _ := bits.Div64(hi+carry, lo, h.speed) // rounded up: then the work is done
	return time.Duration(n)
}

// done is the work that a slow CPU has done in a time.
func (h *Host) done(ran time.Duration) time.Duration {
	hi, lo := bits.Mul64(uint64(ran), h.speed)
	return time.Duration(hi<<(64-speedBits) | lo>>speedBits)
}

// setRuns records that a CPU begins to run a thread or goes idle, and changes the speed of its core's CPUs: what they have
// done so far they did at their old speed.
func (h *Host) setRuns(ci int32, runs bool) {
	h.cores[ci].runs = runs
	first, end := h.siblings(ci)
	n := 0
	for i := first; i < end; i++ {
		if h.cores[i].runs {
			n++
		}
	}
	for i := first; i < end; i++ {
		c := &h.cores[i]
		slow := c.runs && n > 1
		if c.slow == slow {
			continue
		}
		if i == ci || !c.runs {
			c.slow = slow
			continue
		}
		h.account(c)
		c.slow = slow
		if !h.deciding(c) {
			h.burst(i)
		}
	}
}

// wentIdle is update_idle_core: a CPU goes idle, and its core with it if no sibling is busy.
func (h *Host) wentIdle(ci int32) {
	if h.cores[ci].runs {
		h.setRuns(ci, false)
	}
	if h.idleSiblings(ci) == h.smt {
		h.idleCores[h.node(ci)] = true
	}
}

// idleSiblings counts the idle CPUs of a CPU's core.
func (h *Host) idleSiblings(ci int32) (n int32) {
	first, end := h.siblings(ci)
	for i := first; i < end; i++ {
		if h.cores[i].cur == none {
			n++
		}
	}
	return n
}

// idleBeside is an idle CPU of a CPU's core, or none (select_idle_smt).
func (h *Host) idleBeside(ci int32) int32 {
	first, end := h.siblings(ci)
	for i := first; i < end; i++ {
		if i != ci && h.cores[i].cur == none {
			return i
		}
	}
	return none
}

// idleCore is a CPU of a wholly idle core near a target or, where there is none, an idle CPU in front of a core's first busy
// one; none: there is neither (select_idle_cpu with has_idle_core, select_idle_core). When there is no wholly idle core, it
// is not looked for again until one goes idle.
func (h *Host) idleCore(target int32) int32 {
	first, found := h.node(target)*h.llc, none
	ci := target
	for range h.llc {
		ci = h.after(ci, first)
		from, end := h.siblings(ci)
		sib := from
		for ; sib < end && h.cores[sib].cur == none; sib++ {
			if found == none {
				found = sib
			}
		}
		if sib == end {
			return ci
		}
	}
	h.idleCores[h.node(target)] = false
	return found
}
