package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hog is a workload of one goroutine that computes all the time, in pieces of 1 ms.
func hog(run time.Duration) lab.Trial {
	return lab.Trial{Workload: lab.Workload{Name: "hog", Warmup: 100 * time.Millisecond, Run: run, Classes: []lab.Class{{Name: "hog",
		Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 1}, Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(time.Millisecond)}}}}},
		Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: 1}
}

// Other processes take their share of the cores and of the throughput; the CPU time that a run reports is its own, and theirs
// is reported under the name that a real run gives it.
func TestForeignLoad(t *testing.T) {
	run := func(cores int, foreign ...lab.Foreign) *lab.Result {
		cost := textbook()
		cost.Cores, cost.Foreign, cost.GapRate = cores, foreign, lab.Value{}
		r, err := checked(t, cost, gort.Go126())(context.Background(), hog(2*time.Second))
		require.NoError(t, err)
		return r
	}
	done := func(r *lab.Result) float64 { return float64(len(r.Requests)) }
	alone := run(1)
	assert.InDelta(t, 1, alone.Values["/cpu/used:cores"], 0.01)
	assert.NotContains(t, alone.Values, "/host/foreign-cpu:cores")

	beside := run(1, lab.Foreign{Threads: 1})
	assert.InDelta(t, 0.5, done(beside)/done(alone), 0.02, "one hog beside another")
	assert.InDelta(t, 0.5, beside.Values["/cpu/used:cores"], 0.02)
	assert.InDelta(t, 0.5, beside.Values["/host/foreign-cpu:cores"], 0.02)

	three := run(2, lab.Foreign{Threads: 2})
	assert.InDelta(t, 2, three.Values["/cpu/used:cores"]+three.Values["/host/foreign-cpu:cores"], 0.02, "both cores are busy")
	assert.InDelta(t, three.Values["/cpu/used:cores"], done(three)/done(alone), 0.02)

	light := run(2, lab.Foreign{Threads: 1, Run: lab.ExpDist(time.Millisecond), Pause: lab.ExpDist(3 * time.Millisecond)})
	assert.InDelta(t, 0.25, light.Values["/host/foreign-cpu:cores"], 0.03)
	assert.Greater(t, done(light)/done(alone), 0.9, "there is a core for each")
}

// The same inputs give the same results, and other processes draw from streams of their own: where they sleep all the time,
// nothing changes.
func TestForeignLoadIsDeterministic(t *testing.T) {
	cost := textbook()
	cost.Cores = 8
	cost.SMT, cost.NUMA = lab.SMT{Threads: 2, Speed: 0.6}, lab.NUMA{Nodes: 2, Wake: 2 * time.Microsecond, Move: 50 * time.Microsecond}
	cost.Foreign = []lab.Foreign{{Threads: 3, Run: lab.ExpDist(time.Millisecond), Pause: lab.ExpDist(time.Millisecond)}}
	trial := anyTrial(12)
	a, err := sim.Runner(cost, gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	b, err := sim.Runner(cost, gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	require.Equal(t, a, b)
	trial.Seed++
	c, err := sim.Runner(cost, gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	require.NotEqual(t, a.Values, c.Values)

	cost.Foreign = nil
	alone, err := sim.Runner(cost, gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	require.NotEqual(t, c.Requests, alone.Requests, "they do meet")
	cost.Foreign = []lab.Foreign{{Threads: cost.Cores, Run: lab.Const(10 * time.Microsecond), Pause: lab.Const(time.Hour)}} // so many move no thread of the process to another first core
	asleep, err := sim.Runner(cost, gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	require.Contains(t, asleep.Values, "/host/foreign-cpu:cores")
	require.Zero(t, asleep.Values["/host/foreign-cpu:cores"])
	delete(asleep.Values, "/host/foreign-cpu:cores")
	require.Equal(t, alone, asleep)
}

// A machine that cannot be is refused with its field, before anything runs.
func TestImpossibleMachine(t *testing.T) {
	cost := textbook()
	cost.SMT.Threads = 2
	_, err := sim.Runner(cost, gort.Go126())(context.Background(), hog(time.Second))
	require.EqualError(t, err, "the machine to predict for: smt.speed: 0; give 0.1 to 1")
	_, err = sim.Trace(context.Background(), cost, gort.Go126(), hog(time.Second))
	require.ErrorContains(t, err, "smt.speed")
}

// Twice as many CPUs that share cores do what their speed allows.
func TestSMTThroughput(t *testing.T) {
	done := func(smt lab.SMT, clients int) float64 {
		cost := textbook()
		cost.Cores, cost.SMT, cost.GapRate = 2, smt, lab.Value{}
		trial := hog(time.Second)
		trial.Knobs.GOMAXPROCS, trial.Workload.Classes[0].Arrivals.Clients = 2, clients
		r, err := checked(t, cost, gort.Go126())(context.Background(), trial)
		require.NoError(t, err)
		return float64(len(r.Requests))
	}
	one := done(lab.SMT{}, 1)
	assert.InDelta(t, 2, done(lab.SMT{}, 2)/one, 0.05)
	assert.InDelta(t, 1.2, done(lab.SMT{Threads: 2, Speed: 0.6}, 2)/one, 0.05)
	assert.InDelta(t, 1, done(lab.SMT{Threads: 2, Speed: 0.6}, 1)/one, 0.02)
}

// A story names another process where it has the core that a request waits for.
func TestWhyNamesAnotherProcess(t *testing.T) {
	cost := textbook()
	cost.Cores, cost.Foreign = 1, []lab.Foreign{{Threads: 2}}
	rec := &sim.Record{}
	_, err := checked(t, cost, gort.Go126())(rec.In(context.Background()), hog(300*time.Millisecond))
	require.NoError(t, err)
	story, err := rec.Story("slowest")
	require.NoError(t, err)
	assert.Contains(t, story.Text(100), "another process")
	assert.Contains(t, story.Text(100), "waiting for a core")
}
