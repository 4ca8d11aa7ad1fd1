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
func (s *Sched) check() error {
	var without, idle int32 // Ps that are not running; those of them on the idle list
	for _, pp := range s.allp {
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
		if pp.status != _Pidle || !runqempty(pp) {
			return fmt.Errorf("INV-1: P%d on the idle list runs, or has work", pp.id)
		}
	}
	for _, mp := range s.allm {
		if mp.nextp != nil { // on its way to this M
			without--
		}
	}
	if idle != s.sched.npidle || idle != without {
		return fmt.Errorf("INV-2: %d Ps on the idle list and %d without an M, npidle is %d", idle, without, s.sched.npidle)
	}
	return s.checkMs()
}

func (s *Sched) checkMs() error {
	var spinning, coming int32
	for _, mp := range s.allm {
		if mp.spinning {
			spinning++
		}
		if mp.next == mPark && mp.nextp != nil || mp.p != nil && mp.curg == nil {
			coming++
		}
		if gp := mp.curg; gp != nil && mp.p == nil && gp.status != _Gsyscall {
			return fmt.Errorf("INV-5: M%d runs g%d without a P", mp.id, gp.goid)
		}
	}
	if spinning != s.sched.nmspinning {
		return fmt.Errorf("INV-2: %d Ms spin, nmspinning is %d", spinning, s.sched.nmspinning)
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
	if s.policy.StealTries > 0 && queued > 0 && s.sched.npidle > 0 && coming == 0 && s.started && !s.stranded() {
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
