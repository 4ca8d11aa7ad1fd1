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
	seq  uint64        // order among events at the same time
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

func (n entry) event() Event {
	return Event{At: time.Duration(n.at), seq: n.seqKind >> 8, Gen: uint32(n.genWho >> 32), Who: int32(uint32(n.genWho)), Kind: uint8(n.seqKind)}
}

// before is the one order of events, as a number: 1 if n comes before x, else 0. It subtracts (At, seq) as one number of
// 128 bits and gives the borrow: which of two children of a heap comes first is a coin toss, and a branch on it would be
// mispredicted half of the time.
func (n *entry) before(x *entry) uint64 {
	_, borrow := bits.Sub64(n.seqKind, x.seqKind, 0)
	_, borrow = bits.Sub64(n.at, x.at, borrow)
	return borrow
}

// A Queue is a binary heap of events, and beside it a lane for those that are due at once: most events of the model are
// the next thing at the same instant, and need no heap. The zero Queue is empty and ready.
type Queue struct {
	heap []entry
	lane []entry // pushed for the time of the last Pop, in order; those before head are gone
	head int
	now  uint64 // the time of the last event that came from the heap
	seq  uint64
}

// Len tells how many events are pending, stale ones included.
func (q *Queue) Len() int { return len(q.heap) + len(q.lane) - q.head }

// Next is the time of the first event; the queue must not be empty.
func (q *Queue) Next() time.Duration {
	if q.head < len(q.lane) && (len(q.heap) == 0 || q.now <= q.heap[0].at) {
		return time.Duration(q.now)
	}
	return time.Duration(q.heap[0].at)
}

// Quiet tells whether no event is pending at that time or before.
func (q *Queue) Quiet(at time.Duration) bool { return q.Len() == 0 || q.Next() > at }

// Push adds e behind all pending events of the same time.
func (q *Queue) Push(e Event) {
	q.seq++
	n := entry{uint64(e.At), q.seq<<8 | uint64(e.Kind), uint64(e.Gen)<<32 | uint64(uint32(e.Who))}
	if n.at == q.now {
		q.lane = append(q.lane, n)
		return
	}
	q.heap = append(q.heap, n)
	q.up(len(q.heap)-1, n)
}

// up puts n at place i of the heap, or above it as far as it comes before what is there.
func (q *Queue) up(i int, n entry) {
	h := q.heap
	for i > 0 {
		up := (i - 1) / 2
		if n.before(&h[up]) == 0 {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = n
}

// Pop removes and returns the first event; the queue must not be empty.
func (q *Queue) Pop() Event {
	if q.head < len(q.lane) && (len(q.heap) == 0 || q.lane[q.head].before(&q.heap[0]) != 0) {
		n := q.lane[q.head]
		if q.head++; q.head == len(q.lane) {
			q.lane, q.head = q.lane[:0], 0
		}
		return n.event()
	}
	n := q.popHeap()
	return n.event()
}

// popHeap lets the hole at the root sink to a leaf, always to the child that comes first, and then puts the last event
// there: it is a leaf too, and rarely rises far.
func (q *Queue) popHeap() entry {
	h := q.heap
	first, n := h[0], len(h)-1
	last := h[n]
	h = h[:n]
	q.heap = h
	if q.head == len(q.lane) {
		q.now = first.at
	}
	if n == 0 {
		return first
	}
	i := 0
	for c := 1; c+1 < n; c = 2*i + 1 {
		c += int(h[c+1].before(&h[c]))
		h[i] = h[c]
		i = c
	}
	if c := 2*i + 1; c < n {
		h[i] = h[c]
		i = c
	}
	q.up(i, last)
	return first
}
