package gort

import "time"

// What is alive: the objects that requests hold, and the live sets of a workload. Nothing here is in the runtime, whose heap is
// alive by what points to it.
//
// SIMPLIFIED(heap): which objects die is known from the workload's steps. What dies while the collector marks is marked all the
// same, as the write barrier shades what is deleted from the heap; what only a stack held may be freed earlier for real.

// SIMPLIFIED(heap): the array of a set without a limit, which grows, and the lists in which open requests hold their objects
// (8 bytes an object) take nothing here. With thousands of open requests they are MiBs, which counts under a limit.

// A liveSet is the objects that retain steps have put into a set, oldest first, as runs of one kind.
type liveSet struct {
	keep int64 // at most so many; 0: no limit
	n    int64
	runs []heldRun
	head int
}

// A heldRun is objects of one kind that came one after the other.
type heldRun struct {
	kind int32
	n    int64
}

// retain puts n objects of a kind, which the request has held so far, into a set.
func (s *Sched) retain(mp *m, set *liveSet, kind int32, n int64) {
	if last := len(set.runs) - 1; last >= set.head && set.runs[last].kind == kind {
		set.runs[last].n += n
	} else {
		if set.head > 64 && set.head*2 > len(set.runs) {
			set.runs = set.runs[:copy(set.runs, set.runs[set.head:])]
			set.head = 0
		}
		set.runs = append(set.runs, heldRun{kind, n})
	}
	set.n += n
	if set.keep > 0 && set.n > set.keep {
		s.release(set, set.n-set.keep)
	}
	mp.charge += s.store(n)
}

// release drops the n oldest objects of a set, or all if it has fewer.
func (s *Sched) release(set *liveSet, n int64) {
	for n > 0 && set.head < len(set.runs) {
		r := &set.runs[set.head]
		k := min(n, r.n)
		s.objects[r.kind].live -= k
		r.n -= k
		set.n -= k
		n -= k
		if r.n == 0 {
			set.head++
		}
	}
}

// store is the CPU of n pointer stores into the heap, with the write barrier while that is on.
func (s *Sched) store(n int64) time.Duration {
	each := s.cost.Store.P50
	if s.gcphase != _GCoff {
		each += s.cost.StoreMark.P50
	}
	return time.Duration(each * float64(n))
}

// doHeap does the ops on the heap other than Alloc.
func (s *Sched) doHeap(mp *m, gp *g, op *Op) uint8 {
	switch op.Do {
	case Retain:
		s.retain(mp, &s.sets[op.I], op.J, op.N)
	case Release:
		s.release(&s.sets[op.I], op.N)
	case Drop:
		s.objects[op.I].live -= op.N
	case Store:
		mp.charge += s.store(op.N)
	case Get:
		return s.poolGet(mp, gp, &s.pools[op.I])
	case Put:
		return s.poolPut(mp, gp, &s.pools[op.I])
	case GC:
		return s.collect(mp, gp)
	case SetGCPercent, SetMemoryLimit:
		return s.setPacer(mp, gp, op)
	case MarkWorker:
		return s.gcBgMarkWorker(mp, gp)
	case Sweeper:
		return s.bgsweep(mp, gp)
	case ForceGC:
		return s.forcegchelper(mp, gp)
	}
	return opDone
}

// spreadObjects finds how far apart the objects of each kind lie: a span of theirs is taken from the pages that are free, and so
// are the spans of others that are allocated meanwhile. What has replaced others since the last cycle lies as it came, and what
// has not as it did.
// SIMPLIFIED(mark): new objects take the place of the oldest of their kind; and how large the heap may grow until the next cycle
// does not matter.
func (s *Sched) spreadObjects() {
	all := uint64(0)
	for i := range s.objects {
		k := &s.objects[i]
		all += uint64(k.made-k.madeAt) * k.size / uint64(k.perTiny)
	}
	for i := range s.objects {
		k := &s.objects[i]
		n := k.made - k.madeAt
		k.madeAt = k.made
		if n == 0 || k.live <= 0 {
			continue
		}
		own := uint64(n) * k.size / uint64(k.perTiny)
		replaced := float64(min(n, k.live)) / float64(k.live)
		k.among += float64((float64(all-own)/float64(own) - k.among) * replaced)
	}
}

// liveBytes is what a kind's objects that can be reached take of the heap.
func (k *object) liveBytes() uint64 {
	return uint64(max(k.live, 0)) * k.size / uint64(k.perTiny)
}
