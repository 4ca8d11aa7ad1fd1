package calibrate

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
)

// heapProbes measure allocation, sweeping, pools and stores; gcProbes in mark.go the collector. All of them run with the
// collector off but where they call it.
func heapProbes() []probe {
	return []probe{
		{"allocation by size", (*bench).sizes},
		{"memory from the kernel", (*bench).fresh},
		{"sweeping", (*bench).sweepSpan},
		{"pools", (*bench).pools},
		{"pointer stores", (*bench).stores},
		{"allocation while marking", (*bench).allocMarking},
	}
}

// objectSizes are the sizes of objects whose allocation is measured: size classes of all paths of mallocgc, and one above.
var objectSizes = []int64{16, 64, 256, 1 << 10, 4 << 10, 32 << 10, 256 << 10}

// An objectKind is a row of the table of allocations or marks.
type objectKind struct {
	bytes, live int64 // live: of the whole set; of allocations the bytes over which they go
	pointers    bool
	among       int64 // of marks: bytes of other objects allocated for each of theirs
}

// object describes objects of that kind: all words are pointers, or none.
func (k objectKind) object() native.Object {
	if k.pointers {
		return native.ObjectOf(k.bytes, 1)
	}
	return native.ObjectOf(k.bytes, 0)
}

// allocHeaps are over how much memory allocation goes before it comes to the same place again: more than a core's own cache
// holds, in every round, and more than all caches hold, in every second one.
var allocHeaps = []markSet{{live: 4 << 20}, {live: 128 << 20, rounds: []int{1, 3, 5, 7, 9}, long: true}}

// sizes measures the allocation of one object of each size, with and without pointers, on one P: from spans that objects of
// the same size have filled before, and that a collection has swept. runtime.GC returns when all is swept. It takes two
// passes before: memory that is new to the runtime is not zeroed, so that the first does not touch it, and only the second
// one gets it from the kernel.
func (b *bench) sizes() error {
	procs(1, func() {
		for _, heap := range allocHeaps {
			if heap.long && (b.scale < 1 || !slices.Contains(heap.rounds, b.round)) {
				continue
			}
			for _, size := range objectSizes {
				for _, pointers := range []bool{false, true} {
					b.size(objectKind{bytes: size, live: heap.live, pointers: pointers}, heap.long)
				}
			}
		}
	})
	return nil
}

// size measures one of them; large: one pass before it is enough, as the sizes before it have left the memory.
func (b *bench) size(k objectKind, large bool) {
	object, n, passes := k.object(), b.times(int(k.live/k.bytes)), 3
	if large {
		passes = 2
	}
	var took time.Duration
	for range passes {
		runtime.GC()
		start := time.Now()
		for range n {
			b.kept = object.New()
		}
		took = time.Since(start)
		b.kept = nil
	}
	b.alloc1[k] = append(b.alloc1[k], float64(took)/float64(n))
}

// fresh measures what the first use of memory costs that the kernel has to give: objects of 1 MiB that are zeroed, by which
// they are touched, less the same when the memory is there. The runtime knows that what it has from the kernel, or gave
// back to it, is zero, and does not touch it; only when it is allocated the second time it is zeroed.
func (b *bench) fresh() error {
	procs(1, func() {
		n := b.times(16)
		object, hold := native.ObjectOf(1<<20, 0), make([]unsafe.Pointer, n)
		pass := func() float64 {
			start := time.Now()
			for i := range hold {
				hold[i] = object.New()
			}
			took := time.Since(start)
			clear(hold)
			return float64(took) / float64(n<<10)
		}
		debug.FreeOSMemory()
		pass()
		pass()
		debug.FreeOSMemory()
		pass()
		runtime.GC()
		faulted := pass()
		runtime.GC()
		b.add("FreshKiB", max(faulted-pass(), 0))
		b.scavenge()
	})
	return nil
}

// scavenge measures what it costs to give memory back: debug.FreeOSMemory, which collects first, less a collection that finds as
// little to sweep. All the memory has been touched: what has not costs nothing.
func (b *bench) scavenge() {
	released := func() float64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(s)
		return float64(s[0].Value.Uint64())
	}
	before := released()
	runtime.GC()
	start := time.Now()
	runtime.GC()
	collected := time.Now()
	debug.FreeOSMemory()
	took := time.Since(collected) - collected.Sub(start)
	if kib := (released() - before) / 1024; kib >= 1024 {
		b.add("Scavenge", max(float64(took), 0)/kib)
	}
}

// spanObjects objects of spanBytes fill a span (runtime/sizeclasses.go: of 8 KiB).
const spanObjects, spanBytes = 8, 1 << 10

// sweepSpan measures the sweep of spans of which one object is alive, and of spans in which none is: what a forced collection
// on one P takes longer beside its marking, for each such span. It sweeps all spans in use before it returns. Of a few
// collections the shortest counts: what else happens meanwhile is longer than the sweep.
func (b *bench) sweepSpan() error {
	procs(1, func() {
		beside := func(prepare func()) float64 {
			least := math.Inf(1)
			for range 7 {
				prepare()
				before, start := markCPU(), time.Now()
				runtime.GC()
				took := float64(time.Since(start))
				least = min(least, took-(markCPU()-before))
			}
			return least
		}
		nothing := func() {}
		base := beside(nothing)
		object, live := objectKind{bytes: spanBytes}.object(), make([]unsafe.Pointer, b.times(16384))
		for i := range live {
			live[i] = object.New()
			for range spanObjects - 1 {
				b.kept = object.New()
			}
		}
		alive := max(beside(nothing)-base, 0) / float64(len(live))
		b.add("SweepSpan", alive)
		runtime.KeepAlive(live)
		live = nil
		free := beside(func() {
			for range b.times(16384) * spanObjects {
				b.kept = object.New()
			}
			b.kept = nil
		})
		b.add("SweepFree", max((free-base)/float64(b.times(16384))-alive, 0))
	})
	return nil
}

// pools measures sync.Pool on one P: one object each in the private slots of many pools, and many objects in one pool, of
// which all but one are in the shared part of its P.
func (b *bench) pools() error {
	procs(1, func() {
		few := make([]sync.Pool, 64)
		x := &few[0]
		n := b.times(40)
		var put, get, shared []float64
		for range n {
			start := time.Now()
			for i := range few {
				few[i].Put(x)
			}
			middle := time.Now()
			for i := range few {
				few[i].Get()
			}
			end := time.Now()
			put, get = append(put, float64(middle.Sub(start))/64), append(get, float64(end.Sub(middle))/64)
			start = time.Now()
			for range 65 {
				few[0].Put(x)
			}
			for range 65 {
				few[0].Get()
			}
			shared = append(shared, float64(time.Since(start)))
		}
		b.add("PoolPut", put...)
		b.add("PoolGet", get...)
		b.add("PoolShared", max(median(shared)-65*(median(put)+median(get)), 0)/128)
	})
	return nil
}

// stores measures a pointer store into the heap, and what it costs more while the collector marks.
func (b *bench) stores() error {
	const chunk = 2000
	slots := new(native.Slots)
	store := func() { native.Store(slots, unsafe.Pointer(slots), chunk) }
	off := median(b.each(50*chunk, func(n int) { native.Store(slots, unsafe.Pointer(slots), n) }))
	b.add("Store", off)
	if on := b.whileMarking(store); len(on) > 0 {
		b.add("StoreMark", max(median(on)/chunk-off, 0))
	}
	return nil
}

// allocMarking measures what allocating costs more while the collector marks: objects are marked as they are made, and
// marking takes from memory and caches. Two sizes tell what each object costs from what its bytes cost.
func (b *bench) allocMarking() error {
	const chunk, small, large = 200, 64, 1024
	var more [2]float64
	for i, size := range []int64{small, large} {
		object := objectKind{bytes: size, pointers: true}.object()
		allocate := func() {
			for range chunk {
				b.kept = object.New()
			}
		}
		runtime.GC()
		var off []float64
		for range b.times(100) {
			start := time.Now()
			allocate()
			off = append(off, float64(time.Since(start)))
		}
		on := b.whileMarking(allocate)
		if len(on) == 0 {
			return nil
		}
		more[i] = (median(on) - median(off)) / chunk // of some rounds below 0: the median of all is what counts
	}
	b.add("AllocMark", more[0])
	b.add("AllocMarkKiB", (more[1]-more[0])*1024/(large-small))
	return nil
}

// positive lifts what noise has put below 0.
func positive(n *lab.Nanos) { n.P50, n.P10, n.P90 = max(n.P50, 0), max(n.P10, 0), max(n.P90, 0) }

// whileMarking calls f again and again while another goroutine has the collector mark a heap that takes long, and gives the
// nanoseconds of those calls that lie in the middle half of that time.
func (b *bench) whileMarking(f func()) (on []float64) {
	object := objectKind{bytes: 64, pointers: true}.object()
	live := make([]unsafe.Pointer, b.times(1<<19))
	for i := range live {
		live[i] = object.New()
	}
	room := objectKind{bytes: 1 << 20}.object()
	for range b.times(128) { // so that f finds memory that is there already
		b.kept = room.New()
	}
	b.kept = nil
	type part struct{ from, to time.Time }
	parts := make([]part, 0, 1<<14)
	procs(max(runtime.NumCPU(), 2), func() {
		runtime.GC() // so that there is nothing to sweep
		done := make(chan struct{})
		start := time.Now()
		go func() {
			runtime.GC()
			close(done)
		}()
		for over := false; !over && len(parts) < cap(parts); {
			from := time.Now()
			f()
			parts = append(parts, part{from, time.Now()})
			select {
			case <-done:
				over = true
			default:
			}
		}
		<-done
		var s debug.GCStats
		debug.ReadGCStats(&s)
		marked := s.PauseEnd[0].Sub(start)
		for _, p := range parts {
			if p.from.Sub(start) > marked/4 && p.to.Sub(start) < marked*3/4 {
				on = append(on, float64(p.to.Sub(p.from)))
			}
		}
	})
	runtime.KeepAlive(live)
	return on
}

// allocCosts is the table of allocations.
func (b *bench) allocCosts() (costs []lab.AllocCost) {
	for k, ns := range b.alloc1 {
		costs = append(costs, lab.AllocCost{Bytes: k.bytes, Heap: k.live, Pointers: k.pointers, Time: nanosOf(ns)})
	}
	slices.SortFunc(costs, func(x, y lab.AllocCost) int {
		return compare(objectKind{bytes: x.Bytes, live: x.Heap, pointers: x.Pointers}, objectKind{bytes: y.Bytes, live: y.Heap, pointers: y.Pointers})
	})
	return costs
}
