package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// Stopping the world (runtime/proc.go: stopTheWorldWithSema, startTheWorldWithSema, gcstopm) and changing the number of Ps
// (runtime/debug.go: GOMAXPROCS, runtime/proc.go: procresize). Goroutines that run are preempted and stay on their P's
// runnext; the Ps of threads in calls are taken; idle Ps are collected. An M that finds the world stopping in
// findRunnable gives its P up and parks. Who stops the world asks again every 100 µs for those that did not hear.
//
// SIMPLIFIED(stw): the goroutine that stops the world stays running (the runtime marks it waiting), procresize costs no
// time, the clock of a collection's first stop ends after the last wakep and not before it, and in a process without a
// collector gcsema and worldsema are one semaphore.

const stopAgain = 100 * time.Microsecond // runtime/proc.go: stopTheWorldWithSema

// The parts of setGomaxprocs.
const (
	stwBegin   uint8 = iota
	stwGC            // it waits for gcsema: nobody collects, or changes the number of Ps
	stwAcquire       // it waits for worldsema
	stwStop
	stwStart
)

// setGomaxprocs is runtime.GOMAXPROCS(n) by mp's goroutine.
func (s *Sched) setGomaxprocs(mp *m, n int) uint8 {
	gp := mp.curg
	did := opDone
	switch gp.op {
	case stwBegin:
		if n == len(s.allp) {
			return opDone
		}
		if s.collects {
			gp.op = stwGC
			if did = s.semacquire(mp, &s.sched.gcsema, false); did != opDone {
				return did
			}
		}
		gp.op = stwAcquire
		did = s.semacquire(mp, &s.sched.worldsema, false)
	case stwGC:
		if did = s.woken(mp, &s.sched.gcsema); did != opDone {
			return did
		}
		gp.op = stwAcquire
		did = s.semacquire(mp, &s.sched.worldsema, false)
	case stwAcquire:
		did = s.woken(mp, &s.sched.worldsema)
	case stwStart:
		s.startTheWorldWithSema(mp, n)
		s.semrelease(mp, &s.sched.worldsema, true)
		if s.collects {
			s.semrelease(mp, &s.sched.gcsema, false)
			s.gcBgMarkStartWorkers()
			s.limiterConsume()
			s.limiter.ResetCapacity(int64(s.host.Now), int32(n))
		}
		gp.op = stwBegin
		return opDone
	}
	if did != opDone {
		return did
	}
	gp.op = stwStart
	if s.stopTheWorldWithSema(mp) {
		return opStay
	}
	return opBusy
}

// stopTheWorldWithSema stops all Ps but mp's; false: not all have stopped yet, and mp waits for them.
func (s *Sched) stopTheWorldWithSema(mp *m) bool {
	s.sched.stopwait = int32(len(s.allp)) - 1
	s.sched.gcwaiting = true
	s.sched.stopping = mp
	s.sched.stopTimes = s.host.Now + mp.charge
	mp.p.status = _Pgcstop // before preemptall, which so leaves it out
	s.note(tStopWorld, mp.p, mp.curg, s.sched.stopwait, 0)
	s.preemptall(mp)
	for _, pp := range s.allp {
		if mp2 := pp.m; pp.status == _Prunning && mp2 != nil && mp2.curg != nil && mp2.curg.status == _Gsyscall {
			s.takeP(mp2)
			pp.status = _Pgcstop
			s.sched.stopTimes += s.host.Now + mp.charge
			s.sched.stopwait--
		}
	}
	for pp := s.pidleget(); pp != nil; pp = s.pidleget() {
		pp.status = _Pgcstop
		s.sched.stopTimes += s.host.Now + mp.charge
		s.sched.stopwait--
	}
	s.sched.locked = s.host.Now + mp.charge
	if s.sched.stopwait == 0 {
		return true
	}
	s.stopSleep(mp)
	return false
}

// stopSleep lets mp wait until all Ps have stopped, but not longer than it takes to ask again.
func (s *Sched) stopSleep(mp *m) {
	mp.next = mStop
	pay := s.paid(&mp.actor) + s.price.sleepIn // notetsleep
	late := s.cost.SleepOver.Sample(&s.kernel)
	s.host.SleepLate(mp.thread, pay, s.host.Now+max(pay, stopAgain+late), late, s.price.sleepCPU-s.price.sleepIn)
}

// stopWaited goes on with an M that has waited for the world to stop; false: it waits on.
func (s *Sched) stopWaited(mp *m) bool {
	if s.sched.stopwait == 0 {
		mp.next = mRun
		return true
	}
	s.preemptall(mp)
	s.stopSleep(mp)
	return false
}

// preemptall asks every goroutine that runs to yield, but mp's.
func (s *Sched) preemptall(mp *m) {
	for _, pp := range s.allp {
		if pp.status == _Prunning && pp.m != mp {
			s.preemptone(&mp.actor, pp)
		}
	}
}

// gcstopm stops mp's P, and parks mp.
func (s *Sched) gcstopm(mp *m) {
	if mp.spinning {
		mp.spinning = false
		s.sched.nmspinning--
	}
	s.note(tGcstop, mp.p, nil, mp.id, 0)
	s.gcstop(&mp.actor, s.releasep(mp))
	s.stopm(mp)
}

// gcstop counts a P that has stopped; the last one wakes the M that waits for them.
func (s *Sched) gcstop(a *actor, pp *p) {
	pp.status = _Pgcstop
	s.sched.stopTimes += s.host.Now + a.charge
	if s.sched.stopwait--; s.sched.stopwait == 0 {
		a.charge += s.host.Rouse(s.sched.stopping.thread, a.thread)
	}
}

// entersyscallHandleGCWait gives the P up at the beginning of a call.
func (s *Sched) entersyscallHandleGCWait(mp *m) {
	if s.sched.stopwait == 0 {
		return
	}
	pp := s.releasep(mp)
	pp.syscalltick++
	s.gcstop(&mp.actor, pp)
}

// startTheWorldWithSema goes on with n Ps.
func (s *Sched) startTheWorldWithSema(mp *m, n int) {
	if s.netpollAnyWaiters() {
		mp.charge += s.price.netpoll
		list := s.netpoll()
		s.injectglist(&mp.actor, mp.p, &list)
	}
	p1 := s.procresize(mp, n)
	s.note(tStartWorld, mp.p, mp.curg, int32(n), 0)
	s.sched.gcwaiting, s.sched.stopping = false, nil
	s.wakeSysmon(&mp.actor)
	for p1 != nil {
		pp := p1
		p1, pp.link = pp.link, nil
		mp2 := pp.m
		pp.m = nil
		if mp2 == nil {
			s.newm(&mp.actor, pp, false)
			continue
		}
		mp2.nextp = pp
		mp.charge += s.host.Rouse(mp2.thread, mp.thread)
	}
	s.wakep(&mp.actor)
}

// procresize makes it n Ps, while the world is stopped. It gives those with local work, each with the M it had last, or
// another idle one, or none; the others are idle.
func (s *Sched) procresize(mp *m, n int) (runnablePs *p) {
	old := len(s.allp)
	s.allp = s.allp[:min(n, cap(s.allp))]
	for i := min(old, n); i < n; i++ {
		if i == len(s.allp) {
			s.allp = append(s.allp, nil)
		}
		if s.allp[i] == nil {
			s.allp[i] = &p{id: int32(i)}
		}
		s.allp[i].status = _Pgcstop
	}
	s.reset(n)
	for i := old; i < n; i++ {
		s.timerpMask.set(int32(i))
	}
	if mp.p.id < int32(n) {
		mp.p.status = _Prunning
	} else {
		s.casgstatus(mp.curg, _Grunnable, lab.Gosched) // as the trace tells it: descheduled, and scheduled again
		gone := s.releasep(mp)
		s.allp[0].status = _Pidle
		s.acquirep(mp, s.allp[0])
		s.casgstatus(mp.curg, _Grunning, lab.NoReason)
		gone.status = _Pgcstop
	}
	for i := n; i < old; i++ {
		s.destroy(s.allp[:old][i], mp.p)
	}
	var needM, idlePs *p
	for i := n - 1; i >= 0; i-- {
		pp := s.allp[i]
		if pp == mp.p {
			continue
		}
		pp.status = _Pidle
		if runqempty(pp) {
			pp.link, idlePs = idlePs, pp
		} else if pp.m = s.mgetSpecific(pp.oldm); pp.m == nil {
			pp.link, needM = needM, pp
		} else {
			pp.link, runnablePs = runnablePs, pp
		}
	}
	for needM != nil {
		pp := needM
		needM = pp.link
		pp.m = s.mget()
		pp.link, runnablePs = runnablePs, pp
	}
	if s.controller.BlackenEnabled {
		for idlePs != nil && s.assignWaitingGCWorker(idlePs) {
			pp := idlePs
			idlePs = pp.link
			pp.m = s.mget()
			pp.link, runnablePs = runnablePs, pp
		}
	}
	for idlePs != nil {
		pp := idlePs
		idlePs = pp.link
		s.pidleput(pp)
	}
	return runnablePs
}

// destroy moves what a P has that is no more: its goroutines to the head of the global queue, its timers to pp2.
func (s *Sched) destroy(pp, pp2 *p) {
	for ; pp.runqhead != pp.runqtail; s.sched.nlocal-- {
		pp.runqtail--
		s.sched.runq.push(pp.runq[pp.runqtail%runqSize])
	}
	if pp.runnext != nil {
		s.sched.runq.push(pp.runnext)
		pp.runnext = nil
		s.sched.nlocal--
	}
	for s.wakeTime(pp) != 0 { // which drops those that are stopped
		pp2.timers.add(pp.timers.pop())
	}
	s.gfpurge(pp)
	clear(pp.mcache)
	pp.status = _Pdead
}

// mgetSpecific takes that M if it is idle.
func (s *Sched) mgetSpecific(mp *m) *m {
	for at := &s.sched.midle; *at != nil; at = &(*at).schedlink {
		if *at == mp {
			*at, mp.schedlink = mp.schedlink, nil
			s.sched.nmidle--
			return mp
		}
	}
	return nil
}
