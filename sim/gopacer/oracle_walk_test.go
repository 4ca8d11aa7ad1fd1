package gopacer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The runtime's TestGcPacer leaves much untouched: the hard goal, memory that is not heap, settings that change, other numbers
// of Ps, the limiter. So we go a random walk of moves, on the runtime's own controller and on ours, and compare a sum of the
// whole state after each move.

// A move is a kind and its numbers. In the runtime it is an array, so that its file needs no type.
type move [4]int64

// The kinds of moves; walkInRuntime has them by number.
const (
	setGCPercent   = iota // GOGC, sweeping is done
	setMemoryLimit        // limit, sweeping is done
	memory                // mapped, free, allocated
	allocate              // live, scannable
	startCycle            // now, procs, by the timer
	mark                  // live, scannable, work
	endCycle              // now, assist time, idle mark time; procs are those of the start
	resetLive             // marked, sweeping is done
	idleWorkers           // at most so many; then so many asked for
	limit                 // assist time, idle time, now
	transition            // enable, now, until
	capacity              // procs, now
)

const walkLength = 6000

// walk draws the moves. They are possible ones (no cycle begins within another), of any size.
func walk() []move {
	r := rand.New(rand.NewPCG(5, 1126))
	size := func(bits int) int64 { return r.Int64N(int64(1) << r.IntN(bits+1)) }
	yes := func() int64 { return r.Int64N(2) }
	moves := []move{{capacity, 4, 0}}
	cycle, enabled := false, int64(0)
	var start, clock int64
	for len(moves) < walkLength {
		clock += size(28)
		switch k := r.IntN(22); {
		case k == 0:
			moves = append(moves, move{setGCPercent, []int64{-1, 0, 1, 50, 100, 400, 1500, 1 << 20}[r.IntN(8)], yes()})
		case k == 1:
			moves = append(moves, move{setMemoryLimit, []int64{0, 1 << 20, 64 << 20, 1 << 30, math.MaxInt64, size(40)}[r.IntN(6)], yes()})
		case k == 2:
			free, alloc := size(34), size(34)
			moves = append(moves, move{memory, free + alloc + size(30), free, alloc})
		case k < 6 && !cycle:
			moves = append(moves, move{allocate, size(36), size(34)})
		case k < 9 && !cycle:
			start, cycle = clock, true
			moves = append(moves, move{startCycle, start, 1 + size(6), yes()})
		case k < 15 && cycle:
			moves = append(moves, move{mark, size(32), size(30), size(33)})
		case k == 15 && cycle:
			cycle = false
			moves = append(moves, move{endCycle, clock, size(32), size(32)}, move{resetLive, size(38), yes()})
		case k == 16:
			moves = append(moves, move{idleWorkers, r.Int64N(8), r.Int64N(8)})
		case k < 20:
			moves = append(moves, move{limit, size(32), size(32), clock})
		case k == 20:
			enabled = 1 - enabled
			until := clock + size(24)
			moves = append(moves, move{transition, enabled, clock, until})
			clock = until
		case k == 21:
			moves = append(moves, move{capacity, 1 + size(7), clock})
		}
	}
	return moves[:walkLength]
}

// walker makes the moves on our controller.
type walker struct {
	c     Controller
	l     Limiter
	procs int
}

func (w *walker) move(m move) {
	c, l, done := &w.c, &w.l, m[2] == 1
	switch m[0] {
	case setGCPercent:
		c.SetGCPercent(int32(m[1]))
		c.Commit(done)
		c.Revise()
	case setMemoryLimit:
		c.SetMemoryLimit(m[1])
		c.Commit(done)
		c.Revise()
	case memory:
		c.MappedReady, c.HeapFree, c.TotalAlloc = uint64(m[1]), uint64(m[2]), uint64(m[3])
	case allocate:
		c.HeapLive += uint64(m[1])
		c.HeapScan += uint64(m[2])
		c.MaxStackScan = uint64(m[1] % 9973)
		c.GlobalsScan = uint64(m[2] % 99991)
	case startCycle:
		w.procs = int(m[2])
		c.StartCycle(m[1], w.procs, m[3] == 1)
	case mark:
		c.HeapLive += uint64(m[1])
		c.HeapScan += uint64(m[2])
		c.HeapScanWork += m[3]
		c.StackScanWork += m[3] % 1009
		c.GlobalsScanWork += m[3] % 10007
		c.Revise()
	case endCycle:
		c.AssistTime, c.IdleMarkTime = m[2], m[3]
		c.EndCycle(m[1], w.procs, false)
	case resetLive:
		c.ResetLive(uint64(m[1]))
		c.Commit(done)
	case idleWorkers:
		c.SetMaxIdleMarkWorkers(int32(m[1]))
		for range m[2] {
			if c.AddIdleMarkWorker() && c.NeedIdleMarkWorker() {
				c.RemoveIdleMarkWorker()
			}
		}
	case limit:
		l.AddAssistTime(m[1])
		l.AddIdleTime(m[2])
		if l.NeedUpdate(m[3]) {
			l.Update(m[3])
		}
	case transition:
		l.StartGCTransition(m[1] == 1, m[2])
		l.FinishGCTransition(m[3])
	case capacity:
		l.ResetCapacity(m[2], int32(m[1]))
	}
}

// state is all that there is to compare, in the order of walkInRuntime.
func (w *walker) state() []uint64 {
	c, l, f := &w.c, &w.l, math.Float64bits
	trigger, goal := c.Trigger()
	idle := uint64(uint32(c.IdleMarkWorkers)) | uint64(c.MaxIdleMarkWorkers)<<32
	limiting := uint64(0)
	if l.Limiting() {
		limiting = 1
	}
	return []uint64{trigger, goal, c.HeapGoal(), c.MemoryLimitHeapGoal(), c.HeapMinimum, c.Runway, f(c.ConsMark),
		f(c.LastConsMark[0]), f(c.LastConsMark[3]), c.GCPercentHeapGoal, c.SweepDistMinTrigger, c.Triggered,
		c.HeapLive, c.HeapScan, c.LastHeapScan, c.LastStackScan, c.HeapMarked,
		uint64(c.DedicatedMarkWorkersNeeded), idle, f(c.AssistWorkPerByte), f(c.AssistBytesPerWork), f(c.FractionalUtilizationGoal),
		l.Fill, l.Capacity, l.Overflow, limiting, uint64(l.LastUpdate)}
}

// sum is FNV-1a over the words of the state.
func sum(words []uint64) uint32 {
	h := uint64(14695981039346656037)
	for _, w := range words {
		h = (h ^ w) * 1099511628211
	}
	return uint32(h ^ h>>32)
}

func walkFile() string { return strings.TrimSuffix(golden(), ".txt") + "-walk.txt" }

// TestOracleWalk goes the walk and compares with the sums that the runtime's own controller gave.
func TestOracleWalk(t *testing.T) {
	text, err := os.ReadFile(walkFile())
	require.NoError(t, err, "there is no golden data for this Go; run make oracle")
	first, rest, _ := strings.Cut(string(text), "\n")
	assert.Equal(t, "# "+sourcesLine(t), first, "both golden files are of one Go")
	want := strings.Fields(rest)
	require.Len(t, want, walkLength)
	var w walker
	w.c.Init(100, math.MaxInt64)
	hard, limited, byLimit := 0, 0, 0
	for i, m := range walk() {
		w.move(m)
		require.Equal(t, want[i], fmt.Sprintf("%08x", sum(w.state())), "move %d is %v; then the state is %+v", i, m, w)
		if w.c.Triggered != NotTriggered && w.c.HeapScanWork > int64(w.c.scanWorkExpected()) {
			hard++
		}
		if w.l.Limiting() {
			limited++
		}
		if w.c.MemoryLimitHeapGoal() < w.c.GCPercentHeapGoal {
			byLimit++
		}
	}
	t.Logf("%d moves; %d with more work than expected, %d with the memory limit in charge, %d limited", walkLength, hard, byLimit, limited)
	for _, n := range []int{hard, limited, byLimit} {
		assert.Greater(t, n, walkLength/50, "the walk gets around")
	}
}

// walkTest is the test that is laid over the Go tree, with the moves in it.
func walkTest() string {
	var moves strings.Builder
	for _, m := range walk() {
		fmt.Fprintf(&moves, "{%d, %d, %d, %d},\n", m[0], m[1], m[2], m[3])
	}
	return `package runtime_test

import (
	"fmt"
	"runtime"
	"testing"
)

func TestGcPacerWalk(t *testing.T) {
	for _, sum := range runtime.OracleWalk([][4]int64{
` + moves.String() + `}) {
		fmt.Printf("walk %08x\n", sum)
	}
}
`
}

// walkInRuntime makes the same moves on the runtime's own controller. Keep it in step with walker.
const walkInRuntime = `package runtime

import "internal/runtime/math"

func (c *GCController) Oracle() (consMark float64, runway, trigger, goal uint64) {
	trigger, goal = c.trigger()
	return c.consMark, c.runway.Load(), trigger, goal
}

func OracleWalk(moves [][4]int64) (sums []uint32) {
	c := &NewGCController(100, math.MaxInt64).gcControllerState
	l := &Escape(new(GCCPULimiter)).limiter
	l.test = true
	procs := 0
	for _, m := range moves {
		done := m[2] == 1
		switch m[0] {
		case 0:
			c.setGCPercent(int32(m[1]))
			c.commit(done)
			c.revise()
		case 1:
			c.setMemoryLimit(m[1])
			c.commit(done)
			c.revise()
		case 2:
			c.mappedReady.Store(uint64(m[1]))
			c.heapFree = sysMemStat(m[2])
			c.totalAlloc.Store(uint64(m[3]))
		case 3:
			c.heapLive.Add(m[1])
			c.heapScan.Add(m[2])
			c.maxStackScan.Store(uint64(m[1] % 9973))
			c.globalsScan.Store(uint64(m[2] % 99991))
		case 4:
			procs = int(m[2])
			kind := gcTriggerHeap
			if m[3] == 1 {
				kind = gcTriggerTime
			}
			c.startCycle(m[1], procs, gcTrigger{kind: kind})
		case 5:
			c.heapLive.Add(m[1])
			c.heapScan.Add(m[2])
			c.heapScanWork.Add(m[3])
			c.stackScanWork.Add(m[3] % 1009)
			c.globalsScanWork.Add(m[3] % 10007)
			c.revise()
		case 6:
			c.assistTime.Store(m[2])
			c.idleMarkTime.Store(m[3])
			c.endCycle(m[1], procs, false)
		case 7:
			c.resetLive(uint64(m[1]))
			c.commit(done)
		case 8:
			c.setMaxIdleMarkWorkers(int32(m[1]))
			for range m[2] {
				if c.addIdleMarkWorker() && c.needIdleMarkWorker() {
					c.removeIdleMarkWorker()
				}
			}
		case 9:
			l.addAssistTime(m[1])
			l.addIdleTime(m[2])
			if l.needUpdate(m[3]) {
				l.update(m[3])
			}
		case 10:
			l.startGCTransition(m[1] == 1, m[2])
			l.finishGCTransition(m[3])
		case 11:
			l.resetCapacity(m[2], int32(m[1]))
		}
		trigger, goal := c.trigger()
		limiting := uint64(0)
		if l.limiting() {
			limiting = 1
		}
		f := float64bits
		h := uint64(14695981039346656037)
		for _, w := range []uint64{trigger, goal, c.heapGoal(), c.memoryLimitHeapGoal(), c.heapMinimum, c.runway.Load(), f(c.consMark),
			f(c.lastConsMark[0]), f(c.lastConsMark[3]), c.gcPercentHeapGoal.Load(), c.sweepDistMinTrigger.Load(), c.triggered,
			c.heapLive.Load(), c.heapScan.Load(), c.lastHeapScan, c.lastStackScan.Load(), c.heapMarked,
			uint64(c.dedicatedMarkWorkersNeeded.Load()), c.idleMarkWorkers.Load(), f(c.assistWorkPerByte.Load()),
			f(c.assistBytesPerWork.Load()), f(c.fractionalUtilizationGoal),
			l.bucket.fill, l.bucket.capacity, l.overflow, limiting, uint64(l.lastUpdate.Load())} {
			h = (h ^ w) * 1099511628211
		}
		sums = append(sums, uint32(h^h>>32))
	}
	return sums
}
`
