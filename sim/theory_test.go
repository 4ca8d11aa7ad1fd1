package sim_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/theory"
	"github.com/stretchr/testify/require"
)

// open is an open-loop workload of one class that computes.
func open(rate float64, service lab.Dist, run time.Duration) lab.Workload {
	return lab.Workload{Name: "open", Warmup: run / 20, Run: run, Classes: []lab.Class{{
		Name:     "request",
		Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: rate},
		Steps:    []lab.Step{{Do: lab.CPU, Time: service}},
	}}}
}

func mean(t *testing.T, w lab.Workload, ps int, seed uint64, metric string) float64 {
	t.Helper()
	r, err := checked(t, lab.Cost{}, gort.Go126())(context.Background(), lab.Trial{Workload: w, Seed: seed,
		Knobs: lab.Knobs{GOMAXPROCS: ps}})
	require.NoError(t, err)
	require.Zero(t, r.Dropped)
	v, ok := lab.MetricNamed(metric).Of(r)
	require.True(t, ok)
	return v
}

// zscore compares replications with a closed form.
func zscore(t *testing.T, want float64, reps int, of func(seed uint64) float64) (z, got float64) {
	t.Helper()
	var sum, sq float64
	for i := range reps {
		v := of(uint64(i) + 1)
		sum += v
		sq += v * v
	}
	n := float64(reps)
	got = sum / n
	se := math.Sqrt((sq/n-got*got)/(n-1)) + 1e-12
	return (got - want) / se, got
}

// At zero cost the scheduler is work-conserving, so that the mean time in system of M/M/c comes out, whatever the
// order in which goroutines run.
func TestMMcAgainstErlangC(t *testing.T) {
	const service = time.Millisecond
	for _, c := range []int{1, 2, 4, 16} {
		for _, rho := range []float64{0.3, 0.6, 0.85} {
			t.Run(fmt.Sprintf("c=%d/rho=%v", c, rho), func(t *testing.T) {
				t.Parallel()
				rate := rho * float64(c) / service.Seconds()
				run := time.Duration(20000 / rate * float64(time.Second))
				want := theory.MMc(c, rho) * service.Seconds()
				z, got := zscore(t, want, 8, func(seed uint64) float64 {
					return mean(t, open(rate, lab.ExpDist(service), run), c, seed, "/latency/mean:seconds")
				})
				t.Logf("mean %.4g s, Erlang C %.4g s, z %.2f", got, want, z)
				require.Less(t, math.Abs(z), 3.0)
			})
		}
	}
}
