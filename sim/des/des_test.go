package des

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestEventIs32Bytes(t *testing.T) {
	require.EqualValues(t, 32, unsafe.Sizeof(Event{}))
}

// The heap agrees with a stable sort: the dumb twin of the order (At, seq).
func TestAgreesWithStableSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var q Queue
	var want, got []Event
	for i := range 5000 {
		e := Event{At: time.Duration(r.IntN(50)), Who: int32(i)}
		q.Push(e)
		want = append(want, e)
	}
	slices.SortStableFunc(want, func(a, b Event) int { return int(a.At - b.At) })
	for q.Len() > 0 {
		e := q.Pop()
		e.seq = 0
		got = append(got, e)
	}
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i], got[i], "event %d", i)
	}
}

func TestInterleavedPushesStayFIFOAmongEquals(t *testing.T) {
	var q Queue
	for i := range int32(10) {
		q.Push(Event{At: 5, Who: i})
	}
	require.EqualValues(t, 0, q.Pop().Who)
	q.Push(Event{At: 5, Who: 99})
	for i := int32(1); i < 10; i++ {
		require.EqualValues(t, i, q.Pop().Who)
	}
	require.EqualValues(t, 99, q.Pop().Who)
}

var sizes = []int{16, 64, 1024, 65536}

// BenchmarkHold is the hold model: pop the first event, push it again a random time later, with n pending.
func BenchmarkHold(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			var q Queue
			r := rand.New(rand.NewPCG(1, 2))
			for range n {
				q.Push(Event{At: time.Duration(r.Uint32())})
			}
			b.ReportAllocs()
			for b.Loop() {
				e := q.Pop()
				e.At += time.Duration(r.Uint32())
				q.Push(e)
			}
		})
	}
}

type boxed []Event

func (h boxed) Len() int           { return len(h) }
func (h boxed) Less(i, j int) bool { return h[i].before(&h[j]) }
func (h boxed) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *boxed) Push(x any)        { *h = append(*h, x.(Event)) }
func (h *boxed) Pop() any          { x := (*h)[len(*h)-1]; *h = (*h)[:len(*h)-1]; return x }

// BenchmarkContainerHeap is the same hold model on the standard library's heap, for comparison.
func BenchmarkContainerHeap(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			var q boxed
			r := rand.New(rand.NewPCG(1, 2))
			for range n {
				heap.Push(&q, Event{At: time.Duration(r.Uint32())})
			}
			b.ReportAllocs()
			for b.Loop() {
				e := heap.Pop(&q).(Event)
				e.At += time.Duration(r.Uint32())
				heap.Push(&q, e)
			}
		})
	}
}

// typed is a plain binary heap of these values in the order (At, seq), and nothing else, written with care: what moves is
// held aside and put down once. It is the yardstick of BenchmarkHold.
type typed struct {
	heap []Event
	seq  uint64
}

func (q *typed) push(e Event) {
	q.seq++
	e.seq = q.seq
	h := append(q.heap, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h[up].At < e.At || h[up].At == e.At && h[up].seq < e.seq {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
	q.heap = h
}

func (q *typed) pop() Event {
	n := len(q.heap) - 1
	first, last := q.heap[0], q.heap[n]
	h := q.heap[:n]
	q.heap = h
	if n == 0 {
		return first
	}
	i := 0
	for {
		c := 2*i + 1
		if c >= n {
			break
		}
		if r := c + 1; r < n && (h[r].At < h[c].At || h[r].At == h[c].At && h[r].seq < h[c].seq) {
			c = r
		}
		if last.At < h[c].At || last.At == h[c].At && last.seq < h[c].seq {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = last
	return first
}

// The yardstick gives the same order.
func TestTypedHeapAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var q Queue
	var plain typed
	for range 20000 {
		if q.Len() > 0 && r.IntN(2) == 0 {
			require.Equal(t, plain.pop(), q.Pop())
			continue
		}
		e := Event{At: time.Duration(r.IntN(50)), Kind: uint8(r.IntN(5))}
		q.Push(e)
		plain.push(e)
	}
}

// BenchmarkTypedHeap is the same hold model on that heap: BenchmarkHold is at most 1.1 times as slow.
func BenchmarkTypedHeap(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			var q typed
			r := rand.New(rand.NewPCG(1, 2))
			for range n {
				q.push(Event{At: time.Duration(r.Uint32())})
			}
			b.ReportAllocs()
			for b.Loop() {
				e := q.pop()
				e.At += time.Duration(r.Uint32())
				q.push(e)
			}
		})
	}
}
