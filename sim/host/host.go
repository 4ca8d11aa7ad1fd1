// Package host is the machine below the Go runtime: cores that are shared by threads, and the kernel that decides which
// thread runs where. It follows Linux's fair scheduler (EEVDF, kernel/sched/fair.c of Linux 6.18): virtual run time
// and eligibility, a slice that is protected until its end and taken away only at the tick or by a wake-up, placement of
// a woken thread, pulling by a core that goes idle, periodic balance.
//
// A thread burns CPU in bursts. Run, Block and Sleep say what the thread does next, and Step reports the thread whose
// burst has ended and that waits for its next order. Nothing here calls back.
//
// With Cost.Cores 0 every thread has a core of its own and nothing costs anything: the machine of queueing theory.
package host

import (
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/des"
)

// The kinds of event that belong to the host. Other packages number theirs from Kinds up.
const (
	evBurst uint8 = iota // the current thread of core Who has burnt its burst
	evTick               // the scheduler's tick of core Who
	evWake               // core Who has left its idle state and begins to run its current thread
	evAlarm              // the sleep of thread Who is over
	evStart              // the new thread Who exists
	Kinds
)

// What a thread does when its burst ends.
const (
	decide uint8 = iota // it asks for its next order
	block               // it blocks until Wake
	sleep               // it blocks until its alarm or Wake
)

const none = int32(-1)

const never = time.Duration(1<<63 - 1)

type thread struct {
	blocked  bool
	then     uint8
	woken    bool          // Wake came before the thread had blocked
	delayed  bool          // blocked, and still among those of its core (sched_delayed)
	cut      bool          // Cut: rest holds what was left of the burst
	core     int32         // where it runs, waits, or ran last
	recent   int32         // the core it was on at the last wake-up that found neither core idle (recent_used_cpu)
	gen      uint32        // alarm events of another generation are stale
	left     time.Duration // CPU still to burn in this burst
	rest     time.Duration // what Cut took away
	alarm    time.Duration // when its sleep ends; never: it does not sleep
	pending  time.Duration // when the next event looks at that; never: none does
	late     time.Duration // how much of its sleep lies behind the end that it asked for
	way      time.Duration // CPU of its way back from that end
	cpu      time.Duration // CPU burnt since the start
	v        time.Duration // virtual run time
	deadline time.Duration // virtual deadline
	protect  time.Duration // virtual time until which no wake-up and no tick takes its core
	ran      time.Duration // when it last left a core
	lag      time.Duration // what it was owed when it left
	util     util          // its part of its core's; kept where wake-ups are packed
}

type core struct {
	cur     int32 // the running thread, or none
	heir    int32 // the thread that takes the core next; none: the one that pick names
	waking  bool  // cur was put on an idle core and does not run yet
	resched bool  // cur is deciding and loses the core as soon as it has decided
	ticking bool  // a tick is pending
	gen     uint32
	queue   []int32       // threads that wait for this core
	delayed []int32       // threads that have blocked and still count
	began   time.Duration // up to here cur's time is accounted
	gap     time.Duration // what is left of the moment that host and interrupts are taking; 0: none
	vbase   time.Duration // mean virtual run time when the core last had threads
	idleAt  time.Duration // since when it is idle
	avgIdle time.Duration // running mean of its idle times (avg_idle)
	gapIn   time.Duration // busy time until the next stolen moment
	util    util
	draw    lab.Stream
	runs    bool // it is not idle: siblings slow each other down
	slow    bool // a sibling runs too

	// What its sched_domain knows.
	pullFrom time.Duration // the idle time from which on it pulls when it goes idle (max_newidle_lb_cost)
	newidle  newidle
	beside   newidle // of its core (smt.go)
	afar     newidle // of other nodes (numa.go)
	failed   int     // balances that found only threads whose cache is hot (nr_balance_failed)

	// Its part in the periodic balance, in ticks.
	lastBalance, nextBalance int64 // sd->last_balance, rq->next_balance
	busySince                int64 // when it got a thread after it was idle
	tickless                 bool  // nohz_tick_stopped: no tick of its own since it was last idle
}

// A Host is one machine. Now is the virtual time; the owner of the event queue advances it before each Step.
type Host struct {
	Now              time.Duration
	cost             *lab.Cost
	q                *des.Queue
	threads          []thread
	cores            []core
	private          bool          // every thread has its own core
	phase            time.Duration // the first tick
	nextTick         time.Duration // the next one; never: there are none
	ticks            int64         // how many there were before that
	pack             uint64        // utilisation of Cost.Pack
	tickEvery, slice time.Duration // of the cost
	balances         [2]int64      // ticks between two balances of a core: of an idle one, of a busy one
	wake, wakeBusy   time.Duration // CPU that the waker of a thread pays: of an idle core, of a busy one
	wakeOwn          time.Duration // and of its own
	back, backIdle   time.Duration // CPU of the way back from a futex, on a core that was busy and on one that was idle
	backs            time.Duration // CPU of all ways back that lay in latencies
	alarmBusy        time.Duration // CPU of the interrupt that ends a sleep on a busy core
	lat              lab.Stream    // latencies of wake-ups, sleeps and starts
	stalls           stalls
	stolen           time.Duration // of the threads' time on cores, by host and interrupts
	inline           bool          // a burst that ends as it begins may set ended: nobody else acts before it is looked at
	ended            ended

	// struct nohz, in ticks.
	nohzNext    int64 // next_balance: no idle core is kicked before
	needsUpdate bool  // needs_update: a core has stopped its tick
	updateAsked int64 // when that was

	foreign   []foreign // threads of other processes, which have the first numbers
	smt, llc  int32     // CPUs of a core, and of a node
	speed     uint64    // of a CPU beside a running sibling, in fixed point
	idleCores []bool    // of each node: it is thought to have a wholly idle core (has_idle_cores)

	watching bool // record moves
	moves    []Move
}

// ended is a burst of length 0 whose end needs no event, as no other event comes before it. Its core's generation tells
// whether it is still the core's last burst.
type ended struct {
	core int32 // none: there is none
	gen  uint32
}

// New gives a machine with the cores of the cost, all idle. The cost must outlive the host.
func New(cost *lab.Cost, q *des.Queue, seed uint64) *Host {
	h := &Host{cost: cost, q: q, private: cost.Cores == 0, ended: ended{core: none}, lat: lab.NewStream(seed, "host/latency", 0),
		stalls:    stalls{draw: lab.NewStream(seed, "host/stall", 0), seed: seed},
		tickEvery: time.Duration(cost.Tick.P50), slice: time.Duration(cost.Slice.P50),
		wake: time.Duration(cost.FutexWake.P50), wakeBusy: time.Duration(cost.FutexWakeBusy.P50), wakeOwn: time.Duration(cost.FutexWakeOwn.P50),
		back: time.Duration(max(0, cost.FutexBack.P50-cost.SwitchIn.P50)), backIdle: time.Duration(cost.FutexBackIdle.P50), // the switch is charged to all
		alarmBusy: time.Duration(max(0, cost.SleepBusy.P50-cost.SleepCPU.P50-2*cost.SwitchIn.P50))}
	if h.wakeOwn == 0 {
		h.wakeOwn = h.wakeBusy
	}
	phase := lab.NewStream(seed, "host/tick", 0)
	h.pack = uint64(cost.Pack.P50 * utilOne)
	h.nextTick = never
	if h.tickEvery > 0 {
		h.phase = time.Duration(phase.Float64() * float64(h.tickEvery))
		h.nextTick = h.phase
	}
	for i := range cost.Cores {
		h.addCore(seed, i)
	}
	h.setNodes()
	if h.tickEvery > 0 {
		h.balances = [2]int64{h.interval(false), h.interval(true)}
	}
	h.addForeign(seed)
	return h
}

func (h *Host) addCore(seed uint64, i int) {
	odds := newNewidle(h.cost.IdlePullOdds.P50)
	c := core{cur: none, heir: none, draw: lab.NewStream(seed, "host/gap", uint64(i)), avgIdle: maxAvgIdle,
		newidle: odds, beside: odds, afar: odds}
	limit := lab.NewStream(seed, "host/pull", uint64(i))
	c.pullFrom = h.cost.IdlePull.Sample(&limit)
	c.gapIn = h.nextGap(&c)
	h.cores = append(h.cores, c)
}

// NewThread adds a thread that is blocked until Wake.
func (h *Host) NewThread() int32 {
	t := int32(len(h.threads))
	core := t
	if h.private {
		h.addCore(0, int(t))
	} else {
		core = t % int32(len(h.cores))
	}
	h.threads = append(h.threads, thread{blocked: true, core: core, recent: core, ran: -migrationCost, alarm: never, pending: never})
	return t
}

// Spawn adds a thread as clone does: it begins to run after CloneStart, on an idle core if there is one.
// The creator pays Cost.Clone.
func (h *Host) Spawn() int32 {
	t := h.NewThread()
	h.q.Push(des.Event{At: h.Now + h.cost.CloneStart.Sample(&h.lat), Kind: evStart, Who: t})
	return t
}

// CPU gives the CPU time that a thread has burnt so far.
func (h *Host) CPU(t int32) time.Duration {
	th := &h.threads[t]
	if c := &h.cores[th.core]; c.cur == t && !c.waking {
		h.account(c)
	}
	return th.cpu
}

// Stolen is the time that host and interrupts have taken from threads while they had a core, those of other processes left out.
func (h *Host) Stolen() time.Duration { return h.stolen }

// Running tells whether the thread is on a core at this moment.
func (h *Host) Running(t int32) bool {
	c := &h.cores[h.threads[t].core]
	return c.cur == t && !c.waking
}

// Busy counts the cores that run a thread or are about to.
func (h *Host) Busy() int {
	n := 0
	for i := range h.cores {
		if h.cores[i].cur != none {
			n++
		}
	}
	return n
}

// Run orders the thread that Step reported to burn d of CPU and then ask again.
func (h *Host) Run(t int32, d time.Duration) { h.begin(t, d, decide) }

// Block orders the thread to burn d of CPU and then to block until Wake. A Wake that comes before it has blocked
// keeps it running, as a futex does.
func (h *Host) Block(t int32, d time.Duration) { h.begin(t, d, block) }

// Sleep orders the thread to burn d of CPU, then to block until the given time or an earlier Wake.
func (h *Host) Sleep(t int32, d, until time.Duration) { h.SleepLate(t, d, until, 0, 0) }

// SleepLate is Sleep where the kernel is late: of the time until then so much lies behind the end that was asked for. The CPU of the
// way back is a part of that on an idle core, and is burnt before anything else on a busy one.
func (h *Host) SleepLate(t int32, d, until, late, back time.Duration) {
	th := &h.threads[t]
	th.alarm, th.late, th.way = until, late, back
	h.begin(t, d, sleep)
}

func (h *Host) begin(t int32, d time.Duration, then uint8) {
	th := &h.threads[t]
	th.left, th.then = max(d, 0), then
	ci := th.core
	if c := &h.cores[ci]; c.resched {
		c.resched = false
		h.requeue(ci)
		h.pickNext(ci)
		return
	}
	if h.private && d <= 0 && (then == block || then == sleep && th.alarm > h.Now) {
		h.cores[ci].began = h.Now
		h.burstEnds(ci) // an order is the last thing that its caller does: this is the next event
		return
	}
	h.burst(ci)
}

// Cut ends the thread's burst early: at once if it runs, else as soon as it gets a core. Rest then tells what was left.
func (h *Host) Cut(t int32) {
	th := &h.threads[t]
	if th.blocked || th.cut {
		return
	}
	ci := th.core
	c := &h.cores[ci]
	running := c.cur == t && !c.waking
	if running {
		h.account(c)
	}
	th.cut, th.rest, th.left = true, th.left, 0
	if running {
		h.burst(ci)
	}
}

// Rest gives the CPU that the last burst had left when Cut ended it, and 0 if it was not cut.
func (h *Host) Rest(t int32) time.Duration {
	th := &h.threads[t]
	if !th.cut {
		return 0
	}
	th.cut = false
	return th.rest
}

// Step handles one of the host's events. It returns the thread that now waits for an order, or -1; threads of other
// processes get theirs here.
func (h *Host) Step(e des.Event) int32 {
	if e.Kind == evBurst {
		if h.cores[e.Who].gen == e.Gen {
			return h.burstEnds(e.Who)
		}
		return none
	}
	h.inline = true
	h.step(e)
	h.inline = false
	if end := h.ended; end.core != none {
		h.ended.core = none
		if h.cores[end.core].gen == end.gen {
			return h.burstEnds(end.core)
		}
	}
	return none
}

// step handles the events that are not the end of a burst.
func (h *Host) step(e des.Event) {
	switch e.Kind {
	case evWake:
		if c := &h.cores[e.Who]; c.gen == e.Gen {
			c.waking = false
			h.moved(c.cur, e.Who, OnCore, 0)
			h.burst(e.Who)
		}
	case evTick:
		h.tick(e.Who)
	case evAlarm:
		h.alarm(e)
	case evStart:
		th := &h.threads[e.Who]
		to := h.idlest(th.core)
		h.carry(th, to)
		th.core = to
		th.recent = th.core
		h.enqueue(e.Who, th.core, h.stallOf(to, 0))
	}
}

// setAlarm sees to it that an event looks at the thread when its sleep is over. One that is pending for an earlier time
// does: a thread that is woken again and again before its sleep is over would fill the queue with stale events.
func (h *Host) setAlarm(t int32) {
	th := &h.threads[t]
	if th.pending <= th.alarm {
		return
	}
	th.gen++
	th.pending = th.alarm
	h.q.Push(des.Event{At: th.alarm, Kind: evAlarm, Who: t, Gen: th.gen})
}

// alarm looks whether a thread's sleep is over.
func (h *Host) alarm(e des.Event) {
	th := &h.threads[e.Who]
	if th.gen != e.Gen {
		return
	}
	th.pending = never
	switch {
	case !th.blocked || th.alarm == never:
	case th.alarm > h.Now: // of a later sleep
		h.setAlarm(e.Who)
	default:
		ci := th.core
		if h.mustSelect(th) {
			ci = h.selectCore(e.Who, none)
		}
		if h.cores[ci].cur != none {
			th.left += h.alarmBusy + th.way
		} else {
			h.backs += th.way
		}
		h.enqueue(e.Who, ci, h.stallOf(ci, th.late))
	}
}

// burstEnds is the end of a burst: the thread asks for its next order, or leaves the core.
func (h *Host) burstEnds(ci int32) int32 {
	c := &h.cores[ci]
	h.account(c)
	t := c.cur
	th := &h.threads[t]
	if c.gap == 0 && c.gapIn <= 0 { // a stolen moment begins
		c.gap = h.cost.Gap.Sample(&c.draw)
		h.moved(none, ci, Gap, c.gap)
		c.gapIn = h.nextGap(c)
	}
	if c.gap > 0 || th.left > 0 {
		h.burst(ci)
		return none
	}
	if th.then == decide || th.woken {
		th.then, th.woken = decide, false
		return h.asks(t)
	}
	if th.then == sleep {
		if th.alarm <= h.Now {
			th.then = decide
			return h.asks(t)
		}
		h.setAlarm(t)
	} else {
		th.alarm = never
	}
	th.then = decide
	th.blocked, th.ran = true, h.Now
	h.moved(t, ci, Blocked, 0)
	if h.private {
		c.cur = none
		c.gen++
		return none
	}
	h.sleeps(ci, t)
	h.runs(t, false)
	c.cur = none
	h.pickNext(ci)
	return none
}

// burst lets the current thread of a core run: the end of its burst becomes an event, or before that the next moment that
// host and interrupts take from the core, or the end of the one they are taking.
func (h *Host) burst(ci int32) {
	c := &h.cores[ci]
	d := c.gap
	if d == 0 {
		d = h.threads[c.cur].left
		if h.smt > 1 {
			d = h.shared(ci, d)
		}
		d = min(d, c.gapIn)
	}
	c.began = h.Now
	c.gen++
	if d == 0 && h.inline && h.ended.core == none && h.q.Quiet(h.Now) {
		h.ended = ended{ci, c.gen}
		return
	}
	h.q.Push(des.Event{At: h.Now + d, Kind: evBurst, Who: ci, Gen: c.gen})
}

// account charges the current thread for the time since the last accounting.
func (h *Host) account(c *core) {
	if ran := h.Now - c.began; ran > 0 && !c.waking && c.cur != none { // the part that every call pays is inlined
		h.charge(c, ran)
	}
}

// charge charges the current thread for a time on its core, of which it burns nothing during a stolen moment.
func (h *Host) charge(c *core, ran time.Duration) {
	c.began = h.Now
	th := &h.threads[c.cur]
	th.v += ran
	if c.gap > 0 {
		c.gap = max(c.gap-ran, 0)
		if int(c.cur) >= len(h.foreign) {
			h.stolen += ran
		}
		return
	}
	th.cpu += ran
	c.gapIn -= ran
	if c.slow {
		ran = h.done(ran)
	}
	th.left = max(th.left-ran, 0)
}

// nextGap draws for how long a core is busy until the next moment that host and interrupts take.
func (h *Host) nextGap(c *core) time.Duration {
	if h.cost.GapRate.P50 <= 0 {
		return 1 << 62
	}
	return time.Duration(c.draw.Exp()*float64(time.Second)/h.cost.GapRate.P50) + 1
}
