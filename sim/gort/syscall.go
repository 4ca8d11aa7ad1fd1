package gort

import (
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/des"
)

// C calls and system calls (runtime/proc.go: reentersyscall, exitsyscall and its slow paths), and preemption by signal
// (runtime/signal_unix.go). A thread that enters a call keeps its P; the P stays running until somebody takes it.

// entersyscall begins a call on mp.
func (s *Sched) entersyscall(mp *m) {
	pp := mp.p
	mp.syscalltick = pp.syscalltick
	mp.oldp = pp
	s.casgstatus(mp.curg, _Gsyscall, lab.NoReason)
	mp.next = mSyscall
	s.note(tEnter, pp, mp.curg, mp.id, 0)
	if s.sched.gcwaiting {
		s.entersyscallHandleGCWait(mp)
	}
	s.ranSafePointFn(&mp.actor, pp)
	s.wakeSysmon(&mp.actor)
}

// exitsyscall ends a call: with the P that mp still has, the same P or another one that is free, or without. False: mp has
// given its goroutine away and parks.
func (s *Sched) exitsyscall(mp *m) bool {
	gp := mp.curg
	mp.next = mRun
	oldp := mp.oldp
	mp.oldp = nil
	if mp.p != nil {
		s.casgstatus(gp, _Grunning, lab.NoReason)
		s.note(tExitFast, mp.p, gp, mp.id, 0)
		mp.p.syscalltick++
		return true
	}
	if pp := s.exitsyscallTryGetP(mp, oldp); pp != nil {
		s.acquirep(mp, pp)
		s.casgstatus(gp, _Grunnable, lab.NoReason) // as the trace tells it: GoSysExit(true), GoStart
		s.casgstatus(gp, _Grunning, lab.NoReason)
		mp.charge += s.price.exitSlow
		s.note(tExitSlow, pp, gp, mp.id, 0)
		pp.syscalltick++
		return true
	}
	s.exitsyscallNoP(mp)
	return false
}

// exitsyscallTryGetP takes the old P from another thread that is in a call with it, or any idle P.
func (s *Sched) exitsyscallTryGetP(mp *m, oldp *p) *p {
	if m2 := oldp.m; m2 != nil && m2.curg != nil && m2.curg.status == _Gsyscall {
		s.takeP(m2)
		return oldp
	}
	pp := s.pidleget()
	if pp != nil {
		s.wakeSysmon(&mp.actor)
	}
	return pp
}

// exitsyscallNoP puts the goroutine on the global queue and parks its M. The call ends when it runs again: execute counts
// it in syscalltick.
func (s *Sched) exitsyscallNoP(mp *m) {
	gp := mp.curg
	s.casgstatus(gp, _Grunnable, lab.NoReason)
	gp.noP = true
	gp.m, mp.curg = nil, nil
	s.globrunqput(gp)
	s.note(tExitNoP, nil, gp, 0, 0)
	mp.charge += s.price.exitSlow
	if gp.lockedm != nil {
		s.stoplockedm(mp)
		return
	}
	s.stopm(mp)
}

// preemptM sends the M a signal, at most one at a time. Sending and handling take longer where the process has sent none for
// a while, presumably because the kernel's and the runtime's code for it, and the host's, have left the caches.
//
// SIMPLIFIED(signal): a process is cold and not a core, so of several signals at once only the first is; one for a thread that
// is on no core costs its sender as much; and one that meets a thread that sleeps costs it nothing.
func (s *Sched) preemptM(a *actor, mp *m) {
	if mp.signalled {
		return
	}
	now := s.host.Now + a.charge
	late, send, handling := &s.cost.Signal, s.price.signalSend, s.price.signalCPU
	if s.price.coldSignalCPU > 0 && now-s.lastSignal > lab.WarmSignals {
		late, send, handling = &s.cost.ColdSignal, s.price.coldSignalSend, s.price.coldSignalCPU
	}
	s.lastSignal = now
	mp.signalled, mp.handling = true, handling
	s.q.Push(des.Event{At: now + late.Sample(&s.kernel), Kind: evSignal, Who: mp.id})
	a.charge += send
}

// doSigPreempt is the signal's handler: a goroutine that computes yields, wherever it is. The handler takes its time whatever
// the thread does: a goroutine that has just yielded by itself, at a call, leaves its M to be interrupted in the scheduler.
func (s *Sched) doSigPreempt(mp *m) {
	mp.signalled = false
	gp := mp.curg
	switch {
	case gp != nil && gp.status == _Grunning && gp.preempt && mp.next == mRun:
		s.note(dSignal, mp.p, gp, 0, 0)
		fallthrough
	case mp.locking, mp.draining: // the one waits meanwhile, the other's time is credit
		mp.charge += mp.handling
		s.host.Cut(mp.thread)
	default:
		s.host.Extend(mp.thread, mp.handling)
	}
}

// call lets mp's goroutine be in a call that burns cpu on its thread, or sleeps.
func (s *Sched) call(mp *m, price, cpu, asleep time.Duration) {
	s.entersyscall(mp)
	s.calls++
	mp.charge += price
	if asleep > 0 {
		s.usleep(&mp.actor, asleep)
		return
	}
	s.host.Run(mp.thread, s.paid(&mp.actor)+cpu)
}
