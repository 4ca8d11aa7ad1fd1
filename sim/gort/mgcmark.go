package gort

import (
	"math"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gopacer"
)

// Marking (runtime/mgcmark.go: gcDrain, gcAssistAlloc, gcFlushBgCredit; runtime/mgc.go: gcBgMarkWorker). What a cycle has to
// mark is a pool of CPU time, worth so much scan work, from which workers and assists take a piece at a time.
//
// SIMPLIFIED(mark): all that is left can be marked in parallel: no list is so long, and no root so large, that workers would
// wait for one another. What marking an object costs depends on its size, on whether it holds pointers, on the size of
// the heap and on what was allocated between it and its like, as calibrated; a worker beside a busy core marks no slower.
//
// SIMPLIFIED(mark): credit that workers earn while nobody waits for it is added when somebody asks, to the byte, not in
// portions of 2,000; and an assist that goes on after drainAtOnce takes from it anew, and asks for what it owes by the ratio
// of that moment, at least OverAssistWork, where the runtime does so once.

const (
	stackScanned = 400                    // bytes of its stack that a parked goroutine has in use, about
	drainAtOnce  = 200 * time.Microsecond // of the marking that is left, so much is claimed at a time
)

// gcPrepareMarkRoots sees what there is to mark: the roots, and what is alive.
func (s *Sched) gcPrepareMarkRoots() {
	w, heap := &s.work, s.cost.Heap
	s.spreadObjects()
	s.markrootFreeGStacks()
	live := heap.Live + s.ringBytes
	bytes := live
	for i := range s.objects {
		bytes += s.objects[i].liveBytes()
	}
	scan, cpu := float64(heap.Scan+s.ringBytes), 0.0
	for i := range s.objects {
		k := &s.objects[i]
		if k.live <= 0 {
			continue
		}
		k.mark = s.cost.MarkTime(k.Bytes, k.Pointers, int64(bytes), k.among, s.policy.NoGreenTea)
		cpu += float64(float64(k.live) * k.mark)
		scan += float64(uint64(k.live) * k.work)
	}
	w.bytesMarked = bytes
	w.heap = pool2{time.Duration(cpu) + 1, scan}
	gs := s.alive
	w.roots = pool2{s.price.markSetup + time.Duration(gs)*s.price.markG, float64(heap.Stack) + float64(gs*stackScanned)}
	s.controller.MaxStackScan = heap.Stack + uint64(gs)*fixedStack
	s.controller.GlobalsScanWork += int64(heap.Globals) // SIMPLIFIED(mark): at once
	w.flushed = false
}

// claim takes up to d of what is left to mark.
func (w *work) claim(d time.Duration) (piece pool2, root bool) {
	from := &w.heap
	if root = w.roots.left > 0; root {
		from = &w.roots
	}
	piece.left = min(d, from.left)
	piece.bytes = from.bytes
	if piece.left < from.left {
		piece.bytes = from.bytes * float64(piece.left) / float64(from.left)
	}
	from.left -= piece.left
	from.bytes -= piece.bytes
	return piece, root
}

// rate is the scan work that a nanosecond of marking does now.
func (w *work) rate() float64 {
	from := &w.heap
	if w.roots.left > 0 {
		from = &w.roots
	}
	if from.left == 0 {
		return 0
	}
	return from.bytes / float64(from.left)
}

// drain is what an M marks at the moment.
type drain struct {
	piece       pool2
	root        bool
	background  bool          // a worker: its work is credit for assists
	from        time.Duration // CPU of the thread when it begins
	booked      float64       // scan work that is counted already
	credited    float64       // of it, what was added to the credit
	done, began time.Duration
}

// drainPiece lets mp mark for up to d. The order is the last thing that its caller does.
func (s *Sched) drainPiece(mp *m, d time.Duration, background bool) {
	piece, root := s.work.claim(max(d, 1))
	pay := s.paid(&mp.actor)
	mp.draining = true
	mp.drain = drain{piece: piece, root: root, background: background, from: s.host.CPU(mp.thread) + pay, began: s.host.Now}
	s.work.drains = append(s.work.drains, mp)
	s.host.Run(mp.thread, pay+piece.left)
}

// book counts the work of a drain up to that share.
func (s *Sched) book(dr *drain, share float64, credit bool) {
	work := dr.piece.bytes * share
	if n := work - dr.booked; n > 0 {
		if dr.root {
			s.controller.StackScanWork += int64(n)
		} else {
			s.controller.HeapScanWork += int64(n)
		}
		dr.booked += float64(int64(n))
	}
	if n := work - dr.credited; credit && dr.background && n >= 1 {
		s.controller.BgScanCredit += int64(n)
		dr.credited += float64(int64(n))
	}
}

// sync counts what all that mark at the moment have done so far.
func (s *Sched) sync() {
	if !s.controller.BlackenEnabled {
		return
	}
	for _, mp := range s.work.drains {
		dr := &mp.drain
		if did := s.host.CPU(mp.thread) - dr.from; did > 0 && dr.piece.left > 0 {
			s.book(dr, min(float64(did)/float64(dr.piece.left), 1), s.work.assistQueue.empty())
		}
	}
}

// drained ends a piece of which rest is not done: that goes back, and a worker's work is credit.
func (s *Sched) drained(mp *m, rest time.Duration) {
	dr, w := &mp.drain, &s.work
	mp.draining = false
	for i, x := range w.drains {
		if x == mp {
			w.drains = append(w.drains[:i], w.drains[i+1:]...)
			break
		}
	}
	if rest > dr.piece.left { // cut before it began
		mp.charge += rest - dr.piece.left
		rest = dr.piece.left
	}
	share := 1.0
	if rest > 0 {
		share = 1 - float64(rest)/float64(dr.piece.left)
		back := pool2{rest, dr.piece.bytes * (1 - share)}
		to := &w.heap
		if dr.root {
			to = &w.roots
		}
		to.left += back.left
		to.bytes += back.bytes
	}
	dr.done = dr.piece.left - rest
	before := dr.credited
	s.book(dr, share, w.assistQueue.empty())
	if dr.done > 0 {
		w.flushed = w.flushed || !dr.root
	}
	if dr.background && !w.assistQueue.empty() {
		s.gcFlushBgCredit(mp, int64(float64(dr.piece.bytes*share)-before))
	}
}

// gcFlushBgCredit gives scan work of the background to the assists that wait, in order, and the rest to the credit.
func (s *Sched) gcFlushBgCredit(mp *m, scanWork int64) {
	w, c := &s.work, &s.controller
	scanBytes := int64(float64(scanWork) * c.AssistBytesPerWork)
	for !w.assistQueue.empty() && scanBytes > 0 {
		gp := w.assistQueue.pop()
		if scanBytes+gp.gcAssistBytes >= 0 {
			scanBytes += gp.gcAssistBytes
			gp.gcAssistBytes = 0
			s.ready(mp, gp, false)
			continue
		}
		gp.gcAssistBytes += scanBytes
		scanBytes = 0
		w.assistQueue.pushBack(gp)
	}
	if scanBytes > 0 {
		c.BgScanCredit += int64(float64(scanBytes) * c.AssistWorkPerByte)
	}
}

// gcAssistAlloc lets a goroutine that has allocated beyond its credit mark, or wait for credit.
func (s *Sched) gcAssistAlloc(mp *m, gp *g) uint8 {
	c, w := &s.controller, &s.work
	if gp.gcop == gcopAssisted {
		s.gcAssistDone(mp, gp)
		if gp.gcop == gcopDone { // the last to mark
			return opDone
		}
		if gp.gcAssistBytes >= 0 {
			gp.gcop = gcopNone
			return opDone
		}
		gp.gcop = gcopAssist
		if gp.preempt {
			return opStay // exec lets it yield
		}
		if !c.BlackenEnabled || c.BgScanCredit > 0 || w.rate() > 0 && !s.limiter.Limiting() { // where gcDrainN goes on
			return opDone
		}
		return s.gcParkAssist(mp, gp)
	}
	if s.limiter.Limiting() || !c.BlackenEnabled || gp.gcAssistBytes >= 0 {
		if !c.BlackenEnabled {
			gp.gcAssistBytes = 0
		}
		gp.gcop = gcopNone
		return opDone
	}
	debtBytes := -gp.gcAssistBytes
	scanWork := int64(c.AssistWorkPerByte * float64(debtBytes))
	if scanWork < gopacer.OverAssistWork {
		scanWork = gopacer.OverAssistWork
		debtBytes = int64(c.AssistBytesPerWork * float64(scanWork))
	}
	s.sync()
	if credit := c.BgScanCredit; credit > 0 {
		stolen := min(credit, scanWork)
		if stolen < scanWork {
			gp.gcAssistBytes += 1 + int64(c.AssistBytesPerWork*float64(stolen))
		} else {
			gp.gcAssistBytes += debtBytes
		}
		c.BgScanCredit -= stolen
		if scanWork -= stolen; scanWork == 0 {
			gp.gcop = gcopNone
			return opDone
		}
	}
	gp.gcop = gcopAssisted
	w.active++
	mp.drain = drain{began: s.host.Now}
	s.note(tAssist, mp.p, gp, int32(scanWork>>10), mp.id)
	if rate := w.rate(); rate > 0 {
		s.drainPiece(mp, time.Duration(min(math.Ceil(float64(scanWork)/rate), float64(drainAtOnce))), false)
		return opBusy
	}
	return opStay
}

// gcAssistDone books what an assist has marked (gcAssistAlloc1, from the end of its drain).
func (s *Sched) gcAssistDone(mp *m, gp *g) {
	c, w, dr := &s.controller, &s.work, &mp.drain
	if dr.piece.left > 0 {
		share := float64(dr.done) / float64(dr.piece.left)
		gp.gcAssistBytes += 1 + int64(c.AssistBytesPerWork*dr.piece.bytes*share)
	}
	pp := mp.p
	pp.gcAssistTime += s.host.Now - dr.began
	s.limiter.AddAssistTime(int64(s.host.Now - dr.began))
	if pp.gcAssistTime > gopacer.AssistTimeSlack {
		c.AssistTime += int64(pp.gcAssistTime)
		pp.gcAssistTime = 0
		s.limiterUpdate()
	}
	dr.piece = pool2{}
	s.note(dAssisted, pp, gp, mp.id, int32(gp.gcAssistBytes))
	if w.active--; w.active == 0 && !s.gcMarkWorkAvailable() && c.BlackenEnabled {
		gp.gcop = gcopDone
	}
}

// gcParkAssist parks a goroutine until the background has earned what it owes. Workers come back at once, to see it.
func (s *Sched) gcParkAssist(mp *m, gp *g) uint8 {
	s.work.assistQueue.pushBack(gp)
	for _, mp2 := range s.work.drains {
		if mp2.drain.background { // other assists have their own debts to work off
			s.host.Cut(mp2.thread)
		}
	}
	gp.gcop = gcopAssist
	s.note(tAssistPark, mp.p, gp, 0, 0)
	s.gopark(mp, lab.GCAssist)
	return opParkStay
}

// findRunnableGCWorker gives the P a worker if it shall be one now.
func (s *Sched) findRunnableGCWorker(pp *p) *g {
	now := int64(s.host.Now)
	if s.limiter.NeedUpdate(now) {
		s.limiterUpdate()
	}
	if pp.nextGCMarkWorker == nil && !s.assignWaitingGCWorker(pp) {
		return nil
	}
	gp := pp.nextGCMarkWorker
	pp.nextGCMarkWorker = nil
	s.casgstatus(gp, _Grunnable, lab.NoReason)
	s.note(tGCWorker, pp, gp, int32(pp.gcMarkWorkerMode), 0)
	return gp
}

// assignWaitingGCWorker makes the P a worker, dedicated or fractional, if one is needed and there is work.
func (s *Sched) assignWaitingGCWorker(pp *p) bool {
	w := &s.work
	if !s.gcMarkWorkAvailable() || len(w.workers) == 0 {
		return false
	}
	pp.gcMarkWorkerMode = s.controller.AssignWaitingGCWorker(int64(pp.gcFractionalMarkTime), int64(s.host.Now))
	if pp.gcMarkWorkerMode == gopacer.MarkWorkerNotWorker {
		return false
	}
	pp.nextGCMarkWorker = w.pop()
	return true
}

// pop takes a worker from the pool.
func (w *work) pop() *g {
	n := len(w.workers) - 1
	gp := w.workers[n]
	w.workers = w.workers[:n]
	return gp
}

// releaseNextGCMarkWorker gives back a worker that a P was assigned and that it does not come to run.
func (s *Sched) releaseNextGCMarkWorker(pp *p) {
	if gp := pp.nextGCMarkWorker; gp != nil {
		s.controller.MarkWorkerStop(pp.gcMarkWorkerMode, 0)
		s.work.workers = append(s.work.workers, gp)
		pp.gcMarkWorkerMode, pp.nextGCMarkWorker = gopacer.MarkWorkerNotWorker, nil
	}
}

// idleMarkWorker makes the P an idle worker, if there may be one more.
func (s *Sched) idleMarkWorker(pp *p) *g {
	if !s.controller.BlackenEnabled || !s.gcMarkWorkAvailable() || len(s.work.workers) == 0 || !s.controller.AddIdleMarkWorker() {
		return nil
	}
	pp.gcMarkWorkerMode = gopacer.MarkWorkerIdleMode
	gp := s.work.pop()
	s.casgstatus(gp, _Grunnable, lab.NoReason)
	s.note(tGCWorker, pp, gp, int32(pp.gcMarkWorkerMode), 0)
	return gp
}

// gcBgMarkWorker is a worker, from when it is run to when it parks.
func (s *Sched) gcBgMarkWorker(mp *m, gp *g) uint8 {
	if gp.gcop != gcopNone { // in gcMarkDone
		if did := s.gcContinue(mp, gp); did != opDone {
			return did
		}
		return s.workerPark(mp, gp)
	}
	pp, w := mp.p, &s.work
	if gp.op == 0 {
		if !s.controller.BlackenEnabled {
			s.throw("gcBgMarkWorker: blackening not enabled")
			return opPark
		}
		gp.op = 1
		gp.since = s.host.Now
		w.active++
	}
	if d := s.workerGoesOn(mp, gp); d > 0 {
		s.enlistWorker(mp)
		s.drainPiece(mp, d, true)
		return opBusy
	}
	duration := s.host.Now + mp.charge - gp.since
	s.controller.MarkWorkerStop(pp.gcMarkWorkerMode, int64(duration))
	switch pp.gcMarkWorkerMode {
	case gopacer.MarkWorkerFractionalMode:
		pp.gcFractionalMarkTime += duration
	case gopacer.MarkWorkerIdleMode:
		s.limiter.AddIdleTime(int64(duration))
	}
	pp.gcMarkWorkerMode = gopacer.MarkWorkerNotWorker
	gp.op = 0
	if w.active--; w.active == 0 && !s.gcMarkWorkAvailable() {
		gp.gcop = gcopDone
		return opStay
	}
	return s.workerPark(mp, gp)
}

// workerPark puts a worker back into the pool.
func (s *Sched) workerPark(mp *m, gp *g) uint8 {
	s.work.workers = append(s.work.workers, gp)
	s.gopark(mp, lab.OtherReason)
	return opParkStay
}

// workerGoesOn tells for how long a worker marks before it looks up again; 0: it stops. It stops for want of work, for a
// safe point, and, if it is not dedicated, for whoever wants its P.
func (s *Sched) workerGoesOn(mp *m, gp *g) time.Duration {
	pp, w := mp.p, &s.work
	if !s.gcMarkWorkAvailable() {
		return 0
	}
	if gp.preempt && (s.sched.gcwaiting || pp.runSafePointFn) {
		return 0
	}
	const shortest, longest = 2 * time.Microsecond, 2 * time.Millisecond
	d := drainAtOnce
	if pp.gcMarkWorkerMode == gopacer.MarkWorkerDedicatedMode {
		if gp.preempt && gp.op == 1 { // from now on it cannot be preempted: others get what waits here
			gp.op = 2
			s.runqdrain(mp)
		}
	} else {
		if gp.preempt || gp.op == 2 && s.workerLeaves(mp, gp) {
			return 0
		}
		gp.op = 2 // it has looked once
		if rate := w.rate(); rate > 0 {
			d = min(max(time.Duration(drainCheckThreshold/rate), shortest), longest)
		}
	}
	if first := w.assistQueue.head; first != nil { // it flushes its credit as soon as the first has enough
		if rate := w.rate(); rate > 0 {
			needs := max(float64(-first.gcAssistBytes)*s.controller.AssistWorkPerByte, gopacer.CreditSlack)
			d = min(d, max(time.Duration(needs/rate), shortest))
		}
	}
	return d
}

// workerLeaves is what a worker that is not dedicated asks at each look: has the P other work, has it had its share?
func (s *Sched) workerLeaves(mp *m, gp *g) bool {
	pp := mp.p
	if pp.gcMarkWorkerMode == gopacer.MarkWorkerFractionalMode {
		self := pp.gcFractionalMarkTime + s.host.Now - gp.since
		return s.controller.PollFractionalWorkerExit(int64(self), int64(s.host.Now))
	}
	return s.pollWork(mp)
}

// pollWork tells whether there is work for the P.
func (s *Sched) pollWork(mp *m) bool {
	if !s.sched.runq.empty() || !runqempty(mp.p) {
		return true
	}
	if s.netpollAnyWaiters() && s.sched.polling == nil && s.epoll.head != nil {
		list := s.netpoll()
		if !list.empty() {
			s.injectglist(&mp.actor, mp.p, &list)
			return true
		}
	}
	return false
}

// runqdrain gives all local work of a dedicated worker's P to the global queue.
func (s *Sched) runqdrain(mp *m) {
	pp := mp.p
	s.note(dRunqdrain, pp, mp.curg, int32(pp.runqtail-pp.runqhead)+b2i(pp.runnext != nil), 0)
	for gp, _ := s.runqget(pp); gp != nil; gp, _ = s.runqget(pp) {
		s.globrunqput(gp)
	}
}

// enlistWorker wakes an idle P so that it marks too. Without Green Tea it asks only for dedicated workers.
func (s *Sched) enlistWorker(mp *m) {
	if s.policy.NoGreenTea || !s.gcMarkWorkAvailable() {
		return
	}
	if (s.controller.DedicatedMarkWorkersNeeded > 0 || s.controller.NeedIdleMarkWorker()) &&
		s.sched.npidle != 0 && s.sched.nmspinning == 0 {
		s.wakep(&mp.actor)
	}
}

// limiterConsume tells the limiter of what goes on at the moment: Ps that are idle.
func (s *Sched) limiterConsume() {
	if s.limiter.Transitioning {
		return
	}
	for pp := s.sched.pidle; pp != nil; pp = pp.link {
		s.limiter.AddIdleTime(int64(s.host.Now - pp.idleSince))
		pp.idleSince = s.host.Now
	}
}

// limiterUpdate brings the limiter up to date.
func (s *Sched) limiterUpdate() {
	s.limiterConsume()
	s.limiter.Update(int64(s.host.Now))
}
