package sim_test

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gcRun runs a trial on the textbook machine with that many cores, the invariants on.
func gcRun(t *testing.T, cores int, trial lab.Trial) *lab.Result {
	t.Helper()
	cost := textbook()
	cost.Cores = cores
	return gcRunOn(t, cost, trial)
}

func gcRunOn(t *testing.T, cost lab.Cost, trial lab.Trial) *lab.Result {
	t.Helper()
	r, err := checked(t, cost, gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	require.Zero(t, r.Dropped)
	return r
}

// churn is one goroutine that runs its steps again and again, for so long, on that many Ps.
func churn(ps int, run time.Duration, k lab.Knobs, steps ...lab.Step) lab.Trial {
	k.GOMAXPROCS = ps
	return lab.Trial{Seed: 1, Knobs: k, Workload: lab.Workload{Name: "churn", Run: run, Classes: []lab.Class{{Name: "request",
		Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 1}, Steps: steps}}}}
}

func alloc(bytes int64, count int, pointers float64) lab.Step {
	return lab.Step{Do: lab.Alloc, Bytes: bytes, Count: count, Pointers: pointers}
}

func keep(count int) lab.Step { return lab.Step{Do: lab.Retain, Name: "live", Count: count} }

func compute(d time.Duration) lab.Step { return lab.Step{Do: lab.CPU, Time: lab.Const(d)} }

// Each goal is what the heap guide says: what was marked, and GOGC % of it with stacks and globals. Each trigger is where the
// pacer may put one.
func TestGoalAndTrigger(t *testing.T) {
	for _, gogc := range []int{20, 100, 400} {
		trial := steadyAllocator(2, 200e6, 4*time.Second)
		trial.Knobs.GOGC = gogc
		r := gcRun(t, 2, trial)
		require.Greater(t, len(r.GCs), 4, "GOGC=%d", gogc)
		for i := steady(r); i < len(r.GCs); i++ {
			before, g := &r.GCs[i-1], &r.GCs[i]
			require.Equal(t, before.N+1, g.N)
			goal := max(before.HeapMarked+(before.HeapMarked+before.Stacks+before.Globals)*uint64(gogc)/100, 4<<20*uint64(gogc)/100)
			runway := g.Trigger + 64<<10 // a cycle that begins late gets so much
			require.Equal(t, max(goal, runway), g.Goal, "GOGC=%d, cycle %d", gogc, g.N)
			least := before.HeapMarked + (goal-before.HeapMarked)/64*45
			most := max(before.HeapMarked+(goal-before.HeapMarked)/64*61, goal-4<<20)
			require.GreaterOrEqual(t, g.Trigger, least, "GOGC=%d, cycle %d", gogc, g.N)
			require.LessOrEqual(t, g.Trigger, most+1<<20, "GOGC=%d, cycle %d: it may be late by a few spans for each P", gogc, g.N)
		}
	}
}

// Over a long steady run there are as many cycles as it takes to allocate what the heap grows by in each, to within one.
func TestCyclesByArithmetic(t *testing.T) {
	r := gcRun(t, 8, steadyAllocator(8, 200e6, 20*time.Second))
	const place, each = 1152, 100 // bytes that an object of 1 KiB takes with its header, and objects of a request
	const span, inSpan = 8192, 7  // what is left of the span counts as live, too
	first, last := steady(r), len(r.GCs)-1
	ended := func(g *lab.GCCycle) time.Duration { return g.At + g.StopSweep + g.Mark }
	allocated, way := 0.0, 0.0
	for _, q := range r.Requests {
		if q.Class == 1 && q.End >= ended(&r.GCs[first-1]) && q.End < ended(&r.GCs[last]) {
			allocated += each * span / inSpan
		}
	}
	for i := first; i <= last; i++ {
		way += float64(r.GCs[i].HeapEnd-r.GCs[i-1].HeapMarked) / float64(last-first+1)
		assert.InEpsilon(t, r.GCs[i].Goal, r.GCs[i].HeapEnd, 0.16, "cycle %d: idle Ps end it before its goal, but not long before", r.GCs[i].N)
	}
	cycles := float64(last - first + 1)
	require.Greater(t, cycles, 40.0)
	assert.InDelta(t, allocated/way, cycles, 1, "%.0f MB in steps of %.1f MB", allocated/1e6, way/1e6)
	assert.InEpsilon(t, place*each*float64(len(r.Requests)-1)+place*64<<10, r.Values["/gc/heap/allocs:bytes"], 0.01)
}

// steady is the first cycle whose predecessor found the live set full.
func steady(r *lab.Result) int {
	return slices.IndexFunc(r.GCs, func(g lab.GCCycle) bool { return g.HeapMarked > 64<<20 }) + 1
}

// With GOGC off there is no collection, unless the memory limit asks for it; it keeps what is mapped below itself.
func TestMemoryLimit(t *testing.T) {
	const mib = 1 << 20
	steps := []lab.Step{alloc(1024, 200, 1), keep(20_000), compute(50 * time.Microsecond)}
	off := gcRun(t, 2, churn(2, time.Second, lab.Knobs{GOGC: -1}, steps...))
	require.Empty(t, off.GCs)
	require.Greater(t, off.Values["/memory/peak:bytes"], 400.0*mib)
	assert.Equal(t, float64(math.MaxUint64), off.Values["/gc/gogc:percent"])
	for _, gogc := range []int{-1, 100, 1000} {
		r := gcRun(t, 2, churn(2, time.Second, lab.Knobs{GOGC: gogc, GOMEMLIMIT: 64 * mib}, steps...))
		require.Greater(t, len(r.GCs), 3, "GOGC=%d", gogc)
		peak := r.Values["/memory/peak:bytes"]
		assert.LessOrEqual(t, peak, 1.05*64*mib, "GOGC=%d", gogc)
		if gogc != 100 {
			assert.Greater(t, peak, 0.85*64*mib, "GOGC=%d: a limit that decides is used", gogc)
		}
	}
}

// What is alive above the limit makes the collector run as often as it can; the limiter leaves half of the CPU to the program.
func TestLiveAboveTheLimit(t *testing.T) {
	fill := lab.Class{Name: "fill", Background: true, Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{alloc(1024, 32<<10, 1), keep(32 << 10)}}
	trial := churn(2, 8*time.Second, lab.Knobs{GOGC: -1, GOMEMLIMIT: 16 << 20}, alloc(1024, 100, 1), compute(20*time.Microsecond))
	trial.Workload.Classes = append(trial.Workload.Classes, fill)
	trial.Workload.Classes[0].Arrivals.Clients = 2
	r := gcRun(t, 2, trial)
	require.Greater(t, len(r.GCs), 50)
	assert.Positive(t, r.Values["/gc/limiter/last-enabled:gc-cycle"], "the limiter has never limited")
	share := r.Values["/cpu/classes/gc/total:cpu-seconds"] / (2 * 8)
	assert.InDelta(t, 0.5, share, 0.03, "CPU of the collector: the limiter keeps it at half")
	assert.Greater(t, len(r.Requests), 1000)
}

// What never dies grows without end and without a hang; the cycles become rare.
func TestAllSurvive(t *testing.T) {
	r := gcRun(t, 2, churn(2, time.Second, lab.Knobs{}, alloc(2048, 100, 0.5), lab.Step{Do: lab.Retain, Name: "all"}, compute(100*time.Microsecond)))
	require.Greater(t, len(r.GCs), 4)
	for i := 1; i < len(r.GCs); i++ {
		assert.Greater(t, r.GCs[i].HeapMarked, r.GCs[i-1].HeapMarked)
	}
	n := len(r.GCs)
	assert.Greater(t, r.GCs[n-1].At-r.GCs[n-2].At, 3*(r.GCs[1].At-r.GCs[0].At), "twice as long each time")
	assert.InEpsilon(t, r.Values["/gc/heap/allocs:bytes"], r.Values["/memory/rss:bytes"]-6<<20, 0.1)
}

// A workload that asks for the collector and allocates nothing has only the cycles that it asks for.
func TestZeroAllocation(t *testing.T) {
	r := gcRun(t, 2, churn(2, 100*time.Millisecond, lab.Knobs{GOGC: 1}, compute(10*time.Millisecond), lab.Step{Do: lab.GC}))
	require.NotEmpty(t, r.GCs)
	require.InDelta(t, len(r.Requests), len(r.GCs), 1)
	for _, g := range r.GCs {
		assert.True(t, g.Forced)
		assert.EqualValues(t, 400<<10+48, g.HeapMarked, "what the process has, and the closure of the client's goroutine")
	}
	assert.Equal(t, r.Values["/gc/cycles/total:gc-cycles"], r.Values["/gc/cycles/forced:gc-cycles"])
	assert.EqualValues(t, 48, r.Values["/gc/heap/allocs:bytes"])
}

// A go statement allocates: the function with its arguments, which dies with the goroutine.
func TestGoStatementsAllocate(t *testing.T) {
	trial := churn(2, 100*time.Millisecond, lab.Knobs{}, lab.Step{Do: lab.Go, Name: "child", Count: 1000}, lab.Step{Do: lab.Wait}, lab.Step{Do: lab.GC})
	trial.Workload.Classes = append(trial.Workload.Classes, lab.Class{Name: "child", Background: true, Steps: []lab.Step{compute(time.Microsecond)}})
	r := gcRun(t, 2, trial)
	parents := float64(len(r.GCs))
	require.Positive(t, parents)
	assert.InDelta(t, 1000*parents, r.Values["/gc/heap/allocs:objects"], 1010)
	for _, g := range r.GCs {
		assert.EqualValues(t, 400<<10+48, g.HeapMarked, "none of a child that is done")
	}
}

// Objects of the smallest and of the largest size, and GOGC=1.
func TestExtremeObjects(t *testing.T) {
	tiny := gcRun(t, 2, churn(2, 200*time.Millisecond, lab.Knobs{}, alloc(1, 10_000, 0), compute(50*time.Microsecond)))
	require.NotEmpty(t, tiny.GCs)
	assert.InEpsilon(t, 10_000*float64(len(tiny.Requests)), tiny.Values["/gc/heap/allocs:bytes"], 0.1, "16 to a block of 16 bytes")
	assert.InEpsilon(t, 625*float64(len(tiny.Requests)), tiny.Values["/gc/heap/allocs:objects"], 0.1)

	huge := gcRun(t, 2, churn(2, 2*time.Second, lab.Knobs{}, alloc(1<<30, 1, 0)))
	require.GreaterOrEqual(t, len(huge.GCs), 3)
	assert.InDelta(t, float64(len(huge.Requests)), float64(len(huge.GCs)), 3, "each is above the goal")
	assert.LessOrEqual(t, huge.Values["/memory/peak:bytes"], float64(4<<30))

	one := gcRun(t, 2, churn(2, 200*time.Millisecond, lab.Knobs{GOGC: 1}, alloc(1024, 10, 0), compute(50*time.Microsecond)))
	assert.Greater(t, len(one.GCs), 20)
}

// Numbers out of range are refused with a sentence.
func TestGCOutOfRange(t *testing.T) {
	for _, k := range []lab.Knobs{{GOMAXPROCS: 1, GOGC: -2}, {GOMAXPROCS: 1, GOGC: 2_000_000}, {GOMAXPROCS: 1, GOMEMLIMIT: -1}, {GOMAXPROCS: 1, GOMEMLIMIT: 1 << 61}} {
		trial := churn(1, time.Second, k, alloc(1, 1, 0))
		assert.ErrorContains(t, trial.Validate(), "knobs.GO", "%+v", k)
	}
}

// On the machine of queueing theory collecting costs nothing, and happens all the same.
func TestIdealMachineCollects(t *testing.T) {
	r := gcRunOn(t, lab.Cost{}, steadyAllocator(4, 300e6, time.Second))
	require.Greater(t, len(r.GCs), 2)
	for _, g := range r.GCs {
		assert.Less(t, g.StopSweep+g.Mark+g.StopMark, 10*time.Microsecond, "but for thieves that sleep before they take a runnext")
	}
	for _, q := range r.Requests {
		require.Less(t, q.End-q.Due, 100*time.Microsecond)
	}
}

// A quarter of busy Ps marks: on two, a share of each one's time; on four, one of them.
func TestBackgroundShare(t *testing.T) {
	for _, c := range []struct {
		ps, dedicated int
		fractional    float64
	}{{1, 0, 0.25}, {2, 0, 0.25}, {3, 0, 0.25}, {4, 1, 0}, {6, 1, 0.5 / 6}, {8, 2, 0}} {
		trial := churn(c.ps, 2*time.Second, lab.Knobs{}, alloc(1024, 20, 1), compute(300*time.Microsecond))
		trial.Workload.Classes[0].Arrivals.Clients = 3 * c.ps // no P is ever idle
		trial.Workload.Classes = append(trial.Workload.Classes, lab.Class{Name: "fill", Background: true,
			Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{alloc(1024, 64<<10, 1), keep(64 << 10)}})
		r := gcRun(t, c.ps, trial)
		var worked, marked float64
		for _, g := range r.GCs {
			if g.HeapMarked < 60<<20 {
				continue
			}
			assert.Equal(t, c.dedicated, g.Dedicated, "%d Ps", c.ps)
			assert.InDelta(t, c.fractional, g.Fractional, 1e-9, "%d Ps", c.ps)
			assert.Less(t, g.IdleCPU, g.WorkerCPU/10, "%d Ps are busy", c.ps)
			worked += g.WorkerCPU.Seconds()
			marked += g.Mark.Seconds() * float64(c.ps)
		}
		require.Positive(t, marked, "%d Ps", c.ps)
		want := float64(c.dedicated)/float64(c.ps) + c.fractional
		assert.InDelta(t, want, worked/marked, 0.15*want, "%d Ps", c.ps)
	}
}

// Idle Ps mark too, but not after a cycle that only time has triggered.
func TestIdleWorkers(t *testing.T) {
	r := gcRun(t, 4, steadyAllocator(4, 50e6, 5*time.Second))
	busy, idle := time.Duration(0), time.Duration(0)
	for _, g := range r.GCs {
		busy += g.WorkerCPU
		idle += g.IdleCPU
	}
	require.Positive(t, busy)
	assert.Greater(t, idle, busy, "three of four Ps are idle most of the time")

	trial := churn(4, 5*time.Minute, lab.Knobs{}, lab.Step{Do: lab.Sleep, Time: lab.Const(time.Second)}, alloc(100, 1, 0))
	r = gcRun(t, 4, trial)
	require.Len(t, r.GCs, 2, "every two minutes")
	for i, g := range r.GCs {
		assert.True(t, g.Timed)
		assert.Zero(t, g.IdleCPU)
		assert.InDelta(t, 120*float64(i+1), g.At.Seconds(), 2)
	}
}

// Who allocates flat out has to assist; who allocates slowly beside it has not.
func TestAssists(t *testing.T) {
	flat := churn(2, time.Second, lab.Knobs{}, alloc(1024, 100, 1), keep(32<<10))
	flat.Workload.Classes[0].Arrivals.Clients = 4
	r := gcRun(t, 2, flat)
	assert.Positive(t, r.Values["/cpu/classes/gc/mark/assist:cpu-seconds"])
	require.Greater(t, len(r.GCs), 6)
	for _, g := range r.GCs[len(r.GCs)/2:] { // the live set is full

		assert.LessOrEqual(t, float64(g.HeapEnd), 1.1*float64(g.Goal)+1<<20, "cycle %d: assists keep the heap at its goal", g.N)
	}
	slow := churn(4, time.Second, lab.Knobs{}, alloc(1024, 10, 1), keep(16<<10), compute(500*time.Microsecond))
	fast := r.Values["/cpu/classes/gc/mark/assist:cpu-seconds"] / float64(len(r.GCs))
	r = gcRun(t, 4, slow)
	require.NotEmpty(t, r.GCs)
	assert.Less(t, r.Values["/cpu/classes/gc/mark/assist:cpu-seconds"]/float64(len(r.GCs)), fast/10)
}

// A pool survives one collection as its victim cache, and not two.
func TestPoolIsEmptiedOverTwoCycles(t *testing.T) {
	get, put, gc := lab.Step{Do: lab.Get, Name: "pool"}, lab.Step{Do: lab.Put, Name: "pool"}, lab.Step{Do: lab.GC}
	misses := func(steps ...lab.Step) float64 {
		trial := churn(1, 0, lab.Knobs{GOGC: -1}, steps...)
		trial.Workload.Classes[0].Arrivals = lab.Arrivals{Kind: lab.Once, Count: 1}
		trial.Workload.Pools = []lab.Pool{{Name: "pool", Bytes: 4096}}
		r := gcRun(t, 1, trial)
		assert.Greater(t, r.Values["/pool/gets:count"], 0.0)
		return r.Values["/pool/misses:count"]
	}
	assert.Equal(t, 1.0, misses(get, put, get, put))
	assert.Equal(t, 1.0, misses(get, put, gc, get, put), "from the victim cache")
	assert.Equal(t, 2.0, misses(get, put, gc, gc, get, put))
	assert.Equal(t, 1.0, misses(get, put, gc, get, put, gc, get, put), "a get brings it back")
	assert.Equal(t, 2.0, misses(get, get, put, put, get, get, put, put))
	assert.Equal(t, 3.0, misses(get, get, put, gc, get, get, put))
}

// The write barrier costs while a cycle marks, and only then.
func TestWriteBarrier(t *testing.T) {
	stores := lab.Step{Do: lab.Store, Count: 1_000_000}
	one := func(steps ...lab.Step) time.Duration {
		trial := churn(1, 0, lab.Knobs{GOGC: -1}, steps...)
		trial.Workload.Classes[0].Arrivals = lab.Arrivals{Kind: lab.Once, Count: 1}
		cost := textbook()
		cost.Cores, cost.GapRate = 4, lab.Value{}
		r := gcRunOn(t, cost, trial)
		return r.Requests[0].End - r.Requests[0].Start
	}
	plain := one(stores)
	assert.InDelta(t, 1.4e6, float64(plain), 10e3)
	assert.InDelta(t, float64(one(lab.Step{Do: lab.GC})+plain), float64(one(lab.Step{Do: lab.GC}, stores)), 20e3, "no cycle marks")

	marking := churn(1, time.Second, lab.Knobs{}, alloc(1024, 50, 1), keep(32<<10), lab.Step{Do: lab.Store, Count: 20_000})
	cost := textbook()
	cost.Cores = 1
	slow := gcRunOn(t, cost, marking)
	cost.StoreMark = lab.Nanos{}
	fast := gcRunOn(t, cost, marking)
	assert.Greater(t, float64(len(fast.Requests)), 1.03*float64(len(slow.Requests)))
}

// The metrics of a run agree with its cycles.
func TestHeapMetrics(t *testing.T) {
	trial := heapTrial()
	r := gcRun(t, 2, trial)
	from, to := trial.Workload.Warmup, trial.Workload.Warmup+trial.Workload.Run
	var assist, workers, idle time.Duration
	cycles, forced := 0.0, 0.0
	for _, g := range r.GCs {
		if end := g.At + g.StopSweep + g.Mark + g.StopMark; end >= from && end < to {
			cycles++
			if g.Forced {
				forced++
			}
			assist, workers, idle = assist+g.AssistCPU, workers+g.WorkerCPU, idle+g.IdleCPU
		}
	}
	require.Greater(t, cycles, 5.0)
	v := r.Values
	assert.Equal(t, cycles, v["/gc/cycles/total:gc-cycles"])
	assert.Equal(t, forced, v["/gc/cycles/forced:gc-cycles"])
	assert.Equal(t, cycles-forced, v["/gc/cycles/automatic:gc-cycles"])
	assert.InDelta(t, assist.Seconds(), v["/cpu/classes/gc/mark/assist:cpu-seconds"], 1e-9)
	assert.InDelta(t, workers.Seconds(), v["/cpu/classes/gc/mark/dedicated:cpu-seconds"], 1e-9)
	assert.InDelta(t, idle.Seconds(), v["/cpu/classes/gc/mark/idle:cpu-seconds"], 1e-9)
	assert.InDelta(t, v["/cpu/classes/gc/total:cpu-seconds"], assist.Seconds()+workers.Seconds()+idle.Seconds()+v["/cpu/classes/gc/pause:cpu-seconds"], 1e-9)
	assert.Equal(t, 50.0, v["/gc/gogc:percent"])
	assert.Equal(t, float64(64<<20), v["/gc/gomemlimit:bytes"])
	assert.Equal(t, v["/gc/scan/heap:bytes"]+v["/gc/scan/stack:bytes"]+v["/gc/scan/globals:bytes"], v["/gc/scan/total:bytes"])
	assert.LessOrEqual(t, v["/sched/pauses/stopping/gc/max:seconds"], v["/sched/pauses/total/gc/max:seconds"])
	assert.LessOrEqual(t, v["/sched/pauses/total/gc/p50:seconds"], v["/sched/pauses/total/gc/p99:seconds"])
	assert.GreaterOrEqual(t, v["/memory/peak:bytes"], v["/memory/rss:bytes"])
	assert.Positive(t, v["/pool/gets:count"])
	most := 0.0
	for _, g := range r.GCs {
		most = max(most, g.StopSweep.Seconds(), g.StopMark.Seconds())
	}
	assert.LessOrEqual(t, v["/sched/pauses/total/gc/max:seconds"], most)
	assert.LessOrEqual(t, v["/cpu/classes/gc/pause:cpu-seconds"], 4*cycles*2*most)

	none := gcRun(t, 2, specimens()[0])
	assert.NotContains(t, none.Values, "/gc/cycles/total:gc-cycles", "the workload does not use the heap")
}

// An assist that parks calls the workers, who hand it what they have earned; other assists go on with their own debts.
func TestParkingLeavesAssistsAlone(t *testing.T) {
	parks, cut := 0, 0
	for seed := range uint64(12) {
		trial := churn(4, 20*time.Millisecond, lab.Knobs{GOGC: 20}, alloc(4096, 500, 1), keep(6000))
		trial.Seed, trial.Workload.Classes[0].Arrivals.Clients = seed, 8
		sc := &scenario{cost: textbook(), policy: gort.Go126(), detail: []string{"gcAssistAlloc1"}}
		sc.cost.Cores = 4
		s, _ := sc.traced(t, trial)
		marks := s.Marks()
		for i, k := range marks {
			if !strings.HasPrefix(k.String(), "gcParkAssist") {
				continue
			}
			parks++
			for _, other := range marks[i:] {
				if other.At > k.At {
					break
				}
				if other.P != k.P && strings.HasPrefix(other.String(), "gcAssistAlloc1") && strings.Contains(other.String(), "credit is -") {
					cut++
				}
			}
		}
	}
	require.Greater(t, parks, 50)
	assert.Less(t, cut, parks/20, "assists that ended with a debt at the moment at which another one parked, of %d", parks)
}

// Objects that were allocated among many others lie far apart, and cost what was measured so.
func TestMarkingFarApart(t *testing.T) {
	cost := textbook()
	cost.Mark = append(cost.Mark, lab.MarkCost{Bytes: 1024, Live: 64 << 20, Pointers: true, Among: 7, Time: lab.Nanos{P50: 4000}})
	marked := func(steps ...lab.Step) float64 { // CPU seconds a cycle, those in which the set still grows included
		r := gcRunOn(t, cost, churn(1, 3*time.Second, lab.Knobs{}, append([]lab.Step{alloc(1024, 20, 1), keep(20_000)}, steps...)...))
		require.Greater(t, len(r.GCs), 20)
		sum := 0.0
		for _, class := range []string{"assist", "dedicated", "idle"} {
			sum += r.Values["/cpu/classes/gc/mark/"+class+":cpu-seconds"]
		}
		return sum / float64(len(r.GCs))
	}
	alone, among := marked(compute(100*time.Microsecond)), marked(alloc(4096, 60, 0), compute(100*time.Microsecond))
	assert.Greater(t, among, 5*alone, "of 400 ns and of 4 µs an object")
	assert.Less(t, among, 10*alone)
}

// Free memory above what the next cycles will need goes back to the kernel: after a burst of allocation the process shrinks.
func TestScavenger(t *testing.T) {
	trial := churn(2, 3*time.Second, lab.Knobs{}, alloc(1024, 50, 0), compute(500*time.Microsecond))
	trial.Workload.Classes = append(trial.Workload.Classes, lab.Class{Name: "burst", Background: true,
		Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{alloc(4096, 20_000, 0)}})
	r := gcRun(t, 2, trial)
	assert.Greater(t, r.Values["/memory/peak:bytes"], 60e6)
	assert.Less(t, r.Values["/memory/rss:bytes"], 25e6)
}

// The story of a request tells what of its time the collector took: assists, the wait for credit, mark workers on its P, and the
// stops of the world; its parts are its latency.
func TestStoriesOfTheCollector(t *testing.T) {
	trial := churn(2, 100*time.Millisecond, lab.Knobs{GOGC: 20}, alloc(4096, 300, 1), keep(4000), compute(200*time.Microsecond))
	trial.Workload.Classes[0].Arrivals = lab.Arrivals{Kind: lab.Poisson, Rate: 2500}
	cost := textbook()
	rec := &sim.Record{}
	r := recorded(t, cost, trial, rec)
	var all strings.Builder
	for n := range r.Requests {
		story, err := rec.Story(strconv.Itoa(n + 1))
		require.NoError(t, err)
		at := story.Request.Due
		for _, p := range story.Parts {
			require.Equal(t, at, p.From)
			at = p.To
		}
		require.Equal(t, story.Request.End, at)
		all.WriteString(story.Text(100))
	}
	text := strings.Join(strings.Fields(all.String()), " ")
	for _, want := range []string{"marks for what it allocates (P", "assisting the collector", "for credit of the mark workers, as it owes scan work",
		", which marks", "waits until all other Ps have stopped or answered"} {
		assert.Contains(t, text, want)
	}
}

// An object that does not escape costs its stack, as often as there are such objects, and no heap.
func TestLocalObjects(t *testing.T) {
	cost := textbook()
	cost.StackUse, cost.StackGrow, cost.StackKiB = lab.Nanos{P50: 100}, lab.Nanos{P50: 1}, lab.Nanos{P50: 1}
	took := func(n int) time.Duration {
		trial := churn(1, 50*time.Millisecond, lab.Knobs{}, lab.Step{Do: lab.Alloc, Local: true, Bytes: 1024, Count: n})
		r, err := checked(t, cost, gort.Go126())(context.Background(), trial)
		require.NoError(t, err)
		require.Empty(t, r.GCs)
		return 50 * time.Millisecond / time.Duration(len(r.Requests))
	}
	assert.InEpsilon(t, float64(999*100*time.Nanosecond), float64(took(1000)-took(1)), 0.1)
}
