package calibrate

import (
	"math"
	"runtime"
	"runtime/debug"
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
	}
}

// objectSizes are the sizes of objects whose allocation is measured: size classes of all paths of mallocgc, and one above.
var objectSizes = []int64{16, 64, 256, 1 << 10, 4 << 10, 32 << 10, 256 << 10}

// An objectKind is a row of the table of allocations or marks.
type objectKind struct {
	bytes, live int64 // live: of the whole set; 0 for allocations
	pointers    bool
}

// object describes objects of that kind: all words are pointers, or none.
func (k objectKind) object() native.Object {
	if k.pointers {
		return native.ObjectOf(k.bytes, 1)
	}
	return native.ObjectOf(k.bytes, 0)
}

// allocBytes is how much is allocated of each size: more than a core's own cache holds.
const allocBytes = 4 << 20

// sizes measures the allocation of one object of each size, with and without pointers, on one P: from spans that objects of
// the same size have filled before, and that a collection has swept. runtime.GC returns when all is swept. It takes two
// passes before: memory that is new to the runtime is not zeroed, so that the first does not touch it, and only the second
// one gets it from the kernel.
func (b *bench) sizes() error {
	procs(1, func() {
		for _, size := range objectSizes {
			for _, pointers := range []bool{false, true} {
				k := objectKind{bytes: size, pointers: pointers}
				object, n := k.object(), b.times(int(allocBytes/size))
				var took time.Duration
				for range 3 {
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
		}
	})
	return nil
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
		runtime.GC()
		faulted := pass()
		runtime.GC()
		b.add("FreshKiB", max(faulted-pass(), 0))
	})
	return nil
}

// spanObjects objects of spanBytes fill a span (runtime/sizeclasses.go: of 8 KiB).
const spanObjects, spanBytes = 8, 1 << 10

// sweepSpan measures the sweep of spans of which one object is alive: what a forced collection on one P takes longer beside
// its marking, for each such span. It sweeps all spans in use before it returns. Of a few collections the shortest counts:
// what else happens meanwhile is longer than the sweep.
func (b *bench) sweepSpan() error {
	procs(1, func() {
		beside := func() float64 {
			least := math.Inf(1)
			for range 7 {
				before, start := markCPU(), time.Now()
				runtime.GC()
				took := float64(time.Since(start))
				least = min(least, took-(markCPU()-before))
			}
			return least
		}
		base := beside()
		object, live := objectKind{bytes: spanBytes}.object(), make([]unsafe.Pointer, b.times(16384))
		for i := range live {
			live[i] = object.New()
			for range spanObjects - 1 {
				b.kept = object.New()
			}
		}
		b.add("SweepSpan", max(beside()-base, 0)/float64(len(live)))
		runtime.KeepAlive(live)
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

// stores measures a pointer store into the heap, and what it costs more while the collector marks: another goroutine
// asks for a collection of a heap that takes long, and the stores in the middle half of its time count.
func (b *bench) stores() error {
	const chunk = 2000
	slots := new(native.Slots)
	off := median(b.each(50*chunk, func(n int) { native.Store(slots, unsafe.Pointer(slots), n) }))
	b.add("Store", off)
	object := objectKind{bytes: 64, pointers: true}.object()
	live := make([]unsafe.Pointer, b.times(1<<19))
	for i := range live {
		live[i] = object.New()
	}
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
			native.Store(slots, unsafe.Pointer(slots), chunk)
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
		var on []float64
		for _, p := range parts {
			if p.from.Sub(start) > marked/4 && p.to.Sub(start) < marked*3/4 {
				on = append(on, float64(p.to.Sub(p.from))/chunk)
			}
		}
		if len(on) > 0 {
			b.add("StoreMark", max(median(on)-off, 0))
		}
	})
	runtime.KeepAlive(live)
	return nil
}

// allocCosts is the table of allocations.
func (b *bench) allocCosts() (costs []lab.AllocCost) {
	for k, ns := range b.alloc1 {
		costs = append(costs, lab.AllocCost{Bytes: k.bytes, Pointers: k.pointers, Time: nanosOf(ns)})
	}
	slices.SortFunc(costs, func(x, y lab.AllocCost) int {
		return compare(objectKind{bytes: x.Bytes, pointers: x.Pointers}, objectKind{bytes: y.Bytes, pointers: y.Pointers})
	})
	return costs
}
