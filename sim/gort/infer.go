package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// Inference: a C call whose length comes from the model's measured service times, alone or with helper threads; and the
// worker that batches, op by op as realrun's worker does it.

// runSession puts mp's goroutine into an inference of n rows.
// SIMPLIFIED(inference): an inference on several threads is one parallel section; its helpers work from its start, each an
// equal share of the CPU time measured beyond the caller's.
//
// SIMPLIFIED(caches): what an inference finds in the caches depends on the batch before it alone. After an idle time of
// milliseconds the reference host needs several times as long, as its neighbours have emptied the shared cache.
func (s *Sched) runSession(mp *m, n int) {
	s.inflight++
	busy := s.inflight
	if s.cost.Cores > 0 {
		busy = min(busy, s.cost.Cores)
	}
	t := s.cost.Service(s.Model, s.knobs.IntraOp, busy)
	if t == nil {
		s.throw("runSession: the cost has no service time for the model")
		return
	}
	wall := time.Duration(float64(t.At(n, s.lastBatch, s.infer.Float64())) * t.Factor(s.speed))
	s.lastBatch = n
	help := time.Duration(0)
	if k := len(s.helpers); k > 0 {
		help = time.Duration(float64(wall) * max(t.Cores(n)-1, 0) / float64(k))
	}
	s.call(mp, s.price.cgocall, wall+s.enlist(mp, help), 0)
	if mp.helpers > 0 {
		s.note(tHelpers, mp.p, mp.curg, mp.helpers, 0)
	}
}

// copyRows is the CPU of copying rows between requests and a batch, one way.
func (s *Sched) copyRows(n int) time.Duration {
	return s.price.copyKiB * time.Duration(n*s.row) / 1024
}

// enlist gives each free helper its share of mp's call; what a busy helper would have done is the caller's to do.
func (s *Sched) enlist(mp *m, share time.Duration) (own time.Duration) {
	if share == 0 {
		return 0
	}
	for i := range s.helpers {
		h := &s.helpers[i]
		if h.mp != nil {
			own += share
			continue
		}
		h.mp, h.charge = mp, share
		mp.helpers++
		s.host.Wake(h.thread, mp.thread) // its cost is part of the measured service time
	}
	return own
}

// helperStep is a helper that was woken, or has finished its share.
func (s *Sched) helperStep(h *helper) {
	if h.charge > 0 {
		s.host.Run(h.thread, s.paid(&h.actor))
		return
	}
	mp := h.mp
	h.mp = nil
	if mp.helpers--; mp.helpers == 0 && mp.waiting {
		mp.waiting = false
		s.host.Wake(mp.thread, h.thread)
	}
	s.host.Block(h.thread, 0)
}

// callDone is what follows a call.
func (s *Sched) callDone(mp *m, gp *g, op *Op) {
	switch op.Do {
	case Infer:
		s.inflight--
	case RunBatch:
		s.inflight--
		n := len(s.workers[gp.serves].reqs)
		mp.charge += s.copyRows(n) + s.price.now
		if now := s.host.Now; now >= s.From && now < s.To {
			s.batches = append(s.batches, int32(n))
		}
	}
}

// doWorker does the ops of a worker of the batcher.
func (s *Sched) doWorker(mp *m, gp *g, op *Op) uint8 {
	w := &s.workers[gp.serves]
	switch op.Do {
	case Collect:
		w.reqs = w.reqs[:0]
		return doneOrParked(s.chanrecv(mp, s.chans[op.I]))
	case Take:
		return s.take(mp, gp, s.chans[op.I])
	}
	r := w.reqs[gp.spawned] // Reply: one request at a time
	gp.spawned++
	mp.charge += s.price.chanop
	if r.awaits == awaitsReply {
		r.awaits = awaitsNothing
		s.ready(mp, r, true)
	} else {
		r.replied = true
	}
	if int(gp.spawned) < len(w.reqs) {
		return opStay
	}
	gp.pc, gp.spawned = 0, 0
	return opStay
}

// take collects what is in the queue, then asks the Batcher: run, or wait for one more until a timer.
func (s *Sched) take(mp *m, gp *g, c *hchan) uint8 {
	w := &s.workers[gp.serves]
	if gp.op == 1 { // it was waiting for one more
		gp.op = 0
		if !gp.timedOut {
			mp.charge += s.price.timer // stopping it
		}
	}
	if gp.elem != nil {
		if len(w.reqs) == 0 {
			w.oldest = gp.elem.since
		}
		w.reqs = append(w.reqs, gp.elem)
		gp.elem = nil
	}
	for len(w.reqs) < s.Batcher.Max {
		r, ok := s.tryrecv(mp, c)
		if !ok {
			break
		}
		w.reqs = append(w.reqs, r)
	}
	mp.charge += s.price.now
	now := s.host.Now + mp.charge
	n, wait := s.Batcher.Take(len(w.reqs), w.oldest, now)
	if n > 0 {
		return opDone
	}
	s.resetTimer(mp, now+wait)
	c.recvq.pushBack(gp)
	gp.waitq = &c.recvq
	gp.op = 1
	s.gopark(mp, lab.Select)
	return opParkStay
}
