package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// The network poller (runtime/netpoll.go, netpoll_epoll.go): one M at a time blocks in epoll_wait, which is also how an
// idle process waits for its timers. Its time-out counts whole milliseconds.

// netpoll takes the goroutines whose descriptors are ready, the last one first.
func (s *Sched) netpoll() (list gQueue) {
	for {
		gp := s.netReady.pop()
		if gp == nil {
			return list
		}
		s.netWaiters--
		gp.onNet = false
		list.push(gp)
	}
}

// netpollblock parks mp's goroutine until its descriptor is ready.
func (s *Sched) netpollblock(mp *m) {
	mp.curg.onNet = true
	s.netWaiters++
	s.gopark(mp, lab.Network)
}

// netpollready tells the poller that gp's descriptor is ready; a is the thread that made it so.
func (s *Sched) netpollready(a *actor, gp *g) {
	s.netReady.pushBack(gp)
	s.note(dNetready, nil, gp, 0, 0)
	if mp := s.sched.polling; mp != nil {
		a.charge += s.host.Wake(mp.thread, a.thread)
	}
}

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
	if !s.netReady.empty() || mp.pollUntil != 0 && delay <= 0 {
		s.host.Run(mp.thread, s.paid(&mp.actor)+s.price.netpoll)
		return true
	}
	pay := s.paid(&mp.actor) + s.price.epollCPU/2
	mp.charge = s.price.epollCPU - s.price.epollCPU/2
	if mp.pollUntil == 0 {
		s.host.Block(mp.thread, pay)
		return true
	}
	s.host.Sleep(mp.thread, pay, now+max(pay, s.epollWait(delay)-mp.charge))
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
		a.charge += s.host.Wake(mp.thread, a.thread)
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
