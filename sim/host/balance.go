package host

import (
	"math"
	"time"
)

// Periodic balance (kernel/sched/fair.c: sched_balance_trigger, nohz_balancer_kick, _nohz_idle_balance,
// sched_balance_domains). An idle core has no tick: a busy core with threads to spare kicks it at a tick of its own, but
// not before nohz.next_balance. That is brought up to date only when a core stops its tick anew, and after a pull it is
// as far away as if the idle core had stayed busy. So a core sits idle beside a thread that waits, for one tick, for
// three while the waiting thread's cache is hot, or for seven.
//
// SIMPLIFIED(kernel): every core that goes idle stops its tick; the interval between balances does not grow while they
// find nothing.

const (
	minInterval = time.Millisecond       // for each core of the domain (sd_init: min_interval = sd_weight)
	busyFactor  = 16                     // sd->busy_factor
	maxInterval = 100 * time.Millisecond // for each core (max_load_balance_interval)
)

// jiffies counts the ticks so far. The first is at phase.
func (h *Host) jiffies() int64 {
	if h.Now >= h.nextTick { // a division is dear, and most of what asks comes many times in a tick
		h.ticks = 1 + int64((h.Now-h.phase)/h.tickEvery)
		h.nextTick = h.phase + time.Duration(h.ticks)*h.tickEvery
	}
	return h.ticks
}

// interval is the number of ticks between two balances of a core (get_sd_balance_interval).
func (h *Host) interval(busy bool) int64 {
	ms := minInterval * time.Duration(h.llc)
	if busy {
		ms *= busyFactor
	}
	n := int64((ms + h.tickEvery - 1) / h.tickEvery)
	if busy {
		n--
	}
	return min(max(n, 1), max(int64(maxInterval*time.Duration(h.llc)/h.tickEvery), 1))
}

// settle does what a busy core's ticks before this one have done: they balanced whenever it was time, and found nothing.
func (h *Host) settle(c *core, now int64) {
	first := max(c.nextBalance, c.busySince+1)
	if first >= now {
		return
	}
	busy := h.balances[1]
	c.lastBalance = first + (now-1-first)/busy*busy
	c.nextBalance = c.lastBalance + busy
}

// newlyIdle brings the next balance of a core forward that runs out of threads (update_next_balance).
func (h *Host) newlyIdle(c *core) {
	if h.tickEvery <= 0 {
		return
	}
	h.settle(c, h.jiffies()+1)
	c.nextBalance = min(c.nextBalance, c.lastBalance+h.balances[0])
}

// stopTick is nohz_balance_enter_idle: nohz.next_balance has to be looked up again if the core had ticks since it last
// stopped them (nohz_balance_exit_idle).
func (h *Host) stopTick(c *core) {
	now := h.jiffies()
	if !c.tickless || now > c.busySince {
		c.tickless = true
		h.needsUpdate, h.updateAsked = true, now
	}
}

// balance is the tick of a core that has threads waiting. It comes after the tick's switch, since an idle core has to be
// kicked first: then the thread that just lost the core is the one that waits, and its cache is hot.
func (h *Host) balance(ci int32) {
	now := h.jiffies()
	if h.Busy() == len(h.cores) {
		h.balanceBusy(ci, now)
		return
	}
	if h.needsUpdate && (h.updateAsked < now-1 || now < h.nohzNext) { // at this tick or one before (NOHZ_NEXT_KICK)
		earlier := h.updateAsked < now-1
		h.needsUpdate, h.nohzNext = false, h.nextOfIdle()
		if !earlier {
			return
		}
	}
	if now < h.nohzNext {
		return
	}
	for i := range h.cores {
		if c := &h.cores[i]; c.cur == none && now >= c.nextBalance {
			pulled := h.pullWaiting(int32(i))
			c.lastBalance, c.nextBalance = now, now+h.interval(pulled)
		}
	}
	h.needsUpdate, h.nohzNext = false, h.nextOfIdle()
}

// nextOfIdle is the earliest next balance of the cores whose tick is stopped.
func (h *Host) nextOfIdle() int64 {
	next := int64(math.MaxInt64)
	for i := range h.cores {
		if c := &h.cores[i]; c.cur == none || c.lastBalance == h.jiffies() {
			next = min(next, c.nextBalance)
		}
	}
	return next
}

// pullWaiting moves a waiting thread to an idle core (sched_balance_rq).
func (h *Host) pullWaiting(to int32) bool {
	c := &h.cores[to]
	from, tries := h.busiestOf(h.node(to)), cacheNiceTries
	if from == none && int(h.llc) < len(h.cores) {
		from, tries = h.busiestAfar(to), farNiceTries
	}
	if from == none {
		c.failed = 0
		return false
	}
	t := h.movable(from, c.failed > tries)
	if t == none {
		c.failed++
		return false
	}
	c.failed = 0
	h.leave(from, t)
	h.cores[from].take(t)
	latency, _ := h.leaveIdle(to)
	h.enqueue(t, to, latency+h.stallOf(to, 0))
	return true
}

// balanceBusy evens out busy cores: the one with the fewest threads takes some of core ci's when it is time for it. Where
// core ci has one more, half a thread is too much: no thread's load is as small as that until a balance has failed
// (detach_tasks: shr_bound(load, nr_balance_failed) > imbalance). Then one is passed on, and back again later, so that three
// threads share two cores in the end.
func (h *Host) balanceBusy(ci int32, now int64) {
	least := h.leastFrom(ci)
	if h.nr(ci) <= h.nr(least)+1 && int(h.llc) < len(h.cores) {
		least = h.leastAfar(ci)
	}
	to := &h.cores[least]
	h.settle(to, now)
	more := h.nr(ci) - h.nr(least)
	if more < 1 || now < max(to.nextBalance, to.busySince+1) {
		return
	}
	to.lastBalance, to.nextBalance = now, now+h.interval(true)
	if more == 1 && to.failed == 0 { // its load is twice the imbalance
		to.failed++
		return
	}
	for first := true; h.nr(ci) > h.nr(least)+1 || first && more == 1; first = false {
		t := h.movable(ci, to.failed > cacheNiceTries)
		if t == none {
			to.failed++
			return
		}
		to.failed = 0
		h.leave(ci, t)
		h.cores[ci].take(t)
		h.enqueue(t, least, 0)
	}
}

// leastFrom is the core with the fewest threads of the node of core ci, ci itself if no other has fewer.
func (h *Host) leastFrom(ci int32) int32 {
	least, first := ci, h.node(ci)*h.llc
	for i := first; i < first+h.llc; i++ {
		if h.nr(i) < h.nr(least) {
			least = i
		}
	}
	return least
}

// busiestOf is the core of a node with the most waiting threads; none: none waits.
func (h *Host) busiestOf(node int32) int32 {
	busiest := none
	for i := node * h.llc; i < (node+1)*h.llc; i++ {
		if n := len(h.cores[i].queue); n > 0 && (busiest == none || n > len(h.cores[busiest].queue)) {
			busiest = i
		}
	}
	return busiest
}
