// Package experiments turns a question into a verdict: it hands the points of an Experiment to the two Runners, reduces
// every Result to a line of numbers, compares predicted with measured, judges the claims by rules that were written
// down before the run, and writes figure, report and data. It knows Runners, not who runs.
//
// Replicate asks a Runner that predicts for the steady state of one Trial: as many seeds as the wanted precision needs, the
// warm-up found and dropped, and "saturated" where there is no steady state. It is here and not in package sim because it runs
// replications on all cores, and nothing below sim may start a goroutine.
package experiments

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/stats"
)

// Both is the side that stands for lab.Predicted and lab.Measured together.
const Both = "both"

// Sides lists what Options.Side and Claim.On may be.
var Sides = []string{lab.Predicted, lab.Measured, Both}

// An Experiment is one question with the points that answer it. It is a Go literal in a folder of its own.
type Experiment struct {
	Name      string        // the folder's name: letters, digits, dots, dashes and underscores, a letter or digit first
	Title     string        // one line
	TitleZh   string        // the same in Chinese
	Question  string        // what the reader is asked to predict
	Points    []Point       // the settings compared, in the order of tables and figures
	Reps      int           // repetitions of every point, at least 3
	QuickReps int           // the same for a quick run
	QuickRun  time.Duration // Workload.Run of a quick run; 0: as it stands
	Checks    []Check       // the metrics shown, in order; the first six are drawn
	Claims    []Claim       // what is judged
	Whole     bool          // the whole distribution of latencies is kept (lab.LatencyQuantiles)
	Timeline  string        // the point whose collections are drawn over time, of its first repetition; empty: none is
}

// A Point is one setting of an Experiment.
type Point struct {
	Name     string // unique; the same characters as the experiment's
	Workload lab.Workload
	Knobs    lab.Knobs
	Traced   bool // both sides record an execution trace, for the metrics that need one
	// Predict makes the Runner for a point that only the simulator can run, such as one with a Policy that the real
	// runtime does not have; such a point is never measured. nil: both sides run it, with the Runners in Options.
	Predict func(lab.Cost) lab.Runner
}

// A Check is one metric that is compared. With neither Tolerance nor Factor it is shown and not judged.
type Check struct {
	Metric    string   // a name in lab.Metrics
	Tolerance float64  // |predicted-measured|/measured that still counts as agreement
	Factor    float64  // instead: predicted and measured agree when one is at most Factor times the other
	Points    []string // the points that are judged; nil: all
}

// Verdict is the answer to a claim.
type Verdict string

// The verdicts.
const (
	Holds       Verdict = "holds"
	InPart      Verdict = "holds in part"
	Refuted     Verdict = "refuted"
	NotTestable Verdict = "not testable here"
)

var verdicts = []Verdict{Holds, InPart, Refuted, NotTestable}

// A Claim is a statement that the data judge.
type Claim struct {
	ID        string               // unique in the experiment; begins with the id in the claims ledger where there is one
	Statement string               // what is claimed
	Expect    Verdict              // what we found; an outcome that says otherwise is not Ok
	On        string               // whose data Rule reads: "" each side for itself, lab.Predicted (the simulator alone sees them), or Both together
	Rule      func(*Table) Verdict // computes the verdict from the data; a value that it needs and that is missing means NotTestable
	RuleText  string               // the rule in words, written down before the run
}

// Interval is a value with the range in which it may lie.
type Interval = stats.Interval

// A Table gives a claim's Rule the numbers of an experiment.
type Table struct {
	Side  string // the side that is judged: lab.Predicted, lab.Measured or Both
	cells map[cell]stats.Summary
}

type cell struct{ side, point, metric string }

// Value gives the median of a metric over the repetitions of a point, with its interval; not ok where that side did
// not observe it. An empty side means the side that is judged.
func (t *Table) Value(side, point, metric string) (iv Interval, ok bool) {
	if side == "" {
		side = t.Side
	}
	s, ok := t.cells[cell{side, point, metric}]
	return s.Interval, ok
}

// Ratio gives Value(point a) over Value(point b) of the side that is judged; not ok where one is missing or the
// second is 0.
func (t *Table) Ratio(a, b, metric string) (float64, bool) {
	x, okX := t.Value("", a, metric)
	y, okY := t.Value("", b, metric)
	if !okX || !okY || y.Value == 0 {
		return 0, false
	}
	return x.Value / y.Value, true
}

// safeName is what may name a file, a folder and a part of a benchmark's name.
var safeName = regexp.MustCompile(`^[\pL\pN][\pL\pN._-]*$`)

const allowedName = "letters, digits, dots, dashes and underscores, a letter or digit first"

// Validate says what is impossible about the experiment: which field, what it holds, what is allowed.
func (e *Experiment) Validate() error {
	switch {
	case !safeName.MatchString(e.Name):
		return fmt.Errorf("experiment name %q: use %s", e.Name, allowedName)
	case e.Title == "" || e.TitleZh == "" || e.Question == "":
		return fmt.Errorf("experiment %s: Title, TitleZh or Question is empty; give all three", e.Name)
	case len(e.Points) == 0 || len(e.Checks) == 0:
		return fmt.Errorf("experiment %s: it has %d points and %d checks; it needs at least one of each", e.Name, len(e.Points), len(e.Checks))
	case e.Reps < 3 || e.QuickReps < 3:
		return fmt.Errorf("experiment %s: Reps %d, QuickReps %d; an interval needs at least 3", e.Name, e.Reps, e.QuickReps)
	case e.QuickRun < 0:
		return fmt.Errorf("experiment %s: QuickRun %v is negative; use 0 or more", e.Name, e.QuickRun)
	}
	for i, p := range e.Points {
		if !safeName.MatchString(p.Name) || slices.ContainsFunc(e.Points[:i], func(q Point) bool { return q.Name == p.Name }) {
			return fmt.Errorf("experiment %s: point name %q is used twice or not possible; use %s", e.Name, p.Name, allowedName)
		}
		for _, quick := range []bool{false, true} {
			t := e.trial(i, 0, Options{Quick: quick})
			if err := t.Validate(); err != nil {
				return fmt.Errorf("experiment %s, point %s: %w", e.Name, p.Name, err)
			}
		}
	}
	if e.Timeline != "" && e.point(e.Timeline) < 0 {
		return fmt.Errorf("experiment %s: Timeline %q: there is no such point", e.Name, e.Timeline)
	}
	for i, c := range e.Checks {
		if err := e.validateCheck(i, c); err != nil {
			return err
		}
	}
	for i, c := range e.Claims {
		if err := e.validateClaim(i, c); err != nil {
			return err
		}
	}
	return nil
}

func (e *Experiment) validateCheck(i int, c Check) error {
	switch {
	case lab.MetricNamed(c.Metric) == nil:
		return fmt.Errorf("experiment %s: checks[%d]: metric %q is not in lab.Metrics", e.Name, i, c.Metric)
	case slices.ContainsFunc(e.Checks[:i], func(b Check) bool { return b.Metric == c.Metric }):
		return fmt.Errorf("experiment %s: checks[%d]: metric %q is checked twice", e.Name, i, c.Metric)
	case c.Tolerance < 0 || c.Tolerance >= 1:
		return fmt.Errorf("experiment %s: checks[%d]: tolerance %v; use 0 to below 1, or Factor", e.Name, i, c.Tolerance)
	case c.Factor != 0 && (c.Factor <= 1 || c.Tolerance != 0):
		return fmt.Errorf("experiment %s: checks[%d]: factor %v with tolerance %v; give one of them, a factor above 1", e.Name, i, c.Factor, c.Tolerance)
	case c.Points != nil && c.Tolerance == 0 && c.Factor == 0:
		return fmt.Errorf("experiment %s: checks[%d]: points are named, but neither tolerance nor factor is given", e.Name, i)
	}
	for _, name := range c.Points {
		if e.point(name) < 0 {
			return fmt.Errorf("experiment %s: checks[%d]: there is no point %q", e.Name, i, name)
		}
	}
	return nil
}

func (e *Experiment) validateClaim(i int, c Claim) error {
	switch {
	case c.ID == "" || slices.ContainsFunc(e.Claims[:i], func(b Claim) bool { return b.ID == c.ID }):
		return fmt.Errorf("experiment %s: claims[%d]: id %q is empty or used twice", e.Name, i, c.ID)
	case c.Statement == "" || c.RuleText == "" || c.Rule == nil:
		return fmt.Errorf("experiment %s: claim %s: Statement, RuleText or Rule is missing; give all three", e.Name, c.ID)
	case !slices.Contains(verdicts, c.Expect):
		return fmt.Errorf("experiment %s: claim %s: Expect %q; use one of %q", e.Name, c.ID, c.Expect, verdicts)
	case c.On != "" && c.On != lab.Predicted && c.On != Both:
		return fmt.Errorf("experiment %s: claim %s: On %q; use \"\", %q or %q", e.Name, c.ID, c.On, lab.Predicted, Both)
	}
	return nil
}

// metrics are those that a repetition is reduced to.
func (e *Experiment) metrics() []lab.Metric {
	if e.Whole {
		return slices.Concat(lab.Metrics, lab.LatencyQuantiles)
	}
	return lab.Metrics
}

// point gives the index of a point; -1: there is none of that name.
func (e *Experiment) point(name string) int {
	return slices.IndexFunc(e.Points, func(p Point) bool { return p.Name == name })
}

// Trial is the first repetition of the point of that name, of the first one if the name is empty, and that point. An
// error lists the points that there are.
func (e *Experiment) Trial(name string, o Options) (lab.Trial, *Point, error) {
	i := e.point(name)
	if name == "" {
		i = 0
	}
	if i < 0 {
		var names []string
		for _, p := range e.Points {
			names = append(names, p.Name)
		}
		return lab.Trial{}, nil, fmt.Errorf("experiment %s has no point %q; there are: %s", e.Name, name, strings.Join(names, ", "))
	}
	return e.trial(i, 0, o), &e.Points[i], nil
}

// trial is repetition rep of point i.
func (e *Experiment) trial(i, rep int, o Options) lab.Trial {
	p := &e.Points[i]
	t := lab.Trial{Workload: p.Workload, Knobs: p.Knobs, Seed: o.Seed + uint64(rep), Traced: p.Traced}
	if o.Quick && e.QuickRun > 0 && t.Workload.Run > 0 {
		t.Workload.Run = e.QuickRun
	}
	return t
}

// reps is the number of repetitions of every point.
func (e *Experiment) reps(quick bool) int {
	if quick {
		return e.QuickReps
	}
	return e.Reps
}
