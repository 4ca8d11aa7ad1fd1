package calibrate

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"unsafe"

	"github.com/gmplab/lab"
)

// gcProbes measure the collector.
func gcProbes() []probe {
	return []probe{
		{"stopping the world", (*bench).stopWorld},
		{"marking stacks", (*bench).markStacks},
		{"marking", (*bench).marks},
	}
}

// markCPU is the CPU time that all mark workers and assists have used, in nanoseconds. The runtime brings it up to date when
// marking ends.
func markCPU() (ns float64) {
	s := []metrics.Sample{{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	metrics.Read(s)
	for _, m := range s {
		if m.Value.Kind() == metrics.KindFloat64 {
			ns += m.Value.Float64() * 1e9
		}
	}
	return ns
}

// marking gives the mark CPU of n forced collections.
func marking(n int) (ns []float64) {
	for range n {
		before := markCPU()
		runtime.GC()
		ns = append(ns, markCPU()-before)
	}
	return ns
}

// coldMarking does the same where the program has used other memory since the last collection, more than any cache holds: that is
// how a heap looks that is collected a few times a second.
func coldMarking(n int, other []byte) (ns []float64) {
	for range n {
		for i := 0; i < len(other); i += 64 {
			other[i]++
		}
		ns = append(ns, marking(1)...)
	}
	return ns
}

// stopWorld measures a stop of the world that finds one P, its own: runtime.Stack does nothing else when there is no room
// for a stack.
func (b *bench) stopWorld() error {
	procs(1, func() {
		b.add("StopWorld", b.each(1000, func(n int) {
			for range n {
				runtime.Stack(nil, true)
			}
		})...)
	})
	return nil
}

// How often a heap is marked for one value: a small one more often, as what the workers do beside it differs.
const fewMarks, manyMarks = 3, 7

// manyStacks is how many goroutines park for the measurement of their stacks.
const manyStacks = 10_000

// markStacks measures what a collection takes longer for each goroutine that is parked.
func (b *bench) markStacks() error {
	n := b.times(manyStacks)
	base := median(marking(manyMarks))
	var hold sync.Mutex
	var all sync.WaitGroup
	hold.Lock()
	for range n {
		all.Go(func() {
			hold.Lock()
			hold.Unlock() //lint:ignore SA2001 it parks
		})
	}
	for range 100 { // until they have parked
		runtime.Gosched()
	}
	b.add("MarkG", max(median(marking(fewMarks))-base, 0)/float64(n))
	hold.Unlock()
	all.Wait()
	b.most = max(b.most, n)
	return nil
}

// The table of marks: the sizes of objects and of live sets, among how many bytes of other objects for each of theirs they were
// allocated, and in which rounds such a set is measured. The largest, for which the process needs 600 MB, is left out of a quick
// calibration.
var (
	markSizes = []int64{64, 256, 512, 1 << 10, 4 << 10, 32 << 10}
	markSets  = []markSet{
		{live: 8 << 20, rounds: []int{0, 2, 4, 6, 8}},
		{live: 64 << 20, rounds: []int{1, 4}},
		{live: 32 << 20, among: markAmong, rounds: []int{1, 4}},
		{live: 256 << 20, rounds: []int{2}, long: true},
	}
)

// markAmong is about what a service allocates for each byte that it keeps for a while.
const markAmong = 7

// otherBytes is more than all caches hold.
const otherBytes = 64 << 20

type markSet struct {
	live   int64
	among  int64 // bytes
	rounds []int
	long   bool
}

// marks measures what the objects of live sets cost to mark, in CPU of all workers, with as many Ps as there are cores.
func (b *bench) marks() error {
	procs(runtime.NumCPU(), func() {
		other := make([]byte, b.times(otherBytes))
		base := slices.Min(coldMarking(manyMarks, other))
		for _, set := range markSets {
			if !slices.Contains(set.rounds, b.round) || set.live > 8<<20 && b.scale < 1 && set.among == 0 || set.long && b.quick {
				continue
			}
			for _, size := range markSizes {
				for _, pointers := range []bool{false, true} {
					if b.ctx.Err() != nil {
						return
					}
					live := max(int64(float64(set.live)*min(b.scale, 1)), 8*size)
					b.mark(objectKind{bytes: size, live: live, pointers: pointers, among: set.among}, base, other)
				}
			}
			if b.scale >= 1 {
				debug.FreeOSMemory() // so that the scavenger does not go through it meanwhile
			}
		}
	})
	return nil
}

// mark measures the marking of one live set, less what the heap that was there takes. The least of a few collections counts, of more
// where the set is small, as its objects take no longer than what the workers do beside: the runtime counts the time that a
// worker has its P, and with it what the hypervisor takes of that, which the simulator adds by itself (Gap, Stall).
func (b *bench) mark(k objectKind, base float64, other []byte) {
	live := b.churned(k, int64(len(other)))
	n := fewMarks
	if k.live <= 8<<20 {
		n = manyMarks
	}
	b.mark1[k] = append(b.mark1[k], max(slices.Min(coldMarking(n, other))-base, 0)/float64(len(live)))
	runtime.KeepAlive(live)
}

// again is the live set that Refresh marks, a row of the calibration's table.
var again = objectKind{bytes: 1 << 10, live: 64 << 20, pointers: true}

// markAgain marks that set a few times, of which the least counts as in mark, and makes it where it is not there yet.
func (b *bench) markAgain() error {
	procs(runtime.NumCPU(), func() {
		if b.live == nil {
			b.other = make([]byte, otherBytes)
			b.base = slices.Min(coldMarking(fewMarks, b.other))
			b.live = b.churned(again, otherBytes)
		}
		b.mark1[again] = append(b.mark1[again], max(slices.Min(coldMarking(fewMarks, b.other))-b.base, 0)/float64(len(b.live)))
	})
	return nil
}

// slowdown is how long that set took to mark over what the costs say; 0: one of the two was not measured.
func (b *bench) slowdown(c *lab.Cost) float64 {
	now := median(b.mark1[again])
	for i := range c.Mark {
		m := &c.Mark[i]
		row := lab.MarkCost{Bytes: again.bytes, Live: again.live, Pointers: again.pointers, Among: again.among, Old: oldMark, Time: m.Time}
		if *m == row && m.Time.P50 > 0 {
			return now / m.Time.P50
		}
	}
	return 0
}

// churned makes a live set as a retain step leaves it: a ring in which each object has been replaced, while collections went
// on, so that the memory has been used and swept before. Neighbours in the ring are mostly neighbours in memory, as in any
// set whose objects die in the order in which they came; where they were allocated among others, a span of them is followed by
// so many of those. beside: bytes alive beside the set, in spite of which the heap grows to twice the set only.
func (b *bench) churned(k objectKind, beside int64) []unsafe.Pointer {
	defer debug.SetGCPercent(debug.SetGCPercent(int(max(100*k.live/(k.live+beside), 1))))
	object, live := k.object(), make([]unsafe.Pointer, k.live/k.bytes)
	others, span := objectKind{bytes: otherSize}.object(), max(otherSpan/k.bytes, 1)
	each := int(k.among * span * k.bytes / otherSize)
	for range 2 {
		for i := range live {
			live[i] = object.New()
			if each > 0 && int64(i)%span == 0 {
				for range each {
					b.kept = others.New()
				}
			}
		}
	}
	b.kept = nil
	return live
}

// Others are of the size of a buffer, of which two make a span.
const otherSize, otherSpan = 4 << 10, 8 << 10

// markCosts is the table of marks.
func (b *bench) markCosts() (costs []lab.MarkCost) {
	for k, ns := range b.mark1 {
		costs = append(costs, lab.MarkCost{Bytes: k.bytes, Live: k.live, Pointers: k.pointers, Among: k.among, Old: oldMark, Time: nanosOf(ns)})
	}
	slices.SortFunc(costs, func(x, y lab.MarkCost) int {
		return cmp.Or(cmp.Compare(x.Among, y.Among),
			compare(objectKind{bytes: x.Bytes, live: x.Live, pointers: x.Pointers}, objectKind{bytes: y.Bytes, live: y.Live, pointers: y.Pointers}))
	})
	return costs
}

// compare orders rows by size, live set, and the one without pointers first.
func compare(x, y objectKind) int {
	rank := map[bool]int{true: 1}
	return cmp.Or(cmp.Compare(x.bytes, y.bytes), cmp.Compare(x.live, y.live), cmp.Compare(rank[x.pointers], rank[y.pointers]))
}
