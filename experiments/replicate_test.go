package experiments

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

// lindley is a Runner that serves one class of computing requests first come, first served: the queue of the textbooks, by
// Lindley's recursion. What would end after the drain limit is dropped.
func lindley(_ context.Context, t lab.Trial) (*lab.Result, error) {
	w := &t.Workload
	r := &lab.Result{Trial: t, Side: lab.Predicted}
	due, end := w.Due(0, t.Seed), time.Duration(0)
	for k := uint64(0); ; k++ {
		d := due.Next()
		if d >= w.Warmup+w.Run {
			break
		}
		s := w.Work(0, t.Seed, k)
		start := max(end, d)
		if end = start + w.Classes[0].Steps[0].Time.Sample(&s); end > w.Warmup+w.Run+lab.DrainLimit {
			r.Dropped++
			continue
		}
		r.Requests = append(r.Requests, lab.Request{Due: d, Start: start, End: end})
	}
	slices.SortStableFunc(r.Requests, func(a, b lab.Request) int { return cmp.Compare(a.End, b.End) })
	return r, nil
}

// mm1 is M/M/1 with a mean service time of 1 ms that starts empty.
func mm1(rho float64, run time.Duration, seed uint64) lab.Trial {
	return lab.Trial{Seed: seed, Workload: lab.Workload{Name: "mm1", Run: run, Classes: []lab.Class{{Name: "request",
		Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: rho * 1000},
		Steps:    []lab.Step{{Do: lab.CPU, Time: lab.ExpDist(time.Millisecond)}}}}}}
}

// Of 40 independent intervals that aim for 95 % at least 33 hold the mean of M/M/1, and nearly all are as narrow as wanted.
func TestReplicateCoversTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	const rho = 0.7
	held, heldP90, runs := 0, 0, 0
	for i := range uint64(40) {
		r, err := Replicate(context.Background(), lindley, mm1(rho, 6*time.Second, i*10000), Precision{})
		require.NoError(t, err)
		require.True(t, r.Reached, "%v", r)
		require.Empty(t, r.Warnings)
		require.LessOrEqual(t, r.Mean.High-r.Mean.Low, 2*0.05*r.Mean.Value)
		if truth := 1e-3 / (1 - rho); r.Mean.Low <= truth && truth <= r.Mean.High {
			held++
		}
		if truth := 2.302585e-3 / (1 - rho); r.P90.Low <= truth && truth <= r.P90.High {
			heldP90++
		}
		require.Less(t, r.P50.Value, r.P90.Value)
		require.Less(t, r.P90.Value, r.P99.Value)
		runs += r.Runs
	}
	t.Logf("%d of 40 hold the mean, %d the 90th percentile, with %d runs on average", held, heldP90, runs/40)
	require.GreaterOrEqual(t, held, 33)
	require.GreaterOrEqual(t, heldP90, 33)
	require.Greater(t, runs, 40*10, "the spread asks for more than the first ten")
}

// At and above capacity there is no number, below it there is one, for runs of different lengths; a number of a saturated run
// would grow with its length.
func TestReplicateSaysSaturated(t *testing.T) {
	for _, run := range []time.Duration{4 * time.Second, 20 * time.Second, 60 * time.Second} {
		for _, rho := range []float64{0.8, 1, 1.1, 3} {
			if run > 4*time.Second && testing.Short() {
				continue
			}
			r, err := Replicate(context.Background(), lindley, mm1(rho, run, 1), Precision{Relative: 0.9})
			require.NoError(t, err, "rho=%v, %v", rho, run)
			t.Logf("rho=%v, %v: %v %v", rho, run, r, r.Warnings)
			require.Equal(t, rho >= 1, r.Saturated, "rho=%v, %v", rho, run)
			if r.Saturated {
				require.Zero(t, r.Mean)
				require.Zero(t, r.P99)
				require.Contains(t, r.String(), "saturated: ")
			}
		}
	}
}

// The queue starts empty at ρ = 0.9 and needs some 400 services to forget it: that is what is dropped, and what is left has
// the mean of the steady state, which what is dropped has not.
func TestReplicateFindsTheWarmup(t *testing.T) {
	trial := mm1(0.9, 10*time.Second, 1)
	r, err := Replicate(context.Background(), lindley, trial, Precision{Min: 200, Max: 200})
	require.NoError(t, err)
	require.False(t, r.Saturated)
	t.Log(r)
	require.Greater(t, r.Warmup, 100*time.Millisecond)
	require.Less(t, r.Warmup, 3*time.Second)
	require.LessOrEqual(t, r.Mean.Low, 10e-3)
	require.GreaterOrEqual(t, r.Mean.High, 10e-3)
	var dropped, n float64
	for seed := range uint64(200) {
		res, err := lindley(context.Background(), mm1(0.9, r.Warmup, 1+seed))
		require.NoError(t, err)
		for _, q := range res.Requests {
			dropped += (q.End - q.Due).Seconds()
			n++
		}
	}
	require.Less(t, dropped/n, 8e-3)
}

// The workload's own warm-up stays dropped: whatever happens in it changes nothing.
func TestReplicateKeepsTheWorkloadsWarmup(t *testing.T) {
	trial := mm1(0.5, 5*time.Second, 1)
	trial.Workload.Warmup = time.Second
	early := func(ctx context.Context, t lab.Trial) (*lab.Result, error) {
		r, err := lindley(ctx, t)
		for i := range r.Requests {
			if r.Requests[i].Due < time.Second {
				r.Requests[i].Due = 0 // latencies that would be seen
			}
		}
		return r, err
	}
	r, err := Replicate(context.Background(), early, trial, Precision{})
	require.NoError(t, err)
	require.InDelta(t, 2e-3, r.Mean.Value, 3e-4)
	plain, err := Replicate(context.Background(), lindley, trial, Precision{})
	require.NoError(t, err)
	require.Equal(t, plain, r)
}

// The same bytes however many run at a time, also when more replications are needed.
func TestReplicateOnAnyNumberOfCores(t *testing.T) {
	var first []byte
	for _, cores := range []int{1, 4} {
		before := runtime.GOMAXPROCS(cores)
		r, err := Replicate(context.Background(), lindley, mm1(0.8, 2*time.Second, 7), Precision{Relative: 0.04})
		runtime.GOMAXPROCS(before)
		require.NoError(t, err)
		require.Greater(t, r.Runs, 20)
		text, err := json.Marshal(r)
		require.NoError(t, err)
		if first == nil {
			first = text
		}
		require.Equal(t, string(first), string(text))
	}
}

// A precision that is out of reach costs no more than it may, and says so.
func TestReplicateStopsAtMax(t *testing.T) {
	var runs atomic.Int64
	counting := func(ctx context.Context, t lab.Trial) (*lab.Result, error) {
		runs.Add(1)
		return lindley(ctx, t)
	}
	r, err := Replicate(context.Background(), counting, mm1(0.8, 2*time.Second, 7), Precision{Relative: 0.001, Min: 5, Max: 33})
	require.NoError(t, err)
	require.Equal(t, 33, r.Runs)
	require.EqualValues(t, 33, runs.Load())
	require.False(t, r.Reached)
	require.Len(t, r.Warnings, 1)
	require.Contains(t, r.Warnings[0], "33 replications know the mean to ±")
}

func TestReplicateStopsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var runs atomic.Int64
	stops := func(inner context.Context, t lab.Trial) (*lab.Result, error) {
		if runs.Add(1) == 12 { // in the second round
			cancel()
			return nil, inner.Err()
		}
		return lindley(inner, t)
	}
	_, err := Replicate(ctx, stops, mm1(0.8, 2*time.Second, 1), Precision{Relative: 0.001})
	require.Equal(t, context.Canceled, err)
	require.Less(t, runs.Load(), int64(20))
	before := runs.Load()
	_, err = Replicate(ctx, stops, mm1(0.8, 2*time.Second, 1), Precision{})
	require.Equal(t, context.Canceled, err)
	require.Equal(t, before, runs.Load(), "nothing runs")
}

func TestReplicateRefuses(t *testing.T) {
	once := mm1(0.5, 0, 1)
	once.Workload.Classes[0].Arrivals = lab.Arrivals{Kind: lab.Once, Count: 3}
	bad := mm1(0.5, time.Second, 1)
	bad.Workload.Classes[0].Steps = nil
	slow := mm1(0.001, 1000*time.Second, 1) // a thousand requests of 20 s each: the last do not end in time
	slow.Workload.Classes[0].Arrivals.Kind = lab.Every
	slow.Workload.Classes[0].Steps[0] = lab.Step{Do: lab.Sleep, Time: lab.Const(20 * time.Second)}
	late := func(_ context.Context, t lab.Trial) (*lab.Result, error) { // as many servers as requests
		r := &lab.Result{Trial: t}
		for due := t.Workload.Due(0, t.Seed); ; {
			d := due.Next()
			if d >= t.Workload.Run {
				return r, nil
			}
			if end := d + 20*time.Second; end <= t.Workload.Run+lab.DrainLimit {
				r.Requests = append(r.Requests, lab.Request{Due: d, Start: d, End: end})
			} else {
				r.Dropped++
			}
		}
	}
	broken := errors.New("the machine is on fire")
	breaks := func(context.Context, lab.Trial) (*lab.Result, error) { return nil, broken }
	fine := mm1(0.5, time.Second, 9)
	for _, c := range []struct {
		runner lab.Runner
		trial  lab.Trial
		want   Precision
		err    string
	}{
		{lindley, fine, Precision{Relative: -0.1}, "replicate: relative precision -0.1; use a share above 0 and below 1, or 0 for 0.05"},
		{lindley, fine, Precision{Relative: 1}, "replicate: relative precision 1; use a share"},
		{lindley, fine, Precision{Min: 4}, "replicate: at least 4 replications are asked for; use 5 or more, or 0 for 10"},
		{lindley, fine, Precision{Max: 9}, "replicate: at most 9 replications are allowed but 10 are asked for; raise Max or lower Min"},
		{nil, fine, Precision{}, "replicate: no Runner given"},
		{lindley, once, Precision{}, "replicate: workload.run is 0; give it a length"},
		{lindley, bad, Precision{}, "replicate: workload.classes[0].steps: none given"},
		{lindley, mm1(0.5, 50*time.Millisecond, 1), Precision{}, "lengthen workload.run so that each counts 50 or more"},
		{breaks, fine, Precision{}, "the machine is on fire"},
		{late, slow, Precision{}, "requests were still open 10s after the counted part, and how long they took is unknown"},
	} {
		r, err := Replicate(context.Background(), c.runner, c.trial, c.want)
		require.Nil(t, r)
		require.ErrorContains(t, err, c.err)
		assert.NotContains(t, err.Error(), "\n")
	}
	_, err := Replicate(context.Background(), breaks, fine, Precision{})
	require.ErrorIs(t, err, broken)
	require.Regexp(t, `^replicate: replication \d, seed \d+: `, err.Error())
}
