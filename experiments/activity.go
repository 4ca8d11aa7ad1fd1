package experiments

import (
	"math"
	"slices"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/stats"
)

// An ActivityRow compares one number that two Activities have.
type ActivityRow struct {
	Name  string   `json:"name"` // as of a metric: its unit stands after the colon
	Help  string   `json:"help"`
	Sim   float64  `json:"sim"`
	Real  float64  `json:"real"`
	Error *float64 `json:"error"` // (sim-real)/real; nil: not defined
}

// quantiles are those shown of a distribution.
var shownQuantiles = []struct {
	name string
	q    float64
}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}}

// CompareActivity compares a simulated run with a real one: how many goroutines were in each state on average, how long a
// ready goroutine waited for a P, how long one ran at a stretch, how often one began to run and how often on another P.
// States in which neither side spent a thousandth of a goroutine are left out.
func CompareActivity(sim, real lab.Activity) []ActivityRow {
	var rows []ActivityRow
	add := func(name, help string, s, r float64) {
		row := ActivityRow{Name: name, Help: help, Sim: s, Real: r}
		if e, ok := stats.RelativeError(s, r); ok {
			row.Error = &e
		}
		rows = append(rows, row)
	}
	mean := func(name, help string, of func(*lab.Activity) time.Duration) {
		s, r := perSpan(of(&sim), sim.Span), perSpan(of(&real), real.Span)
		if s >= 0.001 || r >= 0.001 {
			add("/goroutines/"+name+":goroutines", help, s, r)
		}
	}
	mean("running", "Goroutines that ran, on average.", func(a *lab.Activity) time.Duration { return a.Running })
	mean("runnable", "Goroutines that were ready and waited for a P, on average.", func(a *lab.Activity) time.Duration { return a.Runnable })
	mean("in-call", "Goroutines in a C or system call, on average.", func(a *lab.Activity) time.Duration { return a.InCall })
	for why := lab.NoReason; why <= lab.OtherReason; why++ {
		mean("waiting-"+why.String(), "Goroutines that waited for that, on average.", func(a *lab.Activity) time.Duration { return a.Waiting[why] })
	}
	add("/ps/busy:ps", "Ps in the hands of a thread, on average.", perSpan(sim.PsBusy, sim.Span), perSpan(real.PsBusy, real.Span))
	rate := func(a *lab.Activity) float64 { return perSpan(time.Duration(a.Starts)*time.Second, a.Span) }
	add("/sched/starts:starts/s", "How often a ready goroutine began to run.", rate(&sim), rate(&real))
	add("/sched/moves:ratio", "Share of these on another P than it ran on before.", share(&sim), share(&real))
	for _, d := range []struct {
		name, help string
		of         func(*lab.Activity) []time.Duration
	}{
		{"latency", "Time from ready to running.", func(a *lab.Activity) []time.Duration { return a.Latency }},
		{"slice", "Time that a goroutine ran at a stretch.", func(a *lab.Activity) []time.Duration { return a.Slices }},
	} {
		s, r := d.of(&sim), d.of(&real)
		for _, q := range shownQuantiles {
			add("/sched/"+d.name+"/"+q.name+":seconds", d.help, at(s, q.q), at(r, q.q))
		}
		add("/sched/"+d.name+"/mean:seconds", d.help, average(s), average(r))
	}
	return slices.Clip(rows)
}

func perSpan(d, span time.Duration) float64 {
	if span <= 0 {
		return 0
	}
	return float64(d) / float64(span)
}

func share(a *lab.Activity) float64 { return float64(a.Moves) / float64(max(a.Starts, 1)) }

// at is the q-quantile of an ascending slice, by the nearest rank; 0 for none.
func at(d []time.Duration, q float64) float64 {
	if len(d) == 0 {
		return 0
	}
	return d[min(max(int(math.Ceil(q*float64(len(d))))-1, 0), len(d)-1)].Seconds()
}

func average(d []time.Duration) float64 {
	sum := time.Duration(0)
	for _, x := range d {
		sum += x
	}
	return sum.Seconds() / float64(max(len(d), 1))
}
