// Package des is the event queue of the simulator: events are values, ordered by time and then by the order in which
// they were pushed, and by nothing else. It knows nothing of Go or goroutines.
//
// Cancelling is bumping a generation: whoever owns an event gives it the generation of its state and ignores it when
// the two differ as it comes out. Nothing is removed from the middle of the heap.
package des

import (
	"math/bits"
	"time"
)

// An Event says that something happens to Who at virtual time At. What Kind means is the caller's business.
type Event struct {
	At   time.Duration // virtual time since the start of the run, never negative
	Gen  uint32        // stale if it is not Who's generation any more
	Who  int32         // a core, a thread, a timer …
	Kind uint8
}

// An entry is an Event as the queue keeps it: in three words, which the compiler holds in registers, where it would copy
// an Event through memory.
type entry struct {
	at      uint64
	seqKind uint64 // the sequence number above the Kind; 56 bits never wrap
	genWho  uint64
}

// before is 1 if x comes before y, else 0, in the one order of events: by At, then by the sequence number. It is the borrow of
// a subtraction of two words: which of two children comes first is a toss-up, and a branch on it would be mispredicted
// half of the time.
func (x *entry) before(y *entry) int {
	_, borrow := bits.Sub64(x.seqKind, y.seqKind, 0)
	_, borrow = bits.Sub64(x.at, y.at, borrow)
	return int(borrow)
}

// near is how many events the front of a queue holds at most: measured, 6 to 24 differ by a tenth at 4 to 256 Ps.
const near = 16

// A Queue holds the first few events in a sorted list and the others in a binary heap: most events of the model are the
// next thing at the same instant, or soon, and never reach the heap. The zero Queue is empty and ready.
type Queue struct {
	front [near]entry // the first n events, the very first one last
	n     int         // 0 only if the queue is empty
	heap  []entry     // those that come after all of the front
	seq   uint64
}

// Len tells how many events are pending, stale ones included.
func (q *Queue) Len() int { return q.n + len(q.heap) }

// Next is the time of the first event; the queue must not be empty.
func (q *Queue) Next() time.Duration { return time.Duration(q.front[q.n-1].at) }

// Quiet tells whether no event is pending at that time or before.
func (q *Queue) Quiet(at time.Duration) bool { return q.n == 0 || q.Next() > at }

// Push adds e behind all pending events of the same time.
func (q *Queue) Push(e Event) {
	q.seq++
	// Nothing pending has a later number, so that times alone decide; and an entry of its own would live in memory.
	at, seqKind, genWho := uint64(e.At), q.seq<<8|uint64(e.Kind), uint64(e.Gen)<<32|uint64(uint32(e.Who))
	i := q.n
	switch {
	case i < near && (len(q.heap) == 0 || at < q.front[0].at):
		for q.n++; i > 0 && q.front[i-1].at <= at; i-- {
			q.front[i] = q.front[i-1]
		}
	case at < q.front[0].at: // the last of the front makes room
		q.pushHeap(q.front[0])
		for i = 0; i+1 < near && at < q.front[i+1].at; i++ {
			q.front[i] = q.front[i+1]
		}
	default:
		q.pushHeap(entry{at, seqKind, genWho})
		return
	}
	q.front[i] = entry{at, seqKind, genWho}
}

// Pop removes and returns the first event; the queue must not be empty.
func (q *Queue) Pop() Event {
	q.n--
	x := q.front[q.n]
	if q.n == 0 && len(q.heap) > 0 {
		q.n = min(near/2, len(q.heap))
		for i := q.n - 1; i >= 0; i-- {
			q.front[i] = q.popHeap()
		}
	}
	return Event{At: time.Duration(x.at), Gen: uint32(x.genWho >> 32), Who: int32(uint32(x.genWho)), Kind: uint8(x.seqKind)}
}

func (q *Queue) pushHeap(x entry) {
	q.heap = append(q.heap, x)
	h := q.heap
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if x.before(&h[up]) == 0 {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = x
}

func (q *Queue) popHeap() entry {
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
		if child+1 < n {
			child += h[child+1].before(&h[child])
		}
		if h[child].before(&last) == 0 {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = last
	return first
}
