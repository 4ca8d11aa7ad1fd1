package gort

import "github.com/gmplab/lab"

// Threads that belong to one goroutine (runtime/proc.go: LockOSThread, stoplockedm, startlockedm, mexit). A locked
// goroutine runs on its own M only: when it stops, its M gives its P away and waits; whichever M schedules it hands
// over its P and parks. So each switch to or from it costs two switches of threads. A goroutine that ends while it is
// locked takes its thread with it.
//
// SIMPLIFIED(LockOSThread): a locked M creates threads itself, where the runtime asks its template thread to; C that calls
// back into Go, which locks too, is not modelled.

// dolockOSThread locks mp's goroutine to mp, once more if it is locked already.
func (s *Sched) dolockOSThread(mp *m) {
	mp.lockedExt++
	mp.lockedg, mp.curg.lockedm = mp.curg, mp
}

// dounlockOSThread takes one lock back; without any it does nothing.
func (s *Sched) dounlockOSThread(mp *m) {
	if mp.lockedExt == 0 {
		return
	}
	if mp.lockedExt--; mp.lockedExt == 0 {
		mp.lockedg.lockedm, mp.lockedg = nil, nil
	}
}

// stoplockedm gives the P of a locked M away, unless a call has cost it that already, and waits until another M schedules
// its goroutine.
func (s *Sched) stoplockedm(mp *m) {
	s.note(tStopLocked, mp.p, mp.lockedg, mp.id, 0)
	if mp.p != nil {
		s.handoffp(&mp.actor, s.releasep(mp))
	}
	s.sched.nmidlelocked++
	mp.next = mLocked
	s.recordM(mp, lab.Running, lab.Idle)
	s.host.Block(mp.thread, s.paid(&mp.actor)+s.price.futexSleep)
}

// startlockedm hands mp's P to the M that gp is locked to, and parks mp.
func (s *Sched) startlockedm(mp *m, gp *g) {
	nmp := gp.lockedm
	if nmp.next != mLocked || nmp.nextp != nil {
		s.throw("startlockedm: the M runs, or has a P")
		return
	}
	s.note(tStartLocked, mp.p, gp, nmp.id, 0)
	s.sched.nmidlelocked--
	nmp.nextp = s.releasep(mp)
	mp.charge += s.host.Rouse(nmp.thread, mp.thread)
	s.stopm(mp)
}

// mexit ends the thread of an M whose goroutine has ended locked; m0's stays for ever, parked.
func (s *Sched) mexit(mp *m) {
	s.note(tMexit, mp.p, nil, mp.id, 0)
	s.handoffp(&mp.actor, s.releasep(mp))
	mp.next, mp.lockedExt = mDead, 0
	to := lab.Idle
	if mp.id != 0 {
		s.nmfreed++
		to = lab.NotExist
	}
	s.recordM(mp, lab.Running, to)
	s.host.Block(mp.thread, s.paid(&mp.actor))
}
