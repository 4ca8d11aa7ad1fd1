package experiments

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gmplab/lab"
)

// Options say how an experiment is run, and by whom.
type Options struct {
	Seed     uint64     // repetition r runs with Seed + r on both sides
	Quick    bool       // QuickReps repetitions of QuickRun instead of Reps in full length
	Side     string     // lab.Predicted, lab.Measured or Both
	Cost     lab.Cost   // what the prediction is charged
	Predict  lab.Runner // the simulator; unused when only measuring
	Measure  lab.Runner // the real run; unused when only predicting
	Host     lab.Host   // the machine on which Measure runs
	Command  string     // the command line, for the reader of the report
	Progress func(done, total int, what string)

	Journal *Journal // keeps what has been measured so far, and knows what was measured before; nil: none. An experiment with a Timeline cannot have one
}

// A Sample is one repetition of one point on one side, reduced to its metrics.
type Sample struct {
	Point  int // index into Experiment.Points
	Rep    int // 0, 1, …
	Values map[string]float64
}

// A Source says where the samples of one side come from.
type Source struct {
	Side    string   `json:"side"`
	Host    lab.Host `json:"host"`              // predicted: the machine whose costs were charged
	Seed    uint64   `json:"seed"`              // of repetition 0
	Quick   bool     `json:"quick,omitempty"`   // a quick run
	Command string   `json:"command"`           // how to make them again
	Date    string   `json:"date,omitempty"`    // measured: when, RFC 3339
	Made    string   `json:"made,omitempty"`    // predicted: when the costs were measured, RFC 3339
	Cost    string   `json:"cost,omitempty"`    // sha256 of the costs as JSON; measured: of those of the prediction that had been decided
	Against string   `json:"against,omitempty"` // measured: sha256 of the prediction that had been decided when it began; empty: none
	Notes   []string `json:"notes,omitempty"`   // what the Runner wants the reader to know
	Samples []Sample `json:"-"`                 // by point, then repetition

	costs []byte // predicted here: the costs as JSON, of which Cost is the sum

	GCs []lab.GCCycle `json:"-"` // of the first repetition of Experiment.Timeline, in the window that is drawn and right beside it
}

// Run predicts and measures an experiment, one or both as o.Side says, and compares. All predictions are made before
// the first measurement; o.Progress is told their SHA-256 in between. Measurements come in rounds, one repetition of
// every point a round, in an order that the seed shuffles. It returns ctx.Err() when ctx is done and the first error
// of a Runner, with the point and repetition where it happened.
func Run(ctx context.Context, e *Experiment, o Options) (*Outcome, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	doPredict, doMeasure := o.Side != lab.Measured, o.Side != lab.Predicted
	switch {
	case !slices.Contains(Sides, o.Side):
		return nil, fmt.Errorf("side %q is unknown; use one of %q", o.Side, Sides)
	case doPredict && o.Predict == nil:
		return nil, fmt.Errorf("experiment %s: no Runner to predict with; set Options.Predict or choose side %q", e.Name, lab.Measured)
	case doMeasure && o.Measure == nil:
		return nil, fmt.Errorf("experiment %s: no Runner to measure with; set Options.Measure or choose side %q", e.Name, lab.Predicted)
	}
	if o.Journal != nil && e.Timeline != "" {
		return nil, fmt.Errorf("experiment %s: its timeline is not kept by a journal; run it without one", e.Name)
	}
	r := &run{e: e, o: o, reps: e.reps(o.Quick)}
	if doPredict {
		r.total += len(e.Points) * r.reps
	}
	for _, p := range e.Points {
		if doMeasure && p.Predict == nil {
			r.total += r.reps
		}
	}
	var predicted, measured *Source
	var sum string
	var err error
	if doPredict {
		if predicted, err = r.predict(ctx); err != nil {
			return nil, err
		}
		if sum, err = hash(e, predicted); err != nil {
			return nil, err
		}
		r.tell(0, "prediction decided, sha256 "+sum)
		if err := o.Journal.decided(sum); err != nil {
			return nil, err
		}
	}
	if doMeasure {
		if measured, err = r.measure(ctx); err != nil {
			return nil, err
		}
		measured.Against = sum
		if predicted != nil {
			measured.Cost = predicted.Cost
		}
	}
	return conclude(e, predicted, measured)
}

// run is one call of Run.
type run struct {
	e           *Experiment
	o           Options
	reps        int
	mu          sync.Mutex // progress is told one at a time
	done, total int
}

func (r *run) tell(more int, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += more
	if r.o.Progress != nil {
		r.o.Progress(r.done, r.total, what)
	}
}

// one runs one trial and keeps its metrics only.
func (r *run) one(ctx context.Context, src *Source, runner lab.Runner, point, rep int) (s Sample, notes []string, err error) {
	side := src.Side
	what := fmt.Sprintf("%s %s %d/%d", side, r.e.Points[point].Name, rep+1, r.reps)
	if err := ctx.Err(); err != nil {
		return s, nil, err
	}
	r.tell(0, what)
	res, err := runner(ctx, r.e.trial(point, rep, r.o))
	if ctx.Err() != nil {
		return s, nil, ctx.Err()
	}
	if err != nil {
		return s, nil, fmt.Errorf("%s %s, point %s, repetition %d: %w", r.e.Name, side, r.e.Points[point].Name, rep, err)
	}
	r.tell(1, what)
	if rep == 0 && r.e.Timeline == r.e.Points[point].Name {
		src.GCs = r.e.shown(res.GCs, r.o.Quick) // no other repetition writes it
	}
	return Sample{Point: point, Rep: rep, Values: reduce(r.e.metrics(), res)}, res.Notes, nil
}

// reduce derives those metrics that a Result has.
func reduce(metrics []lab.Metric, res *lab.Result) map[string]float64 {
	values := map[string]float64{}
	for i := range metrics {
		m := &metrics[i]
		if v, ok := m.Of(res); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			values[m.Name] = v
		}
	}
	return values
}

// predict runs the simulator on all points and repetitions; each is independent of the others, so they run side by
// side and the outcome does not depend on how many do.
func (r *run) predict(ctx context.Context) (*Source, error) {
	cost, err := json.Marshal(r.o.Cost)
	if err != nil {
		return nil, fmt.Errorf("experiment %s: the costs cannot be written down: %w", r.e.Name, err)
	}
	sum := sha256.Sum256(cost)
	src := &Source{Side: lab.Predicted, costs: cost, Host: r.o.Cost.Host, Seed: r.o.Seed, Quick: r.o.Quick, Made: r.o.Cost.Made,
		Cost: hex.EncodeToString(sum[:]), Command: fmt.Sprintf("gmplab predict %s -seed %d", r.e.Name, r.o.Seed)}
	if r.o.Quick {
		src.Command += " -quick"
	}
	if r.o.Cost.Refreshed != "" || len(r.o.Cost.Assumed()) > 0 { // only the run itself knew these costs
		src.Command = r.o.Command
	}
	src.Samples = make([]Sample, len(r.e.Points)*r.reps)
	notes := make([][]string, len(src.Samples))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range src.Samples {
		group.Go(func() (err error) {
			point, rep := i/r.reps, i%r.reps
			runner := r.o.Predict
			if p := r.e.Points[point].Predict; p != nil {
				runner = p(r.o.Cost)
			}
			src.Samples[i], notes[i], err = r.one(ctx, src, runner, point, rep)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	src.note(append(notes, []string{r.o.Cost.State()}, r.o.Cost.Assumed())...)
	return src, nil
}

// measure runs the points for real, one after the other, but for those that the journal of a former call knows.
func (r *run) measure(ctx context.Context) (*Source, error) {
	src := &Source{Side: lab.Measured, Host: r.o.Host, Seed: r.o.Seed, Quick: r.o.Quick, Command: r.o.Command,
		Date: time.Now().UTC().Format(time.RFC3339)}
	j := r.o.Journal
	if j != nil && j.Done() > 0 {
		r.tell(0, fmt.Sprintf("%d repetitions were measured before; going on", j.Done()))
		src.note([]string{fmt.Sprintf("The measurement was stopped after %d repetitions and went on at %s.", j.Done(), src.Date)})
		src.Date = j.head.Date
	}
	for rep := range r.reps {
		for _, point := range shuffled(len(r.e.Points), r.o.Seed, rep) {
			if r.e.Points[point].Predict != nil {
				continue
			}
			if old, ok := j.find(point, rep); ok {
				src.Samples = append(src.Samples, Sample{Point: point, Rep: rep, Values: old.Values})
				src.note(old.Notes)
				r.tell(1, "measured before")
				continue
			}
			s, notes, err := r.one(ctx, src, r.o.Measure, point, rep)
			if err == nil {
				err = j.keep(r.e, s, notes)
			}
			if err != nil {
				return nil, err
			}
			src.Samples = append(src.Samples, s)
			src.note(notes)
		}
	}
	slices.SortFunc(src.Samples, bySample)
	return src, nil
}

func bySample(a, b Sample) int {
	if a.Point != b.Point {
		return a.Point - b.Point
	}
	return a.Rep - b.Rep
}

// shuffled gives 0 … n-1 in the order of one round.
func shuffled(n int, seed uint64, round int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	s := lab.NewStream(seed, "order of points", uint64(round))
	for i := n - 1; i > 0; i-- {
		j := int(s.Uint32n(uint32(i + 1)))
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// note keeps each note once, as one line, in the order of the first time it was said.
func (src *Source) note(lists ...[]string) {
	for _, notes := range lists {
		for _, n := range notes {
			if n = oneLine(n); n != "" && !slices.Contains(src.Notes, n) {
				src.Notes = append(src.Notes, n)
			}
		}
	}
}
