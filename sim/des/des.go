// Package des is the event queue of the simulator: events are values, ordered by time and then by the order in which
// they were pushed, and by nothing else. It knows nothing of Go or goroutines.
//
// Cancelling is bumping a generation: whoever owns an event gives it the generation of its state and ignores it when
// the two differ as it comes out. Nothing is removed from the middle of the heap.
package des

import "time"

// An Event says that something happens to Who at virtual time At. What Kind means is the caller's business.
type Event struct {
	At   time.Duration // virtual time since the start of the run
	seq  uint64        // order among events at the same time; 64 bits never wrap
	Gen  uint32        // stale if it is not Who's generation any more
	Who  int32         // a core, a thread, a timer …
	Kind uint8
}

// before is the one order of events.
func (e *Event) before(f *Event) bool {
	return e.At < f.At || e.At == f.At && e.seq < f.seq
}

// A Queue is a binary heap of events. The zero Queue is empty and ready.
type Queue struct {
	heap []Event
	seq  uint64
}

// Len tells how many events are pending, stale ones included.
func (q *Queue) Len() int { return len(q.heap) }

// Next is the time of the first event; the queue must not be empty.
func (q *Queue) Next() time.Duration { return q.heap[0].At }

// Push adds e behind all pending events of the same time.
func (q *Queue) Push(e Event) {
	q.seq++
	e.seq = q.seq
	q.heap = append(q.heap, e)
	h := q.heap
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
}

// Pop removes and returns the first event; the queue must not be empty.
func (q *Queue) Pop() Event {
	h := q.heap
	first, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	q.heap = h
	n := len(h)
	if n == 0 {
		return first
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if r := child + 1; r < n && h[r].before(&h[child]) {
			child = r
		}
		if !h[child].before(&last) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = last
	return first
}
