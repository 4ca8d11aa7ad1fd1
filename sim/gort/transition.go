package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// Record keeps every change of state of a G, P or M from now on; Recorded gives them. To be called before Serve.
func (s *Sched) Record() {
	s.recording = true
	for _, pp := range s.allp {
		if pp.m != nil {
			s.recordP(pp, pp.m, lab.Idle, lab.Running)
		}
	}
}

// Recorded are the changes of state so far, by time.
func (s *Sched) Recorded() []lab.Transition { return s.recorded }

var states = [...]lab.State{_Gidle: lab.NotExist, _Grunnable: lab.Runnable, _Grunning: lab.Running,
	_Gsyscall: lab.InSyscall, _Gwaiting: lab.Waiting, _Gdead: lab.NotExist}

// casgstatus changes a goroutine's state, for a reason that matters when it leaves its M.
func (s *Sched) casgstatus(gp *g, status uint8, why lab.Reason) {
	if s.recording { // the part that every change pays is inlined
		s.recordG(gp, status, why)
	}
	gp.status = status
}

// recordG notes that gp goes from one state to another.
func (s *Sched) recordG(gp *g, status uint8, why lab.Reason) {
	t := lab.Transition{Of: lab.G, ID: int64(gp.goid), From: states[gp.status], To: states[status], Reason: why, P: -1, M: -1,
		Foreign: gp.goid == 1 || gp.system} // main, which a real trace finds there when it begins
	charge := time.Duration(0)
	if mp := gp.m; mp != nil {
		t.M, charge = int64(mp.id), mp.charge
		if mp.p != nil {
			t.P = mp.p.id
		}
	}
	s.keep(t, charge)
}

// recordP notes that mp got or lost the P.
func (s *Sched) recordP(pp *p, mp *m, from, to lab.State) {
	if s.recording {
		s.keepOf(lab.P, int64(pp.id), pp.id, mp, from, to)
	}
}

// recordM notes that mp parks, or comes back.
func (s *Sched) recordM(mp *m, from, to lab.State) {
	if s.recording {
		s.keepOf(lab.M, int64(mp.id), -1, mp, from, to)
	}
}

func (s *Sched) keepOf(of lab.Of, id int64, p int32, mp *m, from, to lab.State) {
	s.keep(lab.Transition{Of: of, ID: id, From: from, To: to, P: p, M: int64(mp.id)}, mp.charge)
}

// keep adds a change at this moment, or later by the CPU that its M still owes for what it did before. Times never
// descend: what another M does meanwhile is moved behind it, by less than payAt.
func (s *Sched) keep(t lab.Transition, owes time.Duration) {
	t.At = s.host.Now + min(owes, payAt)
	if n := len(s.recorded); n > 0 {
		t.At = max(t.At, s.recorded[n-1].At)
	}
	s.recorded = append(s.recorded, t)
}
