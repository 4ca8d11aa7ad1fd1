package sim_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/theory"
	"github.com/stretchr/testify/require"
)

// arrived counts the requests of a class that must have come, from the trial alone and what its parents have done; -1: the
// trial alone does not say (a closed class).
func arrived(r *lab.Result, class int) int {
	w := &r.Trial.Workload
	n := 0
	switch a := &w.Classes[class].Arrivals; a.Kind {
	case lab.Closed:
		return -1
	case lab.Once:
		n = a.Count
	case lab.Poisson, lab.Every:
		due := w.Due(class, r.Trial.Seed)
		for due.Next() < w.Warmup+w.Run {
			n++
		}
	}
	for _, q := range r.Requests {
		for _, s := range w.Classes[q.Class].Steps {
			if s.Do == lab.Go && s.Name == w.Classes[class].Name {
				n += max(s.Count, 1)
			}
		}
	}
	return n
}

// conserve checks what every Result must fulfil: who arrived is done or dropped; nobody starts before it is due or
// ends before it starts; and Little's law.
func conserve(t *testing.T, r *lab.Result) {
	t.Helper()
	name := r.Trial.Workload.Name
	require.True(t, slices.IsSortedFunc(r.Requests, func(a, b lab.Request) int { return cmp.Compare(a.End, b.End) }), name)
	done := make([]int, len(r.Trial.Workload.Classes))
	for _, q := range r.Requests {
		require.LessOrEqual(t, q.Due, q.Start, name)
		require.LessOrEqual(t, q.Start, q.End, name)
		done[q.Class]++
	}
	for class, n := range done {
		if want := arrived(r, class); want >= 0 && r.Dropped == 0 {
			require.Equal(t, want, n, "%s: requests of class %d", name, class)
		}
	}
	require.NoError(t, little(r))
}

func TestConservation(t *testing.T) {
	run := checked(t, textbook(), gort.Go126())
	for _, trial := range specimens() {
		r, err := run(context.Background(), trial)
		require.NoError(t, err)
		conserve(t, r)
	}
	for seed := range uint64(40) {
		r, err := run(context.Background(), anyTrial(seed))
		require.NoError(t, err)
		conserve(t, r)
	}
}

// work is the sum of the times that the requests of class 0 of an open-loop workload draw for their one step.
func work(w *lab.Workload, seed uint64, n int) (sum time.Duration) {
	for k := range n {
		s := w.Work(0, seed, uint64(k))
		sum += w.Classes[0].Steps[0].Time.Sample(&s)
	}
	return sum
}

// At zero cost nothing burns CPU but the work itself, and no P is idle while a request waits, but for the 3 µs that a thief
// sleeps before it takes a runnext: min(requests in the system, Ps), integrated over the run, is the work.
func TestBusyTimeIsTheWork(t *testing.T) {
	for _, ps := range []int{1, 2, 4, 8} {
		w := open(0.7*float64(ps)/100e-6, lab.ExpDist(100*time.Microsecond), 200*time.Millisecond)
		w.Warmup = 0
		s, r := traced(t, lab.Cost{}, lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: ps}, Seed: 3})
		conserve(t, r)
		want := work(&w, 3, len(r.Requests))
		require.Equal(t, want, s.CPU(), "%d Ps: CPU burnt", ps)

		type change struct {
			at time.Duration
			by int
		}
		var changes []change
		for _, q := range r.Requests {
			changes = append(changes, change{q.Due, 1}, change{q.End, -1})
		}
		slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
		var busy, last time.Duration
		in := 0
		for _, c := range changes {
			busy += time.Duration(min(in, ps)) * (c.at - last)
			in, last = in+c.by, c.at
		}
		backoffs := 0
		for _, k := range s.Marks() {
			if strings.HasPrefix(k.String(), "runqgrab") {
				backoffs++
			}
		}
		lost := busy - want
		t.Logf("%d Ps: work %v, lost %v in %d back-offs", ps, want, lost, backoffs)
		require.GreaterOrEqual(t, lost, time.Duration(0))
		require.LessOrEqual(t, lost, time.Duration(backoffs*ps)*3*time.Microsecond)
		if ps == 1 {
			require.Zero(t, lost)
		}
	}
}

// perSeed runs an open-loop workload on one P without preemption at zero cost.
func perSeed(t *testing.T, w lab.Workload, p gort.Policy, seed uint64) *lab.Result {
	p.ForcePreempt = 0
	r, err := checked(t, lab.Cost{}, p)(context.Background(), lab.Trial{Workload: w, Seed: seed, Knobs: lab.Knobs{GOMAXPROCS: 1}})
	require.NoError(t, err)
	require.Zero(t, r.Dropped)
	return r
}

// One P without preemption is M/G/1: the mean time in system is that of Pollaczek and Khinchine. The order of service is
// not first come, first served (see TestOneP), but it does not depend on how long a request will take and never interrupts
// one, and so the mean does not depend on it (Kleinrock's conservation law).
func TestMG1AgainstPollaczekKhinchine(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	const service = time.Millisecond
	for _, c := range []struct {
		name string
		dist lab.Dist
		cv   float64
	}{
		{"M/D/1", lab.Const(service), 0},
		{"M/M/1", lab.ExpDist(service), 1},
		{"M/U/1", lab.Dist{Kind: lab.Uniform, Max: 2 * service}, 1 / math.Sqrt(3)},
		{"M/G/1 cv 2", lab.Dist{Kind: lab.Lognormal, Mean: service, CV: 2}, 2},
	} {
		for _, rho := range []float64{0.3, 0.7} {
			t.Run(fmt.Sprintf("%s/rho=%v", c.name, rho), func(t *testing.T) {
				t.Parallel()
				w := open(rho/service.Seconds(), c.dist, time.Duration(6000/rho)*service)
				z, got := zscore(t, theory.MG1(rho, c.cv)*service.Seconds(), 10, func(seed uint64) float64 {
					v, ok := lab.MetricNamed("/latency/mean:seconds").Of(perSeed(t, w, gort.Go126(), 1000+seed))
					require.True(t, ok)
					return v
				})
				t.Logf("mean %.4g s, formula %.4g s, z %.2f", got, theory.MG1(rho, c.cv)*service.Seconds(), z)
				require.Less(t, math.Abs(z), 3.0)
			})
		}
	}
}

// fifo is the policy under which one P serves first come, first served.
func fifo() gort.Policy {
	p := gort.Go126()
	p.Runnext = false
	return p
}

// The order of service on one P is not first come, first served: a busy P leaves arrivals in the pipe, the reader starts
// all of them at once, and the last one lies in runnext. Without runnext it is: each request ends when Lindley's recursion
// says, to the nanosecond. With it, requests that all take equally long still end at the same times.
func TestOneP(t *testing.T) {
	const service = time.Millisecond
	overtakes := func(r *lab.Result) (n int) {
		for i := 1; i < len(r.Requests); i++ {
			if r.Requests[i].Due < r.Requests[i-1].Due {
				n++
			}
		}
		return n
	}
	lindley := func(w *lab.Workload, seed uint64, n int) (ends []time.Duration) {
		due, end := w.Due(0, seed), time.Duration(0)
		for k := range n {
			s := w.Work(0, seed, uint64(k))
			end = max(end, due.Next()) + w.Classes[0].Steps[0].Time.Sample(&s)
			ends = append(ends, end)
		}
		return ends
	}
	ends := func(r *lab.Result) (ends []time.Duration) {
		for _, q := range r.Requests {
			ends = append(ends, q.End)
		}
		return ends
	}
	m := open(600, lab.ExpDist(service), 4*time.Second)
	r := perSeed(t, m, fifo(), 1)
	require.Zero(t, overtakes(r))
	require.Equal(t, lindley(&m, 1, len(r.Requests)), ends(r))
	require.Greater(t, overtakes(perSeed(t, m, gort.Go126(), 1)), 100)

	d := open(600, lab.Const(service), 4*time.Second)
	r = perSeed(t, d, gort.Go126(), 1)
	require.Greater(t, overtakes(r), 100)
	require.Equal(t, lindley(&d, 1, len(r.Requests)), ends(r))
}

// First come, first served, the quantiles of M/M/1 come out.
func TestMM1Quantiles(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	const service, rho = time.Millisecond, 0.6
	w := open(rho/service.Seconds(), lab.ExpDist(service), 10*time.Second)
	for name, q := range map[string]float64{"/latency/p50:seconds": 0.5, "/latency/p90:seconds": 0.9, "/latency/p99:seconds": 0.99} {
		z, got := zscore(t, theory.MMcQuantile(1, rho, q)*service.Seconds(), 8, func(seed uint64) float64 {
			v, ok := lab.MetricNamed(name).Of(perSeed(t, w, fifo(), 1000+seed))
			require.True(t, ok)
			return v
		})
		t.Logf("%s %.4g s, z %.2f", name, got, z)
		require.Less(t, math.Abs(z), 3.0, name)
	}
}

// Twice the work and twice the time between requests is the same run at half the speed.
func TestScalingAllTimesScalesAllLatencies(t *testing.T) {
	scaled := func(k time.Duration) *lab.Result {
		us := func(n int) lab.Dist { return lab.Const(time.Duration(n) * time.Microsecond * k) }
		w := lab.Workload{Name: "scale", Run: 100 * time.Millisecond * k, Classes: []lab.Class{
			{Name: "a", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 3, Think: us(437)},
				Steps: []lab.Step{{Do: lab.CPU, Time: us(113)}, {Do: lab.Yield}, {Do: lab.CPU, Time: us(29)}}},
			{Name: "b", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 2, Think: us(1009)},
				Steps: []lab.Step{{Do: lab.Lock, Name: "m"}, {Do: lab.CPU, Time: us(71)}, {Do: lab.Unlock, Name: "m"}}},
			{Name: "c", Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 1000 / float64(k), Generator: lab.InProcess},
				Steps: []lab.Step{{Do: lab.Sleep, Time: us(53)}, {Do: lab.CPU, Time: us(41)}}},
		}}
		return perSeed(t, w, gort.Go126(), 1)
	}
	one, two := scaled(1), scaled(2)
	require.Greater(t, len(one.Requests), 500)
	require.Len(t, two.Requests, len(one.Requests))
	for i, a := range one.Requests {
		b := two.Requests[i]
		require.Equal(t, lab.Request{Class: a.Class, P: a.P, Due: 2 * a.Due, Start: 2 * a.Start, End: 2 * a.End}, b, "request %d", i)
	}
}

// A class that never arrives changes nothing, wherever it stands in the list.
func TestAClassThatNeverArrivesChangesNothing(t *testing.T) {
	run := checked(t, textbook(), gort.Go126())
	for _, trial := range specimens() {
		want, err := run(context.Background(), trial)
		require.NoError(t, err)
		never := lab.Class{Name: "never", Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(1)}, {Do: lab.Lock, Name: "x"}, {Do: lab.Unlock, Name: "x"}}}
		for at := range len(trial.Workload.Classes) + 1 {
			more := trial
			more.Workload.Classes = slices.Insert(slices.Clone(trial.Workload.Classes), at, never)
			got, err := run(context.Background(), more)
			require.NoError(t, err)
			for i := range got.Requests {
				require.NotEqual(t, int32(at), got.Requests[i].Class)
				if got.Requests[i].Class > int32(at) {
					got.Requests[i].Class--
				}
			}
			require.Equal(t, string(canonical(want)), string(canonical(got)), "%s, inserted at %d", trial.Workload.Name, at)
		}
	}
}
