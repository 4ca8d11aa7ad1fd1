package accuracy

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/all"
	"github.com/gmplab/lab/experiments/figure"
)

// nameless tells workloads apart by what they do.
func nameless(w lab.Workload, k lab.Knobs) string {
	text := ""
	for _, c := range w.Classes {
		c.Name = ""
		for _, s := range c.Steps {
			s.Name = ""
			text += fmt.Sprint(s)
		}
		c.Steps = nil
		text += fmt.Sprint(c)
	}
	return text + fmt.Sprint(k)
}

// The suite covers all families with at least 40 cases, none of which is a point of an experiment.
func TestSuite(t *testing.T) {
	cases := Suite()
	require.NoError(t, Check(cases))
	assert.GreaterOrEqual(t, len(cases), 40)
	families, sweeps := map[string]int{}, map[string]int{}
	var seen []string
	for _, e := range all.List {
		for _, p := range e.Points {
			seen = append(seen, nameless(p.Workload, p.Knobs))
		}
	}
	for _, c := range cases {
		families[c.Family]++
		if c.Sweep != "" {
			sweeps[c.Sweep]++
		}
		assert.NotContains(t, seen, nameless(c.Workload, c.Knobs), c.Name)
		assert.NotEmpty(t, c.Metrics, c.Name)
	}
	for _, f := range Families {
		assert.Positive(t, families[f], f)
	}
	assert.Len(t, families, len(Families))
	assert.Equal(t, map[string]int{"procs": 3, "serving": 3}, sweeps)
	require.NoError(t, Experiment("accuracy", cases).Validate())
}

// Random cases are possible, follow from their seed, and come from most families.
func TestRandom(t *testing.T) {
	families := map[string]bool{}
	for seed := range uint64(20) {
		cases := Random(40, seed)
		require.NoError(t, Check(cases))
		require.NoError(t, Experiment("accuracy-random", cases).Validate())
		for _, c := range cases {
			families[c.Family] = true
		}
	}
	assert.Len(t, families, 8)
	assert.Equal(t, Random(40, 7)[:10], Random(10, 7))
	assert.NotEqual(t, Random(10, 7), Random(10, 8))
}

func TestCheckRefuses(t *testing.T) {
	for want, change := range map[string]func(c *Case){
		"twice":              func(c *Case) { c.Name = Suite()[1].Name },
		`no family "weird"`:  func(c *Case) { c.Family = "weird" },
		`no metric "p50.5"`:  func(c *Case) { c.Metrics = []string{"p50.5"} },
		`no metric "better"`: func(c *Case) { c.Best = "better" },
		"knobs.GOMAXPROCS":   func(c *Case) { c.Knobs.GOMAXPROCS = -1 },
	} {
		cases := Suite()
		change(&cases[0])
		require.ErrorContains(t, Check(cases), want)
	}
}

// pretend answers requests after a time that follows from the case: so many times a millisecond, in repetition seed.
func pretend(side string, factor func(name string, seed uint64) float64) lab.Runner {
	return func(_ context.Context, t lab.Trial) (*lab.Result, error) {
		r := &lab.Result{Trial: t, Side: side, Values: map[string]float64{"/cpu/used:cores": 1, "/sched/threads/total:threads": 7, "/host/steal:ratio": 0, "/host/foreign-cpu:cores": 0}}
		took := time.Duration(factor(t.Workload.Name, t.Seed) * float64(time.Millisecond))
		for i := range int(100 * t.Workload.Run.Seconds()) {
			due := t.Workload.Warmup + time.Duration(i)*10*time.Millisecond
			r.Requests = append(r.Requests, lab.Request{Due: due, Start: due, End: due + took})
		}
		return r, nil
	}
}

func scored(t *testing.T, predicted, measured func(name string, seed uint64) float64, cases ...Case) (*Score, *experiments.Outcome) {
	t.Helper()
	e := Experiment("accuracy", cases)
	e.Reps = 6
	o, err := experiments.Run(context.Background(), e, experiments.Options{Seed: 1, Side: experiments.Both, Host: lab.Host{Name: "here", Cores: 2},
		Predict: pretend(lab.Predicted, predicted), Measure: pretend(lab.Measured, measured)})
	require.NoError(t, err)
	s, err := NewScore(cases, o)
	require.NoError(t, err)
	return s, o
}

func find(t *testing.T, s *Score, name, metric string) Trial {
	t.Helper()
	for _, x := range s.Trials {
		if x.Name == name && x.Metric == metric {
			return x
		}
	}
	require.Fail(t, "no such trial", "%s %s in %v", name, metric, s.Trials)
	return Trial{}
}

func like(name string, rate float64) Case {
	return trial("open-cpu", name, 2, openLoop, open("r", rate, cpu(lab.Const(ms)))).lasting(0, time.Second)
}

func TestScore(t *testing.T) {
	fixed := func(v float64) func(string, uint64) float64 { return func(string, uint64) float64 { return v } }
	s, o := scored(t, fixed(1.1), fixed(1), like("close", 100))
	p50 := find(t, s, "close", "p50")
	assert.InDelta(t, 0.1, p50.Error, 1e-9)
	assert.Equal(t, Agrees, p50.Verdict)
	w := find(t, s, "close", "wasserstein")
	assert.InDelta(t, 0.1, w.Error, 1e-9)
	assert.Zero(t, w.Noise)
	assert.InDelta(t, 0, find(t, s, "close", "cpu_per_request").Error, 1e-9)
	assert.Equal(t, Share{1, 1}, s.Regime)
	assert.Equal(t, Share{0, 1}, s.Band, "p99.9 is 1 ms, predicted always 1.1")
	assert.Equal(t, 1, s.Metrics["p50"].N)
	assert.Equal(t, "close", s.Metrics["p50"].WorstN)

	var got struct {
		Summary map[string]any `json:"summary"`
		Trials  []Trial        `json:"trials"`
	}
	text, err := s.JSON(o)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, s.Trials, got.Trials)
	assert.InDelta(t, 0.1, got.Summary["p50"].(map[string]any)["median_abs_error"], 1e-9)
	assert.Contains(t, got.Summary, "best_setting")
	assert.Contains(t, got.Summary, "discarded")
	page := s.Markdown(o)
	for _, want := range []string{"| p50 | 10.0 % | 8.0 % missed |", "| close | p50 | 1.1 ms | 1 ms | +10.0 % | 0.0 % | agrees |", o.SHA256, "Verdicts: 5 agrees."} {
		assert.Contains(t, page, want)
	}
	require.NoError(t, figure.RenderScatter(s.Figure(o), filepath.Join(t.TempDir(), "s.svg")))
}

func TestVerdicts(t *testing.T) {
	by := func(values ...float64) func(string, uint64) float64 {
		return func(_ string, seed uint64) float64 { return values[int(seed-1)%len(values)] }
	}
	for name, c := range map[string]struct {
		predicted, measured func(string, uint64) float64
		rate                float64
		metric, want        string
	}{
		"noise":     {by(1, 1.1, 1.2, 1, 1.1, 1.2), by(1.1, 3, 3.5, 4, 1.3, 3.3), 100, "p50", WithinNoise},
		"wrong":     {by(1), by(3, 3.1, 3.2, 3, 3.1, 3.2), 100, "p50", ModelError},
		"modes":     {by(1, 1.02, 1.04, 1, 9.5, 1.04), by(1.1, 9, 9.1, 1.12, 9.3, 9.2), 100, "p50", Bistable},
		"mode":      {by(9), by(1.1, 1, 9.1, 1.12, 9.3, 1.05), 100, "p50", Bistable},
		"between":   {by(5), by(1.1, 9, 9.1, 1.12, 9.3, 9.2), 100, "p90", WithinNoise},
		"saturated": {by(1), by(3), 200, "overload_p50", Saturated},
		"whole":     {by(1), by(3), 100, "wasserstein", ModelError},
	} {
		s, _ := scored(t, c.predicted, c.measured, like(name, c.rate))
		assert.Equal(t, c.want, find(t, s, name, c.metric).Verdict, name)
		assert.Equal(t, c.rate > 100, s.Metrics["p50"].N == 0, name)
	}
}

// A side without a value is no reason to leave a trial out.
func TestOneSideOnly(t *testing.T) {
	c := like("half", 100)
	c.Metrics = []string{"gc_period", "p50"}
	s, _ := scored(t, func(string, uint64) float64 { return 1 }, func(string, uint64) float64 { return 1 }, c)
	x := find(t, s, "half", "gc_period")
	assert.Equal(t, OneSide, x.Verdict)
	assert.InDelta(t, 1, s.Metrics["gc_period"].Median, 1e-9)
}

// Cases of one sweep are ranked; the best one predicted is not the best one measured.
func TestSweeps(t *testing.T) {
	better := map[string][2]float64{"a": {1, 2}, "b": {2, 1}, "c": {3, 3}}
	var cases []Case
	for _, name := range []string{"a", "b", "c"} {
		cases = append(cases, like(name, 100).in("letters", "p50"))
	}
	s, _ := scored(t, func(n string, _ uint64) float64 { return better[n][0] }, func(n string, _ uint64) float64 { return better[n][1] }, cases...)
	assert.Equal(t, 1, s.Sweeps)
	assert.Zero(t, s.Right)
	assert.InDelta(t, 1, s.Regret, 1e-9)
	_, err := NewScore(cases, &experiments.Outcome{})
	require.ErrorContains(t, err, "one side is missing")
}
