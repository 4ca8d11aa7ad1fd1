package gort

import "github.com/gmplab/lab"

// Threads and Ps that start and stop (runtime/proc.go: wakep, startm, newm, stopm, handoffp, pidleput and the like).
// Idle Ms and idle Ps are stacks: the last to go idle is the first to be used.

// wakep starts one more M that looks for work, unless one is already looking or no P is idle.
func (s *Sched) wakep(a *actor) {
	if s.sched.nmspinning >= s.policy.WakeLimit {
		s.note(dWakepSpins, nil, nil, s.sched.nmspinning, 0)
		return
	}
	pp := s.pidlegetSpinning()
	if pp == nil {
		s.note(dWakepNoP, nil, nil, 0, 0)
		return
	}
	s.sched.nmspinning++
	s.startm(a, pp, true)
}

// resetspinning ends the spinning of an M that has found work, which may mean that another one has to spin.
func (s *Sched) resetspinning(mp *m) {
	mp.spinning = false
	s.sched.nmspinning--
	s.note(dResetSpinning, mp.p, nil, mp.id, s.sched.nmspinning)
	s.wakep(&mp.actor)
}

// startm runs pp on an idle M, or a new one. With spinning set, nmspinning already counts it.
func (s *Sched) startm(a *actor, pp *p, spinning bool) {
	nmp := s.mget()
	if nmp == nil {
		s.newm(a, pp, spinning)
		return
	}
	nmp.spinning, nmp.nextp = spinning, pp
	s.note(tStartm, pp, nil, nmp.id, 0)
	a.charge += s.host.Rouse(nmp.thread, a.thread)
}

// newm creates a thread for pp.
func (s *Sched) newm(a *actor, pp *p, spinning bool) {
	mp := &m{id: int32(len(s.allm)), next: mPark, nextp: pp, spinning: spinning}
	s.allm = append(s.allm, mp)
	mp.thread = s.own(s.host.Spawn(), ownM, int(mp.id))
	a.charge += s.price.clone
	s.note(tNewm, pp, nil, mp.id, 0)
}

// allocm gives an M of the set-up, whose thread exists and is blocked.
func (s *Sched) allocm() *m {
	mp := &m{id: int32(len(s.allm)), next: mPark}
	s.allm = append(s.allm, mp)
	mp.thread = s.own(s.host.NewThread(), ownM, int(mp.id))
	return mp
}

// stopm parks the M until startm hands it a P. Its thread blocks once it has paid what it owes.
func (s *Sched) stopm(mp *m) {
	s.mput(mp)
	s.note(dStopm, nil, nil, mp.id, s.sched.nmidle)
	mp.next = mPark
	s.recordM(mp, lab.Running, lab.Idle)
	s.host.Block(mp.thread, s.paid(&mp.actor)+s.price.futexSleep)
}

func (s *Sched) mput(mp *m) {
	mp.schedlink, s.sched.midle = s.sched.midle, mp
	s.sched.nmidle++
}

func (s *Sched) mget() *m {
	mp := s.sched.midle
	if mp != nil {
		s.sched.midle, mp.schedlink = mp.schedlink, nil
		s.sched.nmidle--
	}
	return mp
}

func (s *Sched) pidleput(pp *p) {
	pp.status = _Pidle
	pp.idleSince = s.host.Now
	if len(pp.timers.heap) == 0 {
		s.timerpMask.clear(pp.id)
	}
	s.idlepMask.set(pp.id)
	pp.link, s.sched.pidle = s.sched.pidle, pp
	s.sched.npidle++
}

func (s *Sched) pidleget() *p {
	pp := s.sched.pidle
	if pp != nil {
		s.timerpMask.set(pp.id)
		s.idlepMask.clear(pp.id)
		s.sched.pidle, pp.link = pp.link, nil
		s.sched.npidle--
		if s.collects {
			s.limiter.AddIdleTime(int64(s.host.Now - pp.idleSince))
		}
	}
	return pp
}

// pidlegetSpinning is pidleget for work that was found: if no P is idle, the next M about to idle shall spin instead.
func (s *Sched) pidlegetSpinning() *p {
	pp := s.pidleget()
	if pp == nil {
		s.sched.needspinning = true
	}
	return pp
}

// handoffp finds an M for a P that was taken from a thread in a call, if there is anything to do for it.
func (s *Sched) handoffp(a *actor, pp *p) {
	if !runqempty(pp) || !s.sched.runq.empty() {
		s.note(dHandoff, pp, nil, handoffWork, 0)
		s.startm(a, pp, false)
		return
	}
	if s.gcphase == _GCmark && s.gcMarkWorkAvailable() {
		s.note(dHandoff, pp, nil, handoffMark, 0)
		s.startm(a, pp, false)
		return
	}
	if s.sched.nmspinning+s.sched.npidle == 0 {
		s.sched.nmspinning++
		s.sched.needspinning = false
		s.note(dHandoff, pp, nil, handoffSpin, 0)
		s.startm(a, pp, true)
		return
	}
	if s.sched.gcwaiting {
		s.gcstop(a, pp)
		return
	}
	s.ranSafePointFn(a, pp)
	if int(s.sched.npidle) == len(s.allp)-1 && s.sched.polling == nil {
		s.note(dHandoff, pp, nil, handoffPoll, 0)
		s.startm(a, pp, false) // the last running P, and nobody polls
		return
	}
	when := s.wakeTime(pp)
	s.pidleput(pp)
	s.note(dHandoff, pp, nil, handoffIdle, 0)
	if when != 0 {
		s.wakeNetPoller(a, when)
	}
}
