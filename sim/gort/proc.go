package gort

import "time"

// Goroutines and the M that runs them (runtime/proc.go: mstart, schedule, execute, newproc, gopark, ready, goexit0).

// mstart goes on with an M whose thread the host has given back: it runs goroutines until the thread must burn CPU,
// block or sleep.
func (s *Sched) mstart(mp *m) {
	switch mp.next {
	case mPark:
		s.acquirep(mp, mp.nextp)
		mp.nextp, mp.next = nil, mSched
		s.note(dAcquire, mp.p, nil, mp.id, 0)
	case mPoll:
		if !s.pollReturned(mp) {
			return
		}
	case mSyscall:
		if mp.helpers > 0 { // a session's helper thread is not done: wait for it
			mp.waiting = true
			s.host.Block(mp.thread, s.paid(&mp.actor))
			return
		}
		if !s.exitsyscall(mp) {
			return
		}
	}
	for {
		if mp.curg == nil && !s.schedule(mp) {
			return
		}
		if !s.exec(mp) {
			return
		}
	}
}

// paid takes what an actor owes, for its thread to burn.
func (s *Sched) paid(a *actor) time.Duration {
	d := a.charge
	a.charge = 0
	return d
}

// schedule finds a goroutine and executes it. False: there is none yet, and the host has the M's thread.
func (s *Sched) schedule(mp *m) bool {
	gp, inheritTime, ok := s.findRunnable(mp)
	if !ok {
		return false
	}
	if mp.spinning {
		s.resetspinning(mp)
	}
	s.execute(mp, gp, inheritTime)
	return true
}

// execute makes gp the goroutine of mp. A goroutine that inherits its time slice does not advance the tick.
func (s *Sched) execute(mp *m, gp *g, inheritTime bool) {
	mp.curg, gp.m = gp, mp
	mp.next = mRun
	gp.status = _Grunning
	gp.preempt = false
	if !inheritTime {
		mp.p.schedtick++
	}
	s.note(tExecute, mp.p, gp, b2i(inheritTime), mp.id)
}

func b2i(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// newproc makes a goroutine that runs prog as request num of the class, and puts it in mp's runnext.
func (s *Sched) newproc(mp *m, prog []Op, class int32, num uint64, due time.Duration) *g {
	gp := s.gfget(mp)
	gp.prog, gp.class, gp.num, gp.due = prog, class, num, due
	gp.status = _Grunnable
	s.alive++
	mp.charge += s.price.newproc
	s.note(tNewproc, mp.p, gp, class, int32(num))
	s.runqput(mp.p, gp, true)
	if s.marking {
		s.settle()
	}
	s.wakep(&mp.actor)
	return gp
}

// gfget takes a g from the P's free list, the global one, or a new slab.
// SIMPLIFIED(goroutine): free gs are kept in one list, not by P; stacks do not grow.
func (s *Sched) gfget(mp *m) *g {
	gp := s.gFree
	if gp != nil {
		s.gFree = gp.schedlink
		*gp = g{goid: gp.goid, timer: gp.timer, life: gp.life, checked: gp.checked}
		return gp
	}
	mp.charge += s.price.newg
	if len(s.slab) == 0 {
		s.slab = make([]g, 256)
	}
	gp = &s.slab[0]
	s.slab = s.slab[1:]
	s.sched.goidgen++
	gp.goid = s.sched.goidgen
	return gp
}

// goexit0 ends mp's goroutine.
func (s *Sched) goexit0(mp *m) {
	gp := mp.curg
	gp.status = _Gdead
	gp.m, mp.curg = nil, nil
	s.note(tExit, mp.p, gp, 0, 0)
	mp.next = mSched
	mp.charge += s.price.goexit
	gp.schedlink, s.gFree = s.gFree, gp
	gp.life++
	s.alive--
}

// gopark makes mp's goroutine wait; whoever readies it must know where it waits.
func (s *Sched) gopark(mp *m) {
	gp := mp.curg
	gp.status = _Gwaiting
	gp.m, mp.curg = nil, nil
	s.note(tPark, mp.p, gp, int32(gp.prog[gp.pc].Do), gp.prog[gp.pc].I)
	mp.next = mSched
	mp.charge += s.price.swtch
}

// ready makes gp runnable on mp's P.
func (s *Sched) ready(mp *m, gp *g, next bool) {
	if gp.status != _Gwaiting {
		s.throw("ready: not waiting")
		return
	}
	gp.status = _Grunnable
	mp.charge += s.price.ready
	s.note(tReady, mp.p, gp, goidOf(mp.curg), 0)
	s.runqput(mp.p, gp, next)
	if s.marking {
		s.settle()
	}
	s.wakep(&mp.actor)
}

// goschedImpl puts mp's goroutine at the tail of the global queue: Gosched and preemption.
func (s *Sched) goschedImpl(mp *m, preempted bool) {
	gp := mp.curg
	gp.status = _Grunnable
	gp.m, mp.curg = nil, nil
	mp.next = mSched
	s.globrunqput(gp)
	s.note(tYield, mp.p, gp, b2i(preempted), 0)
	mp.charge += s.price.swtch
	s.wakep(&mp.actor)
}

// goyield puts mp's goroutine at the tail of its own P's queue: a mutex handed over in starvation mode.
func (s *Sched) goyield(mp *m) {
	gp := mp.curg
	gp.status = _Grunnable
	gp.m, mp.curg = nil, nil
	mp.next = mSched
	s.runqput(mp.p, gp, false)
	s.note(dGoyield, mp.p, gp, 0, 0)
	mp.charge += s.price.swtch
}

// acquirep gives the M a P.
func (s *Sched) acquirep(mp *m, pp *p) {
	if pp == nil || mp.p != nil || pp.m != nil {
		s.throw("acquirep: the P or the M is taken")
		return
	}
	mp.p, pp.m = pp, mp
	pp.status = _Prunning
}

// releasep takes the M's P away.
func (s *Sched) releasep(mp *m) *p {
	pp := mp.p
	mp.p, pp.m = nil, nil
	pp.status = _Pidle
	return pp
}
