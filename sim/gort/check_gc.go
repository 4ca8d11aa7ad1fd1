package gort

import (
	"fmt"

	"github.com/gmplab/lab/sim/gopacer"
)

// checkGC is INV-10.
func (s *Sched) checkGC() error {
	if !s.collects {
		return nil
	}
	if s.controller.BlackenEnabled != (s.gcphase == _GCmark) {
		return fmt.Errorf("INV-10: blackening is %v in phase %d", s.controller.BlackenEnabled, s.gcphase)
	}
	answer := int32(0)
	for _, pp := range s.allp {
		answer += b2i(pp.runSafePointFn)
	}
	if answer != s.sched.safePointWait {
		return fmt.Errorf("INV-10: %d Ps have yet to run the function of forEachP, safePointWait is %d", answer, s.sched.safePointWait)
	}
	if !allWaiting(&s.work.assistQueue) || !allWaiting(&s.work.sweepWaiters) {
		return fmt.Errorf("INV-10: a goroutine on the list of assists or of waiters for the sweep does not wait")
	}
	if s.gcphase != _GCmark && !s.work.assistQueue.empty() {
		return fmt.Errorf("INV-10: %d assists wait, and nobody marks", s.work.assistQueue.size)
	}
	if err := s.checkMarking(); err != nil {
		return err
	}
	return s.checkHeap()
}

// checkMarking counts anew who marks.
func (s *Sched) checkMarking() error {
	w := &s.work
	var active, draining, idle int32
	for _, mp := range s.allm {
		if mp.draining {
			draining++
		}
		gp := mp.curg
		if gp == nil || gp.status != _Grunning {
			continue
		}
		if gp.gcop == gcopAssisted || gp.prog.Ops[gp.pc].Do == MarkWorker && gp.op > 0 {
			active++
		}
		if mp.p != nil && mp.p.gcMarkWorkerMode == gopacer.MarkWorkerIdleMode {
			idle++
		}
	}
	if active != w.active {
		return fmt.Errorf("INV-10: %d workers and assists are at work, active is %d", active, w.active)
	}
	if int(draining) != len(w.drains) {
		return fmt.Errorf("INV-10: %d Ms drain, %d are on the list", draining, len(w.drains))
	}
	for _, mp := range w.drains {
		if !mp.draining || mp.curg == nil {
			return fmt.Errorf("INV-10: M%d is on the list of those that drain, and does not", mp.id)
		}
	}
	if idle != s.controller.IdleMarkWorkers {
		return fmt.Errorf("INV-10: %d idle workers, the controller counts %d", idle, s.controller.IdleMarkWorkers)
	}
	if w.roots.left < 0 || w.heap.left < 0 || active > 0 && s.gcphase != _GCmark {
		return fmt.Errorf("INV-10: %v of roots and %v of the heap are left to mark, %d mark in phase %d", w.roots.left, w.heap.left, active, s.gcphase)
	}
	return nil
}

// checkHeap looks at what is counted of the heap.
func (s *Sched) checkHeap() error {
	h, c := &s.mheap, &s.controller
	if int64(c.HeapLive) < 0 || int64(c.HeapScan) < 0 || int64(c.MappedReady) < 0 || int64(c.HeapFree) < 0 || c.TotalFree > c.TotalAlloc {
		return fmt.Errorf("INV-10: a size is negative: live %d, scan %d, mapped %d, free %d, freed %d of %d",
			int64(c.HeapLive), int64(c.HeapScan), int64(c.MappedReady), int64(c.HeapFree), c.TotalFree, c.TotalAlloc)
	}
	if h.unswept < 0 || h.garbage < 0 || h.garbage > h.unswept || h.unswept > h.spans || int64(h.pagesInUse) < 0 {
		return fmt.Errorf("INV-10: %d of %d unswept spans are garbage, of %d spans in all with %d pages", h.garbage, h.unswept, h.spans, int64(h.pagesInUse))
	}
	if h.stacks > h.stackSpans || h.stackSpans > h.beside {
		return fmt.Errorf("INV-10: %d B of stacks in spans of %d B, of %d B beside the heap", h.stacks, h.stackSpans, h.beside)
	}
	if inUse := h.pagesInUse * pageSize; c.MappedReady != h.beside+inUse+c.HeapFree || c.TotalAlloc-c.TotalFree > inUse {
		return fmt.Errorf("INV-10: %d B are mapped: %d in spans with %d of objects, %d free, %d beside the heap",
			c.MappedReady, inUse, c.TotalAlloc-c.TotalFree, c.HeapFree, h.beside)
	}
	for i := range s.objects {
		if k := &s.objects[i]; k.live < 0 || k.live > k.made {
			return fmt.Errorf("INV-10: %d objects of kind %d are alive, %d were made", k.live, i, k.made)
		}
	}
	for i := range s.pools {
		p := &s.pools[i]
		held := p.free
		for _, locals := range [][]poolLocal{p.local, p.victim} {
			for _, l := range locals {
				if l.shared < 0 {
					return fmt.Errorf("INV-10: pool %d: a shared part holds %d", i, l.shared)
				}
				held += l.shared + int64(b2i(l.private))
			}
		}
		if p.free < 0 || p.misses > p.gets || held > s.objects[p.kind].live {
			return fmt.Errorf("INV-10: pool %d holds %d of %d buffers that are alive; %d of %d gets missed", i, held, s.objects[p.kind].live, p.misses, p.gets)
		}
	}
	return nil
}
