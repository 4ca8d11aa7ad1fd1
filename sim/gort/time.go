package gort

import (
	"math/bits"
	"time"

	"github.com/gmplab/lab"
)

// Timers (runtime/time.go). Each P has a heap; a timer lies in the heap of the P that armed it and is run by that P, or by
// a thief in its last pass. Stopping a timer bumps its goroutine's generation; what is stale is dropped when it
// comes up.

type timer struct {
	when time.Duration
	gp   *g
	gen  uint32
}

// timers is the heap of one P: each has timerHeapN children (siftUp, siftDown). Equal times have no order of their own.
type timers struct{ heap []timer }

func (ts *timers) add(t timer) {
	ts.heap = append(ts.heap, t)
	i := len(ts.heap) - 1
	for i > 0 {
		parent := int(uint(i-1) / timerHeapN)
		if t.when >= ts.heap[parent].when {
			break
		}
		ts.heap[i] = ts.heap[parent]
		i = parent
	}
	ts.heap[i] = t
}

func (ts *timers) pop() timer {
	h := ts.heap
	first, t := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	ts.heap = h
	i := 0
	for left := 1; left < len(h); left = i*timerHeapN + 1 {
		when, c := t.when, -1
		for j := left; j < min(left+timerHeapN, len(h)); j++ {
			if h[j].when < when {
				when, c = h[j].when, j
			}
		}
		if c < 0 {
			break
		}
		h[i] = h[c]
		i = c
	}
	if len(h) > 0 {
		h[i] = t
	}
	return first
}

// wakeTime is when the first live timer is due; 0: none. Stale ones at the head are dropped.
func (s *Sched) wakeTime(pp *p) time.Duration {
	if len(pp.timers.heap) == 0 { // most have none: this part is inlined
		return 0
	}
	return s.cleanHead(pp)
}

// cleanHead drops the stopped timers at the head of a heap, and gives the time of the first live one (timers.cleanHead).
func (s *Sched) cleanHead(pp *p) time.Duration {
	for len(pp.timers.heap) > 0 {
		if t := &pp.timers.heap[0]; t.gp.timer == t.gen {
			return t.when
		}
		pp.timers.pop()
		s.sched.ntimers--
	}
	return 0
}

// resetTimer arms the timer of mp's goroutine on mp's P.
func (s *Sched) resetTimer(mp *m, when time.Duration) {
	gp := mp.curg
	gp.timer++
	gp.timedOut = false
	mp.charge += s.price.timer
	first := s.wakeTime(mp.p)
	s.sched.ntimers++
	mp.p.timers.add(timer{when, gp, gp.timer})
	if first == 0 || when < first {
		s.wakeNetPoller(&mp.actor, when)
	}
}

// sleep is time.Sleep.
func (s *Sched) sleep(mp *m, d time.Duration) uint8 {
	if d <= 0 {
		return opDone
	}
	s.resetTimer(mp, s.host.Now+mp.charge+d)
	s.gopark(mp, lab.Sleeping)
	return opPark
}

// checkTimers runs the timers of pp that are due, on mp, and tells when the next one is.
func (s *Sched) checkTimers(mp *m, pp *p) (pollUntil time.Duration, ran bool) {
	for {
		when := s.wakeTime(pp)
		if when == 0 || when > s.host.Now {
			return when, ran
		}
		t := pp.timers.pop()
		s.sched.ntimers--
		t.gp.timer++
		t.gp.timedOut = true
		if q := t.gp.waitq; q != nil {
			q.remove(t.gp)
			t.gp.waitq = nil
		}
		mp.charge += s.price.timer
		s.note(tTimer, pp, t.gp, 0, 0)
		s.ready(mp, t.gp, true)
		ran = true
	}
}

// earlier is the earlier of two times of which 0 means none.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// checkTimersNoP looks at the timers of every P, for an M that has none.
func (s *Sched) checkTimersNoP(pollUntil time.Duration) time.Duration {
	left := int(s.sched.ntimers) // in the heaps that were not looked at
	for i := 0; left > 0 && i < len(s.timerpMask); i++ {
		for word := s.timerpMask[i]; word != 0 && left > 0; word &= word - 1 {
			pp := s.allp[i*32+bits.TrailingZeros32(word)]
			left -= len(pp.timers.heap)
			pollUntil = earlier(pollUntil, s.wakeTime(pp))
		}
	}
	return pollUntil
}

// timeSleepUntil is when the first timer of all is due; far away if there is none.
func (s *Sched) timeSleepUntil() time.Duration {
	if t := s.checkTimersNoP(0); t != 0 {
		return t
	}
	return 1 << 62
}
