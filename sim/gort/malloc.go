package gort

import (
	"math"
	"time"

	"github.com/gmplab/lab/sim/gopacer"
)

// Allocation (runtime/malloc.go: mallocgc and those below it; mcache.go: refill; mheap.go). Small objects come from spans of
// their size class, which each P caches; the heap grows, pays for sweeping and may start a collection when a P takes a new
// span. An object above 32 KiB less a header has a span of its own.
//
// SIMPLIFIED(malloc): a span that is swept is wholly free or wholly in use, as it is where objects die in the order in which
// they came. Where the dead lie among the living, a real P takes spans with fewer free places, and so more of them.
//
// SIMPLIFIED(malloc): tiny objects share blocks of 16 bytes with those of about their size only, and without regard to
// alignment; central lists, the page cache and their locks cost what the calibration of one thread says.
//
// SIMPLIFIED(malloc): an allocation takes as long as the median one of the calibration. On a shared host the same loop over the
// same heap takes twice as long for tenths of a second at a time, and a run has its own share of these. Nor does it matter in
// which order of addresses spans became free: out of order no cache knows what comes next, and zeroing takes longer.

const (
	pageSize      = gopacer.PageSize
	maxSmallSize  = 32768 // internal/runtime/gc: MaxSmallSize
	tinySize      = 16    // internal/runtime/gc: TinySize
	mallocHeader  = 8     // runtime/malloc.go: mallocHeaderSize
	minSizeHeader = 512   // runtime/mbitmap.go: minSizeForMallocHeader
	kernelPage    = 4096  // bytes of a page of the kernel
)

// Size classes of internal/runtime/gc/sizeclasses.go.
var (
	classToSize = [...]uint16{0, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352,
		384, 416, 448, 480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456,
		4096, 4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480,
		21760, 24576, 27264, 28672, 32768}
	classToNPages = [...]uint8{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 2, 1, 2, 1, 2, 1, 3, 2, 3, 1, 3, 2, 3, 4, 5, 6, 1, 7, 6, 5, 4, 3, 5, 7, 2, 9, 7, 5, 8, 3, 10, 7, 4}
)

// An Object is a kind of object that a workload allocates.
type Object struct {
	Bytes    int64
	Pointers float64 // share of its words
}

// An object is an Object with what the runtime makes of it.
type object struct {
	Object
	size      uint64        // bytes of the heap that it takes
	scan      uint64        // bytes of it that may hold pointers: what mallocgc counts
	work      uint64        // scan work of marking it: with a header, its type is repeated up to the end of its place
	pages     uint64        // of the span in which it lies
	elems     int32         // objects in a span; 1 for a large one
	class     int32         // number of the cache of its P that it comes from: kinds of one size class share it
	large     bool          // a span of its own
	header    bool          // it begins with a pointer to its type
	alloc     time.Duration // CPU of allocating one, in nanoseconds; a fraction of one in less
	allocMark float64       // nanoseconds more while the collector marks
	part      float64       // what is left of alloc below a nanosecond
	mark      float64       // CPU of marking one in this cycle, in nanoseconds
	live      int64         // how many can be reached
	made      int64         // how many were allocated, ever
	madeAt    int64         // and when the last cycle began
	among     float64       // bytes of other objects between those of this kind, for each of theirs
	perTiny   int32         // tiny: objects in one block of size; else 1
}

// newObject finds the size class of a kind.
func newObject(o Object) object {
	k := object{Object: o, perTiny: 1}
	words := o.Bytes / 8
	if o.Pointers > 0 && words > 0 {
		k.scan = uint64(words * 8)
	}
	size := uint64(o.Bytes)
	switch {
	case k.scan == 0 && size < tinySize:
		k.perTiny = int32(tinySize / size)
		size = tinySize
	case k.scan > 0 && size > minSizeHeader:
		size += mallocHeader
		k.header = o.Bytes <= maxSmallSize-mallocHeader
	}
	if o.Bytes > maxSmallSize-mallocHeader { // of either kind
		k.pages = (uint64(o.Bytes) + pageSize - 1) / pageSize
		k.size, k.elems, k.large = k.pages*pageSize, 1, true
		if k.scan > 0 {
			k.work = k.size
		}
		return k
	}
	for c := 1; c < len(classToSize); c++ {
		if uint64(classToSize[c]) >= size {
			k.size, k.pages = uint64(classToSize[c]), uint64(classToNPages[c])
			break
		}
	}
	k.elems = int32(k.pages * pageSize / k.size)
	if k.work = k.scan; k.scan > minSizeHeader {
		k.work = k.size
	}
	return k
}

// openHeap prepares the kinds of object of the service and the heap that the process has before it begins.
func (s *Sched) openHeap() {
	type class struct {
		size    uint64
		scan    bool
		perTiny int32
	}
	classes := map[class]int32{}
	kinds := s.Objects
	if len(kinds) > 0 || s.Collects {
		s.closure = len(kinds)
		kinds = append(kinds[:len(kinds):len(kinds)], Object{Bytes: closureBytes, Pointers: 0.5})
	}
	for i := range kinds {
		k := newObject(kinds[i])
		c := class{k.size, k.scan > 0, k.perTiny}
		n, known := classes[c]
		if !known {
			n = int32(len(classes))
			classes[c] = n
		}
		k.class = n
		s.objects = append(s.objects, k)
	}
	s.mheap.caches = len(classes)
	for i := range s.Sets {
		s.sets = append(s.sets, liveSet{keep: s.Sets[i]})
	}
	s.openPools()
}

// closureBytes is what a go statement allocates for the function and the arguments of realrun's requests: its own CPU, a part
// of Cost.Newproc, is not charged again.
const closureBytes = 48

// goClosure allocates what a go statement does, which dies with the goroutine.
// SIMPLIFIED(malloc): it neither tests the trigger nor owes assists, and sweeps what it owes at once; the next object that the P
// allocates does the former.
func (s *Sched) goClosure(mp *m, gp *g) {
	k := &s.objects[s.closure]
	free := mp.p.mcacheOf(k.class, s.mheap.caches)
	if free.n == 0 {
		s.refill(mp, k)
		free.n = k.elems * k.perTiny
	}
	free.n--
	s.made(mp.p, k, 1)
	gp.closure = true
}

// priceObjects finds what allocating costs until the next collection, which is when the heap has its goal.
func (s *Sched) priceObjects() {
	for i := range s.objects {
		k := &s.objects[i]
		ns := s.cost.AllocTime(k.Bytes, k.scan > 0, int64(min(s.controller.HeapGoal(), 1<<62)))
		k.alloc = time.Duration(ns)
		k.part = ns - math.Floor(ns)
		k.allocMark = s.cost.AllocMark.P50 + float64(s.cost.AllocMarkKiB.P50*float64(k.Bytes)/1024)
	}
}

// mallocgc allocates op.N objects of a kind, as many at a time as one span or the credit of the goroutine gives.
func (s *Sched) mallocgc(mp *m, gp *g, k *object, n int64) uint8 {
	if gp.gcEpoch != s.gcEpoch { // gcResetMarkState
		gp.gcEpoch, gp.gcAssistBytes = s.gcEpoch, 0
	}
	if gp.gcop != gcopNone {
		if did := s.gcContinue(mp, gp); did != opDone {
			return did
		}
	}
	if gp.left > 0 && gp.op == opZeroing { // a large object is not zeroed yet
		mp.zeroing = true
		s.host.Run(mp.thread, s.paid(&mp.actor)+gp.left)
		return opBusy
	}
	gp.op = 0
	if int64(gp.made) >= n {
		gp.made = 0
		return opDone
	}
	if k.large {
		return s.mallocgcLarge(mp, gp, k)
	}
	free := mp.p.mcacheOf(k.class, s.mheap.caches)
	if free.n == 0 {
		if s.sweepFirst(mp, k.pages*pageSize, 0) {
			return s.pay(mp)
		}
		s.refill(mp, k)
		free.n = k.elems * k.perTiny
		if s.gcTriggered() {
			gp.gcop, gp.gcforced = gcopStart, false
			return s.gcContinueOrStay(mp, gp)
		}
	}
	count := min(n-int64(gp.made), int64(free.n))
	if s.controller.BlackenEnabled {
		if count = s.deductAssistCredit(gp, k, count); count == 0 {
			gp.gcop = gcopAssist
			return s.gcContinueOrStay(mp, gp)
		}
	}
	free.n -= int32(count)
	gp.made += int32(count)
	s.made(mp.p, k, count)
	mp.charge += time.Duration(count)*k.alloc + time.Duration(float64(count)*k.part)
	if s.gcphase != _GCoff {
		mp.charge += time.Duration(float64(count) * k.allocMark)
	}
	return opStay
}

// made books objects that have been allocated.
func (s *Sched) made(pp *p, k *object, n int64) {
	k.live += n
	pp.scanAlloc += uint64(n) * k.scan
	bytes := uint64(n) * k.size / uint64(k.perTiny)
	k.made += n
	if s.gcphase != _GCoff { // allocated black
		s.work.bytesMarked += bytes
	}
}

// mallocgcLarge allocates one object with a span of its own: it sweeps first, then zeroes it, and tests the trigger each time.
func (s *Sched) mallocgcLarge(mp *m, gp *g, k *object) uint8 {
	if s.sweepFirst(mp, k.pages*pageSize, int64(k.pages)) {
		return s.pay(mp)
	}
	if s.controller.BlackenEnabled && gp.credit {
		gp.credit = false
	} else if s.controller.BlackenEnabled {
		gp.gcAssistBytes -= int64(k.size)
		if gp.gcAssistBytes < 0 {
			gp.gcop, gp.credit = gcopAssist, true
			return s.gcContinueOrStay(mp, gp)
		}
	}
	s.deductSweepCredit(mp, k.pages*pageSize, int64(k.pages))
	s.allocSpan(mp, k)
	s.sync()
	s.controller.Update(int64(k.size), 0)
	mp.p.scanAlloc += k.scan
	s.controller.TotalAlloc += k.size
	gp.made++
	k.live++
	k.made++
	if s.gcphase != _GCoff {
		s.work.bytesMarked += k.size
	}
	gp.left, gp.op = k.alloc, opZeroing
	if s.gcphase != _GCoff {
		gp.left += time.Duration(k.allocMark)
	}
	if s.gcTriggered() {
		gp.gcop, gp.gcforced = gcopStart, false
		return s.gcContinueOrStay(mp, gp)
	}
	return opStay
}

// refill takes a new span for a P: what it may owe to sweeping is paid first, and the heap counts all of the span as live.
func (s *Sched) refill(mp *m, k *object) {
	bytes := k.pages * pageSize
	s.deductSweepCredit(mp, bytes, 0)
	s.cacheSpan(mp, k)
	s.sync()
	s.controller.Update(int64(bytes), int64(mp.p.scanAlloc))
	mp.p.scanAlloc = 0
	s.controller.TotalAlloc += uint64(k.elems) * k.size
}

// mcacheOf is the P's span of a class of objects.
func (pp *p) mcacheOf(class int32, classes int) *mcacheSpan {
	if pp.mcache == nil {
		pp.mcache = make([]mcacheSpan, classes)
	}
	return &pp.mcache[class]
}

// deductAssistCredit takes what so many objects owe while marking from the goroutine's credit, and says for how many there was
// enough; 0: it must assist before it gets the first one, which is then paid.
func (s *Sched) deductAssistCredit(gp *g, k *object, n int64) int64 {
	if gp.credit {
		gp.credit = false
		return 1
	}
	each := int64(k.size) / int64(k.perTiny) // what is lost inside its place is owed, too
	if affords := gp.gcAssistBytes / each; affords > 0 {
		n = min(n, affords)
		gp.gcAssistBytes -= n * each
		return n
	}
	gp.gcAssistBytes -= each
	if gp.gcAssistBytes >= 0 {
		return 1
	}
	gp.credit = true
	return 0
}

// mheap_ is what the heap's memory is used for (runtime/mheap.go: mheap; runtime/mgcsweep.go: sweep).
type mheap struct {
	caches      int    // spans that each P may cache
	pagesInUse  uint64 // of spans
	spans       int64  // how many these are
	pagesSwept  uint64 // in this sweep phase
	unswept     int64  // spans that are to be swept
	garbage     int64  // those of them in which nothing is alive
	unsweptIn   uint64 // pages of the unswept spans
	garbageIn   uint64 // pages of the garbage
	freeing     uint64 // bytes of dead objects in them
	sweeper     gopacer.Sweeper
	lastInUse   uint64  // bytes in use when the last mark phase ended
	peak        uint64  // largest MappedReady so far
	mapped      uint64  // the most that the heap has been
	beside      uint64  // mapped beside it
	stacks      uint64  // bytes of stacks that goroutines have
	stackSpans  uint64  // bytes of the spans in which these lie; a part of what is beside the heap
	pace        float64 // pages to be swept for each byte, when the phase began
	sweepFrom   uint64  // heap live when it began
	sweptLive   uint64  // when it ended; with the pages and the pace, for the next cycle's record
	sweptPages  uint64
	sweptPace   float64
	mix         int64         // spreads the dead spans over the others
	sweeperM    *m            // who has swept last
	lastSwept   time.Duration // when that was
	peerSwept   time.Duration // when another one did, before it
	scavengedAt time.Duration
	memoryGoal  uint64 // what the scavenger keeps for the memory limit; ^0: all
	percentGoal uint64 // and for the heap goal
}

// An mcacheSpan is the span of one class that a P caches.
type mcacheSpan struct{ n int32 }

// cacheSpan gets a span with free places (runtime/mcentral.go): from those swept now, or a new one.
func (s *Sched) cacheSpan(mp *m, k *object) {
	h := &s.mheap
	if h.unswept > 0 && h.garbage > 0 { // sweep until one has room: 100 are tried
		tries := min((h.unswept+h.garbage-1)/h.garbage, sweepTries)
		s.sweepSpans(mp, tries-1)
		if h.garbage > 0 {
			s.freeSpan(mp)
		}
	}
	s.allocSpan(mp, k)
}

// allocSpan takes pages from those that are free, or from the kernel. While there is garbage it first reclaims as many as it
// takes.
func (s *Sched) allocSpan(mp *m, k *object) {
	h := &s.mheap
	bytes := k.pages * pageSize
	for s.controller.HeapFree < bytes && h.garbage > 0 {
		s.sweepSpans(mp, max(h.unswept/h.garbage, 1))
	}
	h.pagesInUse += k.pages
	h.spans++
	fresh := s.allocPages(mp, bytes)
	if fresh == 0 {
		return
	}
	if heap := h.pagesInUse * pageSize; heap > h.mapped { // spans, mark bits and the like, which stay
		more := uint64(float64(heap-h.mapped) * s.cost.Heap.Share)
		h.mapped = heap
		h.beside += more
		s.controller.MappedReady += more
	}
	h.peak = max(h.peak, s.controller.MappedReady)
	mp.charge += time.Duration(s.cost.FreshKiB.P50 * float64(fresh) / 1024)
	if s.gcphase != _GCoff && k.header {
		s.copyPages(mp, k, float64(fresh)/1024)
	}
}

// allocPages takes so many bytes of the free pages, and what these lack from the kernel: how much.
func (s *Sched) allocPages(mp *m, bytes uint64) (fresh uint64) {
	c := &s.controller
	if c.HeapFree >= bytes {
		c.HeapFree -= bytes
		s.scavengeAssist(mp)
		return 0
	}
	fresh = bytes - c.HeapFree
	c.HeapFree = 0
	c.MappedReady += fresh
	s.mheap.peak = max(s.mheap.peak, c.MappedReady)
	return fresh
}

// copyPages is what new memory costs more while the write barrier is on: heapSetTypeSmallHeader writes the header of an
// object, a pointer, and the barrier reads what was there. So the kernel maps its page of zeroes, and at the write that follows
// copies it and has the other cores forget it.
// SIMPLIFIED(malloc): a program's own first stores of pointers into new memory, where the compiler has to keep their barrier, cost
// nothing of that kind; a span that is new in part counts for that part, though the runtime clears, and so writes, it first; and
// pages of the kernel have 4 KiB.
func (s *Sched) copyPages(mp *m, k *object, kib float64) {
	if k.size > kernelPage {
		kib *= kernelPage / float64(k.size)
	}
	each := s.cost.CopyPageKiB.P50
	if s.host.Interrupt(mp.thread, time.Duration(s.cost.CopyPageStolenKiB.P50*kib)) {
		each += s.cost.CopyPagePeerKiB.P50
	}
	mp.charge += time.Duration(each * kib)
}
