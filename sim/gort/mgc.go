package gort

import (
	"math"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gopacer"
)

// The collector's cycle (runtime/mgc.go: gcStart, gcMarkDone, gcMarkTermination). The goroutine that finds the heap at its
// trigger begins it: it stops the world to switch the write barrier on. Workers and assists mark (mgcmark.go). Who finds
// nothing left to mark ends it: every P runs a function at a safe point until none had work to flush, then the world stops
// again to switch the barrier off. Sweeping goes on beside the program (mgcsweep.go).
//
// What takes several instants is a state of the goroutine that does it (gcop); gcContinue goes on with it.
//
// SIMPLIFIED(gc): what both stops do costs the same in each cycle; goroutine leak profiles, finalizers, cleanups, weak
// pointers, the heap profile and the metadata of the heap are absent. A worker may run on any M.
//
// SIMPLIFIED(gc): the collector's own goroutines are not preempted but for stopping the world and safe points.

// The phases (runtime/mgc.go).
const (
	_GCoff             uint8 = iota // no collection, or sweeping; the write barrier is off
	_GCmark                         // marks; allocates black
	_GCmarktermination              // the world is stopped
)

// What a goroutine does for the collector.
const (
	gcopNone uint8 = iota
	gcopStart
	gcopSweepRest
	gcopStartSema
	gcopGcsema
	gcopWorldsema
	gcopStop
	gcopStopped
	gcopMark
	gcopMarks // marking has begun; the stop's clock runs until its threads are awake
	gcopAssist
	gcopAssisted
	gcopDone
	gcopDoneSema
	gcopDoneWorld
	gcopFlush
	gcopTerm
	gcopTermStopped
	gcopTermDone
	gcopCaches
	gcopEnd
	gcopWait  // runtime.GC waits for a mark phase
	gcopSweep // and helps to sweep
	gcopPacer // SetGCPercent or SetMemoryLimit
	gcopPacerWorld
	gcopPacerStop
	gcopPacerDone
)

// The states of op of an Alloc.
const opZeroing = 3

const (
	forcegcperiod       = 2 * time.Minute // runtime/proc.go
	drainCheckThreshold = 100000          // runtime/mgcmark.go
	sweepBatchSize      = 10              // runtime/mgcsweep.go: bgsweep
	scavengePercent     = 1               // runtime/mgcscavenge.go
	scavengeChunk       = 64 << 10        // runtime/mgcscavenge.go: scavenging goes on by so much at a time, about
)

// work is what a cycle does (runtime/mgc.go: workType).
type work struct {
	startSema, markDoneSema sema
	cycles                  int32 // begun
	numgc                   int32 // done
	userForced              bool
	bytesMarked             uint64
	active                  int32 // workers and assists at work: the runtime's nproc-nwait
	flushed                 bool  // marked something since the last ragged barrier
	roots, heap             pool2 // what is left to mark
	assistQueue             gQueue
	sweepWaiters            gQueue
	workers                 []*g // gcBgMarkWorkerPool
	nworkers                int
	drains                  []*m // Ms that drain now

	tSweepTerm, tMark, tMarkTerm, tEnd time.Duration
	heap0, heap1                       uint64
	report                             gopacer.CycleReport
	cycle                              lab.GCCycle
	stopping, finishedStopping         time.Duration // how long the world took to stop, and when it stood
	lastGC                             time.Duration
}

// pool2 is marking that nobody has claimed: how much CPU it takes, and how much scan work it is.
type pool2 struct {
	left  time.Duration
	bytes float64
}

// gcinit prepares the collector of a process that has done its set-up and collected once.
func (s *Sched) gcinit() {
	c, heap := &s.controller, s.cost.Heap
	limit := s.knobs.GOMEMLIMIT
	if limit == 0 {
		limit = 1<<63 - 1
	}
	c.Init(int32(s.knobs.GOGC), limit)
	s.limiter.ResetCapacity(0, int32(len(s.allp)))
	for i := range s.sets { // the set's own array
		s.ringBytes += uint64(s.sets[i].keep) * 8
	}
	live := heap.Live + s.ringBytes
	c.HeapScanWork, c.StackScanWork, c.GlobalsScanWork = int64(heap.Scan+s.ringBytes), int64(heap.Stack), int64(heap.Globals)
	c.AddGlobals(int64(heap.Globals))
	c.ResetLive(live)
	pages := (live + pageSize - 1) / pageSize
	s.mheap.pagesInUse, s.mheap.spans = pages, int64(pages)
	s.mheap.beside = max(heap.Other, s.mheap.stackSpans) // main's stack is a part of it
	c.TotalAlloc, c.MappedReady = live, s.mheap.beside+pages*pageSize
	s.mheap.mapped = max(heap.Mapped, pages*pageSize)
	s.mheap.peak, s.mheap.memoryGoal, s.mheap.percentGoal = c.MappedReady, ^uint64(0), ^uint64(0)
	s.mheap.lastSwept = -time.Hour
	c.Commit(true)
	s.work.startSema.value, s.work.markDoneSema.value, s.sched.gcsema.value = 1, 1, 1
	s.gcBgMarkStartWorkers()
	s.sweepg = s.systemg(Sweeper)
	s.forcegc = s.systemg(ForceGC)
	s.collects = true
	s.priceObjects()
}

// systemg makes a goroutine of the runtime's own, parked.
func (s *Sched) systemg(do OpKind) *g {
	s.sched.goidgen++
	gp := &g{goid: s.sched.goidgen, class: -1, prog: &Program{Class: -1, Ops: []Op{{Do: do}}}, system: true, status: _Gwaiting}
	if s.recording {
		s.keep(lab.Transition{Of: lab.G, ID: int64(gp.goid), From: lab.Undetermined, To: lab.Waiting, P: -1, M: -1, Foreign: true}, 0)
	}
	return gp
}

// gcBgMarkStartWorkers makes as many workers as there are Ps.
func (s *Sched) gcBgMarkStartWorkers() {
	for ; s.work.nworkers < len(s.allp); s.work.nworkers++ {
		s.work.workers = append(s.work.workers, s.systemg(MarkWorker))
	}
}

// gcTriggered tells whether the heap is at the trigger and no cycle runs.
func (s *Sched) gcTriggered() bool {
	return s.gcphase == _GCoff && s.controller.HeapTriggered()
}

// gcContinueOrStay goes on with a state that has just been set; what is done at once is done with the same op.
func (s *Sched) gcContinueOrStay(mp *m, gp *g) uint8 {
	if did := s.gcContinue(mp, gp); did != opDone {
		return did
	}
	return opStay
}

// gcContinue goes on with what gp does for the collector, until that is done or waits.
func (s *Sched) gcContinue(mp *m, gp *g) uint8 {
	for gp.gcop != gcopNone && s.err == nil {
		var did uint8
		switch {
		case gp.gcop <= gcopMarks:
			did = s.gcStart(mp, gp)
		case gp.gcop <= gcopAssisted:
			did = s.gcAssistAlloc(mp, gp)
		case gp.gcop <= gcopEnd:
			did = s.gcMarkDone(mp, gp)
		default:
			return opDone // the op's own
		}
		if did != opDone {
			return did
		}
	}
	return opDone
}

// acquire is semacquire for a state that is entered again when the goroutine has been woken.
func (s *Sched) acquire(mp *m, gp *g, sm *sema, next uint8) uint8 {
	var did uint8
	if gp.gcwaits {
		did = s.woken(mp, sm)
	} else {
		did = s.semacquire(mp, sm, false)
	}
	gp.gcwaits = did != opDone
	if did == opDone {
		gp.gcop = next
	}
	return did
}

// gcStart begins a cycle, unless one has begun meanwhile.
func (s *Sched) gcStart(mp *m, gp *g) uint8 {
	switch gp.gcop {
	case gcopStart:
		if (gp.gcforced || s.gcTriggered()) && s.mheap.unswept > 0 {
			s.sweepSpans(mp, sweepBatchSize)
			return s.pay(mp)
		}
		gp.gcop = gcopStartSema
	case gcopStartSema:
		return s.acquire(mp, gp, &s.work.startSema, gcopGcsema)
	case gcopGcsema:
		if !gp.gcwaits && !s.gcStillWanted(gp) {
			s.semrelease(mp, &s.work.startSema, false)
			gp.gcop = gcopNone
			return opDone
		}
		return s.acquire(mp, gp, &s.sched.gcsema, gcopWorldsema)
	case gcopWorldsema:
		return s.acquire(mp, gp, &s.sched.worldsema, gcopStop)
	case gcopStop:
		s.gcBgMarkStartWorkers()
		s.gcEpoch++ // gcResetMarkState: every goroutine's credit is void
		s.work.heap0 = s.controller.HeapLive
		s.work.userForced = gp.gcforced
		s.work.tSweepTerm = s.host.Now + mp.charge
		gp.gcop = gcopStopped
		return s.stopTheWorld(mp)
	case gcopStopped:
		s.stopped(s.host.Now+mp.charge, s.work.tSweepTerm)
		s.sweepSpans(mp, s.mheap.unswept) // finishsweep_m
		mp.charge += s.price.sweepTerm
		gp.gcop = gcopMark
		return s.pay(mp)
	case gcopMark:
		s.gcBeginMark(mp, gp)
		gp.gcop = gcopMarks
		return s.pay(mp) // the threads that it has woken may take its core
	case gcopMarks:
		w := &s.work
		w.tMark = s.host.Now + mp.charge
		s.accumulateGCPauseTime(w.tMark, w.tMark-w.tSweepTerm)
		s.limiter.FinishGCTransition(int64(w.tMark))
		s.semrelease(mp, &s.sched.worldsema, false)
		s.semrelease(mp, &s.work.startSema, false)
		gp.gcop = gcopNone
	}
	return opDone
}

// gcStillWanted tells whether a trigger still holds once the goroutine has startSema.
func (s *Sched) gcStillWanted(gp *g) bool {
	if gp.gcforced {
		return s.gcphase == _GCoff && s.work.cycles < gp.gccycle
	}
	if gp.gctimed {
		return s.gcphase == _GCoff && s.controller.GCPercent >= 0
	}
	return s.gcTriggered()
}

// stopTheWorld stops it and comes back to the same op when it stands.
func (s *Sched) stopTheWorld(mp *m) uint8 {
	mp.charge += s.price.stopWorld
	if s.stopTheWorldWithSema(mp) {
		return opStay
	}
	return opBusy
}

// pay lets mp burn what it owes, and come back to the same op.
func (s *Sched) pay(mp *m) uint8 {
	if mp.charge == 0 {
		return opStay
	}
	s.host.Run(mp.thread, s.paid(&mp.actor))
	return opBusy
}

// gcBeginMark is the first stop of the world from where all that was left is swept, and its end.
func (s *Sched) gcBeginMark(mp *m, gp *g) {
	now := s.host.Now + mp.charge
	w := &s.work
	s.poolCleanup()
	w.cycles++
	s.controller.StartCycle(int64(now), len(s.allp), gp.gctimed)
	w.cycle = lab.GCCycle{N: int(w.cycles), At: w.tSweepTerm, Procs: len(s.allp), Forced: w.userForced, Timed: gp.gctimed,
		HeapBegin: w.heap0, HeapReset: w.heap0, Paced: true, Trigger: s.controller.HeapLive, HeapScan: s.controller.HeapScan,
		GoalBegin: s.controller.HeapGoal(), AssistRatio: s.controller.AssistWorkPerByte,
		Dedicated: int(s.controller.DedicatedMarkWorkersNeeded), Fractional: s.controller.FractionalUtilizationGoal}
	if h := &s.mheap; h.sweptPages > 0 {
		w.cycle.Swept, w.cycle.SweptLive, w.cycle.SweptPages = true, h.sweptLive, h.sweptPages
		w.cycle.SweptAlloc, w.cycle.PagesPerByte = h.sweptLive-min(h.sweptLive, h.sweepFrom), h.sweptPace
		h.sweptPages = 0
	}
	for _, pp := range s.allp {
		pp.gcAssistTime, pp.gcFractionalMarkTime = 0, 0
	}
	s.limiterConsume()
	s.limiter.StartGCTransition(true, int64(now))
	s.gcphase = _GCmark
	s.gcPrepareMarkRoots()
	s.controller.BlackenEnabled = true
	s.note(tGCStart, mp.p, gp, int32(s.controller.HeapLive>>20), int32(min(s.controller.HeapGoal()>>20, math.MaxInt32)))
	s.startTheWorldWithSema(mp, len(s.allp))
}

// gcMarkWorkAvailable tells whether anything is left to mark.
func (s *Sched) gcMarkWorkAvailable() bool { return s.work.roots.left > 0 || s.work.heap.left > 0 }

// gcMarkDone ends the mark phase, if nothing is left and nobody marks.
func (s *Sched) gcMarkDone(mp *m, gp *g) uint8 {
	w := &s.work
	switch gp.gcop {
	case gcopDone:
		return s.acquire(mp, gp, &w.markDoneSema, gcopDoneSema)
	case gcopDoneSema:
		if !gp.gcwaits && !(s.gcphase == _GCmark && w.active == 0 && !s.gcMarkWorkAvailable()) {
			s.semrelease(mp, &w.markDoneSema, false)
			gp.gcop = gcopNone
			return opDone
		}
		return s.acquire(mp, gp, &s.sched.worldsema, gcopDoneWorld)
	case gcopDoneWorld:
		gp.gcop = gcopFlush
		return s.forEachP(mp)
	case gcopFlush: // every P has flushed its buffers
		if w.flushed {
			w.flushed = false
			s.semrelease(mp, &s.sched.worldsema, false)
			gp.gcop = gcopDoneSema
			return opDone
		}
		w.tMarkTerm = s.host.Now + mp.charge
		gp.gcop = gcopTerm
		return s.stopTheWorld(mp)
	case gcopTerm:
		s.stopped(s.host.Now+mp.charge, w.tMarkTerm)
		mp.charge += s.price.markTerm
		gp.gcop = gcopTermDone
		return s.pay(mp)
	case gcopTermDone:
		s.gcMarkTermination(mp, gp)
		gp.gcop = gcopCaches
		return s.pay(mp)
	case gcopCaches:
		gp.gcop = gcopEnd
		return s.forEachP(mp) // each flushes its mcache
	case gcopEnd:
		s.semrelease(mp, &s.sched.worldsema, false)
		s.semrelease(mp, &s.sched.gcsema, false)
		gp.gcop = gcopNone
	}
	return opDone
}

// gcMarkTermination is the second stop of the world from where it stands, and its end.
func (s *Sched) gcMarkTermination(mp *m, gp *g) {
	now := s.host.Now + mp.charge
	w, c := &s.work, &s.controller
	c.BlackenEnabled = false
	s.limiterConsume()
	s.limiter.StartGCTransition(false, int64(now))
	for w.assistQueue.head != nil { // gcWakeAllAssists
		list := w.assistQueue
		w.assistQueue = gQueue{}
		s.wakeList(mp, &list)
	}
	s.semrelease(mp, &w.markDoneSema, false)
	w.report = c.EndCycle(int64(w.tMarkTerm), len(s.allp), w.userForced)
	s.gcphase = _GCmarktermination
	w.heap1 = c.HeapLive
	y := &w.cycle
	y.ScannedStacks, y.ScannedGlobals = uint64(c.StackScanWork), uint64(c.GlobalsScanWork)
	y.Scanned = uint64(c.HeapScanWork) + y.ScannedStacks + y.ScannedGlobals
	y.ScanExpected = c.LastHeapScan + c.LastStackScan + c.GlobalsScan
	s.mheap.lastInUse = s.mheap.pagesInUse * pageSize
	c.ResetLive(w.bytesMarked)
	for _, pp := range s.allp {
		clear(pp.mcache)
		pp.scanAlloc = 0
	}
	s.gcphase = _GCoff
	s.gcSweep(mp)
	s.gcControllerCommit()
	w.numgc++
	s.limiter.NumGC++
	w.tEnd = s.host.Now + mp.charge
	w.lastGC = w.tEnd
	s.limiter.FinishGCTransition(int64(w.tEnd))
	s.accumulateGCPauseTime(w.tEnd, w.tEnd-w.tMarkTerm) // without the restart, as in the runtime
	s.gcRecord()
	s.note(tGCEnd, mp.p, gp, int32(w.heap1>>20), int32(w.bytesMarked>>20))
	s.wakeList(mp, &w.sweepWaiters)
	s.startTheWorldWithSema(mp, len(s.allp))
	s.freeStackSpans()
}

// wakeList makes all goroutines of a list runnable (injectglist).
func (s *Sched) wakeList(mp *m, list *gQueue) {
	if !list.empty() {
		s.injectglist(&mp.actor, mp.p, list)
	}
}

// gcControllerCommit sets the pace of the next cycle, of sweeping and of the scavenger.
func (s *Sched) gcControllerCommit() {
	done := s.mheap.unswept == 0
	s.controller.Commit(done)
	trigger, goal := s.controller.Trigger()
	s.mheap.sweeper.GCPaceSweeper(&s.controller, trigger, s.mheap.unsweptIn+s.mheap.pagesSwept, s.mheap.pagesSwept, done)
	s.mheap.pace, s.mheap.sweepFrom = s.mheap.sweeper.SweepPagesPerByte, s.controller.HeapLive
	s.gcPaceScavenger(goal)
	s.priceObjects()
}

// gcRecord keeps what gctrace and gcpacertrace print of the cycle.
func (s *Sched) gcRecord() {
	w, c, y := &s.work, &s.controller, &s.work.cycle
	y.StopSweep, y.Mark, y.StopMark = w.tMark-w.tSweepTerm, w.tMarkTerm-w.tMark, w.tEnd-w.tMarkTerm
	cpus := len(s.allp)
	if s.cost.Cores > 0 {
		cpus = min(cpus, s.cost.Cores)
	}
	y.StopSweepCPU, y.StopMarkCPU = time.Duration(cpus)*y.StopSweep, time.Duration(cpus)*y.StopMark
	y.AssistCPU = time.Duration(c.AssistTime)
	y.WorkerCPU = time.Duration(c.DedicatedMarkTime + c.FractionalMarkTime)
	y.IdleCPU = time.Duration(c.IdleMarkTime)
	y.HeapEnd, y.HeapMarked, y.Goal = w.heap1, w.bytesMarked, c.LastHeapGoal
	y.Stacks, y.Globals = c.LastStackScan, c.GlobalsScan
	y.ConsMark, y.Utilization = w.report.ConsMark, w.report.Utilization
	y.GoalDelta = int64(w.heap1) - int64(c.LastHeapGoal)
	cpu := &s.gcCPU
	cpu.assist += y.AssistCPU
	cpu.dedicated += y.WorkerCPU
	cpu.idle += y.IdleCPU
	if w.tEnd > 0 {
		y.CPU = int(100 * float64(cpu.assist+cpu.dedicated+cpu.pause) / (float64(w.tEnd) * float64(len(s.allp))))
	}
	s.gcs = append(s.gcs, *y)
}
