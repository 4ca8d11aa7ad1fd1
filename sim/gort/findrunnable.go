package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// How an M finds work (runtime/proc.go: findRunnable, stealWork, checkRunqsNoP). The order of the checks is the
// scheduler's meaning. An M that spins or backs off gives its thread to the host in the middle; mp.next says where it
// goes on.

// findRunnable finds a goroutine for mp to execute. Not ok: the host has the M's thread, and findRunnable goes on when it
// comes back.
func (s *Sched) findRunnable(mp *m) (gp *g, inheritTime, ok bool) {
	for s.err == nil {
		if s.noProgress++; s.noProgress > 1<<22 {
			s.throw("findRunnable: millions of decisions at one instant; a class does nothing that takes time")
		}
		if (s.sched.gcwaiting || mp.p.runSafePointFn) && s.beforeSafePoint(mp) {
			return nil, false, false
		}
		if s.sched.gcwaiting {
			s.gcstopm(mp)
			return nil, false, false
		}
		if mp.p.runSafePointFn {
			s.ranSafePointFn(&mp.actor, mp.p)
		}
		switch mp.next {
		case mSched:
			if gp, inheritTime = s.findLocal(mp); gp != nil {
				return gp, inheritTime, true
			}
			mp.next = mDrop
			if mp.spinning || s.maySpin() {
				s.becomeSpinning(mp)
				s.startSteal(mp)
				if spin := s.spinCost(); spin > 0 {
					s.host.Run(mp.thread, s.paid(&mp.actor)+spin)
					return nil, false, false
				}
			}
		case mSteal:
			var wait bool
			if gp, inheritTime, wait = s.stealWork(mp); gp != nil {
				return gp, inheritTime, true
			}
			if wait {
				return nil, false, false
			}
		case mDrop:
			if gp, wait := s.dropP(mp); gp != nil {
				return gp, false, true
			} else if wait {
				return nil, false, false
			}
		default:
			s.throw("findRunnable: an M that does something else")
		}
	}
	return nil, false, false
}

// findLocal is findRunnable up to stealing: timers, the global queue every 61st tick, the local queue, the global queue,
// the netpoller.
// SIMPLIFIED(findRunnable): the trace reader, the finalizer goroutine and cleanups are absent.
func (s *Sched) findLocal(mp *m) (gp *g, inheritTime bool) {
	pp := mp.p
	mp.pollUntil, _ = s.checkTimers(mp, pp)
	// The runtime's place of the trace reader.
	if s.gcphase == _GCmark {
		if gp := s.findRunnableGCWorker(pp); gp != nil {
			s.wakep(&mp.actor) // tryWakeP: somebody else for what this P would have run
			return gp, false
		}
	}
	if !s.sched.runq.empty() && s.policy.GlobalTick > 0 && pp.schedtick%s.policy.GlobalTick == 0 {
		gp = s.globrunqget()
		s.note(tGlobalTick, pp, gp, int32(pp.schedtick), 0)
		return gp, false
	}
	// Those of the finalizer goroutine and of cleanups.
	if gp, inheritTime = s.runqget(pp); gp != nil {
		return gp, inheritTime
	}
	if !s.sched.runq.empty() {
		gp = s.globrunqgetbatch(pp)
		s.note(tGlobal, pp, gp, int32(pp.runqtail-pp.runqhead)+1, 0)
		return gp, false
	}
	if s.netpollAnyWaiters() && s.sched.polling == nil {
		mp.charge += s.price.netpoll
		if gp := s.netpollPop(mp); gp != nil {
			return gp, false
		}
	}
	return nil, false
}

// netpollPop takes what the netpoller has: the first to run, the others injected.
func (s *Sched) netpollPop(mp *m) *g {
	if s.epoll.head == nil {
		return nil
	}
	list := s.netpoll()
	if list.empty() { // nobody waits for what has become ready
		return nil
	}
	gp := list.pop()
	s.casgstatus(gp, _Grunnable, lab.NoReason)
	s.note(tNetpoll, mp.p, gp, list.size+1, 0)
	s.injectglist(&mp.actor, mp.p, &list)
	return gp
}

// maySpin tells whether one more M may look for work: not if half as many as there are busy Ps do already.
func (s *Sched) maySpin() bool {
	return s.policy.SpinLimit*s.sched.nmspinning < int32(len(s.allp))-s.sched.npidle
}

func (s *Sched) becomeSpinning(mp *m) {
	if !mp.spinning {
		mp.spinning = true
		s.sched.nmspinning++
		s.note(dSpin, mp.p, nil, mp.id, s.sched.nmspinning)
	}
	s.sched.needspinning = false
}

// spinCost is the CPU of looking at every running P in every pass.
func (s *Sched) spinCost() time.Duration {
	return s.price.steal * time.Duration(s.stealPasses()*(len(s.allp)-int(s.sched.npidle)-1))
}

// stealPasses is the number of passes over the other Ps.
func (s *Sched) stealPasses() int { return max(s.policy.StealTries, 1) }

// startSteal begins the first pass over the Ps.
func (s *Sched) startSteal(mp *m) {
	mp.next = mSteal
	mp.steal = stealState{}
}

// randomOrder begins a pass. It draws in any case, so that two policies draw alike.
func (s *Sched) randomOrder(mp *m) {
	mp.steal.start(uint32(s.random.Uint64()>>32), uint32(len(s.allp)), s.coprimes, s.policy.StealRandom, mp.p.id)
}

// start is the order of a pass: a random P, then a stride that is coprime with their number, so that each comes up once;
// or the Ps behind this one, if the policy says so.
func (st *stealState) start(random, ps uint32, coprimes []uint32, shuffled bool, own int32) {
	if !shuffled {
		st.pos, st.step = uint32(own+1)%ps, 1
		return
	}
	rest := random / ps
	st.pos = random - rest*ps
	st.step = coprimes[rest%uint32(len(coprimes))]
}

// advance goes on to the next P of the pass.
func (st *stealState) advance(ps uint32) {
	st.seen++
	if st.pos += st.step; st.pos >= ps { // a stride is at most ps
		st.pos -= ps
	}
}

// stealWork looks for work on the other Ps, the oldest half of a queue first; timers and a lone runnext in the last pass
// only. wait: the M sleeps before it takes a runnext, or pays, and comes back.
// SIMPLIFIED(findRunnable): passes over queues that are all empty are not walked P by P; with a timer due the search goes
// on in the last pass, without one it ends. Their CPU is charged all the same (spinCost).
func (s *Sched) stealWork(mp *m) (gp *g, inheritTime, wait bool) {
	st := &mp.steal
	last := int32(s.stealPasses()) - 1
	if s.sched.nlocal == 0 { // there is nothing to steal but a timer that is due
		first := s.checkTimersNoP(0)
		mp.pollUntil = earlier(mp.pollUntil, first)
		if first == 0 || first > s.host.Now {
			st.pass = last + 1
		} else if st.pass < last {
			st.pass, st.seen, st.step = last, 0, 0
		}
	}
	for st.pass <= last {
		if gp, inheritTime, wait = s.stealPass(mp, st.pass == last); gp != nil || wait {
			return gp, inheritTime, wait
		}
		st.pass++
		st.seen, st.step = 0, 0
	}
	s.note(dNothing, mp.p, nil, last+1, 0)
	mp.next = mDrop
	return nil, false, false
}

// stealPass looks at the Ps that this pass has not seen yet.
func (s *Sched) stealPass(mp *m, stealTimersOrRunNextG bool) (gp *g, inheritTime, wait bool) {
	st := &mp.steal
	if st.step == 0 {
		s.randomOrder(mp)
		if len(s.allp) > 2 { // of two there is no order to tell
			s.note(dPass, mp.p, nil, st.pass+1, int32(st.pos))
		}
	}
	for ; st.seen < int32(len(s.allp)); st.advance(uint32(len(s.allp))) {
		p2 := s.allp[st.pos]
		if p2 == mp.p {
			continue
		}
		if stealTimersOrRunNextG && s.timerpMask.read(p2.id) {
			until, ran := s.checkTimers(mp, p2)
			mp.pollUntil = earlier(mp.pollUntil, until)
			if ran {
				if gp, inheritTime = s.runqget(mp.p); gp != nil {
					return gp, inheritTime, false
				}
			}
		}
		if s.idlepMask.read(p2.id) || s.policy.StealTries == 0 {
			continue
		}
		gp, next := s.runqsteal(mp.p, p2, stealTimersOrRunNextG)
		if gp != nil {
			return gp, false, false
		}
		if next == nil {
			st.next = nil
			continue
		}
		if next == st.next || !s.backsOff(p2) {
			return s.stealRunnext(mp, p2), false, false
		}
		st.next = next
		s.note(tBackoff, mp.p, next, p2.id, 0)
		s.usleep(&mp.actor, runnextBackoff)
		return nil, false, true
	}
	return nil, false, false
}

// backsOff tells whether a thief sleeps before it takes p2's runnext, to give p2 the chance to run it: it does unless
// p2's goroutine is in a system call (runqgrab).
func (s *Sched) backsOff(p2 *p) bool {
	return p2.m != nil && (p2.m.curg == nil || p2.m.curg.status != _Gsyscall)
}

// stealRunnext takes p2's runnext.
func (s *Sched) stealRunnext(mp *m, p2 *p) *g {
	gp := p2.runnext
	p2.runnext = nil
	s.sched.nlocal--
	s.steals = append(s.steals, 1)
	s.note(tStealNext, mp.p, gp, p2.id, 1)
	return gp
}

// dropP is findRunnable when there is nothing to steal: a last look, then the M gives its P away, looks once more at
// everything without one, and blocks in the netpoller or parks. wait: it has.
func (s *Sched) dropP(mp *m) (gp *g, wait bool) {
	pp := mp.p
	if gp := s.idleMarkWorker(pp); gp != nil {
		return gp, false
	}
	if !s.sched.runq.empty() {
		gp = s.globrunqgetbatch(pp)
		s.note(tGlobal, pp, gp, int32(pp.runqtail-pp.runqhead)+1, 0)
		return gp, false
	}
	mp.next = mSched
	if !mp.spinning && s.sched.needspinning {
		s.becomeSpinning(mp)
		return nil, false
	}
	if !runqempty(pp) { // a timer that was run in the last pass
		return nil, false
	}
	s.pidleput(s.releasep(mp))
	s.note(tIdle, pp, nil, mp.id, 0)
	mp.wasSpinning = mp.spinning
	if mp.spinning {
		mp.spinning = false
		s.sched.nmspinning--
		if pp := s.checkRunqsNoP(); pp != nil {
			s.acquirep(mp, pp)
			s.note(dCheckNoP, pp, nil, mp.id, 0)
			s.becomeSpinning(mp)
			return nil, false
		}
		if pp := s.checkIdleGCNoP(); pp != nil {
			s.acquirep(mp, pp)
			s.becomeSpinning(mp)
			return s.idleMarkWorker(pp), false
		}
		mp.pollUntil = s.checkTimersNoP(mp.pollUntil)
	}
	if (s.netpollAnyWaiters() || mp.pollUntil != 0) && s.sched.polling == nil {
		return nil, s.blockInNetpoll(mp)
	}
	if mp.pollUntil != 0 && (s.sched.pollUntil == 0 || s.sched.pollUntil > mp.pollUntil) {
		s.netpollBreak(&mp.actor)
	}
	s.stopm(mp)
	return nil, true
}

// checkRunqsNoP looks for local work on any P, for an M that has none; it gives an idle P to steal it with.
func (s *Sched) checkRunqsNoP() *p {
	if !s.policy.steals() || s.sched.nlocal == 0 {
		return nil // what it would find may not be stolen
	}
	for _, p2 := range s.allp {
		if !s.idlepMask.read(p2.id) && !runqempty(p2) {
			return s.pidlegetSpinning()
		}
	}
	return nil
}

// checkIdleGCNoP gives an idle P to an M that has none, to be an idle mark worker on it.
func (s *Sched) checkIdleGCNoP() *p {
	if s.gcphase != _GCmark || !s.controller.NeedIdleMarkWorker() || !s.gcMarkWorkAvailable() || len(s.work.workers) == 0 {
		return nil
	}
	return s.pidlegetSpinning()
}
