package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// Sweeping (runtime/mgcsweep.go: bgsweep, sweepone, deductSweepCredit; runtime/mgcscavenge.go: gcPaceScavenger) and what a
// program asks of the collector (runtime.GC, debug.SetGCPercent, debug.SetMemoryLimit).
//
// SIMPLIFIED(scavenge): the background scavenger gives memory above its goals back as fast as a hundredth of a CPU can, but its
// goroutine is not there: nobody pays for it. A span takes memory that was not given back before any other, as the scavenger
// begins at the other end of the heap; and nothing is given back where the heap has to grow, but for the memory limit's sake.

const (
	retainExtraPercent = 10 // runtime/mgcscavenge.go
	reduceExtraPercent = 5
	sweepTries         = 100 // runtime/mcentral.go: cacheSpan
	sweepAtOnce        = 64  // spans that one event sweeps at most where a new span owes many
)

// gcSweep begins a sweep phase: all spans are to be swept. The background sweeper becomes runnable.
func (s *Sched) gcSweep(mp *m) {
	h := &s.mheap
	h.unswept, h.unsweptIn = h.spans, h.pagesInUse
	objects := s.controller.TotalAlloc - s.controller.TotalFree
	h.freeing = objects - min(objects, s.work.bytesMarked)
	h.garbage, h.garbageIn = 0, 0
	if objects > 0 { // the dead leave as much of their spans' ends unused as the living
		dead := float64(h.freeing) / float64(objects)
		h.garbage, h.garbageIn = int64(float64(h.spans)*dead), uint64(float64(h.pagesInUse)*dead)
	}
	h.pagesSwept, h.mix = 0, 0
	if s.sweepg.status == _Gwaiting {
		s.ready(mp, s.sweepg, true)
	}
}

// sweptOne sweeps one span. What spans are like is known on average, but it adds up.
func (s *Sched) sweptOne(mp *m) {
	h := &s.mheap
	pages := h.unsweptIn / uint64(h.unswept)
	h.unswept--
	h.unsweptIn -= pages
	h.pagesSwept += pages
	mp.charge += s.price.sweepSpan
	if h.sweptBeside(mp, s.host.Now+mp.charge) {
		mp.charge += s.price.sweepPeer
	}
	if h.unswept == 0 {
		s.sweepDone()
	}
}

// sweepPeerAt is how recently another M must have swept to be one that sweeps beside: longer than the pauses of a goroutine that
// sweeps what it allocates from, and shorter than those between two requests.
const sweepPeerAt = 20 * time.Microsecond

// sweptBeside tells whether another M sweeps beside mp: they take the lines of memory from each other's caches in which the
// runtime counts what is swept, and lists it.
// SIMPLIFIED(sweep): how often they do is not known; who sweeps within 20 µs of another pays the same for each span.
func (h *mheap) sweptBeside(mp *m, now time.Duration) bool {
	if h.sweeperM != mp {
		h.peerSwept, h.sweeperM = h.lastSwept, mp
	}
	h.lastSwept = now
	return now-h.peerSwept < sweepPeerAt
}

// sweepDone ends a sweep phase: whole spans were counted, and what dead objects lie in others is free, too.
func (s *Sched) sweepDone() {
	h := &s.mheap
	s.controller.TotalFree += h.freeing
	h.freeing, h.garbage, h.garbageIn = 0, 0, 0
	h.sweptLive, h.sweptPages, h.sweptPace = s.controller.HeapLive, h.pagesSwept, h.pace
}

// freeSpan sweeps a span in which nothing is alive: its pages are free.
func (s *Sched) freeSpan(mp *m) {
	h := &s.mheap
	pages, bytes := h.garbageIn/uint64(h.garbage), h.freeing/uint64(h.garbage)
	h.garbage--
	h.garbageIn -= pages
	h.freeing -= bytes
	h.spans--
	h.pagesInUse -= pages
	s.controller.HeapFree += pages * pageSize
	s.controller.TotalFree += bytes
	mp.charge += s.price.sweepFree
	s.scavenge()
	s.sweptOne(mp)
}

// sweepSpans sweeps n spans, if there are so many.
func (s *Sched) sweepSpans(mp *m, n int64) {
	h := &s.mheap
	for n = min(n, h.unswept); n > 0; n-- {
		if h.garbage > 0 && s.nextIsGarbage() {
			s.freeSpan(mp)
		} else {
			s.sweptOne(mp)
		}
	}
}

// nextIsGarbage spreads the dead spans evenly over those that are left.
func (s *Sched) nextIsGarbage() bool {
	h := &s.mheap
	if h.mix += h.garbage; h.mix >= h.unswept {
		h.mix -= h.unswept
		return true
	}
	return h.garbage == h.unswept
}

// deductSweepCredit sweeps what a new span owes.
func (s *Sched) deductSweepCredit(mp *m, spanBytes uint64, callerSweepPages int64) {
	h := &s.mheap
	if owed := h.sweeper.PagesOwed(&s.controller, spanBytes, callerSweepPages, h.pagesSwept); owed > 0 && h.unswept > 0 {
		perSpan := max(int64(h.unsweptIn)/h.unswept, 1)
		s.sweepSpans(mp, (owed+perSpan-1)/perSpan)
	}
}

// sweepFirst sweeps a part of what a new span owes where that is much, as it is where the next trigger is near: that takes
// time, in which other Ps sweep, too. False: the rest can be swept at once.
// SIMPLIFIED(sweep): a goroutine can be preempted between two such parts; the runtime's keeps its M until the object is made.
func (s *Sched) sweepFirst(mp *m, spanBytes uint64, callerSweepPages int64) bool {
	h := &s.mheap
	if h.unswept <= sweepAtOnce {
		return false
	}
	owed := h.sweeper.PagesOwed(&s.controller, spanBytes, callerSweepPages, h.pagesSwept)
	if owed <= sweepAtOnce*max(int64(h.unsweptIn)/h.unswept, 1) {
		return false
	}
	s.sweepSpans(mp, sweepAtOnce)
	return true
}

// bgsweep is the background sweeper: ten spans, then it yields if no P is idle.
func (s *Sched) bgsweep(mp *m, gp *g) uint8 {
	if s.mheap.unswept == 0 {
		gp.op = 0
		s.gopark(mp, lab.OtherReason)
		return opParkStay
	}
	if gp.op == 1 && (s.sched.npidle == 0 || gp.preempt) { // goschedIfBusy
		gp.op = 0
		s.goschedImpl(mp, false)
		return opParkStay
	}
	gp.op = 1
	s.sweepSpans(mp, sweepBatchSize)
	return s.pay(mp)
}

// forcegchelper collects when nothing has for two minutes (runtime/proc.go: forcegchelper; sysmon readies it).
func (s *Sched) forcegchelper(mp *m, gp *g) uint8 {
	if gp.op == 1 {
		gp.op, gp.gctimed, gp.gcop = 2, true, gcopStart
	}
	if gp.gcop != gcopNone {
		if did := s.gcContinue(mp, gp); did != opDone {
			return did
		}
	}
	gp.op = 1
	s.gopark(mp, lab.OtherReason)
	return opParkStay
}

// forceGC is sysmon's part of it.
func (s *Sched) forceGC(a *actor, now time.Duration) {
	if !s.collects || s.forcegc.status != _Gwaiting || s.gcphase != _GCoff || s.controller.GCPercent < 0 || now-s.work.lastGC < forcegcperiod {
		return
	}
	s.forcegc.op = 1
	var list gQueue
	list.pushBack(s.forcegc)
	s.injectglist(a, nil, &list)
}

// collect is runtime.GC: it waits for a mark phase that is under way, runs a whole cycle, and helps to sweep.
func (s *Sched) collect(mp *m, gp *g) uint8 {
	w := &s.work
	for {
		if gp.gcop != gcopNone && gp.gcop < gcopWait {
			if did := s.gcContinue(mp, gp); did != opDone {
				return did
			}
			gp.gcop = gcopSweep
		}
		switch gp.gcop {
		case gcopNone:
			gp.gccycle = w.cycles + 1
			gp.gcop = gcopWait
		case gcopWait: // gcWaitOnMark(n)
			if s.gcphase != _GCoff {
				return s.gcWaitOnMark(mp, gp)
			}
			gp.gcop = gcopSweep
			if w.cycles < gp.gccycle {
				gp.gcop, gp.gcforced = gcopStart, true
			}
		case gcopSweep: // gcWaitOnMark(n+1), then sweepone
			if w.numgc < gp.gccycle {
				return s.gcWaitOnMark(mp, gp)
			}
			if w.cycles == gp.gccycle && s.mheap.unswept > 0 {
				s.sweepSpans(mp, 1)
				if s.mheap.unswept > 0 {
					s.goschedImpl(mp, false)
					return opParkStay
				}
			}
			gp.gcop, gp.gcforced = gcopNone, false
			return opDone
		}
	}
}

// gcWaitOnMark parks a goroutine until the mark phase has ended.
func (s *Sched) gcWaitOnMark(mp *m, gp *g) uint8 {
	s.work.sweepWaiters.pushBack(gp)
	s.gopark(mp, lab.OtherReason)
	return opParkStay
}

// setPacer is debug.SetGCPercent and debug.SetMemoryLimit: the world is stopped, between two cycles.
func (s *Sched) setPacer(mp *m, gp *g, op *Op) uint8 {
	switch gp.gcop {
	case gcopNone:
		gp.gcop = gcopPacer
		return opStay
	case gcopPacer:
		if did := s.acquire(mp, gp, &s.sched.gcsema, gcopPacerWorld); did != opDone {
			return did
		}
		return opStay
	case gcopPacerWorld:
		if did := s.acquire(mp, gp, &s.sched.worldsema, gcopPacerStop); did != opDone {
			return did
		}
		return opStay
	case gcopPacerStop:
		gp.gcop = gcopPacerDone
		return s.stopTheWorld(mp)
	}
	switch {
	case op.Do == SetGCPercent:
		s.controller.SetGCPercent(int32(op.N))
	case op.N == 0:
		s.controller.SetMemoryLimit(1<<63 - 1)
	default:
		s.controller.SetMemoryLimit(op.N)
	}
	s.gcControllerCommit()
	s.startTheWorldWithSema(mp, len(s.allp))
	s.semrelease(mp, &s.sched.worldsema, false)
	s.semrelease(mp, &s.sched.gcsema, false)
	gp.gcop = gcopNone
	return opDone
}

// gcPaceScavenger sets how much memory the heap may keep: 95 % of the memory limit when it is near it, and a tenth more than
// the next cycle is expected to use.
func (s *Sched) gcPaceScavenger(goal uint64) {
	h, c := &s.mheap, &s.controller
	h.memoryGoal, h.percentGoal = ^uint64(0), ^uint64(0)
	if limit := uint64(float64(c.MemoryLimit) * (1 - reduceExtraPercent/100.0)); c.MappedReady > limit {
		h.memoryGoal = limit
	}
	if c.LastHeapGoal > 0 {
		keep := float64(h.lastInUse) * float64(goal) / float64(c.LastHeapGoal)
		if keep *= 1 + retainExtraPercent/100.0; keep < 1<<62 { // else GOGC is off
			h.percentGoal = uint64(keep)
		}
	}
	s.scavenge()
}

// scavengeAssist gives free memory back where whoever takes a span finds the memory limit exceeded (runtime/mheap.go:
// mheap.allocSpan): all that is too much, but nothing while the limiter is on. It counts as an assist. Then the next span may
// have to come from the kernel.
// SIMPLIFIED(scavenge): it does not stop where the limiter turns on in the middle of it, and other cores hear nothing of it.
func (s *Sched) scavengeAssist(mp *m) {
	c := &s.controller
	limit := uint64(c.MemoryLimit)
	if c.MappedReady <= limit || s.limiter.Limiting() {
		return
	}
	over := min((c.MappedReady-limit+pageSize-1)/pageSize*pageSize, c.HeapFree)
	s.note(dScavenged, mp.p, mp.curg, int32((c.MappedReady-limit)>>10), int32(over>>10))
	c.HeapFree -= over
	c.MappedReady -= over
	took := time.Duration(s.cost.Scavenge.P50 * float64(over) / 1024)
	mp.charge += took
	s.limiter.AddAssistTime(int64(took))
}

// scavenge gives free memory above the goals back to the kernel, as much as there has been time for: a hundredth of a CPU's
// since it was last asked and had something to do.
func (s *Sched) scavenge() {
	h, c := &s.mheap, &s.controller
	over := uint64(0)
	if c.MappedReady > h.memoryGoal {
		over = c.MappedReady - h.memoryGoal
	}
	if retained := h.pagesInUse*pageSize + c.HeapFree; retained > h.percentGoal {
		over = max(over, retained-h.percentGoal)
	}
	over = min(over, c.HeapFree)
	if each := s.cost.Scavenge.P50; each > 0 && over > 0 {
		budget := float64(s.host.Now-h.scavengedAt) * scavengePercent / 100 / each * 1024
		over = min(over, uint64(budget))
	}
	if over < scavengeChunk && s.cost.Scavenge.P50 > 0 {
		if c.HeapFree == 0 || c.MappedReady <= h.memoryGoal && h.percentGoal == ^uint64(0) {
			h.scavengedAt = s.host.Now
		}
		return
	}
	h.scavengedAt = s.host.Now
	c.HeapFree -= over
	c.MappedReady -= over
}
