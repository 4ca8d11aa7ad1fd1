package accuracy

import (
	"fmt"

	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/figure"
)

// Figure is the picture of a score: what was predicted against what was measured, family by family, everything as a time.
func (s *Score) Figure(o *experiments.Outcome) figure.Scatter {
	m := o.Measured
	f := figure.Scatter{Title: o.Experiment.Title + ": predicted against measured", Unit: "s", Caption: []string{
		"Latencies, periods, stops of the world and CPU for each request; of throughput the time for one request. Bars are the intervals of the medians of both sides.",
		fmt.Sprintf("Measured on %s (%s, %d cores), %s, seed %d.", m.Host.Name, m.Host.CPU, m.Host.Cores, m.Date, m.Seed), m.Command}}
	for _, family := range Families {
		p := figure.ScatterPanel{Title: family}
		for _, t := range s.Trials {
			if q, ok := t.asTime(); ok && t.Family == family {
				p.Points = append(p.Points, q)
			}
		}
		if len(p.Points) > 0 {
			f.Panels = append(f.Panels, p)
		}
	}
	return f
}

// asTime gives the point of a trial whose metric is a time, or a rate; not ok for others and where an end is 0.
func (t *Trial) asTime() (q figure.ScatterPoint, ok bool) {
	p, m := figure.Interval(t.Predicted), figure.Interval(t.Measured)
	switch t.Metric {
	case "heap_peak", "gc_cpu", "threads", "wasserstein":
		return q, false
	}
	if p.Low <= 0 || m.Low <= 0 {
		return q, false
	}
	if t.Metric == "throughput" {
		each := func(v figure.Interval) figure.Interval {
			return figure.Interval{Value: 1 / v.Value, Low: 1 / v.High, High: 1 / v.Low}
		}
		p, m = each(p), each(m)
	}
	return figure.ScatterPoint{Predicted: p, Measured: m}, true
}
