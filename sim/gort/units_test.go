package gort

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/des"
	"github.com/stretchr/testify/require"
)

// What single functions of the runtime do in a state that a workload reaches rarely. Each test holds against a mutant in
// docs/mutants/mutants.txt that no transcript noticed.

const us = time.Microsecond

// priced is a machine on which what a test counts costs something.
func priced() lab.Cost {
	n := func(ns float64) lab.Nanos { return lab.Nanos{P50: ns} }
	return lab.Cost{Cores: 4, FutexWake: n(5000), FutexWakeBusy: n(1500), FutexSleep: n(1000), Clone: n(30000), SignalCPU: n(5000),
		ExitSlow: n(300), Switch: n(100), Spin: n(600), Signal: lab.Const(20 * us), EpollCPU: n(10000)}
}

// newProcess is a process with ps Ps that has just begun: M0 has P0, looks for work, and has found none.
func newProcess(ps int, cost lab.Cost) *Sched {
	s := New(&cost, Go126(), lab.Knobs{GOMAXPROCS: ps}.Filled(ps), 1)
	s.chans, s.mutexes = []*hchan{makechan(0)}, make([]mutex, 1)
	return s
}

// newG gives a goroutine with that status.
func (s *Sched) newG(status uint8) *g {
	s.sched.goidgen++
	gp := &g{goid: s.sched.goidgen, status: status}
	gp.prog = &Program{Ops: []Op{{Do: CPU}, {Do: Exit}}}
	return gp
}

// netWaits lets a goroutine wait for a descriptor of its own.
func (s *Sched) netWaits(gp *g) *pollDesc {
	src := &source{}
	src.pd.rg = gp
	s.sources = append(s.sources, src)
	s.netWaiters++
	return &src.pd
}

// netReady lets it wait for one that is ready.
func (s *Sched) netReady(gp *g) { s.epollCallback(&actor{thread: -1}, s.netWaits(gp)) }

// newGs gives runnable goroutines.
func (s *Sched) newGs(n int) (gs []*g) {
	for range n {
		gs = append(gs, s.newG(_Grunnable))
	}
	return gs
}

// runs lets an M with the next idle P execute a new goroutine.
func (s *Sched) runs() (*m, *p) {
	mp := s.allocm()
	s.host.Wake(mp.thread, -1)
	pp := s.pidleget()
	s.acquirep(mp, pp)
	s.execute(mp, s.newG(_Grunnable), false)
	return mp, pp
}

// inCall lets an M with the next idle P be in a call, its second.
func (s *Sched) inCall() (*m, *p) {
	mp, pp := s.runs()
	s.entersyscall(mp)
	s.exitsyscall(mp)
	s.entersyscall(mp)
	return mp, pp
}

// polls lets an M without a P block in the netpoller until a time; 0: without limit.
func (s *Sched) polls(until time.Duration) *m {
	mp := s.allocm()
	s.host.Wake(mp.thread, -1)
	mp.pollUntil = until
	s.blockInNetpoll(mp)
	s.until(s.Now() + 20*us) // it blocks
	return mp
}

// until lets the machine pass, with nobody who decides.
func (s *Sched) until(end time.Duration) {
	for s.q.Len() > 0 && s.q.Next() <= end {
		e := s.q.Pop()
		s.host.Now = e.At
		if t := s.host.Step(e); t >= 0 {
			s.host.Block(t, 0)
		}
	}
	s.host.Now = end
}

func ids(q *gQueue) (ids []int32) {
	for gp := q.head; gp != nil; gp = gp.schedlink {
		ids = append(ids, gp.goid)
	}
	return ids
}

func idsOf(gs ...*g) (ids []int32) {
	for _, gp := range gs {
		ids = append(ids, gp.goid)
	}
	return ids
}

// An M that stops spinning drops its P and then looks at the others' queues once more: what was readied in between, by
// somebody who saw it spin, would wait otherwise.
func TestLastLookWithoutP(t *testing.T) {
	s := newProcess(3, priced())
	m0 := s.allm[0]
	_, p1 := s.runs()
	s.becomeSpinning(m0)
	s.runqput(p1, s.newG(_Grunnable), false)
	_, wait := s.dropP(m0)
	require.False(t, wait)
	require.NotNil(t, m0.p)
	require.True(t, m0.spinning)
	require.NoError(t, s.check())
}

// It looks at the others' timers too, and waits in the netpoller for the first.
func TestLastLookAtTimers(t *testing.T) {
	s := newProcess(3, priced())
	m0 := s.allm[0]
	m1, _ := s.runs()
	s.sched.polling = m0 // nobody needs to be woken
	s.resetTimer(m1, 5*time.Millisecond)
	s.sched.polling = nil
	s.becomeSpinning(m0)
	_, wait := s.dropP(m0)
	require.True(t, wait)
	require.Same(t, m0, s.sched.polling)
	require.Equal(t, 5*time.Millisecond, s.sched.pollUntil)

	s = newProcess(3, priced())
	m0 = s.allm[0]
	s.polls(9 * time.Millisecond)
	m0.pollUntil = 5 * time.Millisecond // it saw a timer on its way
	s.host.Wake(m0.thread, -1)
	before := s.host.Busy()
	_, wait = s.dropP(m0)
	require.True(t, wait)
	require.Equal(t, before+1, s.host.Busy(), "the poller is woken, to wait for less long")
}

// An M asks the netpoller before it steals, if nobody blocks in it.
func TestFindLocalPolls(t *testing.T) {
	s := newProcess(2, priced())
	gp := s.newG(_Gwaiting)
	s.netReady(gp)
	got, _ := s.findLocal(s.allm[0])
	require.Same(t, gp, got)
}

// A P takes its share of the global queue: one more than the queue divided by the Ps, at most half a ring.
func TestShareOfTheGlobalQueue(t *testing.T) {
	for _, c := range []struct{ ps, queued, taken int }{{1, 5, 5}, {4, 2, 1}, {4, 10, 3}, {2, 1000, 128}, {1, 200, 128}} {
		s := newProcess(c.ps, priced())
		gs := s.newGs(c.queued)
		for _, gp := range gs {
			s.globrunqput(gp)
		}
		pp := s.allp[0]
		require.Same(t, gs[0], s.globrunqgetbatch(pp))
		require.EqualValues(t, c.taken-1, pp.runqtail-pp.runqhead, "%+v", c)
		require.EqualValues(t, c.queued-c.taken, s.sched.runq.size)
	}
}

// A lone runnext and timers are for the last pass; and the runnext of a P whose thread is in a call is taken at once, as that
// P cannot run it.
func TestWhatOnlyTheLastPassTakes(t *testing.T) {
	s := newProcess(2, priced())
	m0 := s.allm[0]
	m1, p1 := s.runs()
	next := s.newG(_Grunnable)
	s.runqput(p1, next, true)
	sleeper := s.newG(_Gwaiting)
	p1.timers.add(timer{us, sleeper, sleeper.timer})
	s.sched.ntimers++
	s.host.Now = 2 * us
	pass := func(last bool) (*g, bool) {
		s.startSteal(m0)
		gp, _, wait := s.stealPass(m0, last)
		return gp, wait
	}
	gp, wait := pass(false)
	require.Nil(t, gp)
	require.False(t, wait)
	require.Same(t, next, p1.runnext)
	require.Len(t, p1.timers.heap, 1)

	gp, wait = pass(true)
	require.Same(t, sleeper, gp, "its timer is run by the thief")
	require.False(t, wait)
	require.Empty(t, p1.timers.heap)

	gp, wait = pass(true)
	require.Nil(t, gp)
	require.True(t, wait, "it sleeps first")

	s.entersyscall(m1)
	gp, wait = pass(true)
	require.Same(t, next, gp)
	require.False(t, wait)
}

// Work that was seen while no P was idle makes the next M that is about to idle spin.
func TestNeedspinning(t *testing.T) {
	s := newProcess(2, priced())
	m0 := s.allm[0]
	s.runs()
	require.Nil(t, s.pidlegetSpinning())
	require.True(t, s.sched.needspinning)
	_, wait := s.dropP(m0)
	require.False(t, wait)
	require.True(t, m0.spinning)
	require.NotNil(t, m0.p)
	require.False(t, s.sched.needspinning)
}

// An M that was spinning when it blocked in the netpoller goes on spinning if it comes back with a P and nothing is ready.
func TestThePollerComesBackSpinning(t *testing.T) {
	for _, spun := range []bool{true, false} {
		s := newProcess(2, priced())
		m0 := s.allm[0]
		if spun {
			s.becomeSpinning(m0)
		}
		s.netWaits(s.newG(_Gwaiting))
		_, wait := s.dropP(m0)
		require.True(t, wait)
		require.Same(t, m0, s.sched.polling)
		require.True(t, s.pollReturned(m0))
		require.Equal(t, spun, m0.spinning)
		require.NoError(t, s.check())
	}
}

// handoffp finds something to do for a P that was taken: work anywhere, the netpoller that nobody watches, timers.
func TestHandoffp(t *testing.T) {
	a := &actor{thread: -1}
	taken := func(ps int) (*Sched, *p) {
		s := newProcess(ps, priced())
		return s, s.releasep(s.allm[0])
	}
	started := func(s *Sched, pp *p) bool {
		return slices.ContainsFunc(s.allm, func(mp *m) bool { return mp.nextp == pp })
	}
	s, pp := taken(3)
	s.polls(0)
	s.handoffp(a, pp)
	require.False(t, started(s, pp), "others are idle, somebody polls: it goes idle")
	require.True(t, s.idlepMask.read(pp.id))

	s, pp = taken(3)
	s.polls(0)
	s.globrunqput(s.newG(_Grunnable))
	s.handoffp(a, pp)
	require.True(t, started(s, pp), "the global queue has work")

	s, pp = taken(3)
	s.handoffp(a, pp)
	require.True(t, started(s, pp), "the last running P, and nobody polls")

	s, pp = taken(3)
	poller := s.polls(0)
	gp := s.newG(_Gwaiting)
	pp.timers.add(timer{time.Millisecond, gp, gp.timer})
	s.sched.ntimers++
	a.charge = 0
	s.handoffp(a, pp)
	require.False(t, started(s, pp))
	require.Equal(t, 5*us, a.charge, "it wakes the poller, M%d, for the timer", poller.id)
}

// Making a thread costs its creator clone; parking costs FutexSleep.
func TestThreadsCost(t *testing.T) {
	s := newProcess(2, priced())
	a := &actor{thread: -1}
	s.startm(a, s.pidleget(), false)
	require.Equal(t, 30*us, a.charge)

	s = newProcess(2, priced())
	require.NoError(t, s.Loop(context.Background(), time.Second, false))
	require.Equal(t, us, s.host.CPU(s.allm[0].thread), "it finds nothing and parks")

	cost := priced()
	cost.Threads.P50 = 6
	s = newProcess(2, cost)
	require.Equal(t, 6, s.Threads())
	s.startm(a, s.pidleget(), false)
	require.Equal(t, 6, s.Threads(), "a thread at rest is used")
}

// retake: a P whose thread is in a call is taken at the second look; at the first if its time slice is old; without work
// only after 10 ms.
func TestRetake(t *testing.T) {
	const ms = time.Millisecond
	s := newProcess(3, priced())
	m1, p1 := s.inCall()
	s.runqput(p1, s.newG(_Grunnable), false)
	require.Zero(t, s.retake(ms))
	require.True(t, s.exitsyscall(m1))
	s.entersyscall(m1)
	require.Zero(t, s.retake(ms+20*us), "it is another call")
	require.Equal(t, 1, s.retake(ms+40*us))
	require.Nil(t, m1.p)

	m2 := s.allocm() // the P comes to another thread, which enters a call
	p1.m, p1.status = m2, _Prunning
	m2.p, m2.nextp = p1, nil
	s.execute(m2, s.newG(_Grunnable), true)
	tick := p1.sysmontick.syscalltick
	s.entersyscall(m2)
	require.NotEqual(t, tick, p1.syscalltick, "a P that was taken is in another call")

	s = newProcess(3, priced())
	m1, p1 = s.runs()
	s.runqput(p1, s.newG(_Grunnable), false)
	require.Zero(t, s.retake(ms))
	p1.syscalltick++ // it has made a call since
	s.entersyscall(m1)
	require.Equal(t, 1, s.retake(11*ms), "its slice is old: no second look")

	s = newProcess(3, priced())
	s.inCall()
	require.Zero(t, s.retake(ms))
	require.Zero(t, s.retake(ms+9*ms), "no work, and others are idle")
	require.Equal(t, 1, s.retake(ms+10*ms))
}

// sysmon, woken from its deep sleep, looks every 20 µs again; and it polls the network if nobody has for 10 ms.
func TestSysmonWakesUp(t *testing.T) {
	s := newProcess(2, priced())
	sm := &s.sysmon
	sm.started, sm.deep, sm.idle, sm.delay = true, true, 60, sysmonMaxSleep
	s.sysmonStep()
	require.Equal(t, sysmonMinSleep, sm.delay)

	s = newProcess(2, priced())
	s.runs()
	gp := s.newG(_Gwaiting)
	s.netReady(gp)
	s.sysmon.started = true
	s.until(10*time.Millisecond + 1)
	s.host.Wake(s.sysmon.thread, -1)
	s.sysmonStep()
	require.Equal(t, idsOf(gp), ids(&s.sched.runq))
}

// A call, and the reader's system call, wake sysmon.
func TestCallsWakeSysmon(t *testing.T) {
	for name, enter := range map[string]func(*Sched, *m){
		"entersyscall": func(s *Sched, mp *m) { s.entersyscall(mp) },
		"read": func(s *Sched, mp *m) {
			s.sources = []*source{{}}
			s.read(mp, mp.curg)
		},
	} {
		s := newProcess(2, priced())
		mp, _ := s.runs()
		s.sched.sysmonwait = true
		enter(s, mp)
		require.False(t, s.sched.sysmonwait, name)
	}
}

// A goroutine whose thread finds no P goes behind the others.
func TestExitsyscallNoP(t *testing.T) {
	s := newProcess(2, priced())
	m1, _ := s.inCall()
	first, gp := s.newG(_Grunnable), m1.curg
	s.globrunqput(first)
	s.takeP(m1)
	s.exitsyscallNoP(m1)
	require.Equal(t, idsOf(first, gp), ids(&s.sched.runq))
}

// A preemption signal arrives after a while, costs CPU where it hits, and stops no goroutine that was not asked.
func TestPreemptionSignal(t *testing.T) {
	s := newProcess(2, priced())
	m1, _ := s.runs()
	m1.charge = 0
	sender := &actor{}
	s.preemptM(sender, m1)
	s.preemptM(sender, m1)
	var at []time.Duration
	for s.q.Len() > 0 && s.q.Next() < time.Second && len(at) < 3 {
		if e := s.q.Pop(); e.Kind == evSignal {
			at = append(at, e.At)
		}
	}
	require.Equal(t, []time.Duration{20 * us}, at, "one at a time")
	s.doSigPreempt(m1)
	require.Zero(t, m1.charge)
	m1.curg.preempt = true
	s.doSigPreempt(m1)
	require.Equal(t, 5*us, m1.charge)
}

// The handler takes its time whatever its thread does: of two Ms in the scheduler, one that a signal meets comes out later.
func TestPreemptionSignalInTheScheduler(t *testing.T) {
	for signalled, want := range map[bool]time.Duration{false: 10 * us, true: 15 * us} {
		s := newProcess(2, priced())
		m1 := s.allocm()
		s.host.Wake(m1.thread, -1)
		back := func() (at time.Duration) {
			for {
				e := s.q.Pop()
				s.host.Now = e.At
				if s.host.Step(e) == m1.thread {
					return e.At
				}
			}
		}
		begin := back()
		m1.handling = 5 * us
		s.host.Run(m1.thread, 10*us)
		if signalled {
			s.doSigPreempt(m1)
		}
		require.Equal(t, want, back()-begin)
	}
}

// Who stops the world, or asks every P, holds sched.lock while it sends its signals: a P that comes earlier waits, and is
// interrupted by the signal meanwhile.
func TestSafePointWaitsForSchedLock(t *testing.T) {
	for _, c := range []struct{ locked, signal, handling, want time.Duration }{
		{0, 0, 0, 0}, {12 * us, 0, 0, 12 * us}, {12 * us, 2 * us, 5 * us, 12 * us}, {12 * us, 2 * us, 30 * us, 32 * us},
	} {
		s := newProcess(2, priced())
		m0 := s.allm[0]
		for e := s.q.Pop(); s.host.Step(e) != m0.thread; e = s.q.Pop() {
			s.host.Now = e.At
		}
		begin := s.host.Now
		s.sched.gcwaiting, s.sched.stopwait, s.sched.stopping = true, 1, s.allocm()
		s.sched.locked = begin + c.locked
		if c.handling > 0 {
			m0.signalled, m0.handling = true, c.handling
			s.q.Push(des.Event{At: begin + c.signal, Kind: evSignal, Who: m0.id})
		}
		s.mstart(m0)
		for s.sched.stopwait > 0 {
			e := s.q.Pop()
			s.host.Now = e.At
			s.step(e)
		}
		require.NoError(t, s.err)
		require.Equal(t, c.want, s.host.Now-begin, "%+v", c)
		require.Zero(t, s.host.Rest(m0.thread), "nothing of the wait is left to be taken for another burst")
	}
}

// A thread that marks is sent a signal, too. Its handler cuts what the thread is marking, which would count as marked else.
func TestPreemptionSignalWhileMarking(t *testing.T) {
	s := newProcess(2, priced())
	m1, p1 := s.runs()
	m1.draining = true
	sender := &actor{}
	s.preemptone(sender, p1)
	require.True(t, m1.signalled)
	m1.charge, m1.curg.preempt = 0, false // it has seen that, and marks on
	s.doSigPreempt(m1)
	require.Equal(t, 5*us, m1.charge)
}

// The first signal in a while takes longer, and costs both threads more; one soon after it is a usual one. It leaves when
// its sender has done what it has to do before.
func TestColdSignal(t *testing.T) {
	cost := priced()
	n := func(ns float64) lab.Nanos { return lab.Nanos{P50: ns} }
	cost.SignalSend, cost.ColdSignal, cost.ColdSignalCPU, cost.ColdSignalSend = n(3000), lab.Const(50*us), n(11_000), n(25_000)
	s := newProcess(2, cost)
	m1, _ := s.runs()
	m1.curg.preempt = true
	signal := func(at, late, send, handling time.Duration) {
		t.Helper()
		sender := &actor{charge: 2 * us}
		s.host.Now, m1.signalled, m1.charge = at, false, 0
		s.preemptM(sender, m1)
		require.Equal(t, 2*us+send, sender.charge)
		for e := s.q.Pop(); ; e = s.q.Pop() {
			if e.Kind == evSignal {
				require.Equal(t, at+2*us+late, e.At)
				break
			}
		}
		s.doSigPreempt(m1)
		require.Equal(t, handling, m1.charge)
	}
	signal(0, 50*us, 25*us, 11*us)
	signal(300*us, 20*us, 3*us, 5*us)
	signal(300*us+lab.WarmSignals, 20*us, 3*us, 5*us)
	signal(400*us+2*lab.WarmSignals, 50*us, 25*us, 11*us)
}

// The netpoller gives what became ready last first; with no P idle it is left to the others.
func TestNetpoll(t *testing.T) {
	s := newProcess(2, priced())
	gs := []*g{s.newG(_Gwaiting), s.newG(_Gwaiting), s.newG(_Gwaiting)}
	ready := func() {
		for _, gp := range gs {
			gp.status = _Gwaiting
			s.netReady(gp)
		}
	}
	ready()
	list := s.netpoll()
	require.Equal(t, idsOf(gs[2], gs[1], gs[0]), ids(&list))
	require.Zero(t, s.netWaiters)

	poller := s.polls(0)
	s.runs()
	ready()
	s.host.Wake(poller.thread, -1)
	require.False(t, s.pollReturned(poller))
	require.Equal(t, idsOf(gs[2], gs[1], gs[0]), ids(&s.sched.runq))
}

// Of what the poller brings the first is run; of the others idle Ps get one each through the global queue, with an M
// started for it, and the rest stays local.
func TestNetpollShares(t *testing.T) {
	s := newProcess(3, priced())
	m0 := s.allm[0]
	var gs []*g
	for range 5 {
		gp := s.newG(_Gwaiting)
		gs = append(gs, gp)
		s.netReady(gp)
	}
	require.Same(t, gs[4], s.netpollPop(m0))
	require.Equal(t, idsOf(gs[3], gs[2]), ids(&s.sched.runq))
	require.EqualValues(t, 2, m0.p.runqtail-m0.p.runqhead)
	require.Zero(t, s.sched.npidle)

	s = newProcess(3, priced())
	list := gQueue{}
	list.pushBack(s.newG(_Gwaiting))
	list.pushBack(s.newG(_Gwaiting))
	s.injectglist(&m0.actor, nil, &list)
	require.EqualValues(t, 2, s.sched.runq.size)
	require.Zero(t, s.sched.npidle, "two Ms were started")
}

// A timer that is armed breaks the poller's wait if it is due earlier, and only then.
func TestTimersBreakThePoller(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		polls, has, armed time.Duration
		breaks            bool
	}{{0, 0, ms, true}, {5 * ms, 0, 6 * ms, false}, {5 * ms, 0, 4 * ms, true}, {9 * ms, 7 * ms, 4 * ms, true}, {9 * ms, 7 * ms, 8 * ms, false}} {
		s := newProcess(2, priced())
		s.polls(c.polls)
		m1, p1 := s.runs()
		if c.has > 0 {
			gp := s.newG(_Gwaiting)
			p1.timers.add(timer{c.has, gp, gp.timer})
			s.sched.ntimers++
		}
		m1.charge = 0
		s.resetTimer(m1, c.armed)
		require.Equal(t, c.breaks, m1.charge > 0, "the poller waits until %v, the P for %v, armed for %v", c.polls, c.has, c.armed)
	}
}

// The heap of timers agrees with a sort.
func TestTimersAgreeWithSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var ts timers
	var want, got []time.Duration
	for range 300 {
		when := time.Duration(r.IntN(1000))
		ts.add(timer{when: when})
		want = append(want, when)
	}
	slices.Sort(want)
	for len(ts.heap) > 0 {
		got = append(got, ts.pop().when)
	}
	require.Equal(t, want, got)
}

// Those who wait on a channel are served in the order in which they came, and a full buffer gives its oldest value.
func TestChannelOrder(t *testing.T) {
	s := newProcess(5, priced())
	c := s.chans[0]
	var ms []*m
	var gs []*g
	for range 3 {
		mp, _ := s.runs()
		ms, gs = append(ms, mp), append(gs, mp.curg)
		require.False(t, s.chanrecv(mp, c))
	}
	values := s.newGs(3)
	sender := ms[0]
	s.execute(sender, s.newG(_Grunnable), false)
	for i, v := range values {
		require.True(t, s.chansend(sender, c, v))
		require.Same(t, v, gs[i].elem)
	}

	c = makechan(2)
	values = s.newGs(4)
	for i, v := range values {
		mp := ms[i%3]
		if mp.curg == nil {
			s.execute(mp, s.newG(_Grunnable), false)
		}
		require.Equal(t, i < 2, s.chansend(mp, c, v))
	}
	for i, v := range values {
		blocked := c.sendq.head
		got, ok := s.tryrecv(s.allm[0], c)
		require.True(t, ok)
		require.Same(t, v, got)
		if i < 2 { // there is room for the next value, and its sender goes on
			require.Equal(t, 2, c.count)
			require.Equal(t, _Grunnable, blocked.status)
		}
	}
}

// waits puts a goroutine of its own on the mutex's queue, since a time.
func (s *Sched) waits(mu *mutex, since time.Duration) *g {
	gp := s.newG(_Gwaiting)
	gp.waited, gp.since, gp.awaits = true, since, awaitsLock
	mu.waiters++
	mu.sema.queue.pushBack(gp)
	return gp
}

// A mutex in starvation mode is handed over, and goes back to normal when the one that gets it has waited for less than a
// millisecond, or is the last.
func TestMutexLeavesStarvation(t *testing.T) {
	for _, c := range []struct {
		waited   time.Duration
		others   bool
		starving bool
	}{{2 * time.Millisecond, true, true}, {2 * time.Millisecond, false, false}, {500 * us, true, false}} {
		s := newProcess(2, priced())
		s.until(10 * time.Millisecond)
		m1, _ := s.runs()
		mu := &s.mutexes[0]
		mu.locked, mu.starving = true, true
		gp := m1.curg
		gp.waited, gp.since, gp.awaits, gp.ticket = true, s.Now()-c.waited, awaitsLock, true
		mu.waiters = 1
		if c.others {
			s.waits(mu, s.Now())
		}
		require.Equal(t, opDone, s.lock(m1, mu))
		require.Equal(t, c.starving, mu.starving, "%+v", c)
		require.True(t, mu.locked)
	}
}

// In normal mode an unlock wakes one waiter, unless one is awake already; a woken one that loses the lock again is the
// first in the queue.
func TestMutexWakesOne(t *testing.T) {
	s := newProcess(2, priced())
	m1, _ := s.runs()
	mu := &s.mutexes[0]
	mu.locked = true
	first, second := s.waits(mu, 0), s.waits(mu, 0)
	require.True(t, s.unlock(m1, mu))
	require.Equal(t, _Grunnable, first.status)
	require.True(t, mu.woken)
	mu.locked = true
	require.True(t, s.unlock(m1, mu))
	require.Equal(t, idsOf(second), ids(&mu.sema.queue), "one is awake")

	mu.locked = true // somebody else was faster
	gp := m1.curg
	gp.waited, gp.awaits, gp.spins = true, awaitsLock, 0
	s.runqput(m1.p, s.newG(_Grunnable), false) // it may not spin
	require.Equal(t, opParkStay, s.lock(m1, mu))
	require.Equal(t, idsOf(gp, second), ids(&mu.sema.queue))
	require.False(t, mu.woken)
}

// A goroutine spins only if its P has nothing else to run and others run that may unlock; while it spins the unlocker need
// not wake anybody.
func TestMutexSpins(t *testing.T) {
	s := newProcess(3, priced())
	m1, p1 := s.runs()
	s.runs()
	mu := &s.mutexes[0]
	mu.locked = true
	s.waits(mu, 0)
	require.True(t, s.canSpin(m1))
	require.Equal(t, opBusy, s.lock(m1, mu))
	require.True(t, mu.woken)
	s.runqput(p1, s.newG(_Grunnable), false)
	require.False(t, s.canSpin(m1))
}

// A thief that looks where it began comes to each P once: the strides are those that share no factor with the number of Ps.
func TestStridesAreCoprime(t *testing.T) {
	for _, n := range []int{1, 2, 6, 12} {
		s := newProcess(n, lab.Cost{})
		for _, step := range s.coprimes {
			seen := map[uint32]bool{}
			for i := range uint32(n) {
				seen[i*step%uint32(n)] = true
			}
			require.Len(t, seen, n, "stride %d of %d", step, n)
		}
	}
}

// Each price comes from the field of its name.
func TestPrices(t *testing.T) {
	var cost lab.Cost
	n := 0.0
	v := reflect.ValueOf(&cost).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Type() == reflect.TypeFor[lab.Nanos]() {
			n += 1000
			f.Set(reflect.ValueOf(lab.Nanos{P50: n}))
		}
	}
	prices := reflect.ValueOf(pricesOf(&cost))
	for i := range prices.NumField() {
		name := prices.Type().Field(i).Name
		field := strings.ToUpper(name[:1]) + name[1:]
		if name == "swtch" {
			field = "Switch"
		}
		if name == "chanop" {
			field = "Chan"
		}
		if name == "newg" {
			field = "NewG"
		}
		if name == "cgocall" {
			field = "CgoCall"
		}
		want := int64(v.FieldByName(field).Interface().(lab.Nanos).P50)
		if name == "sleepIn" { // a part of both
			want = min(want, int64(cost.SleepCPU.P50), int64(cost.EpollCPU.P50))
		}
		require.Equal(t, want, prices.Field(i).Int(), name)
	}
}

// The arrivals of all classes that share a pipe come in order of time, each class numbering its own.
func TestArrivalsComeInOrder(t *testing.T) {
	w := lab.Workload{Name: "two", Run: time.Hour, Classes: []lab.Class{
		{Name: "a", Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 1000}},
		{Name: "b", Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 300}}}}
	src := newSource(Source{Feeds: []Feed{{0, w.Due(0, 1)}, {1, w.Due(1, 1)}}})
	last := time.Duration(0)
	next := make([]uint64, 2)
	for range 500 {
		due := src.next
		a := src.take()
		require.Equal(t, due, a.due)
		require.GreaterOrEqual(t, a.due, last)
		require.Equal(t, next[a.class], a.num)
		last = a.due
		next[a.class]++
	}
	require.Greater(t, next[0], 2*next[1])
	require.Positive(t, next[1])
}

// Consecutive runs see the middle and the width of the host's speed.
func TestSpeedIsSpread(t *testing.T) {
	var seen []float64
	for seed := range uint64(10) {
		seen = append(seen, speedMode(seed+1))
	}
	slices.Sort(seen)
	require.Less(t, seen[0], 0.15)
	require.Greater(t, seen[9], 0.85)
	for i := range 9 {
		require.Less(t, seen[i+1]-seen[i], 0.2)
	}
}

// A reply that comes before its request waits for it is kept.
func TestReplyBeforeAwait(t *testing.T) {
	s := newProcess(3, priced())
	worker, _ := s.runs()
	m2, _ := s.runs()
	r := m2.curg
	s.workers = []batch{{reqs: []*g{r}}}
	s.doWorker(worker, worker.curg, &Op{Do: Reply})
	require.Equal(t, opDone, s.await(m2, r))
	require.Equal(t, opPark, s.await(m2, r), "once")
}

// A reader that has been told that its pipe has data is not told again before it has read.
func TestAReaderIsToldOnce(t *testing.T) {
	s := newProcess(2, priced())
	w := lab.Workload{Name: "one", Run: time.Hour, Classes: []lab.Class{{Name: "a", Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 1000}}}}
	src := newSource(Source{Feeds: []Feed{{0, w.Due(0, 1)}}})
	s.Stop = time.Hour
	src.thread = s.own(s.host.NewThread(), ownSource, 0)
	src.reader = s.newG(_Gwaiting)
	src.pd.rg = src.reader
	for i := range 3 {
		s.host.Wake(src.thread, -1)
		s.host.Now = time.Duration(i+1) * 10 * time.Millisecond
		s.sourceStep(src)
		s.until(s.Now() + 10*us)
	}
	require.Greater(t, len(src.pipe), 20)
	require.Same(t, &src.pd, s.epoll.head)
	require.Same(t, &src.pd, s.epoll.tail)
	require.Nil(t, src.pd.link)
}

// One read takes all that is in the pipe, and the next one finds it empty.
func TestAReadTakesAll(t *testing.T) {
	cost := priced()
	cost.PipeRead.P50 = 1000
	s := newProcess(1, cost)
	s.classes = []Program{{Ops: []Op{{Do: Exit}}}}
	m0 := s.allm[0]
	reader := s.newG(_Grunnable)
	s.sources = []*source{{pipe: make([]arrival, 3)}}
	s.execute(m0, reader, false)
	m0.charge = 0
	for range 4 { // it begins to read and starts the first, the two others, and has read all
		require.Equal(t, opStay, s.read(m0, reader))
	}
	require.Equal(t, us, m0.charge)
	require.Equal(t, opParkStay, s.read(m0, reader))
	require.EqualValues(t, 3, s.sched.nlocal)
	require.Equal(t, 2*us+s.price.swtch, m0.charge)
}

// A change of state comes as late as its M is behind with paying, which is at most payAt; and times never descend.
func TestTransitionsAreLate(t *testing.T) {
	s := newProcess(2, priced())
	s.until(us)
	m1, _ := s.runs()
	s.Record()
	at := func(mp *m, charge time.Duration) time.Duration {
		mp.charge = charge
		s.casgstatus(mp.curg, _Grunning, lab.NoReason)
		return s.recorded[len(s.recorded)-1].At - s.Now()
	}
	require.Equal(t, 300*time.Nanosecond, at(m1, 300*time.Nanosecond))
	s.allm[0].curg = s.newG(_Grunning)
	require.Equal(t, 300*time.Nanosecond, at(s.allm[0], 0), "not before the other")
	require.Equal(t, us, at(m1, 5*us))
}

// The state of a P: its thread and goroutine, runnext, and the ring from its head.
func TestStateOfAP(t *testing.T) {
	s := newProcess(3, priced())
	m1, p1 := s.runs()
	gs := s.newGs(3)
	for i, gp := range gs {
		s.runqput(p1, gp, i == 2)
	}
	want := PState{M: m1.id, G: m1.curg.goid, Next: gs[2].goid, Ring: Queued{N: 2}}
	copy(want.Ring.First[:], idsOf(gs[0], gs[1]))
	require.Equal(t, want, s.state(p1))
	s.entersyscall(m1)
	want.Call = true
	require.Equal(t, want, s.state(p1))

	p2 := s.pidleget()
	require.Equal(t, PState{M: -1, G: -1, Next: -1}, s.state(p2))
	s.startm(&m1.actor, p2, true)
	require.Equal(t, PState{M: s.allm[2].id, G: -1, Next: -1, Spins: true, Coming: true}, s.state(p2))
}

// A goroutine that hands its time slice over is on its P's queue, and a mark says so.
func TestGoyieldIsMarked(t *testing.T) {
	s := newProcess(2, priced())
	m1, p1 := s.runs()
	gp := m1.curg
	s.Detail()
	s.goyield(m1)
	require.Same(t, gp, p1.runq[p1.runqhead])
	k := s.marks[len(s.marks)-1]
	require.Equal(t, Runnable, k.Turn())
	require.Equal(t, gp.goid, k.G)
	require.EqualValues(t, p1.id, k.P)
}

// A channel's ring grows in order, wherever its head is, and up to the channel's size.
func TestChannelRingGrows(t *testing.T) {
	s := newProcess(2, priced())
	mp, _ := s.runs()
	for _, head := range []int{0, 3, 7} {
		c := makechan(20)
		values := s.newGs(20 + head)
		for _, v := range values[:head] {
			require.True(t, s.trysend(mp, c, v))
			got, ok := s.tryrecv(mp, c)
			require.True(t, ok)
			require.Same(t, v, got)
		}
		for _, v := range values[head:] {
			require.True(t, s.trysend(mp, c, v))
		}
		require.False(t, s.trysend(mp, c, values[0]))
		require.Len(t, c.buf, 20)
		for _, v := range values[head:] {
			got, ok := s.tryrecv(mp, c)
			require.True(t, ok)
			require.Same(t, v, got)
		}
	}
}
