package gopacer

// PageSize is the runtime's page, in which sweeping counts.
const PageSize = 8 << 10

// A Sweeper is the pace of sweeping: an allocation sweeps until it owes no page (runtime/mgcsweep.go:gcPaceSweeper and
// deductSweepCredit; fields of mheap).
type Sweeper struct {
	SweepPagesPerByte  float64 // pages to sweep for a byte allocated
	SweepHeapLiveBasis uint64  // live heap from which bytes count
	PagesSweptBasis    uint64  // pages swept from which pages count
}

// GCPaceSweeper sets the pace so that all pages in use are swept before the heap gets to the trigger, with a margin of 1 MiB.
func (s *Sweeper) GCPaceSweeper(c *Controller, trigger, pagesInUse, pagesSwept uint64, isSweepDone bool) {
	if isSweepDone {
		s.SweepPagesPerByte = 0
		return
	}
	heapDistance := max(int64(trigger)-int64(c.HeapLive)-1<<20, PageSize)
	sweepDistancePages := int64(pagesInUse) - int64(pagesSwept)
	if sweepDistancePages <= 0 {
		s.SweepPagesPerByte = 0
		return
	}
	s.SweepPagesPerByte = float64(sweepDistancePages) / float64(heapDistance)
	s.SweepHeapLiveBasis = c.HeapLive
	s.PagesSweptBasis = pagesSwept
}

// PagesOwed gives how many pages have to be swept before a span of spanBytes is allocated, of which callerSweepPages are
// swept by the caller anyway; 0 or less is none. pagesSwept is the heap's count so far.
func (s *Sweeper) PagesOwed(c *Controller, spanBytes uint64, callerSweepPages int64, pagesSwept uint64) int64 {
	if s.SweepPagesPerByte == 0 {
		return 0
	}
	// The basis may be above the live heap: then only the new span counts.
	newHeapLive := spanBytes
	if c.HeapLive > s.SweepHeapLiveBasis {
		newHeapLive += c.HeapLive - s.SweepHeapLiveBasis
	}
	target := toInt64(float64(s.SweepPagesPerByte*float64(newHeapLive))) - callerSweepPages
	return target - int64(pagesSwept-s.PagesSweptBasis)
}
