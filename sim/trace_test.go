package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

// TestTrace: what is recorded is legal, the same at each run, and adds up: every goroutine is in one state at a time, and
// as many run as there are Ps at most.
func TestTrace(t *testing.T) {
	trial := lab.Trial{Seed: 3, Knobs: lab.Knobs{GOMAXPROCS: 2}, Workload: lab.Workload{Name: "mixed", Warmup: 10 * time.Millisecond,
		Run: 100 * time.Millisecond, Chans: []lab.Chan{{Name: "c", Cap: 1}}, Classes: []lab.Class{{Name: "a",
			Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 10}, Steps: []lab.Step{
				{Do: lab.CPU, Time: lab.ExpDist(50 * time.Microsecond)}, {Do: lab.Call, Time: lab.ExpDist(200 * time.Microsecond)},
				{Do: lab.Send, Name: "c"}, {Do: lab.Recv, Name: "c"}, {Do: lab.Lock, Name: "m"}, {Do: lab.CPU, Time: lab.Const(5 * time.Microsecond)},
				{Do: lab.Unlock, Name: "m"}, {Do: lab.Sleep, Time: lab.Const(100 * time.Microsecond)}}}}}}
	got, err := sim.Trace(context.Background(), textbook(), gort.Go126(), trial)
	require.NoError(t, err)
	require.NoError(t, lab.Validate(got.Moves))
	again, err := sim.Trace(context.Background(), textbook(), gort.Go126(), trial)
	require.NoError(t, err)
	assert.Equal(t, got, again)

	a := got.Activity()
	assert.Equal(t, trial.Workload.Run, a.Span)
	all := a.Running + a.Runnable + a.InCall
	for _, d := range a.Waiting {
		all += d
	}
	assert.InDelta(t, 10, float64(all)/float64(a.Span), 0.01, "ten clients, nobody else")
	assert.LessOrEqual(t, a.Running, 2*a.Span)
	assert.LessOrEqual(t, a.PsBusy, 2*a.Span)
	for _, why := range []lab.Reason{lab.Sleeping, lab.Sync} {
		assert.Contains(t, a.Waiting, why)
	}
	assert.Positive(t, a.Moves)

	trial.Workload.Classes = nil
	_, err = sim.Trace(context.Background(), textbook(), gort.Go126(), trial)
	assert.Error(t, err)
}
