package gort

// Finished goroutines (runtime/proc.go: gfput, gfget, gfpurge). Each P keeps a list of them for its next go statements; at 64
// it gives those beyond 31 to the global list, from which an empty one takes 32.
//
// SIMPLIFIED(goroutine): stacks do not grow, shrink or get lost: no step says how deep it calls, and what the first stack
// costs is in Cost.NewG. Moving gs between the lists costs nothing.

// gfput puts a g that has ended on the P's free list.
func (s *Sched) gfput(pp *p, gp *g) {
	pp.gFree.push(gp)
	if pp.gFree.size < gFreeMax {
		return
	}
	var q gQueue
	for pp.gFree.size >= gFreeBatch {
		q.push(pp.gFree.pop())
	}
	s.sched.gFree.pushAll(q)
}

// gfget takes a g from the P's free list, which the global one fills, or nil.
func (s *Sched) gfget(pp *p) *g {
	if pp.gFree.empty() {
		for pp.gFree.size < gFreeBatch && !s.sched.gFree.empty() {
			pp.gFree.push(s.sched.gFree.pop())
		}
	}
	return pp.gFree.pop()
}

// gfpurge gives a P's free list to the global one.
func (s *Sched) gfpurge(pp *p) {
	var q gQueue
	for !pp.gFree.empty() {
		q.push(pp.gFree.pop())
	}
	s.sched.gFree.pushAll(q)
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
