package experiments

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/stats"
)

const (
	throughput = "/throughput:requests/s"
	p50        = "/latency/p50:seconds"
	p99        = "/latency/p99:seconds"
	steal      = "/host/steal:ratio"
	foreign    = "/host/foreign-cpu:cores"
)

func span(value, low, high float64) Interval { return Interval{Value: value, Low: low, High: high} }

// fake makes a Runner whose latencies are slow times a random number that depends on the seed and on GOMAXPROCS.
func fake(side string, slow float64) lab.Runner {
	return func(ctx context.Context, t lab.Trial) (*lab.Result, error) {
		if err := t.Validate(); err != nil {
			return nil, err
		}
		r := &lab.Result{Trial: t, Side: side, Values: map[string]float64{"/sched/threads/total:threads": float64(4 + t.Knobs.GOMAXPROCS)}}
		if side == lab.Measured {
			r.Values[steal], r.Values[foreign] = 0.001, 0.01
			r.Notes = []string{"a note of the\n real run"}
		} else {
			r.Steals = []int32{3, 5}
		}
		s := lab.NewStream(t.Seed, "fake", 0)
		for i := range 200 {
			due := t.Workload.Warmup + time.Duration(i)*t.Workload.Run/200
			took := time.Duration(slow * float64(time.Millisecond) / float64(t.Knobs.GOMAXPROCS) * (1 + 0.01*s.Float64()))
			r.Requests = append(r.Requests, lab.Request{Due: due, Start: due, End: due + took})
		}
		return r, nil
	}
}

func example() *Experiment {
	w := lab.Workload{Name: "example", Warmup: 10 * time.Millisecond, Run: time.Second, Classes: []lab.Class{{
		Name: "client", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 2}, Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(time.Millisecond)}}}}}
	return &Experiment{
		Name: "example", Title: "An example", TitleZh: "例子", Question: "Which is faster?",
		Points: []Point{
			{Name: "one", Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1}},
			{Name: "two", Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 2}},
			{Name: "magic", Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 4}, Predict: func(c lab.Cost) lab.Runner { return fake(lab.Predicted, c.Link.P50) }},
		},
		Reps: 5, QuickReps: 3, QuickRun: 100 * time.Millisecond,
		Checks: []Check{
			{Metric: p50, Tolerance: 0.15},
			{Metric: p99, Factor: 2, Points: []string{"one"}},
			{Metric: "/sched/threads/total:threads"},
			{Metric: "/sched/steals:count", Tolerance: 0.5},
			{Metric: steal},
		},
		Claims: []Claim{
			{ID: "E1", Statement: "Two Ps halve the latency.", Expect: Holds, RuleText: "p50 of two at most 0.6 of that of one.", Rule: func(t *Table) Verdict {
				x, ok := t.Ratio("two", "one", p50)
				switch {
				case !ok:
					return NotTestable
				case x <= 0.6:
					return Holds
				}
				return Refuted
			}},
			{ID: "E2", Statement: "Steals move four goroutines.", Expect: Holds, On: lab.Predicted, RuleText: "mean is 4", Rule: func(t *Table) Verdict {
				if iv, _ := t.Value("", "one", "/sched/steal-size/mean:goroutines"); iv.Value == 4 {
					return Holds
				}
				return Refuted
			}},
			{ID: "E3", Statement: "The ranking agrees.", Expect: Holds, On: Both, RuleText: "no inversion", Rule: RankingRule(p50, "one", "two", "magic")},
		},
	}
}

func options(side string) Options {
	return Options{
		Seed: 7, Side: side,
		Cost:    lab.Cost{Host: lab.Host{Name: "ref", CPU: "some CPU", Cores: 2, Kernel: "k", Go: "go1.26"}, Made: "2026-01-02T03:04:05Z", Link: lab.Nanos{P50: 1}},
		Predict: fake(lab.Predicted, 1.1), Measure: fake(lab.Measured, 1),
		Host: lab.Host{Name: "here", CPU: "other CPU", Cores: 2, Kernel: "k", Go: "go1.26", Library: "lib 1.2 (npm)"}, Command: "gmplab run example",
	}
}

func row(t *testing.T, o *Outcome, point, metric string) Row {
	t.Helper()
	i := slices.IndexFunc(o.Rows, func(r Row) bool { return r.Point == point && r.Metric == metric })
	require.GreaterOrEqual(t, i, 0, "no row for %s %s", point, metric)
	return o.Rows[i]
}

func TestRunBoth(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	opt := options(Both)
	inner := opt.Measure
	seeds := map[uint64]int{}
	opt.Measure = func(ctx context.Context, tr lab.Trial) (*lab.Result, error) {
		mu.Lock()
		seeds[tr.Seed]++
		mu.Unlock()
		assert.NotEqual(t, 4, tr.Knobs.GOMAXPROCS, "a point that only the simulator runs was measured")
		return inner(ctx, tr)
	}
	last := 0
	opt.Progress = func(done, total int, what string) {
		assert.Equal(t, 5*3+5*2, total)
		assert.GreaterOrEqual(t, done, last)
		last = done
		seen = append(seen, what)
	}
	o, err := Run(context.Background(), example(), opt)
	require.NoError(t, err)
	assert.Equal(t, 25, last)
	assert.Equal(t, map[uint64]int{7: 2, 8: 2, 9: 2, 10: 2, 11: 2}, seeds, "repetition r runs with Seed + r")

	decided := slices.IndexFunc(seen, func(s string) bool { return strings.Contains(s, o.SHA256) })
	require.Positive(t, decided)
	for i, s := range seen {
		assert.Equal(t, i > decided, strings.HasPrefix(s, lab.Measured), "%d %s: all predictions come before the first measurement", i, s)
	}

	r := row(t, o, "one", p50)
	assert.Equal(t, Agrees, r.Verdict)
	assert.Equal(t, "±15 %", r.Allowed)
	assert.InDelta(t, 0.1, *r.Error, 0.001)
	assert.Equal(t, Agrees, row(t, o, "one", p99).Verdict)
	assert.Equal(t, "factor 2", row(t, o, "one", p99).Allowed)
	assert.Equal(t, NotJudged, row(t, o, "two", p99).Verdict)
	assert.Equal(t, NotJudged, row(t, o, "two", "/sched/threads/total:threads").Verdict)
	assert.Equal(t, PredictedOnly, row(t, o, "magic", p50).Verdict)
	assert.Equal(t, PredictedOnly, row(t, o, "one", "/sched/steals:count").Verdict)
	assert.Equal(t, MeasuredOnly, row(t, o, "one", steal).Verdict)
	assert.True(t, o.Ok)
	assert.Equal(t, []Verdict{Holds, "", ""}, []Verdict{o.Verdicts[0].Predicted, o.Verdicts[1].Measured, o.Verdicts[2].Predicted})
	assert.Equal(t, []Verdict{Holds, Holds, Holds}, []Verdict{o.Verdicts[0].Measured, o.Verdicts[1].Predicted, o.Verdicts[2].Both})
	assert.Contains(t, o.Notes, "10 of 10 measured repetitions were clean.")
	assert.Contains(t, o.Notes, "a note of the real run")
}

func TestWrongPredictionIsNotOk(t *testing.T) {
	opt := options(Both)
	opt.Predict = fake(lab.Predicted, 1.3)
	o, err := Run(context.Background(), example(), opt)
	require.NoError(t, err)
	assert.Equal(t, Differs, row(t, o, "one", p50).Verdict)
	assert.False(t, o.Ok)
}

func TestUnexpectedVerdictIsNotOk(t *testing.T) {
	e := example()
	e.Claims[0].Expect = Refuted
	o, err := Run(context.Background(), e, options(Both))
	require.NoError(t, err)
	assert.False(t, o.Verdicts[0].Ok)
	assert.False(t, o.Ok)
}

func TestOneSide(t *testing.T) {
	opt := options(lab.Predicted)
	opt.Measure = nil
	o, err := Run(context.Background(), example(), opt)
	require.NoError(t, err)
	assert.Nil(t, o.Measured)
	assert.Equal(t, PredictedOnly, row(t, o, "one", p50).Verdict)
	assert.Empty(t, o.Verdicts[2].Both, "a claim on both sides is not judged on one")
	assert.True(t, o.Ok)

	opt = options(lab.Measured)
	opt.Predict = nil
	o, err = Run(context.Background(), example(), opt)
	require.NoError(t, err)
	assert.Nil(t, o.Predicted)
	assert.Empty(t, o.SHA256)
	assert.Equal(t, MeasuredOnly, row(t, o, "two", p50).Verdict)
	assert.True(t, o.Ok)
}

func TestQuickIsShorter(t *testing.T) {
	opt := options(lab.Measured)
	opt.Quick = true
	inner, n := opt.Measure, 0
	opt.Measure = func(ctx context.Context, tr lab.Trial) (*lab.Result, error) {
		assert.Equal(t, 100*time.Millisecond, tr.Workload.Run)
		n++
		return inner(ctx, tr)
	}
	_, err := Run(context.Background(), example(), opt)
	require.NoError(t, err)
	assert.Equal(t, 6, n)
}

func TestPredictionIsTheSameBytes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var first []byte
	for _, procs := range []int{1, 8, 8} {
		runtime.GOMAXPROCS(procs)
		opt := options(lab.Predicted)
		opt.Command = fmt.Sprint("gmplab -x ", procs) // the caller's command line is not part of it
		o, err := Run(context.Background(), example(), opt)
		require.NoError(t, err)
		b, err := o.Bench(lab.Predicted)
		require.NoError(t, err)
		if first == nil {
			first = b
		}
		assert.Equal(t, string(first), string(b))
	}
	opt := options(lab.Predicted)
	opt.Cost.Link.P10 = 0.5
	o, err := Run(context.Background(), example(), opt)
	require.NoError(t, err)
	b, err := o.Bench(lab.Predicted)
	require.NoError(t, err)
	assert.NotEqual(t, string(first), string(b), "other costs are another prediction")
}

func TestOrderOfARoundIsShuffledFromTheSeed(t *testing.T) {
	assert.Equal(t, shuffled(6, 1, 0), shuffled(6, 1, 0))
	assert.NotEqual(t, shuffled(20, 1, 0), shuffled(20, 1, 1))
	assert.NotEqual(t, shuffled(20, 1, 0), shuffled(20, 2, 0))
	assert.Equal(t, []int{0, 1, 2, 3, 4, 5}, slices.Sorted(slices.Values(shuffled(6, 3, 4))))
}

func TestCancelStopsAtOnce(t *testing.T) {
	for _, side := range []string{lab.Predicted, lab.Measured} {
		ctx, cancel := context.WithCancel(context.Background())
		block := func(ctx context.Context, tr lab.Trial) (*lab.Result, error) {
			cancel()
			<-ctx.Done()
			return nil, errors.New("child was killed")
		}
		opt := options(side)
		opt.Predict, opt.Measure = block, block
		start := time.Now()
		o, err := Run(ctx, example(), opt)
		assert.Nil(t, o)
		assert.Equal(t, context.Canceled, err)
		assert.Less(t, time.Since(start), time.Second)
	}
}

func TestRunnerErrorSaysWhere(t *testing.T) {
	opt := options(lab.Measured)
	opt.Measure = func(ctx context.Context, tr lab.Trial) (*lab.Result, error) {
		if tr.Seed == 8 && tr.Knobs.GOMAXPROCS == 2 {
			return nil, errors.New("no space left")
		}
		return fake(lab.Measured, 1)(ctx, tr)
	}
	_, err := Run(context.Background(), example(), opt)
	assert.EqualError(t, err, "example measured, point two, repetition 1: no space left")
}

func TestEmptyResultIsAnError(t *testing.T) {
	old := lab.Metrics
	defer func() { lab.Metrics = old }()
	lab.Metrics = slices.Clone(old)
	for i := range lab.Metrics {
		lab.Metrics[i].Of = func(*lab.Result) (float64, bool) { return 0, false }
	}
	for _, side := range []string{lab.Predicted, lab.Measured} {
		_, err := Run(context.Background(), example(), options(side))
		assert.ErrorContains(t, err, "point one, repetition 0: no metric was observed")
	}
}

func TestBadOptions(t *testing.T) {
	opt := options("sideways")
	_, err := Run(context.Background(), example(), opt)
	assert.ErrorContains(t, err, `side "sideways" is unknown`)
	opt = options(Both)
	opt.Predict = nil
	_, err = Run(context.Background(), example(), opt)
	assert.ErrorContains(t, err, "no Runner to predict with")
	opt = options(Both)
	opt.Measure = nil
	_, err = Run(context.Background(), example(), opt)
	assert.ErrorContains(t, err, "no Runner to measure with")
}

func TestValidate(t *testing.T) {
	require.NoError(t, example().Validate())
	for want, spoil := range map[string]func(*Experiment){
		`experiment name ".hidden"`:    func(e *Experiment) { e.Name = ".hidden" },
		`experiment name "a/b"`:        func(e *Experiment) { e.Name = "a/b" },
		"TitleZh or Question is empty": func(e *Experiment) { e.TitleZh = "" },
		"at least one of each":         func(e *Experiment) { e.Checks = nil },
		"needs at least 3":             func(e *Experiment) { e.QuickReps = 2 },
		"QuickRun -1ns":                func(e *Experiment) { e.QuickRun = -1 },
		`"one" is used twice`:          func(e *Experiment) { e.Points[1].Name = "one" },
		`point name "../x"`:            func(e *Experiment) { e.Points[1].Name = "../x" },
		"point two: knobs.GOMAXPROCS":  func(e *Experiment) { e.Points[1].Knobs.GOMAXPROCS = -1 },
		"is not in lab.Metrics":        func(e *Experiment) { e.Checks[0].Metric = "/nonsense:x" },
		"is checked twice":             func(e *Experiment) { e.Checks[1].Metric = p50 },
		"tolerance -0.1":               func(e *Experiment) { e.Checks[0].Tolerance = -0.1 },
		"factor 1 with tolerance 0":    func(e *Experiment) { e.Checks[1].Factor = 1 },
		"factor 2 with tolerance 0.15": func(e *Experiment) { e.Checks[0].Factor = 2 },
		"neither tolerance nor factor": func(e *Experiment) { e.Checks[2].Points = []string{"one"} },
		`no point "three"`:             func(e *Experiment) { e.Checks[1].Points = []string{"three"} },
		`id "E1" is empty or used`:     func(e *Experiment) { e.Claims[1].ID = "E1" },
		"Rule is missing":              func(e *Experiment) { e.Claims[1].Rule = nil },
		`Expect "maybe"`:               func(e *Experiment) { e.Claims[1].Expect = "maybe" },
		`On "measured"`:                func(e *Experiment) { e.Claims[1].On = lab.Measured },
	} {
		e := example()
		spoil(e)
		assert.ErrorContains(t, e.Validate(), want)
		_, err := Run(context.Background(), e, options(Both))
		assert.ErrorContains(t, err, want)
	}
}

// judgeRow compares two intervals under a check.
func judgeRow(t *testing.T, p, m *Interval, c Check) Row {
	cells := map[cell]stats.Summary{}
	if p != nil {
		cells[cell{lab.Predicted, "x", c.Metric}] = stats.Summary{Interval: *p}
	}
	if m != nil {
		cells[cell{lab.Measured, "x", c.Metric}] = stats.Summary{Interval: *m}
	}
	r, ok := (&Outcome{}).row(&Table{cells: cells}, c, "x")
	require.Equal(t, p != nil || m != nil, ok)
	return r
}

func TestRowVerdicts(t *testing.T) {
	iv := func(v, w float64) *Interval { return new(span(v, v-w, v+w)) }
	for _, c := range []struct {
		p, m  *Interval
		check Check
		want  string
	}{
		{iv(110, 1), iv(100, 1), Check{Tolerance: 0.1}, Agrees},
		{iv(90, 1), iv(100, 1), Check{Tolerance: 0.1}, Agrees},
		{iv(120, 11), iv(100, 10), Check{Tolerance: 0.1}, WithinNoise},
		{iv(120, 5), iv(100, 10), Check{Tolerance: 0.1}, Differs},
		{iv(120, 5), iv(100, 10), Check{}, NotJudged},
		{iv(120, 5), iv(100, 10), Check{Tolerance: 0.1, Points: []string{"y"}}, NotJudged},
		{iv(199, 1), iv(100, 1), Check{Factor: 2}, Agrees},
		{iv(51, 1), iv(100, 1), Check{Factor: 2}, Agrees},
		{iv(49, 1), iv(100, 1), Check{Factor: 2}, Differs},
		{iv(0, 0), iv(0, 0), Check{Tolerance: 0.1}, Agrees},
		{iv(1, 0.1), iv(0, 0), Check{Tolerance: 0.1}, Differs},
		{iv(1, 1), nil, Check{Tolerance: 0.1}, PredictedOnly},
		{nil, iv(1, 1), Check{Tolerance: 0.1}, MeasuredOnly},
		{nil, nil, Check{Tolerance: 0.1}, NotJudged},
	} {
		assert.Equal(t, c.want, judgeRow(t, c.p, c.m, c.check).Verdict, "%v %v %v", c.p, c.m, c.check)
	}
	assert.Nil(t, judgeRow(t, iv(1, 0), iv(0, 0), Check{Tolerance: 0.1}).Error)
}

// measuredWith gives the outcome for five repetitions of point one with these disturbances.
func measuredWith(t *testing.T, steals, foreigns []float64) *Outcome {
	src := &Source{Side: lab.Measured, Host: lab.Host{Cores: 2}}
	for i := range steals {
		src.Samples = append(src.Samples, Sample{Rep: i, Values: map[string]float64{p50: float64(i + 1), steal: steals[i], foreign: foreigns[i]}})
	}
	o, err := conclude(example(), nil, src)
	require.NoError(t, err)
	return o
}

func TestDiscard(t *testing.T) {
	zero := []float64{0, 0, 0, 0, 0}
	for _, c := range []struct {
		name             string
		steals, foreigns []float64
		clean            int
		value, low, high float64
	}{
		{"quiet", zero, zero, 5, 3, 1, 5},
		{"at the limits", []float64{0.02, 0, 0, 0, 0}, []float64{0, 0.04, 0, 0, 0}, 5, 3, 1, 5},
		{"foreign CPU above 2 % of 2 cores", zero, []float64{0.041, 0, 0, 0, 0.3}, 3, 3, 2, 4},
		{"steal above 2 %", []float64{0, 0, 0, 0.021, 0.5}, zero, 3, 2, 1, 3},
		{"steal is judged against the median of the point", []float64{0.05, 0.05, 0.05, 0.10, 0.11}, zero, 4, 2.5, 1, 4},
		{"too few clean ones", zero, []float64{1, 1, 1, 0, 0}, 2, 3, 1, 5},
	} {
		o := measuredWith(t, c.steals, c.foreigns)
		require.Len(t, o.Clean, 1, c.name)
		assert.Equal(t, Clean{Point: "one", Clean: c.clean, All: 5, UsedOnly: c.clean >= 3}, o.Clean[0], c.name)
		assert.Equal(t, span(c.value, c.low, c.high), *row(t, o, "one", p50).Measured, c.name)
		assert.Contains(t, o.Notes, fmt.Sprintf("%d of 5 measured repetitions were clean.", c.clean), c.name)
	}
}

// TestHostSpeed: a repetition at another speed of the host than those of the prediction is not clean, and where most are at
// another one a row that does not agree says so.
func TestHostSpeed(t *testing.T) {
	source := func(side string, value float64, speeds ...float64) *Source {
		src := &Source{Side: side, Host: lab.Host{Cores: 2}}
		for i, v := range speeds {
			values := map[string]float64{p50: value + 0.01*float64(i), steal: 0, foreign: 0, hostSpeed: v}
			if v == 0 {
				delete(values, hostSpeed)
			}
			src.Samples = append(src.Samples, Sample{Rep: i, Values: values})
		}
		return src
	}
	predicted := source(lab.Predicted, 1, 100, 110, 120)
	for _, c := range []struct {
		name    string
		speeds  []float64
		clean   int
		stale   bool
		verdict string // of a measurement that is twice as long
	}{
		{"the same", []float64{100, 120, 110, 86, 137}, 5, false, Differs},
		{"two others", []float64{84, 139, 110, 110, 110}, 3, false, Differs},
		{"most are others", []float64{200, 200, 200, 110, 110}, 2, true, Stale},
		{"not observed", []float64{0, 0, 0, 0, 0}, 5, false, Differs},
	} {
		o, err := conclude(example(), predicted, source(lab.Measured, 2, c.speeds...))
		require.NoError(t, err)
		assert.Equal(t, c.clean, o.Clean[0].Clean, c.name)
		assert.Equal(t, c.stale, o.Clean[0].Stale, c.name)
		assert.Equal(t, c.verdict, row(t, o, "one", p50).Verdict, c.name)
		o, err = conclude(example(), predicted, source(lab.Measured, 1, c.speeds...))
		require.NoError(t, err)
		assert.Equal(t, Agrees, row(t, o, "one", p50).Verdict, c.name)
	}
	o, err := conclude(example(), nil, source(lab.Measured, 2, 100, 500, 100))
	require.NoError(t, err)
	assert.Equal(t, 3, o.Clean[0].Clean, "nothing to compare with")
}

func TestDiscardIsBlindToTheOutcome(t *testing.T) {
	src := func(scale float64) *Source {
		s := &Source{Side: lab.Measured, Host: lab.Host{Cores: 2}}
		for i := range 5 {
			s.Samples = append(s.Samples, Sample{Rep: i, Values: map[string]float64{p50: scale * float64(i), steal: 0.01 * float64(i), foreign: 0}})
		}
		return s
	}
	a, err := conclude(example(), nil, src(1))
	require.NoError(t, err)
	b, err := conclude(example(), nil, src(-100))
	require.NoError(t, err)
	assert.Equal(t, a.Clean, b.Clean)
}

func TestRankingRule(t *testing.T) {
	at := func(v, w float64) stats.Summary { return stats.Summary{Interval: span(v, v-w, v+w)} }
	rule := RankingRule(p50, "a", "b", "gone")
	cells := map[cell]stats.Summary{
		{lab.Measured, "a", p50}: at(1, 0.1), {lab.Measured, "b", p50}: at(2, 0.1),
		{lab.Predicted, "a", p50}: at(3, 0.1), {lab.Predicted, "b", p50}: at(4, 0.1),
	}
	tab := &Table{Side: Both, cells: cells}
	assert.Equal(t, Holds, rule(tab))
	cells[cell{lab.Predicted, "b", p50}] = at(2, 0.1)
	assert.Equal(t, Refuted, rule(tab))
	cells[cell{lab.Measured, "b", p50}] = at(1.1, 0.1)
	assert.Equal(t, Holds, rule(tab), "overlapping measured intervals are a tie")
	delete(cells, cell{lab.Measured, "b", p50})
	assert.Equal(t, NotTestable, rule(tab))
}

func TestCompareEqualsRun(t *testing.T) {
	for _, side := range Sides {
		dir := t.TempDir()
		ran, err := Run(context.Background(), example(), options(side))
		require.NoError(t, err)
		require.NoError(t, os.Mkdir(filepath.Join(dir, "example"), 0o755))
		for side, name := range map[string]string{lab.Predicted: PredictedFile, lab.Measured: MeasuredFile} {
			b, err := ran.Bench(side)
			require.NoError(t, err)
			if b != nil {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "example", name), b, 0o644))
			}
		}
		read, err := Compare(example(), dir)
		require.NoError(t, err)
		assert.Equal(t, ran.Rows, read.Rows)
		assert.Equal(t, ran.Verdicts, read.Verdicts)
		assert.Equal(t, ran.Ok, read.Ok)
		assert.Equal(t, ran.Clean, read.Clean)
		assert.Equal(t, ran.Notes, read.Notes)
		assert.Equal(t, ran.SHA256, read.SHA256)
		assert.Equal(t, ran.report(), read.report())
		a, err := ran.JSON()
		require.NoError(t, err)
		b, err := read.JSON()
		require.NoError(t, err)
		assert.Equal(t, string(a), string(b))
	}
}

func TestEveryMetricRoundTrips(t *testing.T) {
	e := example()
	src := &Source{Side: lab.Measured, Host: lab.Host{Name: "h", Cores: 3, Library: "x: y"}, Seed: 1<<63 + 1, Date: "d", Command: "c -d  e", Notes: []string{"n1", "n2"}}
	s := Sample{Point: 1, Rep: 2, Values: map[string]float64{}}
	for i, m := range lab.Metrics {
		s.Values[m.Name] = []float64{0.1 + float64(i), 1e-300, 1e300, -3, 0, 123456789}[i%6]
	}
	src.Samples = []Sample{s}
	b, err := marshal(e, src)
	require.NoError(t, err)
	got, err := unmarshal(e, lab.Measured, strings.NewReader(string(b)), "x.bench")
	require.NoError(t, err)
	src.Command = "c -d e" // runs of spaces become one
	assert.Equal(t, src, got)
	again, err := marshal(e, got)
	require.NoError(t, err)
	assert.Equal(t, string(b), string(again))
}

func TestNamesOfOtherScripts(t *testing.T) {
	e := example()
	e.Name, e.Points[0].Name, e.Checks[1].Points = "推理_A.1-2", "一号-4", nil
	o, err := Run(context.Background(), e, options(Both))
	require.NoError(t, err)
	b, err := o.Bench(lab.Measured)
	require.NoError(t, err)
	got, err := unmarshal(e, lab.Measured, strings.NewReader(string(b)), "x.bench")
	require.NoError(t, err)
	assert.Equal(t, o.Measured, got)
}

// The standard reader finds every value under its metric's name, and the names' parts.
func TestStandardReader(t *testing.T) {
	o, err := Run(context.Background(), example(), options(Both))
	require.NoError(t, err)
	b, err := o.Bench(lab.Predicted)
	require.NoError(t, err)
	r := benchfmt.NewReader(strings.NewReader(string(b)), "predicted.bench")
	n, units := 0, 0
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.UnitMetadata:
			units++
		case *benchfmt.Result:
			n++
			_, ok := rec.Value(p50)
			assert.True(t, ok)
			assert.Equal(t, "predicted", rec.GetConfig("side"))
			assert.Equal(t, "ref", rec.GetConfig("host"))
			assert.Empty(t, rec.GetConfig("date"), "a prediction has no date")
		}
	}
	require.NoError(t, r.Err())
	assert.Equal(t, 15, n)
	assert.Positive(t, units)
	assert.Contains(t, string(b), "\nBenchmarkLab/exp=example/point=one/rep=0 1 ")
}

func TestBadBenchFiles(t *testing.T) {
	const config = "side: predicted\ncores: 2\nseed: 1\n\n"
	const good = "BenchmarkLab/exp=example/point=one/rep=0 1 5 /latency/p50:seconds\n"
	for want, text := range map[string]string{
		"x.bench: no result in it":                         config,
		"x.bench:5: missing units":                         config + "BenchmarkLab/exp=example/point=one/rep=0 1 5\n",
		`x.bench: holds side "measured"`:                   strings.Replace(config, "predicted", "measured", 1) + good,
		`lacks a whole number for "cores" or "seed"`:       "side: predicted\ncores: two\n" + good,
		`"Other" is not a result`:                          config + "BenchmarkOther 1 5 ns/op\n",
		`must begin with "/point="`:                        config + "BenchmarkLab/exp=example/pint=one/rep=0 1 5 /latency/p50:seconds\n",
		`experiment "other", not of "example"`:             config + "BenchmarkLab/exp=other/point=one/rep=0 1 5 /latency/p50:seconds\n",
		`has no point "three"`:                             config + "BenchmarkLab/exp=example/point=three/rep=0 1 5 /latency/p50:seconds\n",
		`repetition "x" is not`:                            config + "BenchmarkLab/exp=example/point=one/rep=x 1 5 /latency/p50:seconds\n",
		"x.bench:6: \"Lab/exp=example/point=one/rep=0\" s": config + good + good,
		`metric "ns/op" is unknown`:                        config + "BenchmarkLab/exp=example/point=one/rep=0 1 5 ns/op\n",
		`p50:seconds" is NaN`:                              config + "BenchmarkLab/exp=example/point=one/rep=0 1 NaN /latency/p50:seconds\n",
	} {
		_, err := unmarshal(example(), lab.Predicted, strings.NewReader(text), "x.bench")
		assert.ErrorContains(t, err, want)
	}
	_, err := unmarshal(example(), lab.Predicted, strings.NewReader(config+good), "x.bench")
	assert.NoError(t, err)
}

func TestCompareNeedsAFile(t *testing.T) {
	_, err := Compare(example(), t.TempDir())
	assert.ErrorContains(t, err, "nothing to compare")
	assert.ErrorContains(t, err, "gmplab run example")
}

func TestSourcesThatDoNotMatchAreNoted(t *testing.T) {
	ran, err := Run(context.Background(), example(), options(Both))
	require.NoError(t, err)
	ran.Predicted.Seed, ran.Predicted.Quick = 99, true
	o, err := conclude(ran.Experiment, ran.Predicted, ran.Measured)
	require.NoError(t, err)
	notes := strings.Join(o.Notes, "\n")
	assert.Contains(t, notes, "Predicted with the costs of ref")
	assert.Contains(t, notes, "Predicted with seed 99, measured with seed 7")
	assert.Contains(t, notes, "One side is a quick run")
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var n []string
	for _, e := range entries {
		n = append(n, e.Name())
	}
	return n
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "out")
	o, err := Run(context.Background(), example(), options(Both))
	require.NoError(t, err)
	paths, err := o.Write(dir)
	require.NoError(t, err)
	all := []string{"cost.json", "figure.png", "figure.svg", "measured.bench", "predicted.bench", "report.md", "result.json"}
	assert.Equal(t, all, names(t, filepath.Join(dir, "example")))
	assert.Equal(t, []string{"example"}, names(t, dir), "nothing is left beside it")
	for _, p := range paths {
		info, err := os.Stat(p)
		require.NoError(t, err)
		assert.Positive(t, info.Size())
	}
	assert.Len(t, paths, 7)
	costs, err := os.ReadFile(filepath.Join(dir, "example", CostFile))
	require.NoError(t, err)
	assert.Equal(t, o.Predicted.Cost, fmt.Sprintf("%x", sha256.Sum256(costs)), "predicted.bench has its sum")
	assert.Equal(t, o.Predicted.Cost, o.Measured.Cost, "and so has the measurement")

	report, err := os.ReadFile(filepath.Join(dir, "example", "report.md"))
	require.NoError(t, err)
	for _, want := range []string{"# An example", "Which is faster?", "figure.svg", "on here (other CPU, 2 cores", "library: lib 1.2 (npm)", "seed 7", "`gmplab run example`",
		o.SHA256, "94 %", "+10.0 %", "agrees", "p50 of two at most 0.6", "10 of 10 measured repetitions were clean", DiscardRule, "| one | 5 | 5 | 5 |"} {
		assert.Contains(t, string(report), want)
	}
}

// The report says that a prediction was decided before the measurement only of the one for which that is known.
func TestDecidedBefore(t *testing.T) {
	const claim = "decided before the first measurement: `"
	o, err := Run(context.Background(), example(), options(Both))
	require.NoError(t, err)
	assert.Contains(t, o.Markdown(2, false), claim+o.SHA256)
	b, err := marshal(example(), o.Measured)
	require.NoError(t, err)
	read, err := unmarshal(example(), lab.Measured, bytes.NewReader(b), "measured.bench")
	require.NoError(t, err)
	assert.Equal(t, o.SHA256, read.Against)
	o.Measured.Against = "another"
	assert.NotContains(t, o.Markdown(2, false), claim)
	assert.Contains(t, o.Markdown(2, false), "another prediction had been decided, for the state of the host in that minute: `another`")
	o.Measured.Against = ""
	assert.NotContains(t, o.Markdown(2, false), "decided")
	assert.NotContains(t, o.Markdown(2, true), "先于")
}

func TestResultJSON(t *testing.T) {
	o, err := Run(context.Background(), example(), options(Both))
	require.NoError(t, err)
	b, err := o.JSON()
	require.NoError(t, err)
	var r struct {
		Schema     int
		Experiment string
		Seed       uint64
		Command    string
		SHA256     string `json:"prediction_sha256"`
		Rows       []struct {
			Point, Metric, Verdict string
			Predicted, Measured    *struct{ Value, Low, High *float64 }
			Error                  *float64
		}
		Claims []struct{ ID, Measured string }
	}
	require.NoError(t, json.Unmarshal(b, &r))
	assert.Equal(t, Schema, r.Schema)
	assert.Equal(t, "example", r.Experiment)
	assert.Equal(t, uint64(7), r.Seed)
	assert.Equal(t, "gmplab run example", r.Command)
	assert.Len(t, r.SHA256, 64)
	assert.Equal(t, p50, r.Rows[0].Metric)
	assert.Equal(t, Agrees, r.Rows[0].Verdict)
	assert.Positive(t, *r.Rows[0].Measured.Low)
	assert.Positive(t, *r.Rows[0].Error)
	assert.Equal(t, "holds", r.Claims[0].Measured)
	assert.Contains(t, string(b), `"measured": null`, "a side without a value is null")
}

func TestWriteKeepsWhatItDoesNotMake(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "example")
	predicted, err := Run(context.Background(), example(), options(lab.Predicted))
	require.NoError(t, err)
	_, err = predicted.Write(dir)
	require.NoError(t, err)
	assert.NotContains(t, names(t, sub), MeasuredFile)
	require.NoError(t, os.WriteFile(filepath.Join(sub, "mine.txt"), []byte("x"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(sub, "folder"), 0o755))

	measured, err := Run(context.Background(), example(), options(lab.Measured))
	require.NoError(t, err)
	_, err = measured.Write(dir)
	require.NoError(t, err)
	for _, want := range []string{PredictedFile, MeasuredFile, "mine.txt", "folder"} {
		assert.Contains(t, names(t, sub), want)
	}
	assert.Equal(t, []string{"example"}, names(t, dir))
	both, err := Compare(example(), dir)
	require.NoError(t, err)
	assert.Equal(t, predicted.SHA256, both.SHA256)
	assert.NotNil(t, both.Measured)
}

func TestWriteFailureLeavesWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	o, err := Run(context.Background(), example(), options(Both))
	require.NoError(t, err)
	_, err = o.Write(dir)
	require.NoError(t, err)
	before, err := os.ReadFile(filepath.Join(dir, "example", "result.json"))
	require.NoError(t, err)

	o.Measured.Samples = append(o.Measured.Samples, Sample{Rep: 9}) // cannot be written: it has no value
	o.Notes = []string{"changed"}
	_, err = o.Write(dir)
	assert.ErrorContains(t, err, "no metric was observed")
	after, err := os.ReadFile(filepath.Join(dir, "example", "result.json"))
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	assert.Equal(t, []string{"example"}, names(t, dir))
}

func TestWriteToAnImpossibleFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	o, err := Run(context.Background(), example(), options(lab.Predicted))
	require.NoError(t, err)
	_, err = o.Write(filepath.Join(file, "out"))
	assert.EqualError(t, err, "cannot write results to folder "+filepath.Join(file, "out")+": not a directory; choose another one")
}

func TestSwapPutsTheOldFolderBack(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "to")
	require.NoError(t, os.Mkdir(to, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(to, "a"), nil, 0o644))
	assert.Error(t, swap(filepath.Join(dir, "is-not-there"), to))
	assert.Equal(t, []string{"a"}, names(t, to))
	assert.Equal(t, []string{"to"}, names(t, dir))
}

func TestFigure(t *testing.T) {
	o, err := Run(context.Background(), example(), options(Both))
	require.NoError(t, err)
	f := o.Figure()
	assert.Equal(t, "An example", f.Title)
	require.Len(t, f.Panels, 5)
	assert.Equal(t, "s", f.Panels[0].Unit)
	assert.Equal(t, "/latency/p50", f.Panels[0].Title)
	assert.False(t, f.Panels[0].Log)
	require.Len(t, f.Panels[0].Points, 3)
	assert.Nil(t, f.Panels[0].Points[2].Measured)
	assert.InDelta(t, 0.0011, f.Panels[0].Points[0].Predicted.Value, 0.0001)
	caption := strings.Join(f.Caption, "\n")
	for _, want := range []string{"median and spread of 5 simulated runs", "here (other CPU, 2 cores", "lib 1.2 (npm)", "seed 7", "gmplab run example"} {
		assert.Contains(t, caption, want)
	}
	o.Rows[0].Measured.High = 1
	assert.True(t, o.Figure().Panels[0].Log, "values more than 20 times apart get a logarithmic axis")
}

func TestMarkdownInChinese(t *testing.T) {
	o, err := Run(context.Background(), example(), options(Both))
	require.NoError(t, err)
	md := o.Markdown(3, true)
	assert.Contains(t, md, "### 预测与实测")
	assert.NotContains(t, md, "%!", "every value has its place in the sentence")
	assert.NotContains(t, o.Markdown(3, false), "%!")
}

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		metric string
		v      float64
		want   string
	}{
		{p50, 0.000193, "193 µs"},
		{p50, 0.108, "108 ms"},
		{p50, 0.0024, "2.4 ms"},
		{p50, 3, "3 s"},
		{p50, 4e-8, "40 ns"},
		{p50, 0, "0 s"},
		{throughput, 24123, "24.1 k/s"},
		{throughput, 3, "3 /s"},
		{"/x:ratio", 0.5214, "0.521"},
		{"/x:threads", 1234, "1234"},
		{"/x:ratio", -0.25, "-0.25"},
		{"/x:bytes", 3 << 20, "3 MiB"},
	} {
		assert.Equal(t, c.want, Quantity(c.metric, c.v))
	}
	assert.Equal(t, "–", Text(p50, nil))
	assert.Equal(t, "2 ms (1 ms … 3 ms)", Text(p50, new(span(0.002, 0.001, 0.003))))
	assert.Equal(t, "2 ms", Text(p50, new(span(0.002, 0.002, 0.002))))
	assert.Equal(t, "–", ErrorText(nil))
	assert.Equal(t, "+4.2 %", ErrorText(new(0.0421)))
	assert.Equal(t, "-1200 %", ErrorText(new(-12.0)))
}

// A prediction made with costs that only the run knew names the run, not a command that would give other bytes.
func TestCommandOfAPrediction(t *testing.T) {
	for refreshed, want := range map[string]string{"": "gmplab predict", "now": "gmplab run"} {
		o := options(lab.Predicted)
		o.Cost.Refreshed, o.Command = refreshed, "gmplab run example"
		out, err := Run(context.Background(), example(), o)
		require.NoError(t, err)
		assert.Contains(t, out.Predicted.Command, want)
	}
}
