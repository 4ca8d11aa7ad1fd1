package gort

// forEachP runs a function on every P at a safe point (runtime/proc.go: forEachPInternal, runSafePointFn). Goroutines that run
// are preempted, and so go to the global queue; a P whose thread is in a call is taken from it; idle Ps are done at once. Who
// asked waits with its P, and asks again every 100 µs. The collector does so twice to end marking and once to flush the
// caches for sweeping.

// forEachP asks every P, and comes back to the same op when all have answered. What the functions do costs nothing.
func (s *Sched) forEachP(mp *m) uint8 {
	s.sched.safePointWait = int32(len(s.allp)) - 1
	s.sched.safePointing = mp
	for _, pp := range s.allp {
		pp.runSafePointFn = pp != mp.p
	}
	s.note(tForEachP, mp.p, mp.curg, s.sched.safePointWait, 0)
	s.preemptall(mp)
	for pp := s.sched.pidle; pp != nil; pp = pp.link {
		s.ranSafePointFn(&mp.actor, pp)
	}
	s.sched.locked = s.host.Now + mp.charge
	for _, pp := range s.allp {
		mp2 := pp.m
		if pp.runSafePointFn && pp.status == _Prunning && mp2 != nil && mp2 != mp && mp2.curg != nil && mp2.curg.status == _Gsyscall {
			s.takeP(mp2)
			s.handoffp(&mp.actor, pp)
		}
	}
	if s.sched.safePointWait == 0 {
		return opStay
	}
	s.safePointSleep(mp)
	return opBusy
}

// beforeSafePoint lets mp pay what it took to get to a safe point, which who waits for it sees, and then wait for sched.lock,
// which that one holds while it sends its signals. True: the host has mp's thread.
//
// SIMPLIFIED(stw): an M waits for sched.lock here only, and does not sleep while it does: one that loses its core meanwhile burns
// the rest of the wait when it has one again.
func (s *Sched) beforeSafePoint(mp *m) bool {
	if mp.locking {
		mp.locking = false
		s.host.Rest(mp.thread) // a signal may have cut the wait short; its handler takes longer
	}
	wait := s.sched.locked - s.host.Now
	switch {
	case mp.charge >= payAt:
		wait = s.paid(&mp.actor)
	case wait <= 0:
		return false
	default:
		mp.locking = true
	}
	s.host.Run(mp.thread, wait)
	return true
}

// ranSafePointFn counts a P that has run the function; the last one wakes who asked.
func (s *Sched) ranSafePointFn(a *actor, pp *p) {
	if !pp.runSafePointFn {
		return
	}
	pp.runSafePointFn = false
	if s.sched.safePointWait--; s.sched.safePointWait == 0 && s.sched.safePointing.next == mSafe {
		a.charge += s.host.Rouse(s.sched.safePointing.thread, a.thread)
	}
}

func (s *Sched) safePointSleep(mp *m) {
	mp.next = mSafe
	pay := s.paid(&mp.actor) + s.price.sleepIn // notetsleep
	late := s.cost.SleepOver.Sample(&s.kernel)
	s.host.SleepLate(mp.thread, pay, s.host.Now+max(pay, stopAgain+late), late, s.price.sleepCPU-s.price.sleepIn)
}

// safePointWaited goes on with an M that waits for the Ps; false: it waits on.
func (s *Sched) safePointWaited(mp *m) bool {
	if s.sched.safePointWait == 0 {
		mp.next = mRun
		return true
	}
	s.preemptall(mp)
	s.safePointSleep(mp)
	return false
}
