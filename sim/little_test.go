package sim_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
	"github.com/stretchr/testify/require"
)

// Little's law on every result: what a test of this package runs, it runs through here.

// checked is sim.Runner, with Little's law asked of each result.
func checked(t testing.TB, cost lab.Cost, policy gort.Policy) lab.Runner {
	run := sim.Runner(cost, policy)
	return func(ctx context.Context, trial lab.Trial) (*lab.Result, error) {
		r, err := run(ctx, trial)
		if err == nil {
			require.NoError(t, little(r), "seed %d", trial.Seed)
		}
		return r, err
	}
}

// dues are the times at which the requests of a class came: of an open-loop class as the trial alone says, whatever the
// result has; of the others as the result says, for their arrivals depend on what was served before.
func dues(r *lab.Result, class int) (at []time.Duration) {
	w := &r.Trial.Workload
	switch a := &w.Classes[class].Arrivals; a.Kind {
	case lab.Poisson, lab.Every:
		due := w.Due(class, r.Trial.Seed)
		for d := due.Next(); d < w.Warmup+w.Run; d = due.Next() {
			at = append(at, d)
		}
	case lab.Once:
		at = make([]time.Duration, a.Count)
	default:
		for _, q := range r.Requests {
			if q.Class == int32(class) {
				at = append(at, q.Due)
			}
		}
	}
	return at
}

// inSystem integrates the number of requests of a class in the system, from its arrivals and the ends of its requests. It
// must never be below 0 or above most, and 0 at the end: the window from 0 to the last end begins and ends empty. What
// happens at one instant has no order.
func inSystem(r *lab.Result, class, most int) (integral time.Duration, arrivals int, err error) {
	type change struct {
		at time.Duration
		by int
	}
	var changes []change
	for _, d := range dues(r, class) {
		changes = append(changes, change{d, 1})
		arrivals++
	}
	for _, q := range r.Requests {
		if q.Class == int32(class) {
			changes = append(changes, change{q.End, -1})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	n, last := 0, time.Duration(0)
	for i := 0; i < len(changes); {
		at := changes[i].at
		integral += time.Duration(n) * (at - last)
		for ; i < len(changes) && changes[i].at == at; i++ {
			n += changes[i].by
		}
		if last = at; n < 0 || n > most {
			return 0, 0, fmt.Errorf("class %d: %d requests in the system at %v; 0 to %d are possible", class, n, at, most)
		}
	}
	if n != 0 {
		return 0, 0, fmt.Errorf("class %d: %d requests in the system at the end", class, n)
	}
	return integral, arrivals, nil
}

// little asks Little's law of a result from which no request is missing: with L the time average of the number in the
// system, λ the arrivals per time and W the mean that lab.Metrics derives, L = λW but for rounding. L and λ come from the
// arrivals that the trial prescribes and W from the requests that the model wrote down, so that a request that is lost,
// doubled, of the wrong class or due at the wrong time breaks the law. No closed class has more requests in the system
// than clients.
func little(r *lab.Result) error {
	w := &r.Trial.Workload
	if r.Dropped > 0 || len(r.Requests) == 0 {
		return nil
	}
	window := r.Requests[len(r.Requests)-1].End.Seconds()
	for class := range w.Classes {
		most := math.MaxInt
		if a := w.Classes[class].Arrivals; a.Kind == lab.Closed {
			most = a.Clients
		}
		integral, arrivals, err := inSystem(r, class, most)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		one := *r // all requests of this class, those of the warm-up too, are what the metric counts
		one.Trial.Workload.Warmup, one.Trial.Workload.Run = 0, 0
		one.Trial.Workload.Classes = slices.Clone(w.Classes)
		for i := range w.Classes {
			one.Trial.Workload.Classes[i].Background = i != class
		}
		mean, ok := lab.MetricNamed("/latency/mean:seconds").Of(&one)
		if ok != (arrivals > 0) {
			return fmt.Errorf("%s: class %d: %d arrivals, mean latency %v (observed: %v)", w.Name, class, arrivals, mean, ok)
		}
		if window == 0 {
			continue
		}
		if number, rate := integral.Seconds()/window, float64(arrivals)/window; math.Abs(number-rate*mean) > 1e-9*number {
			return fmt.Errorf("%s: Little's law of class %d: L %v, λ %v, W %v", w.Name, class, number, rate, mean)
		}
	}
	return nil
}

// Little's law is refuted by what does not fulfil it.
func TestLittleCanFail(t *testing.T) {
	w := open(800, lab.ExpDist(time.Millisecond), 200*time.Millisecond)
	r, err := checked(t, lab.Cost{}, gort.Go126())(context.Background(), lab.Trial{Workload: w, Seed: 1, Knobs: lab.Knobs{GOMAXPROCS: 1}})
	require.NoError(t, err)
	for name, harm := range map[string]func(r *lab.Result){
		"lost":                 func(r *lab.Result) { r.Requests = slices.Delete(r.Requests, 40, 41) },
		"doubled":              func(r *lab.Result) { r.Requests = slices.Insert(r.Requests, 40, r.Requests[40]) },
		"due early":            func(r *lab.Result) { r.Requests[40].Due -= time.Microsecond },
		"ended before it came": func(r *lab.Result) { r.Requests[0].Due, r.Requests[0].End = 0, 0 },
	} {
		bad := *r
		bad.Requests = slices.Clone(r.Requests)
		harm(&bad)
		require.Error(t, little(&bad), name)
	}
}
