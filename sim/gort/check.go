package gort

import "fmt"

// Check makes the run verify its invariants after every event; a violation ends it with an error.
func (s *Sched) Check() { s.checking = true }

// check verifies what must hold between two events:
//
//	INV-1 a P runs and has one M that has it, or is on the idle list without work, or on its way to one M
//	INV-2 npidle, nmidle and nmspinning agree with a recount
//	INV-3 no ring holds more than 256, and every g on a queue is runnable and on one queue only
//	INV-4 a runnable g, an idle P and nobody on the way to look for work do not go together
//	INV-5 an M that runs a goroutine has a P, unless it is in a call
//	INV-6 the world waits for the Ps that have not stopped; none is stopped but then, and none is idle then
//	INV-7 an M and its locked goroutine know each other; it runs no other one, and waits in stoplockedm while that does not run
//	INV-8 what waits for a lock is waiting, and somebody will wake it
//	INV-9 a connection holds no more than its buffer; what waits for a descriptor is waiting, is counted, and is on the kernel's
//	list if it need not wait any more
//	INV-10 what the collector counts agrees with a recount: who marks, the Ps at safe points, idle and dedicated workers; who
//	waits for it is waiting; nothing alive, unswept or pooled is negative
func (s *Sched) check() error {
	var without, idle int32 // Ps that are not running; those of them on the idle list
	for _, pp := range s.allp {
		if pp.status == _Pgcstop {
			continue
		}
		if pp.status == _Pidle {
			without++
			if pp.m != nil {
				return fmt.Errorf("INV-1: idle P%d has an M", pp.id)
			}
		} else if pp.m == nil || pp.m.p != pp {
			return fmt.Errorf("INV-1: running P%d has no M, or one with another P", pp.id)
		}
	}
	for pp := s.sched.pidle; pp != nil; pp = pp.link {
		idle++
		if pp.status != _Pidle || !runqempty(pp) || !s.idlepMask.read(pp.id) {
			return fmt.Errorf("INV-1: P%d on the idle list runs, or has work, or is not in idlepMask", pp.id)
		}
	}
	marked := int32(0)
	for _, pp := range s.allp {
		if s.idlepMask.read(pp.id) {
			marked++
		}
		if len(pp.timers.heap) > 0 && !s.timerpMask.read(pp.id) {
			return fmt.Errorf("INV-1: P%d has timers, and is not in timerpMask", pp.id)
		}
	}
	if marked != idle {
		return fmt.Errorf("INV-1: %d Ps in idlepMask, %d on the idle list", marked, idle)
	}
	for _, mp := range s.allm {
		if mp.nextp != nil { // on its way to this M
			without--
		}
	}
	if idle != s.sched.npidle || idle != without {
		return fmt.Errorf("INV-2: %d Ps on the idle list and %d without an M, npidle is %d", idle, without, s.sched.npidle)
	}
	if err := s.checkStopped(); err != nil {
		return err
	}
	if err := s.checkLocks(); err != nil {
		return err
	}
	if err := s.checkNet(); err != nil {
		return err
	}
	if err := s.checkGC(); err != nil {
		return err
	}
	return s.checkMs()
}

func (s *Sched) checkStopped() error {
	stopped := int32(0)
	for _, pp := range s.allp {
		if pp.status == _Pgcstop {
			stopped++
			if pp.m != nil && pp.m != s.sched.stopping {
				return fmt.Errorf("INV-6: P%d has stopped, and has M%d", pp.id, pp.m.id)
			}
		}
	}
	switch {
	case !s.sched.gcwaiting && stopped > 0:
		return fmt.Errorf("INV-6: %d Ps have stopped in a world that runs", stopped)
	case s.sched.gcwaiting && (stopped+s.sched.stopwait != int32(len(s.allp)) || s.sched.npidle > 0):
		return fmt.Errorf("INV-6: the world stops: %d of %d Ps have stopped, %d idle, stopwait is %d",
			stopped, len(s.allp), s.sched.npidle, s.sched.stopwait)
	}
	return nil
}

func (s *Sched) checkLocks() error {
	for i := range s.mutexes {
		if err := s.checkMutex("mutex", i, &s.mutexes[i]); err != nil {
			return err
		}
	}
	for i := range s.rwmutexes {
		rw := &s.rwmutexes[i]
		if err := s.checkMutex("rwmutex", i, &rw.w); err != nil {
			return err
		}
		if rw.readerCount >= 0 && !(rw.readerSem.queue.empty() && rw.writerSem.queue.empty()) {
			return fmt.Errorf("INV-8: rwmutex %d: somebody waits, but no writer holds or wants it", i)
		}
		if !allWaiting(&rw.readerSem.queue) || !allWaiting(&rw.writerSem.queue) {
			return fmt.Errorf("INV-8: rwmutex %d: one of its waiters does not wait", i)
		}
	}
	for i := range s.conds {
		if l := &s.conds[i].notify; !allWaiting(&l.queue) || l.notify > l.wait || l.queue.size > l.wait-l.notify {
			return fmt.Errorf("INV-8: cond %d: %d wait, tickets %d to %d", i, l.queue.size, l.notify, l.wait)
		}
	}
	return nil
}

func (s *Sched) checkMutex(what string, i int, mu *mutex) error {
	if !allWaiting(&mu.sema.queue) {
		return fmt.Errorf("INV-8: %s %d: one of its waiters does not wait", what, i)
	}
	if mu.waiters > 0 && !mu.locked && !mu.woken && !mu.starving {
		return fmt.Errorf("INV-8: %s %d is free, %d wait and none is woken", what, i, mu.waiters)
	}
	return nil
}

// allWaiting tells whether all gs of a wait queue are parked.
func allWaiting(q *gQueue) bool {
	for gp := q.head; gp != nil; gp = gp.schedlink {
		if gp.status != _Gwaiting {
			return false
		}
	}
	return true
}

// checkLocked looks at an M that is locked, or waits as if it were.
func (s *Sched) checkLocked(mp *m) error {
	if gp := mp.lockedg; gp != nil && (gp.lockedm != mp || mp.curg != gp && mp.curg != nil || mp.curg == nil && mp.next != mLocked) {
		return fmt.Errorf("INV-7: M%d is locked to g%d, but does something else", mp.id, gp.goid)
	}
	if mp.next == mLocked && mp.lockedg == nil {
		return fmt.Errorf("INV-7: M%d waits for a locked goroutine that it does not have", mp.id)
	}
	return nil
}

func (s *Sched) checkMs() error {
	var spinning, coming, locked int32
	for _, mp := range s.allm {
		if mp.spinning {
			spinning++
		}
		if err := s.checkLocked(mp); err != nil {
			return err
		}
		if mp.next == mLocked && mp.nextp == nil {
			locked++
		}
		if (mp.next == mPark || mp.next == mLocked) && mp.nextp != nil || mp.p != nil && mp.curg == nil {
			coming++
		}
		if gp := mp.curg; gp != nil && mp.p == nil && gp.status != _Gsyscall {
			return fmt.Errorf("INV-5: M%d runs g%d without a P", mp.id, gp.goid)
		}
	}
	if spinning != s.sched.nmspinning {
		return fmt.Errorf("INV-2: %d Ms spin, nmspinning is %d", spinning, s.sched.nmspinning)
	}
	if locked != s.sched.nmidlelocked {
		return fmt.Errorf("INV-2: %d Ms wait for their locked goroutine, nmidlelocked is %d", locked, s.sched.nmidlelocked)
	}
	idle := int32(0)
	for mp := s.sched.midle; mp != nil; mp = mp.schedlink {
		if mp.nextp != nil || mp.p != nil {
			return fmt.Errorf("INV-2: idle M%d has a P", mp.id)
		}
		idle++
	}
	if idle != s.sched.nmidle {
		return fmt.Errorf("INV-2: %d idle Ms, nmidle is %d", idle, s.sched.nmidle)
	}
	if s.events%(1+s.alive/256) != 0 {
		return nil // so many goroutines that looking at each after every event would take for ever
	}
	return s.checkQueues(coming)
}

func (s *Sched) checkQueues(coming int32) error {
	queued := int32(0)
	s.checks++
	visit := func(gp *g) error {
		if gp.status != _Grunnable || gp.checked == s.checks {
			return fmt.Errorf("INV-3: g%d is on a queue with status %d, or on two", gp.goid, gp.status)
		}
		gp.checked = s.checks
		queued++
		return nil
	}
	for _, pp := range s.allp {
		if pp.runqtail-pp.runqhead > runqSize {
			return fmt.Errorf("INV-3: the ring of P%d holds %d", pp.id, pp.runqtail-pp.runqhead)
		}
		for i := pp.runqhead; i != pp.runqtail; i++ {
			if err := visit(pp.runq[i%runqSize]); err != nil {
				return err
			}
		}
		if pp.runnext != nil {
			if err := visit(pp.runnext); err != nil {
				return err
			}
		}
	}
	for gp := s.sched.runq.head; gp != nil; gp = gp.schedlink {
		if err := visit(gp); err != nil {
			return err
		}
	}
	if local := queued - s.sched.runq.size; local != s.sched.nlocal {
		return fmt.Errorf("INV-2: %d gs on local queues, nlocal is %d", local, s.sched.nlocal)
	}
	if s.policy.steals() && s.policy.WakeLimit > 0 && queued > 0 && s.sched.npidle > 0 && coming == 0 && s.started && !s.stranded() {
		return fmt.Errorf("INV-4: %d runnable, %d Ps idle, and nobody looks for work", queued, s.sched.npidle)
	}
	return nil
}

// stranded tells whether all runnable gs lie on Ps whose threads are in calls: the runtime wakes nobody for those until
// sysmon looks.
func (s *Sched) stranded() bool {
	if !s.sched.runq.empty() {
		return false
	}
	for _, pp := range s.allp {
		if !runqempty(pp) && (pp.m == nil || pp.m.curg == nil || pp.m.curg.status != _Gsyscall) {
			return false
		}
	}
	return true
}
