package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// The network poller (runtime/netpoll.go, netpoll_epoll.go): one M at a time blocks in epoll_wait, which is also how an
// idle process waits for its timers. Its time-out counts whole milliseconds.
//
// Readiness is edge-triggered: the kernel tells of a descriptor when it becomes ready, whether somebody waits for it or
// not. Nobody who waits: the pollDesc keeps pdReady, and the next who would wait tries again instead. That is why a
// notice is never lost between a read that finds nothing and the parking behind it.
//
// SIMPLIFIED(netpoll): there are no deadlines, and no descriptor is opened or closed while the process runs. The eventfd of
// netpollBreak takes no place among the events of a netpoll, and an epoll_wait costs the same whether it brings any or none.

// netpollEvents is how many descriptors one netpoll takes (runtime/netpoll_epoll.go: netpoll).
const netpollEvents = 128

// A pollDesc is what the poller knows of a descriptor, and the kernel's epoll of it.
type pollDesc struct {
	rg, wg *g        // who waits to read and to write: a goroutine, pdReady, or nobody (the runtime's pdNil)
	conn   *conn     // of which it is an end; nil: it is the generator's pipe
	link   *pollDesc // the next that is ready
	linked bool      // it is on the kernel's list of those that are
}

// pdReady stands in rg or wg for a notice that nobody has waited for. The runtime's pdWait, between the decision to park
// and the parking, is never seen by others here.
var pdReady = new(g)

// epoll is the kernel's list of descriptors that have become ready and were not asked for since, in that order.
type epoll struct{ head, tail *pollDesc }

// epollCallback is the kernel's side of an edge (ep_poll_callback in fs/eventpoll.c): it lists the descriptor, and wakes
// the M that blocks in epoll_wait; a is the thread in whose call that happens, and pays.
// SIMPLIFIED(netpoll): the wake-up comes when the call that causes it is over but for the wake-up. For real the other
// end of a loopback connection is served in a software interrupt on the writer's core, in the last part of its call.
func (s *Sched) epollCallback(a *actor, pd *pollDesc) {
	if pd.linked {
		return
	}
	pd.linked = true
	if s.epoll.tail != nil { // the M is awake already, or does not block
		s.epoll.tail.link, s.epoll.tail = pd, pd
		return
	}
	s.epoll.head, s.epoll.tail = pd, pd
	s.netpollBreak(a)
}

// next takes the descriptor that has been ready for longest.
func (e *epoll) next() *pollDesc {
	pd := e.head
	if pd == nil {
		return nil
	}
	if e.head = pd.link; e.head == nil {
		e.tail = nil
	}
	pd.link, pd.linked = nil, false
	return pd
}

// netpoll takes the goroutines whose descriptors are ready, the last one first.
func (s *Sched) netpoll() (toRun gQueue) {
	delta := int32(0)
	for range netpollEvents {
		pd := s.epoll.next()
		if pd == nil {
			break
		}
		if mode := pd.events(); mode != 0 {
			delta += s.netpollready(&toRun, pd, mode)
		}
	}
	s.netpollAdjustWaiters(delta)
	return toRun
}

// netpollready puts the goroutines that wait for the descriptor on the list; its mode is 'r', 'w' or both.
func (s *Sched) netpollready(toRun *gQueue, pd *pollDesc, mode int32) (delta int32) {
	if mode == 'r' || mode == 'r'+'w' {
		if rg := netpollunblock(&pd.rg, &delta); rg != nil {
			s.note(dNetready, nil, rg, 0, 0)
			toRun.push(rg)
		}
	}
	if mode == 'w' || mode == 'r'+'w' {
		if wg := netpollunblock(&pd.wg, &delta); wg != nil {
			s.note(dNetready, nil, wg, 1, 0)
			toRun.push(wg)
		}
	}
	return delta
}

// netpollunblock notes that a descriptor is ready, and gives the goroutine that waits for it.
func netpollunblock(gpp **g, delta *int32) *g {
	old := *gpp
	*gpp = pdReady
	if old == nil || old == pdReady {
		return nil
	}
	*delta--
	return old
}

// netpollblock parks mp's goroutine until its descriptor is ready. True: it has become ready meanwhile, and the goroutine
// has not parked. One that has parked calls netpollunparked first when it runs again.
func (s *Sched) netpollblock(mp *m, gpp **g) bool {
	if *gpp == pdReady {
		*gpp = nil
		return true
	}
	if *gpp != nil {
		s.throw("netpollblock: double wait")
		return true
	}
	*gpp = mp.curg
	s.netpollAdjustWaiters(1)
	s.gopark(mp, lab.Network)
	return false
}

// netpollunparked is netpollblock behind its parking: the notice is used up.
func (s *Sched) netpollunparked(gpp **g) {
	if *gpp != pdReady {
		s.throw("netpollblock: corrupted polldesc")
	}
	*gpp = nil
}

func (s *Sched) netpollAdjustWaiters(delta int32) { s.netWaiters += delta }

// netpollAnyWaiters tells whether any goroutine waits for a descriptor.
func (s *Sched) netpollAnyWaiters() bool { return s.netWaiters > 0 }

// blockInNetpoll lets mp, which has no P, wait for descriptors and for the first timer. It always waits (true): the
// poller comes back through pollReturned.
func (s *Sched) blockInNetpoll(mp *m) bool {
	s.sched.polling = mp
	s.sched.pollUntil = mp.pollUntil
	mp.next = mPoll
	s.recordM(mp, lab.Running, lab.Idle)
	now := s.host.Now
	s.note(tPoll, nil, nil, mp.id, 0)
	delay := mp.pollUntil - now
	if s.epoll.head != nil || mp.pollUntil != 0 && delay <= 0 {
		s.host.Run(mp.thread, s.paid(&mp.actor)+s.price.netpoll)
		return true
	}
	pay := s.paid(&mp.actor)
	if mp.pollUntil == 0 { // SIMPLIFIED(netpoll): this costs what a futex does; measured a tenth more
		s.host.Block(mp.thread, pay+s.price.futexSleep)
		return true
	}
	pay += s.price.sleepIn
	mp.charge = s.price.epollCPU - s.price.sleepIn
	wait := s.epollWait(delay) - mp.charge
	s.host.SleepLate(mp.thread, pay, now+max(pay, wait), max(0, wait-delay), 0)
	return true
}

// epollWait is how long an epoll_wait really lasts that shall last d: at least a millisecond, else whole ones, and late.
// An ideal machine's lasts d.
func (s *Sched) epollWait(d time.Duration) time.Duration {
	if s.cost.Cores == 0 {
		return d
	}
	if d < time.Millisecond {
		d = time.Millisecond
	}
	return d.Truncate(time.Millisecond) + s.cost.EpollOver.Sample(&s.kernel)
}

// pollReturned is findRunnable after a blocking netpoll: take an idle P for what is ready, or leave it to the others.
// False: the M parks.
func (s *Sched) pollReturned(mp *m) bool {
	s.sched.polling, s.sched.pollUntil = nil, 0
	s.sched.lastpoll = s.host.Now
	pp := s.pidleget()
	if pp == nil {
		list := s.netpoll()
		s.injectglist(&mp.actor, nil, &list)
		s.stopm(mp)
		return false
	}
	s.acquirep(mp, pp)
	mp.next = mSched
	if gp := s.netpollPop(mp); gp != nil {
		if gp.lockedm != nil {
			s.startlockedm(mp, gp)
			return false
		}
		s.execute(mp, gp, false)
		return true
	}
	if mp.wasSpinning {
		s.becomeSpinning(mp)
	}
	return true
}

// netpollBreak wakes the M that blocks in the netpoller.
func (s *Sched) netpollBreak(a *actor) {
	if mp := s.sched.polling; mp != nil {
		if s.host.Blocked(mp.thread) {
			mp.charge = 0 // the rest of what its timer would have cost
		}
		a.charge += s.host.Rouse(mp.thread, a.thread)
	}
}

// wakeNetPoller makes sure that somebody waits for a timer that was just armed.
func (s *Sched) wakeNetPoller(a *actor, when time.Duration) {
	if s.sched.polling == nil {
		s.wakep(a)
		return
	}
	if s.sched.pollUntil == 0 || s.sched.pollUntil > when {
		s.netpollBreak(a)
	}
}

// injectglist makes goroutines runnable that were waiting outside: with a P, one for each idle P through the global
// queue and the rest on the local one; without, all on the global queue.
func (s *Sched) injectglist(a *actor, pp *p, list *gQueue) {
	if list.empty() {
		return
	}
	for gp := list.head; gp != nil; gp = gp.schedlink {
		s.casgstatus(gp, _Grunnable, lab.NoReason)
	}
	if pp == nil {
		n := list.size
		s.note(dInject, nil, list.head, n, 0)
		for !list.empty() {
			s.globrunqput(list.pop())
		}
		s.startIdle(a, n)
		return
	}
	s.note(dInject, pp, list.head, min(s.sched.npidle, list.size), max(list.size-s.sched.npidle, 0))
	n := int32(0)
	for ; n < s.sched.npidle && !list.empty(); n++ {
		s.globrunqput(list.pop())
	}
	s.startIdle(a, n)
	s.runqputbatch(pp, list)
	for !list.empty() {
		s.globrunqput(list.pop())
	}
	s.wakep(a)
}

// startIdle starts up to n Ms that do not spin.
func (s *Sched) startIdle(a *actor, n int32) {
	for ; n > 0; n-- {
		pp := s.pidlegetSpinning()
		if pp == nil {
			return
		}
		s.startm(a, pp, false)
	}
}
