package exptest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

// Replicate on the whole scheduler at zero cost: two Ps are M/M/2, whose mean time in system at 70 % load is 1/(1-ρ²)
// services; at 110 % it is saturated, whatever of it the drain limit cuts off.
func TestReplicateTheScheduler(t *testing.T) {
	mm2 := func(rho float64, run time.Duration) lab.Trial {
		return lab.Trial{Seed: 1, Knobs: lab.Knobs{GOMAXPROCS: 2}, Workload: lab.Workload{Name: "mm2", Run: run, Classes: []lab.Class{{Name: "request",
			Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: 2000 * rho},
			Steps:    []lab.Step{{Do: lab.CPU, Time: lab.ExpDist(time.Millisecond)}}}}}}
	}
	run := sim.Runner(lab.Cost{}, gort.Go126())
	r, err := experiments.Replicate(context.Background(), run, mm2(0.7, 3*time.Second), experiments.Precision{})
	require.NoError(t, err)
	t.Log(r)
	require.True(t, r.Reached)
	truth := 1e-3 / (1 - 0.7*0.7)
	require.LessOrEqual(t, r.Mean.Low, truth)
	require.GreaterOrEqual(t, r.Mean.High, truth)
	r, err = experiments.Replicate(context.Background(), run, mm2(1.1, 3*time.Second), experiments.Precision{Min: 5})
	require.NoError(t, err)
	t.Log(r)
	require.True(t, r.Saturated)
}
