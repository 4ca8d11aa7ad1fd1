package gort

// The run queues (runtime/proc.go: runqput and those below it). Each P owns a ring of 256 and the slot runnext; the
// owner puts at the tail, and owner and thieves alike take from the head. One global queue takes what overflows.

// runqempty tells whether the P has no runnable g, runnext included.
func runqempty(pp *p) bool { return pp.runqhead == pp.runqtail && pp.runnext == nil }

// runqput puts gp on the local queue: into runnext if next, and what was there moves to the tail.
func (s *Sched) runqput(pp *p, gp *g, next bool) {
	if next && s.policy.Runnext {
		gp, pp.runnext = pp.runnext, gp
		if gp == nil {
			s.sched.nlocal++
			return
		}
	}
	if pp.runqtail-pp.runqhead < runqSize {
		pp.runq[pp.runqtail%runqSize] = gp
		pp.runqtail++
		s.sched.nlocal++
		return
	}
	s.runqputslow(pp, gp)
}

// runqputslow moves the older half of a full ring, and gp behind it, to the global queue.
func (s *Sched) runqputslow(pp *p, gp *g) {
	for range runqSize / 2 {
		s.note(dMoved, nil, pp.runq[pp.runqhead%runqSize], 0, 0)
		s.sched.runq.pushBack(pp.runq[pp.runqhead%runqSize])
		pp.runqhead++
	}
	s.sched.nlocal -= runqSize / 2
	s.sched.runq.pushBack(gp)
	s.note(dMoved, nil, gp, 0, 0)
	s.note(tOverflow, pp, gp, runqSize/2+1, 0)
}

// runqputbatch puts as many of q on the local queue as fit; the rest stays in q.
func (s *Sched) runqputbatch(pp *p, q *gQueue) {
	for !q.empty() && pp.runqtail-pp.runqhead < runqSize {
		s.note(dMoved, pp, q.head, 0, 0)
		pp.runq[pp.runqtail%runqSize] = q.pop()
		pp.runqtail++
		s.sched.nlocal++
	}
}

// runqget takes the next g of the local queue; one from runnext inherits the time slice.
func (s *Sched) runqget(pp *p) (gp *g, inheritTime bool) {
	if gp = pp.runnext; gp != nil {
		pp.runnext = nil
		s.sched.nlocal--
		return gp, true
	}
	if pp.runqhead == pp.runqtail {
		return nil, false
	}
	gp = pp.runq[pp.runqhead%runqSize]
	pp.runqhead++
	s.sched.nlocal--
	return gp, false
}

// runqgrab takes from the head of p2's ring and puts it at batchHead of batch. When the ring is empty and only runnext
// is left, next names it: the caller backs off before it takes it.
func (s *Sched) runqgrab(p2 *p, batch *[runqSize]*g, batchHead uint32, stealRunNextG bool) (n uint32, next *g) {
	n = p2.runqtail - p2.runqhead
	if s.policy.StealKeep > 0 {
		n -= n / s.policy.StealKeep
	}
	n = min(n, s.policy.StealMax, runqSize/2)
	if n == 0 {
		if stealRunNextG && p2.runqhead == p2.runqtail {
			next = p2.runnext
		}
		return 0, next
	}
	for i := range n {
		batch[(batchHead+i)%runqSize] = p2.runq[p2.runqhead%runqSize]
		p2.runqhead++
	}
	return n, nil
}

// runqsteal steals from p2 onto pp, whose ring is empty, and returns the youngest of what was stolen to run at once.
func (s *Sched) runqsteal(pp, p2 *p, stealRunNextG bool) (gp, next *g) {
	n, next := s.runqgrab(p2, &pp.runq, pp.runqtail, stealRunNextG)
	if n == 0 {
		return nil, next
	}
	s.steals = append(s.steals, int32(n))
	gp = pp.runq[(pp.runqtail+n-1)%runqSize]
	pp.runqtail += n - 1
	s.sched.nlocal--
	if s.marking {
		for i := range n {
			s.note(dMoved, pp, pp.runq[(pp.runqtail-n+1+i)%runqSize], 0, 0)
		}
	}
	s.note(tSteal, pp, gp, p2.id, int32(n))
	return gp, nil
}

// globrunqput puts gp at the tail of the global queue.
func (s *Sched) globrunqput(gp *g) {
	s.sched.runq.pushBack(gp)
	s.note(dMoved, nil, gp, 0, 0)
}

// globrunqget takes one g from the head of the global queue.
func (s *Sched) globrunqget() *g { return s.sched.runq.pop() }

// globrunqgetbatch takes this P's share of the global queue: the first g to run, the others onto its local queue.
func (s *Sched) globrunqgetbatch(pp *p) *g {
	n := min(s.sched.runq.size, s.sched.runq.size/int32(len(s.allp))+1, runqSize/2)
	gp := s.sched.runq.pop()
	var q gQueue
	for range n - 1 {
		q.pushBack(s.sched.runq.pop())
	}
	s.runqputbatch(pp, &q)
	for !q.empty() {
		s.throw("globrunqgetbatch: the ring is full")
		q.pop()
	}
	return gp
}
