package gort

// Finished goroutines (runtime/proc.go: gfput, gfget, gfpurge). Each P keeps a list of them for its next go statements; at 64
// it gives those beyond 31 to the global lists, from which an empty one takes 32: those that have their stack still come
// first. A g whose stack has grown has lost it (gfput).
//
// SIMPLIFIED(goroutine): moving gs between the lists costs nothing.

// gfput puts a g that has ended on the P's free list. A stack that is not of the first size is given back.
func (s *Sched) gfput(pp *p, gp *g) {
	if gp.stack != 0 {
		s.stackfree(gp.stack)
		gp.stack = noStack
	}
	pp.gFree.push(gp)
	if pp.gFree.size >= gFreeMax {
		s.gfpass(pp, gFreeBatch)
	}
}

// gfget takes a g from the P's free list, which the global ones fill, or nil.
func (s *Sched) gfget(pp *p) *g {
	if pp.gFree.empty() {
		for pp.gFree.size < gFreeBatch {
			gp := s.sched.gFree.stack.pop()
			if gp == nil {
				if gp = s.sched.gFree.noStack.pop(); gp == nil {
					break
				}
			}
			pp.gFree.push(gp)
		}
		if pp.gFree.size > 0 {
			s.note(dGfget, pp, nil, pp.gFree.size, s.sched.gFree.stack.size+s.sched.gFree.noStack.size)
		}
	}
	return pp.gFree.pop()
}

// gfpurge gives a P's free list to the global ones.
func (s *Sched) gfpurge(pp *p) { s.gfpass(pp, 1) }

// gfpass gives gs of a P to the global lists while it has at least that many.
func (s *Sched) gfpass(pp *p, least int32) {
	var stackQ, noStackQ gQueue
	before := pp.gFree.size
	for pp.gFree.size >= least {
		if gp := pp.gFree.pop(); gp.stack == noStack {
			noStackQ.push(gp)
		} else {
			stackQ.push(gp)
		}
	}
	s.sched.gFree.noStack.pushAll(noStackQ)
	s.sched.gFree.stack.pushAll(stackQ)
	s.note(dGfput, pp, nil, before-pp.gFree.size, pp.gFree.size)
}

// pushAll puts the gs of q2 before those of q.
func (q *gQueue) pushAll(q2 gQueue) {
	if q2.empty() {
		return
	}
	q2.tail.schedlink = q.head
	if q.tail == nil {
		q.tail = q2.tail
	}
	q.head = q2.head
	q.size += q2.size
}
