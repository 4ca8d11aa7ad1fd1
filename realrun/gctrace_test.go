package realrun

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

// collecting is a workload that asks for a collection every 20 ms, beside a client that allocates.
func collecting(steps ...lab.Step) lab.Workload {
	return lab.Workload{Name: "collecting", Run: 500 * ms, Warmup: 100 * ms, Classes: []lab.Class{
		{Name: "gc", Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 50, Generator: lab.InProcess}, Steps: []lab.Step{{Do: lab.GC}}},
		{Name: "client", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 1}, Steps: steps},
	}}
}

// Each collection that was asked for began while its request ran, on the clock of the run, and the pacer's lines are there.
func TestRunnerTellsOfCollections(t *testing.T) {
	res, err := fresh(t)(t.Context(), lab.Trial{Workload: collecting(lab.Step{Do: lab.Alloc, Bytes: 1000, Count: 10}, lab.Step{Do: lab.Sleep, Time: lab.Const(ms)}),
		Knobs: lab.Knobs{GOGC: 200, GOMAXPROCS: 2}, SchedTrace: 50 * ms, PacerTrace: true})
	require.NoError(t, err)
	var forced []lab.Request
	for _, q := range res.Requests {
		if q.Class == 0 {
			forced = append(forced, q)
		}
	}
	require.GreaterOrEqual(t, len(forced), 25)
	require.GreaterOrEqual(t, len(res.GCs), len(forced))
	assert.True(t, slices.IsSortedFunc(res.GCs, func(a, b lab.GCCycle) int { return int(a.At - b.At) }))
	for i, g := range res.GCs {
		require.Equal(t, res.GCs[0].N+i, g.N, "none is missing")
		assert.Equal(t, 2, g.Procs)
		assert.True(t, g.Paced)
		assert.Positive(t, g.Mark)
		assert.True(t, slices.ContainsFunc(forced, func(q lab.Request) bool {
			return g.At > q.Start-gcTick && g.At+g.StopSweep+g.Mark+g.StopMark < q.End+gcTick
		}), "collection %d began at %v", g.N, g.At)
	}
	assert.Greater(t, res.GCs[0].N, 1, "that of the set-up is left out")
	require.GreaterOrEqual(t, len(res.Sched), 8)
	assert.Equal(t, 2, res.Sched[0].Gomaxprocs)
	for _, name := range []string{"/memory/rss:bytes", "/gc/scan/heap:bytes", "/gc/heap/live:bytes", "/sched/pauses/total/gc/p50:seconds",
		"/sched/pauses/stopping/gc/max:seconds", "/memory/classes/total:bytes"} {
		assert.Positive(t, res.Values[name], name)
	}
}

// Without the heap there is nothing to tell, and nothing is asked.
func TestRunnerWithoutTheHeapTracesNothing(t *testing.T) {
	trial := lab.Trial{Workload: once(1, lab.Step{Do: lab.Yield}), PacerTrace: true}
	assert.Empty(t, godebug(&trial))
	res, err := fresh(t)(t.Context(), trial)
	require.NoError(t, err)
	assert.Empty(t, res.GCs)
	assert.Empty(t, res.Sched)
}

// Without PacerTrace the pacer is silent, as its lines would lengthen the stops of the world.
func TestRunnerLeavesThePacerSilent(t *testing.T) {
	// Whoever ended the cycle prints its line when the world runs again, maybe after runtime.GC has returned.
	steps := []lab.Step{{Do: lab.GC}, {Do: lab.Sleep, Time: lab.Const(100 * ms)}}
	res, err := fresh(t)(t.Context(), lab.Trial{Workload: once(1, steps...)})
	require.NoError(t, err)
	require.Len(t, res.GCs, 1)
	assert.False(t, res.GCs[0].Paced)
	assert.True(t, res.GCs[0].Forced)
}

// A trial that fails among the runtime's lines says why. A line of schedtrace may stand in the middle of the reason on standard
// error, so the reason is read where no such line can be.
func TestRunnerFindsTheReasonAmongTheLines(t *testing.T) {
	t.Setenv(behave, "panic in the trial")
	_, err := fresh(t)(t.Context(), lab.Trial{Workload: once(1, lab.Step{Do: lab.GC}), SchedTrace: ms})
	require.ErrorContains(t, err, "panic: out of coffee")
	assert.NotContains(t, err.Error(), "\n")
}

func TestPlaceFindsTheStart(t *testing.T) {
	const began = 7_300_400 * time.Nanosecond // of the runtime, before the run
	var cycles []lab.GCCycle
	c := gcClock{Before: 2, After: 49, Last: 50}
	var starts []time.Duration
	for i := range 50 {
		at := time.Duration(i)*13_170_000 - 20*ms + time.Duration(i*i)*1700
		g := lab.GCCycle{N: i + 1, At: (at + began + 50*ms).Truncate(gcTick), StopSweep: 20_000, Mark: 3 * ms, StopMark: 10_000}
		cycles, starts = append(cycles, g), append(starts, at)
		c.Ends = append(c.Ends, at+g.StopSweep+g.Mark+g.StopMark)
	}
	slices.Reverse(c.Ends)
	for _, known := range []int{50, 5} {
		c.Ends = c.Ends[:known]
		run := c.place(cycles)
		require.Len(t, run, 47)
		assert.Equal(t, 3, run[0].N)
		for _, g := range run {
			assert.InDelta(t, starts[g.N-1], g.At, float64(600*time.Microsecond), "%d", g.N)
		}
	}
	assert.Empty(t, (&gcClock{}).place(nil))
}
