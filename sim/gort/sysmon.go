package gort

import "time"

// The system monitor (runtime/proc.go: sysmon, retake, preemptone): a thread without a P that sleeps 20 µs to 10 ms, takes
// Ps from threads that are in calls, preempts long time slices, and polls the network when nobody does. It burns CPU
// and waits for a core like any thread.

type sysmonState struct {
	actor
	idle    int // cycles in succession that took no P
	delay   time.Duration
	deep    bool // in the deep sleep
	started bool
	trace   schedtraceState
}

// startSysmon makes sysmon as it is in a process that has just been set up, with calls and system calls: somewhere in a
// short sleep.
func (s *Sched) startSysmon() {
	sm := &s.sysmon
	sm.thread = s.own(s.host.NewThread(), ownSysmon, 0)
	sm.delay = sysmonMinSleep
	s.host.Wake(sm.thread, -1)
}

// sysmonStep is one turn of sysmon's loop, from its wake-up to its next sleep.
// SIMPLIFIED(sysmon): it does not update GOMAXPROCS, wake the scavenger or force a GC, and polls the network only if
// somebody waits for it.
func (s *Sched) sysmonStep() {
	sm := &s.sysmon
	now := s.host.Now
	switch {
	case sm.deep:
		sm.deep = false
		if !s.sched.sysmonwait { // woken before its time
			sm.idle, sm.delay = 0, sysmonMinSleep
		}
		s.sched.sysmonwait = false
	case !sm.started:
		sm.started = true
		s.usleep(&sm.actor, time.Duration(s.random.Float64()*float64(sm.delay)))
		return
	case sm.trace.every == 0 && (s.sched.gcwaiting || int(s.sched.npidle) == len(s.allp)):
		if next := s.timeSleepUntil(); next > now {
			sm.deep = true
			s.sched.sysmonwait = true
			s.note(tDeep, nil, nil, 0, 0)
			s.host.SleepLate(sm.thread, s.paid(&sm.actor)+s.price.sleepIn, min(next, now+sysmonDeepSleep), 0, s.price.sleepCPU-s.price.sleepIn)
			return
		}
	}
	if s.sched.polling == nil && s.netpollAnyWaiters() && s.sched.lastpoll+sysmonPollAfter < now {
		s.sched.lastpoll = now
		sm.charge += s.price.netpoll
		list := s.netpoll()
		s.injectglist(&sm.actor, nil, &list)
	}
	if s.retake(now) != 0 {
		sm.idle = 0
	} else {
		sm.idle++
	}
	s.forceGC(&sm.actor, now)
	if sm.trace.every > 0 && sm.trace.last+sm.trace.every <= now {
		sm.trace.last = now
		s.schedtrace(now)
	}
	s.sysmonSleep()
}

// sysmonSleep sleeps 20 µs, and longer and longer up to the policy's longest sleep (10 ms) after 50 idle cycles.
func (s *Sched) sysmonSleep() {
	sm := &s.sysmon
	if sm.idle == 0 {
		sm.delay = sysmonMinSleep
	} else if sm.idle > sysmonIdleCycles {
		sm.delay *= 2
	}
	sm.delay = min(sm.delay, max(s.policy.SysmonSleep, sysmonMinSleep))
	s.usleep(&sm.actor, sm.delay)
}

// wakeSysmon ends sysmon's deep sleep.
func (s *Sched) wakeSysmon(a *actor) {
	if s.sched.sysmonwait {
		s.sched.sysmonwait = false
		a.charge += s.host.Rouse(s.sysmon.thread, a.thread)
	}
}

// usleep puts the actor's thread to sleep. A part of the CPU that a sleep costs is burnt before it, the rest after.
func (s *Sched) usleep(a *actor, d time.Duration) {
	pay := s.paid(a) + s.price.sleepIn
	a.charge = s.price.sleepCPU - s.price.sleepIn
	over := s.cost.SleepOver.Sample(&s.kernel)
	s.host.SleepLate(a.thread, pay, s.host.Now+max(pay, d+over-a.charge), max(0, over-a.charge), 0)
}

// retake looks at every P: it preempts a goroutine whose time slice is over, and takes the P of a thread that has been in
// the same call for two looks, unless there is nothing else to do for it.
func (s *Sched) retake(now time.Duration) (n int) {
	for _, pp := range s.allp {
		if pp.status != _Prunning {
			continue
		}
		pd := &pp.sysmontick
		sysretake := false
		if pd.schedtick != pp.schedtick {
			pd.schedtick, pd.schedwhen = pp.schedtick, now
		} else if s.policy.ForcePreempt > 0 && pd.schedwhen+s.policy.ForcePreempt <= now {
			s.preemptone(&s.sysmon.actor, pp)
			sysretake = true
		}
		mp := pp.m
		if mp == nil || mp.curg == nil || mp.curg.status != _Gsyscall {
			continue
		}
		if !sysretake && pd.syscalltick != pp.syscalltick {
			pd.syscalltick, pd.syscallwhen = pp.syscalltick, now
			continue
		}
		if runqempty(pp) && s.sched.nmspinning+s.sched.npidle > 0 && pd.syscallwhen+syscallGrace > now {
			continue
		}
		gp := mp.curg
		s.takeP(mp)
		s.note(tRetake, pp, gp, s.retakeReason(pp), 0)
		n++
		s.retakes++
		s.handoffp(&s.sysmon.actor, pp)
	}
	return n
}

// takeP takes the P of a thread in a call.
func (s *Sched) takeP(mp *m) {
	pp := s.releasep(mp)
	pp.syscalltick++
}

// preemptone asks the goroutine of a P to yield: at its next call of a function, and by a signal at once.
func (s *Sched) preemptone(a *actor, pp *p) {
	mp := pp.m
	if mp == nil || mp.curg == nil || mp.curg.status == _Gsyscall {
		return
	}
	gp := mp.curg
	gp.preempt = true
	s.note(dPreempt, pp, gp, int32((s.host.Now-pp.sysmontick.schedwhen)/time.Microsecond), b2i(s.policy.AsyncPreempt && !s.knobs.AsyncPreemptOff))
	if mp.draining { // gcDrain looks at preempt at each object
		s.host.Cut(mp.thread)
	}
	switch {
	case s.policy.AsyncPreempt && !s.knobs.AsyncPreemptOff:
		s.preemptM(a, mp)
	case gp.pc < int32(len(gp.prog.Ops)) && gp.prog.Ops[gp.pc].Do == CPUCalls:
		s.host.Cut(mp.thread)
	}
}
