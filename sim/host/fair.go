package host

import (
	"slices"
	"time"

	"github.com/gmplab/lab/sim/des"
)

const (
	migrationCost  = 500 * time.Microsecond // sysctl_sched_migration_cost: a thread that ran more recently is hot
	maxAvgIdle     = 2 * migrationCost      // the cap of avg_idle (sched/core.c)
	cacheNiceTries = 1                      // sd->cache_nice_tries of cores that share a cache
)

// mean is the average virtual run time of a core's threads, the zero-lag point (avg_vruntime).
// SIMPLIFIED(kernel): all threads have nice 0, so that weights cancel; there are no cgroups.
func (h *Host) mean(c *core) time.Duration {
	n := time.Duration(len(c.queue))
	sum := time.Duration(0)
	for _, t := range c.queue {
		sum += h.threads[t].v - c.vbase
	}
	for _, t := range c.delayed {
		sum += h.threads[t].v - c.vbase
	}
	n += time.Duration(len(c.delayed))
	if c.cur != none {
		n++
		sum += h.threads[c.cur].v - c.vbase
	}
	if n == 1 { // the rule, and no division
		c.vbase += sum
	} else if n > 1 {
		c.vbase += sum / n
	}
	return c.vbase
}

// pick is the eligible thread with the earliest virtual deadline (pick_eevdf), the current one and those that are delayed
// included.
func (h *Host) pick(c *core) int32 {
	v := h.mean(c)
	best, first := none, none
	consider := func(t int32) {
		th := &h.threads[t]
		if th.v <= v && (best == none || th.deadline < h.threads[best].deadline) {
			best = t
		}
		if first == none || th.v < h.threads[first].v {
			first = t
		}
	}
	for _, t := range c.queue {
		consider(t)
	}
	for _, t := range c.delayed {
		consider(t)
	}
	if c.cur != none {
		consider(c.cur)
	}
	if best == none {
		return first // integer division may leave nobody eligible: the one that has run least is
	}
	return best
}

// pickRunnable is pick, and lets those leave that are delayed and whose turn it would be (pick_next_entity).
func (h *Host) pickRunnable(c *core) int32 {
	for {
		t := h.pick(c)
		if t == none || !h.threads[t].delayed {
			return t
		}
		h.undelay(c, t)
	}
}

// undelay ends the delay of a thread's departure. Its debt is paid, and what it was owed beyond that is void (DELAY_ZERO).
func (h *Host) undelay(c *core, t int32) {
	th := &h.threads[t]
	th.delayed, th.lag = false, 0
	c.delayed = remove(c.delayed, t)
}

// take removes t from the core's queue.
func (c *core) take(t int32) { c.queue = remove(c.queue, t) }

func remove(list []int32, t int32) []int32 {
	for i, x := range list {
		if x == t {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// requeue puts the current thread back among the waiting ones.
func (h *Host) requeue(ci int32) {
	c := &h.cores[ci]
	h.renew(&h.threads[c.cur])
	h.threads[c.cur].ran = h.Now
	c.queue = append(c.queue, c.cur)
	h.moved(c.cur, ci, Waiting, 0)
	h.runs(c.cur, false)
	c.cur = none
	c.gen++
}

// renew gives a thread that has used up its slice a new deadline (update_deadline).
func (h *Host) renew(th *thread) {
	if th.v >= th.deadline {
		th.deadline = th.v + h.slice
	}
}

// pickNext chooses the next thread for a core whose thread has left (pick_next_task_fair), pulls one from another core
// (newidle_balance), or lets the core go idle.
func (h *Host) pickNext(ci int32) {
	c := &h.cores[ci]
	if len(c.queue) == 0 {
		for len(c.delayed) > 0 {
			h.undelay(c, c.delayed[0])
		}
		h.newlyIdle(c)
		if !h.pullNewlyIdle(ci) {
			c.cur = none
			c.gen++
			c.idleAt = h.Now
			c.util.set(h.Now, false)
			h.stopTick(c)
			if h.smt > 1 {
				h.wentIdle(ci)
			}
			return
		}
	}
	t := c.heir
	if t == none || !slices.Contains(c.queue, t) {
		t = h.pickRunnable(c)
	}
	c.heir = none
	c.take(t)
	h.dispatch(ci, t, time.Duration(h.cost.SwitchIn.P50))
}

// dispatch makes t the current thread of the core and starts its burst, lengthened by the switch.
func (h *Host) dispatch(ci, t int32, extra time.Duration) {
	c := &h.cores[ci]
	th := &h.threads[t]
	c.cur = t
	th.left += extra
	th.protect = th.deadline // set_protect_slice, all slices being equal
	c.util.set(h.Now, true)
	h.runs(t, true)
	h.moved(t, ci, OnCore, 0)
	h.burst(ci)
}

// leave keeps what a thread is owed that leaves a core (vlag), at most a slice and a tick (update_entity_lag).
//
// SIMPLIFIED(kernel): a thread that moves to another core leaves its debt behind.
func (h *Host) leave(ci, t int32) {
	c, th := &h.cores[ci], &h.threads[t]
	h.expire(c)
	th.lag = min(max(h.mean(c)-th.v, 0), h.slice+h.tickEvery)
}

// sleeps lets the current thread leave that blocks. One that has run ahead of the others is delayed: it stays among them,
// and counts in their mean, until its turn comes (DELAY_DEQUEUE). So who sleeps before he has run ahead keeps what he is owed
// beside others that wait or owe, and takes the core from whoever computes when he wakes.
func (h *Host) sleeps(ci, t int32) {
	c, th := &h.cores[ci], &h.threads[t]
	h.expire(c)
	h.renew(th) // update_curr
	if th.v > h.mean(c) {
		th.delayed = true
		c.delayed = append(c.delayed, t)
		return
	}
	h.leave(ci, t)
}

// expire lets those leave that are delayed and had nothing to pay any more when the core last had a tick.
//
// SIMPLIFIED(kernel): who else waits for the core is not looked at, nor whether the current thread's slice was over at that tick.
func (h *Host) expire(c *core) {
	if len(c.delayed) == 0 || h.tickEvery <= 0 {
		return
	}
	h.account(c)
	tick := h.phase + time.Duration(h.jiffies()-1)*h.tickEvery
	paid := h.threads[c.cur].v - (h.Now - tick)
	for i := len(c.delayed) - 1; i >= 0; i-- {
		if t := c.delayed[i]; h.threads[t].ran < tick && h.threads[t].v <= paid {
			h.undelay(c, t)
		}
	}
}

// mustSelect tells whether a core has to be selected for a thread that wakes: not for one that is delayed (ttwu_runnable).
func (h *Host) mustSelect(th *thread) bool {
	if th.delayed {
		h.expire(&h.cores[th.core])
	}
	return !th.delayed
}

// requeueDelayed makes one runnable that is delayed (requeue_delayed_entity).
func (h *Host) requeueDelayed(ci, t int32) {
	c, th := &h.cores[ci], &h.threads[t]
	owed := h.mean(c) > th.v
	h.undelay(c, t)
	if owed {
		h.place(ci, t)
	}
}

// place gives a thread that joins a core its virtual run time and deadline (place_entity).
//
// SIMPLIFIED(kernel): a new thread, and one that moves to another core, begin with a whole slice.
func (h *Host) place(ci, t int32) {
	c, th := &h.cores[ci], &h.threads[t]
	n := time.Duration(len(c.queue) + len(c.delayed))
	if c.cur != none {
		n++
	}
	lag := th.lag
	if n > 0 {
		lag += lag / n
	}
	th.v = h.mean(c) - lag
	th.deadline = th.v + h.slice
	if n == 0 {
		c.vbase = th.v
	}
	if th.cpu > 0 && h.far(th.core, ci) {
		th.left += h.cost.NUMA.Move
	}
}

// enqueue makes t runnable on a core: it takes an idle core after the latency, or queues and may pre-empt.
func (h *Host) enqueue(t, ci int32, latency time.Duration) {
	c, th := &h.cores[ci], &h.threads[t]
	if h.private { // its own core is idle, and there is nothing to place it among
		th.blocked = false
		c.cur = t
		if latency == 0 {
			h.moved(t, ci, OnCore, 0)
			h.burst(ci)
			return
		}
		c.waking = true
		h.moved(t, ci, Waking, 0)
		c.gen++
		h.q.Push(des.Event{At: h.Now + latency, Kind: evWake, Who: ci, Gen: c.gen})
		return
	}
	over := false // the current thread's slice: update_curr sees that if others wait already, and lets it go
	if c.cur != none && !c.waking && h.Now > c.began && !h.deciding(c) {
		h.account(c)
		cur := &h.threads[c.cur]
		over = len(c.queue)+len(c.delayed) > 0 && (cur.v >= cur.deadline || cur.v >= cur.protect)
		h.renew(cur)
	}
	if th.delayed {
		h.requeueDelayed(ci, t)
	} else {
		h.expire(c)
		h.place(ci, t)
	}
	th.blocked = false
	h.carry(th, ci)
	th.core = ci
	if c.cur == none {
		c.avgIdle = min(c.avgIdle+(h.Now-c.idleAt-c.avgIdle)/8, maxAvgIdle)
		c.busySince = h.jiffies()
		if latency == 0 {
			h.dispatch(ci, t, 0)
			return
		}
		c.cur, c.waking = t, true
		h.moved(t, ci, Waking, 0)
		c.gen++
		th.protect = th.deadline
		c.util.set(h.Now, true)
		h.runs(t, true)
		h.q.Push(des.Event{At: h.Now + latency, Kind: evWake, Who: ci, Gen: c.gen})
		return
	}
	c.queue = append(c.queue, t)
	h.moved(t, ci, Waiting, 0)
	h.startTick(ci)
	if over {
		if next := h.pickRunnable(c); next != c.cur {
			h.take(ci, next)
		}
		return
	}
	if !c.waking {
		h.checkPreempt(ci, t)
	}
}

// deciding tells whether the current thread of a core has ended its burst and was asked for its next order: then it
// loses the core only after it has answered.
func (h *Host) deciding(c *core) bool {
	th := &h.threads[c.cur]
	return th.left == 0 && c.gap == 0 && th.then == decide && c.began == h.Now
}

// checkPreempt takes the core from its current thread if the woken thread is the one to run
// (check_preempt_wakeup_fair): a current thread that is itself eligible keeps the core until its slice is used up
// (RUN_TO_PARITY), one that has run ahead of the others loses it at once.
func (h *Host) checkPreempt(ci, t int32) {
	c := &h.cores[ci]
	if cur := &h.threads[c.cur]; cur.v < cur.protect && cur.v <= h.mean(c) {
		return
	}
	if h.pick(c) == t {
		h.take(ci, t)
	}
}

// take gives the core to thread t, which waits for it.
func (h *Host) take(ci, t int32) {
	c := &h.cores[ci]
	c.heir = t
	if h.deciding(c) {
		c.resched = true
		return
	}
	h.requeue(ci)
	h.pickNext(ci)
}

func (h *Host) startTick(ci int32) {
	c := &h.cores[ci]
	if c.ticking || h.tickEvery <= 0 {
		return
	}
	c.ticking = true
	h.q.Push(des.Event{At: h.phase + time.Duration(h.jiffies())*h.tickEvery, Kind: evTick, Who: ci})
}

// tick ends a slice that is used up (entity_tick), and balances. It goes on while threads wait for the core.
// SIMPLIFIED(kernel): the tick of a core with one thread does nothing, as there is nobody to give the core to; its cost
// is in the measured gaps, and who is delayed there leaves when that is looked at (expire).
func (h *Host) tick(ci int32) {
	c := &h.cores[ci]
	c.ticking = false
	if len(c.queue) == 0 {
		return
	}
	if c.cur != none && !c.waking {
		h.account(c)
		cur := &h.threads[c.cur]
		used := cur.v >= cur.deadline || cur.v >= cur.protect
		h.renew(cur)
		if used {
			if next := h.pickRunnable(c); next != c.cur {
				h.take(ci, next)
			}
		}
	}
	h.balance(ci)
	if len(c.queue) > 0 {
		h.startTick(ci)
	}
}

// movable is the waiting thread of a core that another core may take: the one that has waited longest, if it has not run
// so recently that its cache is hot (task_hot), or if that does not matter any more; none: there is none.
func (h *Host) movable(ci int32, hotToo bool) int32 {
	best := none
	for _, t := range h.cores[ci].queue {
		if best == none || h.threads[t].ran < h.threads[best].ran {
			best = t
		}
	}
	if best != none && !hotToo && h.Now-h.threads[best].ran < migrationCost {
		return none
	}
	return best
}

// nr counts the runnable threads of a core.
func (h *Host) nr(ci int32) int {
	n := len(h.cores[ci].queue)
	if h.cores[ci].cur != none {
		n++
	}
	return n
}

// pullNewlyIdle is newidle_balance: a core about to go idle takes a waiting thread of another core, unless it expects to
// be idle for a shorter time than the search is worth. The less often the search has found something, the more rarely
// it is made (NI_RANDOM). Limit and success rate belong to the core: each has its own sched_domain.
//
// SIMPLIFIED(kernel): the limit stays what it is for the length of a run. The kernel's, max_newidle_lb_cost, is the longest
// such search of late: it jumps when one lasts longer, and loses one per cent a second.
func (h *Host) pullNewlyIdle(ci int32) bool {
	if h.smt > 1 || int(h.llc) < len(h.cores) {
		return h.pullByDomains(ci)
	}
	c := &h.cores[ci]
	if c.avgIdle < c.pullFrom || !h.overloaded() {
		return false
	}
	return c.newidle.tries(c) && c.newidle.found(h.pull(ci, h.busiestOf(0), c.failed > cacheNiceTries))
}

const newidleSides = 1024 // of the dice

// newidle is the success rate of the pulls of cores that go idle (update_newidle_stats).
type newidle struct{ calls, success, ratio uint32 }

// newNewidle begins with the odds that the machine has come to; 0: those after a boot (sd_init).
func newNewidle(odds float64) newidle {
	if odds == 0 {
		odds = 0.5
	}
	ratio := uint32(min(odds, 1) * newidleSides)
	return newidle{newidleSides / 2, ratio / 2, ratio}
}

// tries throws the dice: a search is made the more rarely the less often it has found something (NI_RANDOM).
func (n *newidle) tries(c *core) bool {
	if weight := 1 + n.ratio; c.draw.Uint32n(newidleSides) > weight {
		n.count(0)
		return false
	}
	return true
}

// found counts a search that was made, and passes on whether it has pulled a thread.
func (n *newidle) found(pulled bool) bool {
	if weight := 1 + n.ratio; pulled {
		n.count((newidleSides + weight/2) / weight)
	} else {
		n.count(0)
	}
	return pulled
}

func (n *newidle) count(success uint32) {
	n.calls++
	n.success += success
	if n.calls >= newidleSides {
		n.ratio = min(n.success, newidleSides)
		n.calls /= 2
		n.success /= 2
	}
}

// overloaded tells whether any core has a thread waiting.
func (h *Host) overloaded() bool {
	for i := range h.cores {
		if len(h.cores[i].queue) > 0 {
			return true
		}
	}
	return false
}

// pull moves a waiting thread to a core that has none, for pickNext to run. From may be none.
func (h *Host) pull(ci, from int32, hotToo bool) bool {
	c, t := &h.cores[ci], none
	if from != none {
		t = h.movable(from, hotToo)
	}
	if t == none {
		return false
	}
	b := &h.cores[from]
	h.leave(from, t)
	b.take(t)
	h.place(ci, t)
	th := &h.threads[t]
	h.carry(th, ci)
	th.core = ci
	c.queue = append(c.queue, t)
	return true
}
