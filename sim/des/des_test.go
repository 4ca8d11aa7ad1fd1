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

func TestEventsAreSmall(t *testing.T) {
	require.EqualValues(t, 24, unsafe.Sizeof(Event{}))
	require.EqualValues(t, 24, unsafe.Sizeof(entry{}))
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
		got = append(got, q.Pop())
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

// Front and heap together are a sorted list, however the load pushes them to and fro: every event pushes up to two, often
// for this very instant, and the queue grows and shrinks around the size of the front.
func TestAgreesWithSortedList(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		var q Queue
		var twin []Event
		who := int32(0)
		push := func(at time.Duration) {
			e := Event{At: at, Who: who}
			who++
			q.Push(e)
			i, _ := slices.BinarySearchFunc(twin, at+1, func(x Event, at time.Duration) int { return int(x.At - at) })
			twin = slices.Insert(twin, i, e)
		}
		push(0)
		push(3)
		atOnce := 0
		for range 5000 {
			require.Equal(t, len(twin), q.Len())
			if len(twin) == 0 {
				push(time.Duration(who))
				continue
			}
			require.Equal(t, twin[0].At, q.Next())
			require.Equal(t, twin[0].At > 7, q.Quiet(7))
			e := q.Pop()
			require.Equal(t, twin[0], e)
			twin = twin[1:]
			for range r.IntN(3) + b2i(len(twin) < 2) - b2i(len(twin) > 4*near) {
				at := e.At + time.Duration(max(0, r.IntN(8)-4)*(1+r.IntN(9)))
				if at == e.At {
					atOnce++
				}
				push(at)
			}
		}
		require.Greater(t, atOnce, 1000)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
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

// numbered is an event with its place among those of the same time.
type numbered struct {
	Event
	seq uint64
}

func (e *numbered) less(f *numbered) bool { return e.At < f.At || e.At == f.At && e.seq < f.seq }

// typed is a plain binary heap of these values in the order (At, seq), and nothing else, written with care: what moves is
// held aside and put down once. It is the yardstick of BenchmarkHold.
type typed struct {
	heap []numbered
	seq  uint64
}

func (q *typed) push(e Event) {
	q.seq++
	x := numbered{e, q.seq}
	h := append(q.heap, x)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !x.less(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = x
	q.heap = h
}

func (q *typed) pop() Event {
	n := len(q.heap) - 1
	first, last := q.heap[0].Event, q.heap[n]
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
		if r := c + 1; r < n && h[r].less(&h[c]) {
			c = r
		}
		if last.less(&h[c]) {
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
		if q.Len() > 0 && r.IntN(5) < 2 {
			require.Equal(t, q.Pop(), plain.pop())
			continue
		}
		e := Event{At: time.Duration(r.IntN(1000)), Who: r.Int32()}
		q.Push(e)
		plain.push(e)
	}
	for q.Len() > 0 {
		require.Equal(t, q.Pop(), plain.pop())
	}
	require.Empty(t, plain.heap)
}

// BenchmarkTypedHeap is the same hold model on a plain heap of the same events, for comparison.
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

type boxed []numbered

func (h boxed) Len() int           { return len(h) }
func (h boxed) Less(i, j int) bool { return h[i].less(&h[j]) }
func (h boxed) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *boxed) Push(x any)        { *h = append(*h, x.(numbered)) }
func (h *boxed) Pop() any          { x := (*h)[len(*h)-1]; *h = (*h)[:len(*h)-1]; return x }

// BenchmarkContainerHeap is the same hold model on the standard library's heap, for comparison.
func BenchmarkContainerHeap(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			var q boxed
			r := rand.New(rand.NewPCG(1, 2))
			for range n {
				heap.Push(&q, numbered{Event: Event{At: time.Duration(r.Uint32())}})
			}
			b.ReportAllocs()
			for b.Loop() {
				e := heap.Pop(&q).(numbered)
				e.At += time.Duration(r.Uint32())
				heap.Push(&q, e)
			}
		})
	}
}
