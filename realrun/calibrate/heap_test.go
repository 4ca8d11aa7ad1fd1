package calibrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

// resting is what a trial of Resting with that many collections of each kind might tell.
func resting(cycles int) *lab.Result {
	r := &lab.Result{Values: map[string]float64{"/gc/heap/live:bytes": 5e5, "/gc/scan/heap:bytes": 3e5, "/gc/scan/stack:bytes": 7000,
		"/gc/scan/globals:bytes": 2e5, "/memory/classes/total:bytes": 8e6, "/memory/classes/heap/objects:bytes": 1e6,
		"/memory/classes/heap/unused:bytes": 2e5, "/memory/classes/heap/free:bytes": 3e5, "/memory/classes/heap/released:bytes": 2e6}}
	for i := range 2 * cycles {
		g := lab.GCCycle{N: i + 5, Procs: 1, WorkerCPU: time.Second, StopSweep: time.Duration(6+i%3) * time.Microsecond, StopMark: 2 * time.Microsecond}
		if i < cycles {
			g.Procs, g.StopSweep, g.AssistCPU, g.WorkerCPU, g.IdleCPU = 2, time.Second, 0, 30*time.Microsecond, 70*time.Microsecond
		}
		if i%cycles == 0 { // the first one of each kind is another
			g.WorkerCPU, g.StopSweep, g.StopMark = time.Hour, time.Hour, time.Hour
		}
		r.GCs = append(r.GCs, g)
	}
	return r
}

func TestCollectionsOfATrial(t *testing.T) {
	b := newBench(context.Background(), 1)
	b.add("StopWorld", 500)
	require.NoError(t, b.collections(func(context.Context) (*lab.Result, error) { return resting(restCycles), nil }))
	assert.InDelta(t, 7000, b.nanos["SweepTerm"][0], 300)
	assert.InDelta(t, 2250, b.nanos["MarkTerm"][0], 1)
	assert.InDelta(t, 100_000, b.nanos["MarkSetup"][0], 1)
	assert.Equal(t, 0.03, share(lab.Heap{Other: 15e6, Mapped: 400e6}, lab.Heap{Other: 6e6, Mapped: 100e6}))
	assert.Zero(t, share(lab.Heap{Other: 5e6, Mapped: 400e6}, lab.Heap{Other: 6e6, Mapped: 100e6}), "of two other programs")
	assert.Zero(t, share(lab.Heap{Other: 7e6, Mapped: 110e6}, lab.Heap{Other: 6e6, Mapped: 100e6}), "too little to tell")
	assert.Equal(t, lab.Heap{Live: 5e5, Scan: 3e5, Stack: 7000, Globals: 2e5, Other: 4.5e6, Mapped: 3.5e6}, b.heap())
	err := b.collections(func(context.Context) (*lab.Result, error) { return resting(restCycles - 1), nil })
	require.ErrorContains(t, err, "28 collections")
	why := errors.New("no process")
	require.ErrorIs(t, b.collections(func(context.Context) (*lab.Result, error) { return nil, why }), why)
	trial := Resting()
	require.NoError(t, trial.Validate())
}

// What is measured at a small scale has the order of things: a larger object costs more to allocate and, with pointers, to
// mark, and a store costs more while the collector marks.
func TestHeapProbes(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	b := newBench(context.Background(), 0.2)
	c := b.cost()
	for b.round = 0; b.round < 3 || b.round < 12 && c.StoreMark.P50 <= 2*c.Store.P50; b.round++ { // other tests may run beside it
		for _, p := range slices.Concat(heapProbes(), gcProbes()) {
			require.NoError(t, p.run(b), p.what)
		}
		c = b.cost()
	}
	require.Len(t, c.Alloc, 2*len(objectSizes))
	require.Len(t, c.Mark, 2*2*len(markSizes))
	near, far := c.Mark[:2*len(markSizes)], c.Mark[2*len(markSizes):]
	for i, pointers := range []bool{false, true} {
		assert.Equal(t, pointers, c.Alloc[i].Pointers)
		small, large := c.Alloc[i], c.Alloc[len(c.Alloc)-2+i]
		assert.Less(t, 5*small.Time.P50, large.Time.P50, "%+v", c.Alloc)
	}
	for among, marks := range map[int64][]lab.MarkCost{0: near, markAmong: far} {
		small, large := marks[1], marks[len(marks)-1]
		assert.True(t, small.Pointers && large.Pointers)
		assert.Equal(t, among, small.Among)
		assert.Positive(t, small.Time.P50)
		assert.Less(t, 5*small.Time.P50, large.Time.P50, "%+v", marks)
		assert.Less(t, marks[len(marks)-2].Time.P50, large.Time.P50, "without pointers there is nothing to visit")
		assert.Equal(t, oldMark, small.Old)
	}
	assert.GreaterOrEqual(t, c.Scavenge.P50, 0.0) // a difference of two timings, cut off at zero
	assert.Positive(t, c.FreshKiB.P50)
	assert.Less(t, c.Store.P50, 1000.0) // some ten with the race detector on a slow host
	assert.Greater(t, c.StoreMark.P50, 2*c.Store.P50)
	assert.Less(t, c.PoolGet.P50, 1000.0)
	assert.Greater(t, c.MarkG.P50, 100.0)
}

// TestMergeOld measures the marks of a program built with GOEXPERIMENT=nogreenteagc and puts them into a calibration file beside
// the others: make calibrate-old FILE=…
func TestMergeOld(t *testing.T) {
	path := os.Getenv("GMPLAB_MERGE_OLD")
	if path == "" {
		t.Skip("make calibrate-old FILE=… sets GMPLAB_MERGE_OLD")
	}
	require.True(t, oldMark, "build with GOEXPERIMENT=nogreenteagc")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var f file
	require.NoError(t, json.Unmarshal(text, &f))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	b := newBench(context.Background(), 1)
	for b.round = range rounds {
		require.NoError(t, b.marks())
	}
	text, err = json.MarshalIndent(file{f.Schema, withMarks(f.Cost, b.markCosts())}, "", "\t")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(text, '\n'), 0o644))
	for _, m := range b.markCosts() {
		fmt.Printf("%+v\n", m)
	}
}

// withMarks replaces the marks of one kind of collector in c.
func withMarks(c lab.Cost, marks []lab.MarkCost) lab.Cost {
	c.Mark = slices.DeleteFunc(slices.Clone(c.Mark), func(m lab.MarkCost) bool { return m.Old == marks[0].Old })
	c.Mark = append(c.Mark, marks...)
	return c
}

func TestWithMarksKeepsTheOtherCollector(t *testing.T) {
	c := lab.Cost{Mark: []lab.MarkCost{{Bytes: 1}, {Bytes: 2, Old: true}, {Bytes: 3}}}
	c = withMarks(c, []lab.MarkCost{{Bytes: 4, Old: true}})
	assert.Equal(t, []lab.MarkCost{{Bytes: 1}, {Bytes: 3}, {Bytes: 4, Old: true}}, c.Mark)
}
