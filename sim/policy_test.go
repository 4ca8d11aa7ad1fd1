package sim_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/serve"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mixed is a trial in which each field of a policy matters: forks, long loops without calls, and yields.
func mixed() lab.Trial {
	us := func(n int) lab.Dist { return lab.ExpDist(time.Duration(n) * time.Microsecond) }
	return lab.Trial{Seed: 4, Knobs: lab.Knobs{GOMAXPROCS: 4}, Workload: lab.Workload{Name: "mixed", Run: 200 * time.Millisecond,
		Classes: []lab.Class{
			{Name: "fork", Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: 1000}, Steps: []lab.Step{
				{Do: lab.CPU, Time: us(50)}, {Do: lab.Go, Name: "child", Count: 20}, {Do: lab.Yield}, {Do: lab.Wait}}},
			{Name: "child", Steps: []lab.Step{{Do: lab.CPU, Time: us(40)}}},
			{Name: "hog", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 6}, Steps: []lab.Step{{Do: lab.CPU, Time: us(40_000)}}},
		}}}
}

// effects are what a run under one policy did.
type effects struct {
	ticks, wakes, preempted, inherited int
	steals                             []int32
	due                                []time.Duration // of the arrivals
	cpu                                time.Duration
	latency                            time.Duration // mean
}

func under(t *testing.T, p gort.Policy, cost lab.Cost) (e effects) {
	trial := mixed()
	require.NoError(t, trial.Validate())
	v, err := serve.Compile(&trial, trial.Knobs.Filled(4), &cost)
	require.NoError(t, err)
	s := gort.New(&cost, p, trial.Knobs.Filled(4), trial.Seed)
	s.Check()
	s.Trace()
	s.Serve(v)
	require.NoError(t, s.Loop(context.Background(), v.Stop, false))
	require.NoError(t, s.Loop(context.Background(), time.Minute, true))
	var r lab.Result
	s.Fill(&r)
	require.Zero(t, r.Dropped)
	for _, q := range r.Requests {
		if q.Class != 1 {
			e.due = append(e.due, q.Due)
			e.latency += q.End - q.Due
		}
	}
	e.latency /= time.Duration(len(e.due))
	slices.Sort(e.due)
	e.steals, e.cpu = r.Steals, s.CPU()
	for _, k := range s.Marks() {
		text := k.String()
		switch {
		case strings.HasPrefix(text, "findRunnable tick"):
			e.ticks++
		case strings.HasPrefix(text, "startm"):
			e.wakes++
		case strings.HasPrefix(text, "goschedImpl"):
			e.preempted += int(k.A)
		case strings.HasPrefix(text, "execute"):
			e.inherited += int(k.A)
		}
	}
	return e
}

func meanSteal(v []int32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x)
	}
	return sum / float64(len(v))
}

// Each field changes what it says, and neither the arrivals nor the work in them.
func TestPolicyFields(t *testing.T) {
	ideal, real := lab.Cost{}, textbook()
	base, realBase := under(t, gort.Go126(), ideal), under(t, gort.Go126(), real)
	require.Equal(t, base, under(t, gort.Go126(), ideal))
	require.Greater(t, base.ticks, 5)
	require.Greater(t, base.preempted, 5)
	require.Greater(t, base.inherited, 10)
	require.Greater(t, slices.Max(base.steals), int32(5))
	for _, c := range []struct {
		name   string
		change func(p *gort.Policy)
		check  func(t *testing.T, e effects)
	}{
		{"GlobalTick 0", func(p *gort.Policy) { p.GlobalTick = 0 }, func(t *testing.T, e effects) { assert.Zero(t, e.ticks) }},
		{"GlobalTick 7", func(p *gort.Policy) { p.GlobalTick = 7 }, func(t *testing.T, e effects) { assert.Greater(t, e.ticks, 3*base.ticks) }},
		{"StealTries 0", func(p *gort.Policy) { p.StealTries = 0 }, func(t *testing.T, e effects) { assert.Empty(t, e.steals) }},
		{"StealTries 1", func(p *gort.Policy) { p.StealTries = 1 }, func(t *testing.T, e effects) { assert.NotEmpty(t, e.steals) }},
		{"StealRandom off", func(p *gort.Policy) { p.StealRandom = false }, func(t *testing.T, e effects) { assert.NotEqual(t, base.steals, e.steals) }},
		{"StealKeep 0", func(p *gort.Policy) { p.StealKeep = 0 }, func(t *testing.T, e effects) { assert.Greater(t, meanSteal(e.steals), 1.2*meanSteal(base.steals)) }},
		{"StealKeep 1", func(p *gort.Policy) { p.StealKeep = 1 }, func(t *testing.T, e effects) { assert.LessOrEqual(t, len(e.steals), len(base.steals)/2) }},
		{"StealMax 1", func(p *gort.Policy) { p.StealMax = 1 }, func(t *testing.T, e effects) { assert.EqualValues(t, 1, slices.Max(e.steals)) }},
		{"ForcePreempt 0", func(p *gort.Policy) { p.ForcePreempt = 0 }, func(t *testing.T, e effects) { assert.Zero(t, e.preempted) }},
		{"ForcePreempt 1ms", func(p *gort.Policy) { p.ForcePreempt = time.Millisecond }, func(t *testing.T, e effects) { assert.Greater(t, e.preempted, base.preempted) }},
		{"AsyncPreempt off", func(p *gort.Policy) { *p = gort.Go113() }, func(t *testing.T, e effects) { assert.Less(t, e.preempted, base.preempted) }},
		{"WakeLimit 0", func(p *gort.Policy) { p.WakeLimit = 0 }, func(t *testing.T, e effects) { assert.Less(t, e.wakes, base.wakes/2) }},
		{"WakeLimit 4", func(p *gort.Policy) { p.WakeLimit = 4 }, func(t *testing.T, e effects) { assert.NotEmpty(t, e.steals) }},
		{"SpinLimit 100", func(p *gort.Policy) { p.SpinLimit = 100 }, func(t *testing.T, e effects) { assert.NotEmpty(t, e.steals) }},
		{"Runnext off", func(p *gort.Policy) { p.Runnext = false }, func(t *testing.T, e effects) { assert.Zero(t, e.inherited) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := gort.Go126()
			c.change(&p)
			e, r := under(t, p, ideal), under(t, p, real)
			c.check(t, e)
			assert.Equal(t, base.due, e.due, "it moves arrivals")
			assert.Equal(t, base.cpu, e.cpu, "it changes the work")
			assert.Equal(t, base.due, r.due, "it moves arrivals")
			assert.NotEqual(t, []any{realBase.latency, realBase.wakes}, []any{r.latency, r.wakes}, "it changes nothing")
		})
	}
}

// Go113 differs from Go126 in preemption by signal, and in nothing else.
func TestGo113(t *testing.T) {
	p := gort.Go113()
	require.False(t, p.AsyncPreempt)
	p.AsyncPreempt = true
	require.Equal(t, gort.Go126(), p)
}
