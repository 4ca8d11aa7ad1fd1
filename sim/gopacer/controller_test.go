package gopacer

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestWorkers holds the table of dedicated and fractional workers that Go 1.26 gives for each number of Ps.
func TestWorkers(t *testing.T) {
	for procs, want := range map[int]struct {
		dedicated  int64
		fractional float64
	}{1: {0, .25}, 2: {0, .25}, 3: {0, .25}, 4: {1, 0}, 5: {1, 0}, 6: {1, .5 / 6}, 7: {2, 0}, 8: {2, 0}, 9: {2, 0}, 10: {3, 0}, 12: {3, 0}, 16: {4, 0}} {
		var c Controller
		c.Init(100, math.MaxInt64)
		c.StartCycle(5, procs, false)
		assert.Equal(t, want.dedicated, c.DedicatedMarkWorkersNeeded, "%d Ps", procs)
		assert.Equal(t, want.fractional, c.FractionalUtilizationGoal, "%d Ps", procs)
		assert.EqualValues(t, int64(procs)-want.dedicated, c.MaxIdleMarkWorkers, "%d Ps", procs)
		c.StartCycle(5, procs, true)
		assert.Equal(t, want.dedicated == 0, c.NeedIdleMarkWorker(), "%d Ps: time triggered", procs)
		assert.LessOrEqual(t, c.MaxIdleMarkWorkers, int32(1))
	}
}

// TestAssignWorkers: dedicated ones first, then fractional ones within their share, and a stop gives the place back.
func TestAssignWorkers(t *testing.T) {
	var c Controller
	c.Init(100, math.MaxInt64)
	c.StartCycle(1000, 6, false)
	assert.Equal(t, MarkWorkerDedicatedMode, c.AssignWaitingGCWorker(0, 1000))
	assert.Equal(t, MarkWorkerFractionalMode, c.AssignWaitingGCWorker(0, 1000))
	assert.Equal(t, MarkWorkerFractionalMode, c.AssignWaitingGCWorker(8, 1100), "8 % is within 1/12")
	assert.Equal(t, MarkWorkerNotWorker, c.AssignWaitingGCWorker(9, 1100))
	assert.True(t, c.PollFractionalWorkerExit(0, 1000))
	assert.False(t, c.PollFractionalWorkerExit(9, 1100), "a fifth more")
	assert.True(t, c.PollFractionalWorkerExit(11, 1100))
	c.MarkWorkerStop(MarkWorkerDedicatedMode, 70)
	c.MarkWorkerStop(MarkWorkerFractionalMode, 80)
	assert.Equal(t, MarkWorkerDedicatedMode, c.AssignWaitingGCWorker(9, 1100))
	assert.True(t, c.AddIdleMarkWorker())
	c.MarkWorkerStop(MarkWorkerIdleMode, 90)
	assert.Zero(t, c.IdleMarkWorkers)
	assert.Equal(t, [3]int64{70, 80, 90}, [3]int64{c.DedicatedMarkTime, c.FractionalMarkTime, c.IdleMarkTime})
	assert.Panics(t, func() { c.MarkWorkerStop(MarkWorkerNotWorker, 1) })
	c.StartCycle(1000, 8, false)
	c.AssignWaitingGCWorker(0, 1001)
	c.AssignWaitingGCWorker(0, 1001)
	assert.Equal(t, MarkWorkerNotWorker, c.AssignWaitingGCWorker(0, 1001), "8 Ps need no fractional worker")
}

// TestIdleMarkWorkerCount makes the moves of the runtime's test of that name.
func TestIdleMarkWorkerCount(t *testing.T) {
	const workers = 10
	var c Controller
	c.SetMaxIdleMarkWorkers(workers)
	for range workers {
		assert.True(t, c.NeedIdleMarkWorker())
		assert.True(t, c.AddIdleMarkWorker())
	}
	assert.False(t, c.NeedIdleMarkWorker())
	assert.False(t, c.AddIdleMarkWorker())
	for range workers {
		c.RemoveIdleMarkWorker()
		assert.True(t, c.NeedIdleMarkWorker())
	}
	assert.Panics(t, c.RemoveIdleMarkWorker)
	for range workers - 1 {
		assert.True(t, c.AddIdleMarkWorker())
	}
	c.SetMaxIdleMarkWorkers(0)
	assert.False(t, c.AddIdleMarkWorker(), "more run than may")
	for range workers - 1 {
		c.RemoveIdleMarkWorker()
		assert.False(t, c.NeedIdleMarkWorker())
	}
	c.SetMaxIdleMarkWorkers(1)
	assert.True(t, c.AddIdleMarkWorker())
}

// TestStart: a process starts with a goal of 4 MiB · GOGC/100 and a trigger at 61/64 of it.
func TestStart(t *testing.T) {
	for _, c := range []struct {
		gogc          int32
		limit         int64
		trigger, goal uint64
	}{
		{100, math.MaxInt64, 4 << 20 / 64 * 61, 4 << 20},
		{50, math.MaxInt64, 2 << 20 / 64 * 61, 2 << 20},
		{400, math.MaxInt64, 16 << 20 / 64 * 61, 16 << 20},
		{1600, math.MaxInt64, 64 << 20 / 64 * 61, 64 << 20},
		{3200, math.MaxInt64, 128<<20 - 4<<20, 128 << 20}, // 4 MiB before the goal is later than 61/64
		{100, 2 << 20, 1 << 20 / 64 * 61, 1 << 20},        // a limit of 2 MiB: half of it is headroom
		{-5, 100 << 20, 0, 100<<20 - (100<<20)/100*3},
		{100, 0, 0, 0},
	} {
		var p Controller
		p.Init(c.gogc, c.limit)
		trigger, goal := p.Trigger()
		assert.Equal(t, c.goal, goal, "GOGC=%d limit %d", c.gogc, c.limit)
		if c.trigger != 0 {
			assert.Equal(t, c.trigger, trigger, "GOGC=%d limit %d", c.gogc, c.limit)
		}
		assert.LessOrEqual(t, trigger, goal)
		assert.Equal(t, max(c.gogc, -1), p.SetGCPercent(7))
		assert.Equal(t, c.limit, p.SetMemoryLimit(-1), "negative: only asked")
		assert.Equal(t, c.limit, p.SetMemoryLimit(9))
		assert.EqualValues(t, 9, p.MemoryLimit)
	}
}

// marked gives a controller after a cycle that marked so much and had so much to scan.
func marked(gogc int32, limit int64, live uint64, scan int64) *Controller {
	c := new(Controller)
	c.Init(gogc, limit)
	c.HeapScanWork = scan
	c.ResetLive(live)
	c.Commit(true)
	return c
}

// TestGoal: GOGC counts stacks and globals too, the limit takes off what is not heap, and neither goes below what is live.
func TestGoal(t *testing.T) {
	const mib = 1 << 20
	c := marked(100, math.MaxInt64, 64*mib, 64*mib)
	c.AddGlobals(10 * mib)
	c.LastStackScan = 6 * mib
	c.Commit(true)
	assert.EqualValues(t, (64+80)*mib, c.HeapGoal())
	c.Commit(false)
	assert.EqualValues(t, 65*mib, c.SweepDistMinTrigger)
	c.HeapLive, c.GCPercentHeapGoal = 300*mib, 0
	c.Commit(false)
	c.StartCycle(0, 4, false)
	assert.EqualValues(t, 301*mib, c.HeapGoal(), "sweeping needs room")
	c.Triggered = 302 * mib
	assert.EqualValues(t, 302*mib+64<<10, c.HeapGoal(), "a cycle that began late has 64 KiB")

	c = marked(100, 100*mib, 64*mib, 64*mib)
	c.MappedReady, c.HeapFree, c.TotalAlloc, c.TotalFree = 80*mib, 6*mib, 300*mib, 236*mib
	assert.EqualValues(t, 90*mib-90*mib/100*3, c.MemoryLimitHeapGoal(), "10 MiB are not heap")
	c.MappedReady, c.HeapFree = 110*mib, 26*mib // 20 that are not heap, 10 too much
	assert.EqualValues(t, 70*mib-70*mib/100*3, c.MemoryLimitHeapGoal())
	c.MemoryLimit = 80 * mib
	assert.EqualValues(t, 64*mib, c.MemoryLimitHeapGoal(), "the limit is past: what is live")
	c.MemoryLimit = 10 * mib
	assert.EqualValues(t, 64*mib, c.MemoryLimitHeapGoal())
}

// TestHardGoal: with more work than expected the heap may pass its goal at the same pace, but not the next cycle's goal; that
// is what the runtime's TestGcPacer leaves to do. All numbers are by hand.
func TestHardGoal(t *testing.T) {
	const mib = 1 << 20
	c := marked(100, math.MaxInt64, 100*mib, 20*mib)
	c.HeapLive, c.HeapScan = 150*mib, 60*mib
	c.StartCycle(0, 4, false)
	assert.Equal(t, 20.0/50, c.AssistWorkPerByte, "the expected work until the goal of 200")
	assert.Equal(t, 50.0/20, c.AssistBytesPerWork)
	c.HeapScanWork = 21 * mib
	c.Revise() // the goal is 150 + 50/20·60 = 300
	assert.Equal(t, 39.0/150, c.AssistWorkPerByte)
	c.HeapScan = 200 * mib // 150 + 50/20·200 = 650, more than 2 · 200
	c.Revise()
	assert.Equal(t, 179.0/250, c.AssistWorkPerByte)
	c.HeapLive = 410 * mib // a tenth more
	c.Revise()
	assert.Equal(t, 179.0/30, c.AssistWorkPerByte)
	c.HeapLive = 440 * mib // everything at once
	c.Revise()
	assert.Equal(t, 179.0*mib, c.AssistWorkPerByte)
	c.HeapScanWork = 300 * mib
	c.Revise()
	assert.Equal(t, 1000.0, c.AssistWorkPerByte, "never less than 1000")

	off := marked(-1, 1000*mib, 100*mib, 1)
	off.HeapLive, off.HeapScan = 900*mib, 500*mib
	off.StartCycle(0, 4, false)
	off.HeapScanWork = 2
	off.Revise()
	goal := float64(off.HeapGoal())
	assert.InEpsilon(t, (500*mib-2)/(1001*goal-900*mib), off.AssistWorkPerByte, 1e-9, "GOGC=off: a thousandfold")
}

// TestConsMark: the largest of five measurements, idle marking counts on the marking side only.
func TestConsMark(t *testing.T) {
	c := marked(100, math.MaxInt64, 100, 100)
	measure := func(alloc uint64, assist, idle int64) CycleReport {
		c.HeapLive = 1000
		c.StartCycle(0, 4, false)
		c.HeapLive += alloc
		c.HeapScanWork, c.AssistTime, c.IdleMarkTime = 100, assist, idle
		return c.EndCycle(100, 4, false)
	}
	assert.Equal(t, CycleReport{Utilization: 0.25, ConsMark: 0, Measured: 8.0 * 0.25 / 0.75, Paced: true}, measure(800, 0, 0))
	assert.Equal(t, CycleReport{Utilization: 0.5, ConsMark: 8.0 * 0.25 / 0.75, Measured: 1, Paced: true}, measure(100, 100, 0))
	assert.Equal(t, 1*(0.25+0.5)/0.75, measure(100, 0, 200).Measured)
	for range 2 {
		measure(100, 0, 0)
		assert.Equal(t, 8.0*0.25/0.75, c.ConsMark, "the largest of five")
	}
	measure(100, 0, 0)
	assert.Equal(t, 1.0, c.ConsMark, "and not of six")
	assert.False(t, measure(0, 0, 0).Paced, "nothing allocated, nothing learnt")
	assert.Equal(t, 1.0, c.ConsMark)
}

// TestUpdate: in a cycle what is owed is computed anew and the scannable part stays.
func TestUpdate(t *testing.T) {
	c := marked(100, math.MaxInt64, 64<<20, 64<<20)
	c.Update(100, 40)
	assert.EqualValues(t, 64<<20+100, c.HeapLive)
	assert.EqualValues(t, 64<<20+40, c.HeapScan)
	c.StartCycle(0, 4, false)
	c.BlackenEnabled = true
	before := c.AssistWorkPerByte
	c.Update(1<<20, 5)
	assert.EqualValues(t, 64<<20+40, c.HeapScan)
	assert.Greater(t, c.AssistWorkPerByte, before)
	assert.False(t, c.HeapTriggered())
	trigger, _ := c.Trigger()
	c.HeapLive = trigger
	assert.True(t, c.HeapTriggered())
	c.AddScannableStack(-3)
	c.AddScannableStack(5)
	assert.EqualValues(t, 2, c.MaxStackScan)
}

// TestExtremes: limits out of range, a live heap above the limit, nothing to scan, all that survives: defined results.
func TestExtremes(t *testing.T) {
	for _, gogc := range []int32{-1 << 31, -1, 0, 1, 100, math.MaxInt32} {
		for _, limit := range []int64{0, 1, 1 << 20, 1 << 30, math.MaxInt64} {
			for _, live := range []uint64{0, 1, 1 << 10, 1 << 30, 1 << 40} {
				for _, work := range []int64{0, 1, int64(live)} {
					c := marked(gogc, limit, live, work)
					c.HeapLive += live
					c.StartCycle(0, 1, false)
					c.HeapLive += live
					c.HeapScanWork = work
					c.Revise()
					assert.Greater(t, c.AssistWorkPerByte, 0.0)
					assert.Greater(t, c.AssistBytesPerWork, 0.0)
					c.AssistTime = 1
					c.EndCycle(1, 1, false)
					c.ResetLive(live)
					c.Commit(false)
					trigger, goal := c.Trigger()
					assert.LessOrEqual(t, trigger, goal)
					assert.GreaterOrEqual(t, goal, live)
				}
			}
		}
	}
}

// TestConversions: as amd64 converts.
func TestConversions(t *testing.T) {
	for _, f := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), 1e20, 1e300} {
		assert.EqualValues(t, uint64(1<<63), toUint64(f), "%g", f)
		assert.EqualValues(t, int64(math.MinInt64), toInt64(f), "%g", f)
	}
	minus := -5.0
	assert.EqualValues(t, ^uint64(4), toUint64(minus))
	assert.EqualValues(t, -5, toInt64(-5.9))
	assert.EqualValues(t, uint64(10_000_000_000_000_000_000), toUint64(1e19))
}

// TestSweeper: as many pages per byte as get all of them swept 1 MiB before the trigger.
func TestSweeper(t *testing.T) {
	const mib = 1 << 20
	c := marked(100, math.MaxInt64, 64*mib, 0)
	var s Sweeper
	s.GCPaceSweeper(c, 97*mib, 9000, 808, false)
	assert.Equal(t, Sweeper{SweepPagesPerByte: 8192.0 / (32 * mib), SweepHeapLiveBasis: 64 * mib, PagesSweptBasis: 808}, s)
	assert.EqualValues(t, 2, s.PagesOwed(c, 8<<10, 0, 808), "2 pages for the span")
	c.HeapLive += mib
	assert.EqualValues(t, 256+2-1-50, s.PagesOwed(c, 8<<10, 1, 858))
	c.HeapLive -= 2 * mib
	assert.EqualValues(t, 2, s.PagesOwed(c, 8<<10, 0, 808), "below the basis only the span counts")
	c.HeapLive = 64 * mib
	s.GCPaceSweeper(c, 64*mib, 9000, 808, false)
	assert.Equal(t, 1.0, s.SweepPagesPerByte, "8192 pages within one: the shortest distance")
	s.GCPaceSweeper(c, 97*mib, 808, 808, false)
	assert.Zero(t, s.SweepPagesPerByte)
	assert.Zero(t, s.PagesOwed(c, 8<<10, 0, 0))
	s.GCPaceSweeper(c, 97*mib, 9000, 808, false)
	s.GCPaceSweeper(c, 97*mib, 9000, 808, true)
	assert.Zero(t, s.SweepPagesPerByte)
}

// TestNoAllocation: a simulated minute asks the controller millions of times.
func TestNoAllocation(t *testing.T) {
	c := marked(100, 1<<30, 64<<20, 64<<20)
	var l Limiter
	l.ResetCapacity(0, 4)
	var s Sweeper
	var e LimiterEvent
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		c.StartCycle(0, 4, false)
		c.BlackenEnabled = true
		c.Update(8<<10, 0)
		c.AssignWaitingGCWorker(0, 5)
		e.Start(LimiterEventMarkAssist, 1)
		e.Stop(&l, LimiterEventMarkAssist, 4)
		l.Update(4)
		c.BlackenEnabled = false
		c.EndCycle(9, 4, false)
		c.ResetLive(64 << 20)
		c.Commit(false)
		trigger, _ := c.Trigger()
		s.GCPaceSweeper(c, trigger, 100, 0, false)
		s.PagesOwed(c, 8<<10, 0, 0)
		c.HeapTriggered()
	}))
}

// BenchmarkUpdate is what a span's allocation asks of the pacer while the cycle marks.
func BenchmarkUpdate(b *testing.B) {
	c := marked(100, 1<<40, 64<<20, 64<<20)
	c.StartCycle(0, 8, false)
	c.BlackenEnabled = true
	for b.Loop() {
		c.Update(8<<10, 0)
	}
}

// BenchmarkHeapTriggered is what a span's allocation asks of the pacer between cycles.
func BenchmarkHeapTriggered(b *testing.B) {
	c := marked(100, 1<<40, 64<<20, 64<<20)
	for b.Loop() {
		c.HeapTriggered()
	}
}
