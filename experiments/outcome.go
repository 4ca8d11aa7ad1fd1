package experiments

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/stats"
)

// The verdicts of a Row.
const (
	Agrees        = "agrees"            // the error is within the tolerance
	WithinNoise   = "within noise"      // it is not, but the two intervals overlap
	Differs       = "differs"           // neither
	Stale         = "calibration stale" // it does not agree, and the host has another speed than when it was calibrated
	NotJudged     = "not judged"        // shown only: the check has no tolerance for this point
	PredictedOnly = "predicted only"    // the other side has no value
	MeasuredOnly  = "measured only"
)

// A Row compares one metric at one point.
type Row struct {
	Point     string    `json:"point"`
	Metric    string    `json:"metric"`
	Predicted *Interval `json:"predicted"` // nil: this side has no value
	Measured  *Interval `json:"measured"`
	Error     *float64  `json:"error"`             // (predicted-measured)/measured; nil: not defined
	Allowed   string    `json:"allowed,omitempty"` // what still counts as agreement: "±20 %", "factor 2"; empty: not judged
	Verdict   string    `json:"verdict"`
}

// A ClaimVerdict is what the data say about a claim. A side on which the claim was not judged is empty.
type ClaimVerdict struct {
	ID        string  `json:"id"`
	Statement string  `json:"statement"`
	Rule      string  `json:"rule"`
	Expect    Verdict `json:"expect"`
	Predicted Verdict `json:"predicted,omitempty"`
	Measured  Verdict `json:"measured,omitempty"`
	Both      Verdict `json:"both,omitempty"` // of a claim that reads the two sides together
	Ok        bool    `json:"ok"`             // the verdict that counts is the one expected: Both, else Measured, else Predicted
}

// Clean says how many repetitions of a measured point were undisturbed by the rest of the host.
type Clean struct {
	Point    string `json:"point"`
	Clean    int    `json:"clean"`
	All      int    `json:"all"`
	UsedOnly bool   `json:"used_clean_only"` // the intervals are those of the clean repetitions
	Stale    bool   `json:"stale,omitempty"` // in most of the used ones the host had another speed than when it was calibrated
}

// An Outcome is what came out of an Experiment.
type Outcome struct {
	Experiment *Experiment
	Predicted  *Source // nil: not predicted
	Measured   *Source // nil: not measured
	SHA256     string  // of predicted.bench; empty: not predicted
	Rows       []Row   // by check, then point
	Verdicts   []ClaimVerdict
	Clean      []Clean  // by point, measured ones only
	Used       []Sample // the measured ones that the intervals are made of
	Notes      []string // what the reader of the numbers must know
	Ok         bool     // every claim's verdict is the one expected, and no Row differs
}

// The rule by which a measured repetition is discarded. It was fixed before any run and does not see the outcome.
const (
	foreignShare = 0.02 // of the cores used by other processes
	stealShare   = 0.02 // of CPU time taken by the hypervisor; or stealFactor times the median of the point, if that is more
	stealFactor  = 2
	speedShare   = 0.15 // by which inference, timed beside the repetition, may be outside the range that the calibration saw
	enoughClean  = 3    // with fewer clean repetitions all are used

	hostSpeed = "/host/inference:seconds"

	// DiscardRule is the rule in words.
	DiscardRule = "A measured repetition is not clean when other processes used more than 2 % of the cores, or when the hypervisor took more of the CPU time than 2 % and than twice the median of its point, or when inference, timed alone after it, was more than 15 % outside the range of the prediction: then the host had another speed than when it was calibrated. Intervals use the clean repetitions of a point when there are at least 3, otherwise all."
)

// conclude compares the two sides and judges the claims; either side may be nil, not both.
func conclude(e *Experiment, predicted, measured *Source) (*Outcome, error) {
	o := &Outcome{Experiment: e, Predicted: predicted, Measured: measured, Rows: []Row{}, Verdicts: []ClaimVerdict{}, Clean: []Clean{}, Notes: []string{}}
	t := &Table{cells: map[cell]stats.Summary{}}
	if predicted != nil {
		var err error
		if o.SHA256, err = hash(e, predicted); err != nil {
			return nil, err
		}
		o.collect(t, predicted, predicted.Samples)
		o.Notes = append(o.Notes, predicted.Notes...)
	}
	if measured != nil {
		if _, err := hash(e, measured); err != nil {
			return nil, err
		}
		o.Used = o.discard(measured, predicted)
		o.collect(t, measured, o.Used)
		o.Notes = append(o.Notes, measured.Notes...)
	}
	if predicted != nil && measured != nil {
		o.compareSources()
	}
	o.Ok = true
	for _, c := range e.Checks {
		for _, p := range e.Points {
			if row, ok := o.row(t, c, p.Name); ok {
				o.Rows = append(o.Rows, row)
				o.Ok = o.Ok && row.Verdict != Differs
			}
		}
	}
	for _, c := range e.Claims {
		v := o.judge(t, c)
		o.Verdicts = append(o.Verdicts, v)
		o.Ok = o.Ok && v.Ok
	}
	return o, nil
}

// collect summarizes each metric of each point; what the statistics warn of becomes a note where the metric is shown.
func (o *Outcome) collect(t *Table, src *Source, samples []Sample) {
	for i, p := range o.Experiment.Points {
		for _, m := range lab.Metrics {
			var x []float64
			for _, s := range samples {
				if v, ok := s.Values[m.Name]; ok && s.Point == i {
					x = append(x, v)
				}
			}
			if len(x) == 0 {
				continue
			}
			sum := stats.Summarize(x)
			t.cells[cell{src.Side, p.Name, m.Name}] = sum
			if slices.ContainsFunc(o.Experiment.Checks, func(c Check) bool { return c.Metric == m.Name }) {
				for _, w := range sum.Warnings {
					o.Notes = append(o.Notes, fmt.Sprintf("%s, %s %s: %s", p.Name, src.Side, m.Name, w))
				}
			}
		}
	}
}

// asCalibrated gives a test of whether the host had its calibrated speed in a measured repetition of a point: inference took
// as long as in the prediction's repetitions. What neither side knows passes.
func asCalibrated(predicted *Source, point int) func(Sample) bool {
	low, high := math.Inf(1), math.Inf(-1)
	if predicted != nil {
		for _, s := range predicted.Samples {
			if v, ok := s.Values[hostSpeed]; ok && s.Point == point {
				low, high = min(low, v*(1-speedShare)), max(high, v*(1+speedShare))
			}
		}
	}
	return func(s Sample) bool {
		v, ok := s.Values[hostSpeed]
		return !ok || low > high || low <= v && v <= high
	}
}

// discard gives the measured samples that the intervals use, and counts the clean ones.
func (o *Outcome) discard(src, predicted *Source) []Sample {
	var used []Sample
	cleanAll, all := 0, 0
	for i, p := range o.Experiment.Points {
		var of, clean []Sample
		var steal []float64
		for _, s := range src.Samples {
			if s.Point == i {
				of = append(of, s)
				steal = append(steal, s.Values["/host/steal:ratio"])
			}
		}
		if len(of) == 0 {
			continue
		}
		fits := asCalibrated(predicted, i)
		stealLimit := max(stealShare, stealFactor*stats.Median(steal))
		for _, s := range of {
			foreign := s.Values["/host/foreign-cpu:cores"] / float64(max(src.Host.Cores, 1))
			if foreign <= foreignShare && s.Values["/host/steal:ratio"] <= stealLimit && fits(s) {
				clean = append(clean, s)
			}
		}
		enough := len(clean) >= enoughClean
		c := Clean{Point: p.Name, Clean: len(clean), All: len(of), UsedOnly: enough}
		cleanAll, all = cleanAll+len(clean), all+len(of)
		if enough {
			of = clean
		}
		odd := len(slices.DeleteFunc(slices.Clone(of), fits))
		c.Stale = 2*odd > len(of)
		o.Clean = append(o.Clean, c)
		used = append(used, of...)
	}
	o.Notes = append(o.Notes, fmt.Sprintf("%d of %d measured repetitions were clean.", cleanAll, all))
	for _, c := range o.Clean {
		if !c.UsedOnly {
			o.Notes = append(o.Notes, fmt.Sprintf("%s: only %d of %d repetitions were clean; its intervals use all of them.", c.Point, c.Clean, c.All))
		}
		if c.Stale {
			o.Notes = append(o.Notes, fmt.Sprintf("%s: the host had another speed than when it was calibrated; run gmplab calibrate and the experiment again.", c.Point))
		}
	}
	for _, name := range []string{"/host/steal:ratio", "/host/foreign-cpu:cores"} {
		if slices.ContainsFunc(src.Samples, func(s Sample) bool { _, ok := s.Values[name]; return !ok }) {
			o.Notes = append(o.Notes, fmt.Sprintf("%s was not observed in some repetitions; there it counts as 0.", name))
		}
	}
	return used
}

// compareSources notes what makes the two sides not quite comparable.
func (o *Outcome) compareSources() {
	p, m := o.Predicted, o.Measured
	if p.Host.Name != m.Host.Name || p.Host.CPU != m.Host.CPU || p.Host.Cores != m.Host.Cores {
		o.Notes = append(o.Notes, fmt.Sprintf("Predicted with the costs of %s (%s, %d cores), measured on %s (%s, %d cores).",
			p.Host.Name, p.Host.CPU, p.Host.Cores, m.Host.Name, m.Host.CPU, m.Host.Cores))
	}
	if p.Seed != m.Seed {
		o.Notes = append(o.Notes, fmt.Sprintf("Predicted with seed %d, measured with seed %d: the requests are not the same.", p.Seed, m.Seed))
	}
	if p.Quick != m.Quick {
		o.Notes = append(o.Notes, "One side is a quick run and the other is not: they differ in length and repetitions.")
	}
}

// row compares one metric at one point; not ok where neither side has a value.
func (o *Outcome) row(t *Table, c Check, point string) (Row, bool) {
	r := Row{Point: point, Metric: c.Metric, Verdict: NotJudged}
	p, okP := t.Value(lab.Predicted, point, c.Metric)
	m, okM := t.Value(lab.Measured, point, c.Metric)
	if okP {
		r.Predicted = &p
	}
	if okM {
		r.Measured = &m
	}
	if c.judges(point) {
		r.Allowed = c.allowed()
	}
	switch {
	case !okP && !okM:
		return r, false
	case !okM:
		r.Verdict = PredictedOnly
		return r, true
	case !okP:
		r.Verdict = MeasuredOnly
		return r, true
	}
	if e, ok := stats.RelativeError(p.Value, m.Value); ok {
		r.Error = &e
	}
	switch {
	case !c.judges(point):
	case c.Factor > 0 && stats.WithinFactor(p.Value, m.Value, c.Factor), c.Factor == 0 && r.Error != nil && math.Abs(*r.Error) <= c.Tolerance:
		r.Verdict = Agrees
	case o.stale(point):
		r.Verdict = Stale
	case p.Overlaps(m):
		r.Verdict = WithinNoise
	default:
		r.Verdict = Differs
	}
	return r, true
}

// stale tells whether the host had another speed at that point than when it was calibrated.
func (o *Outcome) stale(point string) bool {
	return slices.ContainsFunc(o.Clean, func(c Clean) bool { return c.Point == point && c.Stale })
}

// judges tells whether the check has a tolerance for that point.
func (c *Check) judges(point string) bool {
	return (c.Tolerance > 0 || c.Factor > 0) && (c.Points == nil || slices.Contains(c.Points, point))
}

func (c *Check) allowed() string {
	if c.Factor > 0 {
		return fmt.Sprintf("factor %g", c.Factor)
	}
	return fmt.Sprintf("±%.3g %%", 100*c.Tolerance)
}

// judge applies a claim's rule to each side that is there.
func (o *Outcome) judge(t *Table, c Claim) ClaimVerdict {
	v := ClaimVerdict{ID: c.ID, Statement: c.Statement, Rule: c.RuleText, Expect: c.Expect}
	on := func(side string) Verdict {
		return c.Rule(&Table{Side: side, cells: t.cells})
	}
	if c.On == Both {
		if o.Predicted != nil && o.Measured != nil {
			v.Both = on(Both)
		}
		v.Ok = v.Both == "" || v.Both == c.Expect
		return v
	}
	counts := Verdict("")
	if o.Predicted != nil {
		v.Predicted = on(lab.Predicted)
		counts = v.Predicted
	}
	if o.Measured != nil && c.On != lab.Predicted {
		v.Measured = on(lab.Measured)
		counts = v.Measured
	}
	v.Ok = counts == "" || counts == c.Expect
	return v
}

// RankingRule is the Rule of a claim on Both: the prediction orders the points as the measurement does. Points whose
// measured intervals overlap are ties; points that one side does not have are left out.
func RankingRule(metric string, points ...string) func(*Table) Verdict {
	return func(t *Table) Verdict {
		var p, m []Interval
		for _, name := range points {
			a, okA := t.Value(lab.Predicted, name, metric)
			b, okB := t.Value(lab.Measured, name, metric)
			if okA && okB {
				p, m = append(p, a), append(m, b)
			}
		}
		switch {
		case len(p) < 2:
			return NotTestable
		case len(stats.Ranking(p, m)) > 0:
			return Refuted
		}
		return Holds
	}
}

// The names of the two data files.
const (
	PredictedFile = "predicted.bench"
	MeasuredFile  = "measured.bench"
)

// Compare reads DIR/NAME/predicted.bench and measured.bench back and derives rows and verdicts again, the same as
// those of the Run that made them. One of the two may be missing.
func Compare(e *Experiment, dir string) (*Outcome, error) {
	return CompareFiles(e, filepath.Join(dir, e.Name, PredictedFile), filepath.Join(dir, e.Name, MeasuredFile))
}

// CompareFiles is Compare for files of any name. An empty name, or one of the two files missing, leaves that side out.
func CompareFiles(e *Experiment, predicted, measured string) (*Outcome, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	p, err := readFile(e, lab.Predicted, predicted)
	if err != nil {
		return nil, err
	}
	m, err := readFile(e, lab.Measured, measured)
	if err != nil {
		return nil, err
	}
	if p == nil && m == nil {
		return nil, fmt.Errorf("nothing to compare: there is neither %s; make them with gmplab run %s",
			strings.Join([]string{predicted, measured}, " nor "), e.Name)
	}
	return conclude(e, p, m)
}

// readFile reads one side, with the collections beside it; nil if there is no such file.
func readFile(e *Experiment, side, path string) (*Source, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := unmarshal(e, side, f, path)
	if err != nil {
		return nil, err
	}
	src.GCs, err = readTrace(traceFile(path))
	return src, err
}
