package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
)

// The lines come every 10 ms, at most one sleep of sysmon late, also while every P is idle, and what they count is what ran.
func TestSchedTrace(t *testing.T) {
	w := lab.Workload{Name: "schedtrace", Warmup: 20 * time.Millisecond, Run: 480 * time.Millisecond, Classes: []lab.Class{{Name: "a",
		Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 5},
		Steps:    []lab.Step{{Do: lab.CPU, Time: lab.Const(3 * time.Millisecond)}, {Do: lab.Sleep, Time: lab.Const(30 * time.Millisecond)}}}}}
	trial := lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 2}, Seed: 1, SchedTrace: 10 * time.Millisecond}
	r, err := checked(t, textbook(), gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	require.InDelta(t, 50, len(r.Sched), 15)
	busy, idle := 0, 0
	for i, s := range r.Sched {
		require.Equal(t, 2, s.Gomaxprocs)
		require.Len(t, s.Local, 2)
		require.Len(t, s.Schedticks, 2)
		require.LessOrEqual(t, s.Idlethreads+s.Spinning, s.Threads)
		if s.Idleprocs == 2 {
			idle++
		}
		if s.Runqueue+s.Local[0]+s.Local[1] > 0 {
			busy++
		}
		if i == 0 {
			require.Zero(t, s.At)
			continue
		}
		before := r.Sched[i-1]
		require.GreaterOrEqual(t, s.At-before.At, 10*time.Millisecond)
		require.Less(t, s.At-before.At, 22*time.Millisecond, "a sleep of at most 10 ms, and what it oversleeps")
		for p := range s.Schedticks {
			require.GreaterOrEqual(t, s.Schedticks[p], before.Schedticks[p])
		}
	}
	assert.Positive(t, idle)
	assert.Positive(t, busy)
	last := r.Sched[len(r.Sched)-1]
	assert.Greater(t, last.Schedticks[0]+last.Schedticks[1], r.Sched[0].Schedticks[0]+r.Sched[0].Schedticks[1])

	again, err := checked(t, textbook(), gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	assert.Equal(t, r.Sched, again.Sched)
	trial.SchedTrace = 0
	r, err = checked(t, textbook(), gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	assert.Empty(t, r.Sched)
}
