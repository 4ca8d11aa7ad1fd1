package realrun

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
)

// metric reads one metric of the runtime.
func metric(name string) float64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return number(s[0].Value)
}

func TestStepAllocCount(t *testing.T) {
	for _, share := range []float64{0, 0.5} {
		res := runOnce(t, once(4, lab.Step{Do: lab.Alloc, Bytes: 1 << 10, Pointers: share, Count: 1000}))
		assert.InEpsilon(t, 4000<<10, res.Values["/gc/heap/allocs:bytes"], 0.2, "share %v", share)
		assert.InEpsilon(t, 4000, res.Values["/gc/heap/allocs:objects"], 0.3, "share %v", share)
	}
}

// An object that does not escape allocates nothing, uses its stack, and the time of zeroing it.
func TestStepAllocLocal(t *testing.T) {
	w := once(1, lab.Step{Do: lab.Alloc, Bytes: 30_000, Local: true, Count: 1000})
	res := runOnce(t, w)
	assert.Less(t, res.Values["/gc/heap/allocs:bytes"], 200e3, "a thousand objects of 30 kB")
	assert.Greater(t, took(res)[0], 100*time.Microsecond, "30 MB cannot be zeroed that fast")
	r, err := newRun(envelope{Trial: lab.Trial{Workload: w}})
	require.NoError(t, err)
	q := &request{}
	assert.Zero(t, testing.AllocsPerRun(10, func() { r.do(q, &r.classes[0], 1) }))
}

// What a set retains is alive after the request: the newest Count objects, or all. What is allocated while the collector marks counts, too,
// so it must begin when all is done, on a busy machine as well.
func TestStepRetainCount(t *testing.T) {
	live := func(keep int) float64 {
		runtime.GC()
		before := metric("/gc/heap/live:bytes")
		w := once(40, lab.Step{Do: lab.Alloc, Bytes: 64 << 10, Count: 10}, lab.Step{Do: lab.Retain, Name: "set", Count: keep})
		w.Classes = append(w.Classes, lab.Class{Name: "late", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1},
			Steps: []lab.Step{{Do: lab.Sleep, Time: lab.Const(300 * ms)}, {Do: lab.GC}, {Do: lab.Release, Name: "set"}}})
		return (runOnce(t, w).Values["/gc/heap/live:bytes"] - before) / (64 << 10)
	}
	assert.InDelta(t, 25, live(25), 10)
	assert.InDelta(t, 400, live(0), 10)
	assert.InDelta(t, 5, live(5), 10, "fewer than one step makes")
}

func TestStepReleaseCount(t *testing.T) {
	set := &liveSet{}
	objects := make([]unsafe.Pointer, 20)
	for i := range objects {
		objects[i] = native.ObjectOf(16, 1).New()
	}
	h := &heapState{held: slices.Clone(objects)}
	h.step(&op{do: lab.Retain, live: set})
	assert.Empty(t, h.held, "they have moved")
	h.step(&op{do: lab.Release, live: set, count: 15})
	require.Equal(t, 5, set.n)
	assert.Equal(t, objects[15], set.objects[set.first])
	h.step(&op{do: lab.Release, live: set, count: 15})
	assert.Zero(t, set.n)
}

// buffers is a workload of one client that gets two buffers and puts them back, often.
func buffers(kind lab.PoolKind) lab.Workload {
	get, put := lab.Step{Do: lab.Get, Name: "b"}, lab.Step{Do: lab.Put, Name: "b"}
	return lab.Workload{Name: "pool", Run: 50 * ms, Pools: []lab.Pool{{Name: "b", Kind: kind, Bytes: 4000, Pointers: 0.5, Cap: 1}},
		Classes: []lab.Class{{Name: "client", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 1},
			Steps: []lab.Step{get, get, put, put, {Do: lab.CPU, Time: lab.Const(100)}}}}}
}

func TestStepGetAndPut(t *testing.T) {
	for kind, want := range map[lab.PoolKind]struct{ miss, bytes float64 }{
		lab.PoolPointer: {0, 0}, lab.PoolSlice: {0, 24}, lab.PoolFree: {0.5, 2048}, lab.PoolNone: {1, 4096}} {
		res := runOnce(t, buffers(kind))
		gets, misses := res.Values["/pool/gets:count"], res.Values["/pool/misses:count"]
		require.Equal(t, float64(2*len(res.Requests)), gets+2, "%v: the last request ends after the counted part", kind)
		assert.InDelta(t, want.miss, misses/gets, 0.3, "%v", kind) // a race detector drops one in four
		want.bytes += (misses/gets - want.miss) * 4096
		each := res.Values["/gc/heap/allocs:bytes"] / gets
		assert.InDelta(t, want.bytes, each, 16+want.bytes*0.1, "%v: bytes of a get and a put", kind)
	}
}

// A request that does not put back loses its buffer, and nothing is left of it in the request.
func TestStepGetWithoutPut(t *testing.T) {
	w := buffers(lab.PoolPointer)
	w.Classes[0].Steps = w.Classes[0].Steps[:1]
	res := runOnce(t, w)
	assert.InEpsilon(t, res.Values["/pool/gets:count"], res.Values["/pool/misses:count"], 0.01)
	r, err := newRun(envelope{Trial: lab.Trial{Workload: w}})
	require.NoError(t, err)
	q := &request{}
	r.do(q, &r.classes[0], 1)
	for _, b := range q.heap.got[:cap(q.heap.got)] {
		assert.Zero(t, b)
	}
}

// A put gives back what was got last from its own pool.
func TestPutTakesTheBufferOfItsPool(t *testing.T) {
	w := &lab.Workload{Pools: []lab.Pool{{Name: "a", Kind: lab.PoolFree, Bytes: 8, Cap: 4}, {Name: "b", Kind: lab.PoolFree, Bytes: 16, Cap: 4}}}
	p, h := compilePools(w), &heapState{}
	h.step(&op{do: lab.Get, pool: p["a"]})
	h.step(&op{do: lab.Get, pool: p["b"]})
	h.step(&op{do: lab.Get, pool: p["b"]})
	last := h.got[0].slice
	h.step(&op{do: lab.Put, pool: p["a"]})
	require.Len(t, h.got, 2)
	assert.Same(t, &last[0], &(<-p["a"].free)[0])
	h.step(&op{do: lab.Put, pool: p["b"]})
	assert.Len(t, p["b"].free, 1)
}

func TestStepStoreGoesThroughTheBarrier(t *testing.T) {
	measure := func(long time.Duration) (times []time.Duration) {
		h := &heapState{}
		for end := time.Now().Add(long); time.Now().Before(end); {
			from := time.Now()
			h.step(&op{do: lab.Store, count: 5000})
			times = append(times, time.Since(from))
		}
		slices.Sort(times)
		return times
	}
	times := measure(20 * ms)
	off := times[len(times)/2]
	assert.Greater(t, off, 5000*time.Nanosecond/10, "the stores are made")
	ballast := make([]*[8]*byte, 1<<19) // so that marking lasts
	for i := range ballast {
		ballast[i] = new([8]*byte)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	var on time.Duration
	for try := 0; try < 10 && on <= 3*off; try++ { // on a busy machine the collector may not get to mark at that time
		times = measure(300 * ms)
		on = times[len(times)*9/10]
	}
	close(stop)
	<-done
	runtime.KeepAlive(ballast)
	t.Logf("5000 stores: %v, and %v while the collector marks", off, on)
	assert.Greater(t, on, 3*off)
}

func TestStepsOfTheCollector(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	res := runOnce(t, once(1, slices.Repeat([]lab.Step{{Do: lab.GC}}, 3)...))
	assert.Equal(t, 3.0, res.Values["/gc/cycles/forced:gc-cycles"])
	assert.Equal(t, 37.0, runOnce(t, once(1, lab.Step{Do: lab.SetGCPercent, Count: 37})).Values["/gc/gogc:percent"])
	assert.Equal(t, 0.0, runOnce(t, once(1, lab.Step{Do: lab.SetGCPercent})).Values["/gc/gogc:percent"])
	off := runOnce(t, once(1, lab.Step{Do: lab.SetGCPercent, Count: -1}, lab.Step{Do: lab.Alloc, Bytes: 1 << 20, Count: 100}))
	assert.Zero(t, off.Values["/gc/cycles/automatic:gc-cycles"])
	limit := runOnce(t, once(1, lab.Step{Do: lab.SetMemoryLimit, Bytes: 1 << 40}))
	assert.Equal(t, float64(1<<40), limit.Values["/gc/gomemlimit:bytes"])
	limit = runOnce(t, once(1, lab.Step{Do: lab.SetMemoryLimit}))
	assert.Equal(t, float64(math.MaxInt64), limit.Values["/gc/gomemlimit:bytes"])
}

// The state of a request survives collections, and so does its room: a second run of the same request allocates its objects
// alone.
func TestRequestStateIsKept(t *testing.T) {
	var l record
	q := l.take()
	q.heap.begin(1000)
	l.give(q)
	runtime.GC()
	runtime.GC()
	assert.Same(t, q, l.take())
	assert.Equal(t, 1000, cap(q.heap.held))
}

func TestLiveSetIsAQueue(t *testing.T) {
	var s liveSet
	values := make([]int, 200)
	s.release(1) // empty: nothing
	for i := range 150 {
		s.retain([]unsafe.Pointer{unsafe.Pointer(&values[i])}, 0)
		if i%3 == 0 {
			s.release(1)
		}
	}
	require.Equal(t, 100, s.n)
	for i := 50; i < 150; i++ {
		assert.Same(t, &values[i], (*int)(s.objects[s.first]))
		s.release(1)
	}
	assert.Zero(t, s.n)
	for _, p := range s.objects {
		assert.Nil(t, p, "a released object must not be held")
	}
}

func TestLiveSetKeepsTheNewest(t *testing.T) {
	var s liveSet
	s.reserve(7)
	values, ring := make([]int, 100), &s.objects[0]
	for i := 0; i < 100; i += 5 {
		var p []unsafe.Pointer
		for k := range 5 {
			p = append(p, unsafe.Pointer(&values[i+k]))
		}
		s.retain(p, 7)
		require.Equal(t, min(i+5, 7), s.n)
		for k := range s.n {
			require.Same(t, &values[i+5-s.n+k], (*int)(s.objects[(s.first+k)%7]))
		}
	}
	assert.Same(t, ring, &s.objects[0], "the ring never grows")
	s.retain(slices.Repeat([]unsafe.Pointer{unsafe.Pointer(&values[1])}, 9), 3)
	assert.Equal(t, 3, s.n)
}

// What was allocated in the warm-up does not count, nor do its collections.
func TestHeapCountsInTheCountedPart(t *testing.T) {
	w := once(1, lab.Step{Do: lab.Alloc, Count: 1000, Bytes: 1000}, lab.Step{Do: lab.GC})
	w.Warmup, w.Run = 100*ms, 50*ms
	res := runOnce(t, w)
	assert.Less(t, res.Values["/gc/heap/allocs:bytes"], 500e3, "a megabyte in the warm-up")
	assert.Zero(t, res.Values["/gc/cycles/forced:gc-cycles"])
	w.Warmup = 0
	res = runOnce(t, w)
	assert.GreaterOrEqual(t, res.Values["/gc/heap/allocs:bytes"], 1e6)
}
