package experiments

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/stats"
)

// A Precision says how exactly Replicate is to know the mean latency, and what it may spend on that.
type Precision struct {
	Relative float64 // wanted half width of the 95 % interval of the mean, over the mean; 0: 0.05
	Min      int     // replications in any case, at least 5: on them warm-up and saturation are judged first; 0: 10
	Max      int     // replications at most; 0: 20 times Min
}

// A Replication is what independent runs of one Trial say about its steady state. Intervals are Student's at 95 % over the
// replications.
type Replication struct {
	Runs      int         // replications run, with the seeds Trial.Seed, Trial.Seed+1, …
	Saturated bool        // the number in the system grows as long as the run lasts: there is no steady state, and no latency below
	InSystem  stats.Trend // of the requests in the system over the counted part, on which Saturated rests

	Warmup  time.Duration // dropped from the beginning of the counted part, beside the workload's own warm-up
	Mean    Interval      // latency, seconds
	P50     Interval      // its quantiles, seconds: the mean over the replications of each one's own
	P90     Interval
	P99     Interval
	Reached bool // the mean is as precise as was wanted

	Warnings []string // what the reader of the numbers must know; one sentence each
}

// String says in a line what was found.
func (r *Replication) String() string {
	if r.Saturated {
		return fmt.Sprintf("saturated: the requests in the system, %.3g on average, grow by %.3g (at least %.3g) over the counted part; %d runs",
			r.InSystem.Mean, r.InSystem.Growth, r.InSystem.Low, r.Runs)
	}
	ms := func(iv Interval) string {
		return fmt.Sprintf("%.4g ms (%.4g–%.4g)", 1e3*iv.Value, 1e3*iv.Low, 1e3*iv.High)
	}
	return fmt.Sprintf("mean %s, p50 %s, p90 %s, p99 %s; %d runs, %v dropped from each", ms(r.Mean), ms(r.P50), ms(r.P90), ms(r.P99),
		r.Runs, r.Warmup)
}

// steadyMetrics are the latencies that Replicate estimates, the one that decides when it stops first.
var steadyMetrics = [4]string{"/latency/mean:seconds", "/latency/p50:seconds", "/latency/p90:seconds", "/latency/p99:seconds"}

// What Replicate needs to judge a run.
const (
	minRuns     = 5
	minRequests = 50 // ten batches of MSER-5
	batches     = 20 // of the number in the system
	pilotMost   = 4  // times Min replications to judge warm-up and saturation
)

// Replicate runs a trial with one seed after the other, on all cores, until the mean latency of its steady state is known
// to the wanted precision. The runner must predict: runs that measure would disturb each other.
//
//   - Warm-up: the latencies of the counted requests in the order of completion, averaged over the first Min replications
//     request by request, go through MSER-5 (stats.MSER5; averaging first is what Hoad, Robinson and Davies 2010 recommend).
//     When so many requests are done, on average over those replications, the warm-up ends, at the latest in the middle of the
//     counted part; requests due before it are dropped from every replication.
//   - Saturation: if in the rest of the counted part the number in the system grows (stats.Growth, of 20 equal batches of the
//     same replications), the outcome is Saturated and no latency: it would grow with the length of the run. Where MSER-5
//     would drop a third or more nothing has settled, and the whole counted part is asked. Arrivals count as the trial
//     prescribes them, served or not. While the number seems to grow but the replications do not yet agree, or nothing has
//     settled, both rules are asked again of twice as many, up to four times Min; what remains open then is a warning. A run
//     too short to leave its warm-up looks the same as a saturated one: of 50 sets of M/M/1 runs that start empty and last for
//     20,000 services none was called saturated at 70, 90 and 95 % load, and 44 at capacity itself.
//   - Stopping: after Min replications, and then after as many more as the spread so far asks for, but a quarter to all of
//     those there are, until the half width of the interval is at most Relative times the mean or Max are done. How many run
//     at a time changes nothing in the outcome.
//
// It returns ctx.Err() when ctx is done, the first error of the runner, and an error for a precision or a trial from which
// no steady state can be had.
func Replicate(ctx context.Context, runner lab.Runner, trial lab.Trial, want Precision) (*Replication, error) {
	want, err := want.filled()
	switch {
	case err != nil:
		return nil, err
	case runner == nil:
		return nil, fmt.Errorf("replicate: no Runner given; pass one that predicts, such as sim.Runner")
	case trial.Workload.Run == 0:
		return nil, fmt.Errorf("replicate: workload.run is 0; give it a length, since a run that ends by itself has no steady state")
	}
	if err := trial.Validate(); err != nil {
		return nil, fmt.Errorf("replicate: %w", err)
	}
	s := &sampler{runner: runner, trial: trial}
	r := &Replication{Runs: want.Min}
	if err := s.pilot(ctx, r, min(pilotMost*want.Min, want.Max)); err != nil {
		return nil, err
	}
	if r.Saturated {
		return r, nil
	}
	for n := r.Runs; ; {
		r.Runs = n
		for i, iv := range []*Interval{&r.Mean, &r.P50, &r.P90, &r.P99} {
			*iv = stats.Student(s.values[i], stats.Level)
		}
		half := r.Mean.High - r.Mean.Value
		if r.Reached = half <= want.Relative*r.Mean.Value; r.Reached {
			return r, nil
		}
		if n == want.Max {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%d replications know the mean to ±%.2g %%, not to the wanted ±%.2g %%; allow more or lengthen the run.",
				n, 100*half/r.Mean.Value, 100*want.Relative))
			return r, nil
		}
		short := half / (want.Relative * r.Mean.Value)
		n = min(want.Max, max(n+n/4, int(math.Ceil(min(2, short*short)*float64(n)))))
		if err := s.more(ctx, n); err != nil {
			return nil, err
		}
	}
}

// filled gives the precision with its defaults written out, or says what is impossible about it.
func (p Precision) filled() (Precision, error) {
	if p.Relative == 0 {
		p.Relative = 0.05
	}
	if p.Min == 0 {
		p.Min = 10
	}
	if p.Max == 0 {
		p.Max = 20 * p.Min
	}
	switch {
	case !(p.Relative > 0 && p.Relative < 1):
		return p, fmt.Errorf("replicate: relative precision %v; use a share above 0 and below 1, or 0 for 0.05", p.Relative)
	case p.Min < minRuns:
		return p, fmt.Errorf("replicate: at least %d replications are asked for; use %d or more, or 0 for 10", p.Min, minRuns)
	case p.Max < p.Min:
		return p, fmt.Errorf("replicate: at most %d replications are allowed but %d are asked for; raise Max or lower Min", p.Max, p.Min)
	}
	return p, nil
}

// A sampler is one call of Replicate.
type sampler struct {
	runner lab.Runner
	trial  lab.Trial
	warmup time.Duration
	values [len(steadyMetrics)][]float64 // by replication
}

// each runs the replications from a number up to another, as many at a time as there are cores; use gets each one's result.
func (s *sampler) each(ctx context.Context, from, to int, use func(rep int, r *lab.Result) error) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for rep := from; rep < to; rep++ {
		group.Go(func() error {
			if err := inner.Err(); err != nil {
				return err
			}
			t := s.trial
			t.Seed += uint64(rep)
			r, err := s.runner(inner, t)
			if err == nil {
				err = use(rep, r)
			}
			if err != nil {
				return fmt.Errorf("replicate: replication %d, seed %d: %w", rep, t.Seed, err)
			}
			return nil
		})
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// pilot runs the first replications, r.Runs or up to most, and finds the warm-up and whether there is a steady state; if there
// is, it keeps their numbers.
func (s *sampler) pilot(ctx context.Context, r *Replication, most int) error {
	var runs []*lab.Result
	for {
		from := len(runs)
		runs = append(runs, make([]*lab.Result, r.Runs-from)...)
		if err := s.each(ctx, from, r.Runs, func(rep int, res *lab.Result) error {
			runs[rep] = res
			return nil
		}); err != nil {
			return err
		}
		short, err := s.findWarmup(runs)
		if err != nil {
			return err
		}
		settled := s.warmup
		if short {
			settled = 0
		}
		numbers := make([][]float64, len(runs))
		for i, res := range runs {
			numbers[i], _ = numberIn(res, settled)
		}
		r.InSystem = stats.Growth(numbers)
		if r.Saturated = r.InSystem.Grows; r.Saturated {
			return nil
		}
		seems := r.InSystem.Growth >= stats.TrendShare*r.InSystem.Mean && r.InSystem.Growth > 0
		if (seems || short) && r.Runs < most {
			r.Runs = min(2*r.Runs, most)
			continue
		}
		if seems {
			r.Warnings = append(r.Warnings, fmt.Sprintf("whether it is saturated is open: %d replications do not agree on whether the number in the system grows; allow more or lengthen the run.", r.Runs))
		}
		if r.Warmup = s.warmup; short {
			r.Warnings = append(r.Warnings, "MSER-5 would drop a third of the requests or more: the run is too short to tell where its warm-up ends.")
		}
		break
	}
	s.grow(len(runs))
	for rep, res := range runs {
		if err := s.keep(rep, res); err != nil {
			return fmt.Errorf("replicate: replication %d, seed %d: %w", rep, res.Trial.Seed, err)
		}
	}
	return nil
}

// findWarmup sets the warm-up to drop by these runs; short: there may be more of it than that.
func (s *sampler) findWarmup(runs []*lab.Result) (short bool, err error) {
	var mean []float64 // latency of the k-th request that is done
	var ends []float64 // when it is
	for i, res := range runs {
		counted := countedRequests(res)
		if len(counted) < minRequests {
			return false, fmt.Errorf("replicate: replication %d counts %d requests; lengthen workload.run so that each counts %d or more",
				i, len(counted), minRequests)
		}
		if i == 0 {
			mean, ends = make([]float64, len(counted)), make([]float64, len(counted))
		}
		n := min(len(mean), len(counted))
		mean, ends = mean[:n], ends[:n]
		for k := range mean {
			mean[k] += (counted[k].End - counted[k].Due).Seconds() / float64(len(runs))
			ends[k] += float64(counted[k].End-s.trial.Workload.Warmup) / float64(len(runs))
		}
	}
	drop, short := stats.MSER5(mean)
	if s.warmup = 0; drop > 0 {
		s.warmup = min(max(0, time.Duration(ends[drop-1])), s.trial.Workload.Run/2)
	}
	return short, nil
}

// countedRequests are those of a result that its latencies are made of, in the order of completion.
func countedRequests(r *lab.Result) (counted []lab.Request) {
	w := &r.Trial.Workload
	for _, q := range r.Requests {
		if !w.Classes[q.Class].Background && q.Due >= w.Warmup && q.Due < w.Warmup+w.Run {
			counted = append(counted, q)
		}
	}
	return counted
}

// numberIn gives the average number of requests in the system in each batch of the counted part after the warm-up, and how
// many never ended. Arrivals of open-loop classes are those of the trial, whether they were served or not.
func numberIn(r *lab.Result, warmup time.Duration) (number []float64, missing int) {
	w := &r.Trial.Workload
	from := w.Warmup + warmup
	length := (w.Run - warmup).Seconds() / batches
	number = make([]float64, batches)
	add := func(at time.Duration, by float64) { // by more from then on
		x := max(0, (at-from).Seconds()/length)
		k := int(x)
		if k >= batches {
			return
		}
		number[k] += by * (float64(k+1) - x)
		for k++; k < batches; k++ {
			number[k] += by
		}
	}
	for class := range w.Classes {
		c := &w.Classes[class]
		if open := c.Arrivals.Kind == lab.Poisson || c.Arrivals.Kind == lab.Every; !open || c.Background {
			continue
		}
		due := w.Due(class, r.Trial.Seed)
		for at := due.Next(); at < w.Warmup+w.Run; at = due.Next() {
			add(at, 1)
			missing++
		}
	}
	for _, q := range r.Requests {
		c := &w.Classes[q.Class]
		if c.Background {
			continue
		}
		if c.Arrivals.Kind == lab.Poisson || c.Arrivals.Kind == lab.Every {
			missing--
		} else {
			add(q.Due, 1)
		}
		add(q.End, -1)
	}
	return number, missing
}

// more runs replications until there are n, and keeps their numbers.
func (s *sampler) more(ctx context.Context, n int) error {
	from := len(s.values[0])
	s.grow(n)
	return s.each(ctx, from, n, s.keep)
}

func (s *sampler) grow(n int) {
	for i := range s.values {
		s.values[i] = append(s.values[i], make([]float64, n-len(s.values[i]))...)
	}
}

// keep derives the numbers of one replication, by the table that all sides use.
func (s *sampler) keep(rep int, res *lab.Result) error {
	if _, missing := numberIn(res, 0); missing > 0 || res.Dropped > 0 {
		return fmt.Errorf("%d requests were still open %v after the counted part, and how long they took is unknown; shorten what a request does",
			max(missing, res.Dropped), lab.DrainLimit)
	}
	r := *res
	r.Trial.Workload.Warmup += s.warmup
	r.Trial.Workload.Run -= s.warmup
	for i, name := range steadyMetrics {
		v, ok := lab.MetricNamed(name).Of(&r)
		if !ok {
			return fmt.Errorf("no request is left after a warm-up of %v; lengthen workload.run", s.warmup)
		}
		s.values[i][rep] = v
	}
	return nil
}
