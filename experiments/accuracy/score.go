package accuracy

import (
	"fmt"
	"math"
	"slices"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/stats"
)

// A Metric is a number whose error is summed up over cases.
type Metric struct {
	Name   string
	Of     func(values map[string]float64) (float64, bool)
	Goal   float64 // the median absolute error to stay below: a share, of threads their number; 0: none is set
	Within float64 // what still counts as agreement of one trial
	More   bool    // more is better, where a best setting is chosen by it
	Count  bool    // the error is a difference and no share
}

func named(name string) func(map[string]float64) (float64, bool) {
	return func(v map[string]float64) (float64, bool) {
		x, ok := v[name]
		return x, ok
	}
}

// perRequest is the CPU time of a request.
func perRequest(v map[string]float64) (float64, bool) {
	used, ok1 := v["/cpu/used:cores"]
	rate, ok2 := v["/throughput:requests/s"]
	return used / rate, ok1 && ok2 && rate > 0
}

const (
	latencyP50 = "/latency/p50:seconds"
	latencyP90 = "/latency/p90:seconds"
	latencyP99 = "/latency/p99:seconds"
)

// Metrics are those that cases name. A latency counts under busy_… where the cores are busier than Busy, and under overload_… where the
// requests are more than they can serve: errors grow there with everything that is not known.
var Metrics = []Metric{
	{Name: "throughput", Of: named("/throughput:requests/s"), Goal: 0.03, Within: 0.06, More: true},
	{Name: "cpu_per_request", Of: perRequest, Goal: 0.04, Within: 0.08},
	{Name: "makespan_p50", Of: named(latencyP50), Goal: 0.02, Within: 0.05},
	{Name: "makespan_p99", Of: named(latencyP99), Goal: 0.06, Within: 0.15},
	{Name: "p50", Of: named(latencyP50), Goal: 0.08, Within: 0.15},
	{Name: "p90", Of: named(latencyP90), Goal: 0.10, Within: 0.20},
	{Name: "p99", Of: named(latencyP99), Goal: 0.20, Within: 0.40},
	{Name: "wasserstein", Goal: 0.12, Within: 0.25},
	{Name: "busy_p50", Of: named(latencyP50), Within: 0.25},
	{Name: "busy_p90", Of: named(latencyP90), Within: 0.30},
	{Name: "busy_p99", Of: named(latencyP99), Within: 0.50},
	{Name: "overload_p50", Of: named(latencyP50), Goal: 0.20, Within: 0.40},
	{Name: "overload_p90", Of: named(latencyP90), Within: 0.40},
	{Name: "overload_p99", Of: named(latencyP99), Goal: 0.20, Within: 0.40},
	{Name: "preempt_p50", Of: named(latencyP50), Goal: 0.08, Within: 0.15},
	{Name: "preempt_p99", Of: named(latencyP99), Goal: 0.12, Within: 0.25},
	{Name: "threads", Of: named("/sched/threads/total:threads"), Goal: 1, Within: 1, Count: true},
	{Name: "gc_period", Of: named("/gc/period/mean:seconds"), Goal: 0.03, Within: 0.05},
	{Name: "heap_peak", Of: named("/gc/heap/peak/p50:bytes"), Goal: 0.04, Within: 0.05},
	{Name: "gc_cpu", Of: named("/gc/cpu:ratio"), Goal: 0.08, Within: 0.15},
	{Name: "stw_p50", Of: named("/sched/pauses/total/gc/p50:seconds"), Goal: 0.25, Within: 0.50},
}

func metricNamed(name string) *Metric {
	i := slices.IndexFunc(Metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &Metrics[i]
}

// Busy is the share of the cores that a case may use, measured, for its latencies to count as those of a machine that is not busy.
const Busy = 0.75

// The verdicts of a Trial. A trial that does not agree is a model error only if no other explanation is measured.
const (
	Agrees      = "agrees"            // the error is within the metric's tolerance
	WithinNoise = "within noise"      // it is not, but the two intervals overlap
	ModelError  = "model error"       // neither
	Saturated   = "saturated"         // both sides are overloaded: the number depends on the length of the run
	Bistable    = "bistable"          // the measured repetitions keep to two values, and the prediction is at one of them or reaches from one to the other
	OneSide     = "one side only"     // the other has no value: this counts as an error of 100 %
	Stale       = "calibration stale" // the host had another speed than when it was calibrated
)

// A Trial is one metric of one case.
type Trial struct {
	Name      string               `json:"name"`
	Family    string               `json:"family"`
	Metric    string               `json:"metric"`
	Predicted experiments.Interval `json:"predicted"`
	Measured  experiments.Interval `json:"measured"`
	Error     float64              `json:"error"` // (predicted-measured)/measured; of threads the difference; of wasserstein the distance over the measured mean
	Noise     float64              `json:"noise"` // half the width of the measured interval over its value; of wasserstein the distance of the measured halves
	Verdict   string               `json:"verdict"`
}

// A Summary is what the errors of one metric come to.
type Summary struct {
	Median float64 `json:"median_abs_error"`
	Low    float64 `json:"median_low"` // a bootstrap over trials, 95 %; of fewer than six their range
	High   float64 `json:"median_high"`
	P90    float64 `json:"p90_abs_error"`
	Worst  float64 `json:"worst"`
	WorstN string  `json:"worst_trial"`
	Noise  float64 `json:"noise_floor"` // median over the trials
	N      int     `json:"n"`
}

// A Score is how far the predictions of an experiment of cases are from its measurement.
type Score struct {
	Trials    []Trial
	Metrics   map[string]Summary // those that have trials
	Discarded int                // measured repetitions that were not clean
	All       int                // of so many
	Regime    Share              // cases of open loops whose regime, stable or overloaded, was predicted
	Band      Share              // measured p99.9 and longest stops that lie in the range of the predicted repetitions
	Sweeps    int
	Right     int     // in which the best setting was predicted
	Regret    float64 // the largest, as a share
}

// A Share counts.
type Share struct {
	Right int `json:"right"`
	Of    int `json:"of"`
}

// NewScore compares the two sides of an outcome. The cases are those that its experiment was made of.
func NewScore(cases []Case, o *experiments.Outcome) (*Score, error) {
	if o.Predicted == nil || o.Measured == nil {
		return nil, fmt.Errorf("accuracy: one side is missing; predict and measure before scoring")
	}
	s := &Score{Metrics: map[string]Summary{}}
	for _, c := range o.Clean {
		s.Discarded, s.All = s.Discarded+c.All-c.Clean, s.All+c.All
	}
	for i := range cases {
		sides := pair{of(o.Predicted.Samples, i), of(o.Used, i)}
		if len(sides.predicted) == 0 || len(sides.measured) == 0 {
			continue
		}
		s.score(&cases[i], sides, o)
	}
	for _, m := range Metrics {
		if sum, ok := summarize(s.Trials, m.Name); ok {
			s.Metrics[m.Name] = sum
		}
	}
	s.sweeps(cases)
	return s, nil
}

// A pair holds the repetitions of one case.
type pair struct{ predicted, measured []map[string]float64 }

func of(samples []experiments.Sample, point int) (values []map[string]float64) {
	for _, s := range samples {
		if s.Point == point {
			values = append(values, s.Values)
		}
	}
	return values
}

// series are the values of one metric.
func series(reps []map[string]float64, of func(map[string]float64) (float64, bool)) (x []float64) {
	for _, v := range reps {
		if y, ok := of(v); ok {
			x = append(x, y)
		}
	}
	return x
}

// score adds the trials of one case.
func (s *Score) score(c *Case, sides pair, o *experiments.Outcome) {
	regime := c.regime(sides, max(o.Measured.Host.Cores, 1))
	if c.offered() > 0 {
		s.Regime.Of++
		if regime.predicted == regime.measured {
			s.Regime.Right++
		}
	}
	stale := slices.ContainsFunc(o.Clean, func(k experiments.Clean) bool { return k.Point == c.Name && k.Stale })
	for _, name := range c.Metrics {
		if name == "wasserstein" && regime.prefix == "" {
			if t, ok := c.distance(sides, stale); ok {
				s.Trials = append(s.Trials, t)
			}
			continue
		}
		if m := metricNamed(regime.name(name)); m != nil && m.Of != nil {
			s.Trials = append(s.Trials, c.trial(m, sides, regime, stale))
		}
	}
	s.band(sides, "/latency/p99.9:seconds")
	s.band(sides, "/sched/pauses/total/gc/max:seconds")
}

// trial compares one metric.
func (c *Case) trial(m *Metric, sides pair, r regime, stale bool) Trial {
	p, x := series(sides.predicted, m.Of), series(sides.measured, m.Of)
	t := Trial{Name: c.Name, Family: c.Family, Metric: m.Name, Predicted: stats.Summarize(p).Interval, Measured: stats.Summarize(x).Interval}
	if len(p) == 0 || len(x) == 0 || !m.Count && t.Measured.Value == 0 && t.Predicted.Value != 0 {
		t.Error, t.Verdict = 1, OneSide
		if len(p) == 0 {
			t.Error = -1
		}
		return t
	}
	if m.Count {
		t.Error, t.Noise = t.Predicted.Value-t.Measured.Value, (t.Measured.High-t.Measured.Low)/2
	} else if t.Measured.Value != 0 {
		t.Error, _ = stats.RelativeError(t.Predicted.Value, t.Measured.Value)
		t.Noise = (t.Measured.High - t.Measured.Low) / 2 / math.Abs(t.Measured.Value)
	}
	modes, two := stats.TwoModes(x)
	switch {
	case math.Abs(t.Error) <= m.Within:
		t.Verdict = Agrees
	case r.predicted && r.measured:
		t.Verdict = Saturated
	case stale:
		t.Verdict = Stale
	case two && m.reaches(modes, t.Predicted):
		t.Verdict = Bistable
	case t.Predicted.Overlaps(t.Measured):
		t.Verdict = WithinNoise
	default:
		t.Verdict = ModelError
	}
	return t
}

// reaches tells whether a prediction is near one of two modes, or its repetitions reach from one to the other.
func (m *Metric) reaches(modes stats.Modes, p experiments.Interval) bool {
	near := func(mode float64) bool { return math.Abs(p.Value-mode) <= m.Within*math.Abs(mode) }
	return near(modes.Lower) || near(modes.Upper) || p.Low <= modes.Lower && p.High >= modes.Upper
}

// distance compares whole distributions of latencies: the repetitions of each side together.
func (c *Case) distance(sides pair, stale bool) (Trial, bool) {
	all := func(reps []map[string]float64) (x []float64) {
		for i := range lab.LatencyQuantiles {
			x = append(x, series(reps, named(lab.LatencyQuantiles[i].Name))...)
		}
		return x
	}
	p, m := all(sides.predicted), all(sides.measured)
	mean, ok := stats.Mean(m)
	if !ok || len(p) == 0 || mean <= 0 {
		return Trial{}, false
	}
	var halves [2][]map[string]float64
	for i, v := range sides.measured {
		halves[i%2] = append(halves[i%2], v)
	}
	t := Trial{Name: c.Name, Family: c.Family, Metric: "wasserstein", Error: stats.Wasserstein(p, m) / mean, Noise: stats.Wasserstein(all(halves[0]), all(halves[1])) / mean}
	predictedMean, _ := stats.Mean(p)
	t.Predicted, t.Measured = point(predictedMean), point(mean)
	if math.IsNaN(t.Noise) {
		t.Noise = 0
	}
	switch {
	case t.Error <= metricNamed("wasserstein").Within:
		t.Verdict = Agrees
	case stale:
		t.Verdict = Stale
	case t.Error <= t.Noise:
		t.Verdict = WithinNoise
	default:
		t.Verdict = ModelError
	}
	return t, true
}

func point(v float64) experiments.Interval { return experiments.Interval{Value: v, Low: v, High: v} }

// band counts whether what is never a point value lies in the range of the predicted repetitions.
func (s *Score) band(sides pair, name string) {
	p, m := series(sides.predicted, named(name)), series(sides.measured, named(name))
	if len(p) < 2 || len(m) == 0 || slices.Max(p) == 0 {
		return
	}
	s.Band.Of++
	if x := stats.Median(m); slices.Min(p) <= x && x <= slices.Max(p) {
		s.Band.Right++
	}
}

// fewTrials is from how many trials on a bootstrap over them is wide enough.
const fewTrials = 6

// summarize sums up the trials of one metric.
func summarize(trials []Trial, name string) (sum Summary, ok bool) {
	var errs, noise []float64
	for _, t := range trials {
		if t.Metric != name {
			continue
		}
		e := math.Abs(t.Error)
		errs, noise = append(errs, e), append(noise, t.Noise)
		if sum.WorstN == "" || e > sum.Worst {
			sum.Worst, sum.WorstN = e, t.Name
		}
	}
	if len(errs) == 0 {
		return sum, false
	}
	b := stats.Summarize(errs).Interval // of a few trials their range
	if len(errs) >= fewTrials {
		b = stats.Bootstrap(errs, stats.Median, stats.Level, 2000, 1)
	}
	sum.Median, sum.Low, sum.High, sum.Noise, sum.N = b.Value, b.Low, b.High, stats.Median(noise), len(errs)
	sum.P90 = slices.Sorted(slices.Values(errs))[int(math.Ceil(0.9*float64(len(errs))))-1]
	return sum, true
}

// sweeps chooses the best setting of each sweep by its predicted and by its measured values.
func (s *Score) sweeps(cases []Case) {
	var names []string
	for _, c := range cases {
		if c.Sweep != "" && !slices.Contains(names, c.Sweep) {
			names = append(names, c.Sweep)
		}
	}
	for _, name := range names {
		var p, m []experiments.Interval
		more := false
		for _, c := range cases {
			if c.Sweep != name {
				continue
			}
			more = metricNamed(c.Best).More
			for _, t := range s.Trials {
				if t.Name == c.Name && (t.Metric == c.Best || t.Metric == "busy_"+c.Best || t.Metric == "overload_"+c.Best) {
					p, m = append(p, t.Predicted), append(m, t.Measured)
				}
			}
		}
		if len(p) < 2 {
			continue
		}
		regret, right := stats.Regret(p, m, more)
		s.Sweeps++
		if right {
			s.Right++
		}
		s.Regret = max(s.Regret, regret)
	}
}
