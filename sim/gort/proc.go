package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// Goroutines and the M that runs them (runtime/proc.go: mstart, schedule, execute, newproc, gopark, ready, goexit0).

// mstart goes on with an M whose thread the host has given back: it runs goroutines until the thread must burn CPU,
// block or sleep.
func (s *Sched) mstart(mp *m) {
	switch mp.next {
	case mPark:
		s.recordM(mp, lab.Idle, lab.Running)
		s.acquirep(mp, mp.nextp)
		mp.nextp, mp.next = nil, mSched
		s.note(dAcquire, mp.p, nil, mp.id, 0)
	case mPoll:
		s.recordM(mp, lab.Idle, lab.Running)
		if !s.pollReturned(mp) {
			return
		}
	case mLocked:
		s.recordM(mp, lab.Idle, lab.Running)
		s.acquirep(mp, mp.nextp)
		mp.nextp = nil
		s.execute(mp, mp.lockedg, false)
	case mStop:
		if !s.stopWaited(mp) {
			return
		}
	case mSafe:
		if !s.safePointWaited(mp) {
			return
		}
	case mSyscall:
		if mp.helpers > 0 { // a session's helper thread is not done: wait for it
			mp.waiting = true
			s.host.Block(mp.thread, s.paid(&mp.actor))
			return
		}
		if mp.fd != nil && !s.netReturns(mp) {
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
	if mp.next == mExit {
		s.mexit(mp)
		return false
	}
	if mp.lockedg != nil {
		s.stoplockedm(mp)
		return false
	}
	gp, inheritTime, ok := s.findRunnable(mp)
	if !ok {
		return false
	}
	if mp.p.nextGCMarkWorker != nil { // it was assigned one, but found something else
		s.releaseNextGCMarkWorker(mp.p)
	}
	if mp.spinning {
		s.resetspinning(mp)
	}
	if gp.lockedm != nil {
		s.startlockedm(mp, gp)
		return false
	}
	s.execute(mp, gp, inheritTime)
	return true
}

// execute makes gp the goroutine of mp. A goroutine that inherits its time slice does not advance the tick.
func (s *Sched) execute(mp *m, gp *g, inheritTime bool) {
	mp.curg, gp.m = gp, mp
	mp.next = mRun
	s.casgstatus(gp, _Grunning, lab.NoReason)
	gp.preempt = false
	if !inheritTime {
		mp.p.schedtick++
	}
	if gp.noP { // exitsyscall goes on behind exitsyscallNoP
		gp.noP = false
		mp.p.syscalltick++
	}
	s.note(tExecute, mp.p, gp, b2i(inheritTime), mp.id)
}

func b2i(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// newproc makes a goroutine that runs prog as request num of its class, and puts it in mp's runnext.
func (s *Sched) newproc(mp *m, prog *Program, num uint64, due time.Duration) *g {
	gp := s.malg(mp)
	gp.prog, gp.class, gp.num, gp.due = prog, prog.Class, num, due
	s.casgstatus(gp, _Grunnable, lab.NoReason)
	s.alive++
	mp.charge += s.price.newproc
	if s.collects {
		s.goClosure(mp, gp)
	}
	s.note(tNewproc, mp.p, gp, prog.Class, int32(num))
	s.runqput(mp.p, gp, true)
	if s.marking {
		s.settle()
	}
	s.wakep(&mp.actor)
	return gp
}

// malg gives a g from the P's free list, or from a slab: a new one costs its stack. Its number is the next of those that
// the P has taken from the scheduler, goidCacheBatch at a time (newproc1).
func (s *Sched) malg(mp *m) *g {
	pp := mp.p
	gp := s.gfget(pp)
	if gp != nil {
		// Kept in variables: a composite literal is built on the stack and copied, which waits for its narrow fields.
		timer, life, checked := gp.timer, gp.life, gp.checked
		if gp.stack == noStack {
			mp.charge += s.price.stackNew
			s.stackalloc(mp, 0)
		}
		*gp = g{}
		gp.timer, gp.life, gp.checked = timer, life, checked
	} else {
		mp.charge += s.price.newg
		s.stackalloc(mp, 0)
		if len(s.slab) == 0 {
			s.slab = make([]g, 256)
		}
		gp = &s.slab[0]
		s.slab = s.slab[1:]
	}
	if pp.goidcache == pp.goidcacheend {
		s.sched.goidgen += goidCacheBatch
		pp.goidcache = s.sched.goidgen - goidCacheBatch + 1
		pp.goidcacheend = pp.goidcache + goidCacheBatch
	}
	gp.goid = pp.goidcache
	pp.goidcache++
	return gp
}

// goexit0 ends mp's goroutine.
func (s *Sched) goexit0(mp *m) {
	gp := mp.curg
	s.casgstatus(gp, _Gdead, lab.NoReason)
	gp.m, mp.curg = nil, nil
	s.note(tExit, mp.p, gp, 0, 0)
	mp.next = mSched
	if gp.lockedm != nil {
		mp.next = mExit
	}
	gp.lockedm, mp.lockedg = nil, nil
	if s.gcphase == _GCmark && gp.gcAssistBytes > 0 && gp.gcEpoch == s.gcEpoch { // its credit is everybody's
		s.controller.BgScanCredit += int64(s.controller.AssistWorkPerByte * float64(gp.gcAssistBytes))
	}
	if gp.closure {
		s.objects[s.closure].live--
	}
	mp.charge += s.price.goexit
	s.gfput(mp.p, gp)
	gp.life++
	s.alive--
}

// gopark makes mp's goroutine wait; whoever readies it must know where it waits.
func (s *Sched) gopark(mp *m, why lab.Reason) {
	gp := mp.curg
	s.casgstatus(gp, _Gwaiting, why)
	gp.m, mp.curg = nil, nil
	if s.marking && gp.prog != nil && int(gp.pc) < len(gp.prog.Ops) {
		op := &gp.prog.Ops[gp.pc]
		i := op.I
		if gp.gcop != gcopNone {
			i = int32(gp.gcop)
		}
		s.mark(tPark, mp.p, gp, int32(op.Do), i)
	}
	mp.next = mSched
	mp.charge += s.price.swtch
}

// ready makes gp runnable on mp's P.
func (s *Sched) ready(mp *m, gp *g, next bool) {
	if gp.status != _Gwaiting {
		s.throw("ready: not waiting")
		return
	}
	s.casgstatus(gp, _Grunnable, lab.NoReason)
	mp.charge += s.price.ready
	s.note(tReady, mp.p, gp, goidOf(mp.curg), b2i(!next))
	s.runqput(mp.p, gp, next)
	if s.marking {
		s.settle()
	}
	s.wakep(&mp.actor)
}

// goschedImpl puts mp's goroutine at the tail of the global queue: Gosched and preemption. One that is preempted to stop
// the world stays with its P.
func (s *Sched) goschedImpl(mp *m, preempted bool) {
	gp := mp.curg
	stays := preempted && s.sched.gcwaiting
	what, why := tYield, lab.Gosched
	if stays {
		what = tYieldStop
	}
	if preempted {
		why = lab.Preempted
	}
	s.casgstatus(gp, _Grunnable, why)
	gp.m, mp.curg = nil, nil
	mp.next = mSched
	if stays {
		s.runqput(mp.p, gp, true)
	} else {
		s.globrunqput(gp)
	}
	s.note(what, mp.p, gp, b2i(preempted), 0)
	mp.charge += s.price.swtch
	s.wakep(&mp.actor)
}

// goyield puts mp's goroutine at the tail of its own P's queue: a mutex handed over in starvation mode.
func (s *Sched) goyield(mp *m) {
	gp := mp.curg
	s.casgstatus(gp, _Grunnable, lab.Gosched)
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
	pp.oldm = mp
	pp.status = _Prunning
	s.recordP(pp, mp, lab.Idle, lab.Running)
}

// releasep takes the M's P away.
func (s *Sched) releasep(mp *m) *p {
	pp := mp.p
	s.recordP(pp, mp, lab.Running, lab.Idle)
	if pp.nextGCMarkWorker != nil {
		s.releaseNextGCMarkWorker(pp)
	}
	mp.p, pp.m = nil, nil
	pp.status = _Pidle
	return pp
}
