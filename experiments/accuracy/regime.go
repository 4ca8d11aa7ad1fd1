package accuracy

import (
	"math"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/stats"
)

// A regime says how a case fares: overloaded on either side, and under which names its latencies count.
type regime struct {
	predicted, measured bool
	prefix              string // "", "busy_" or "overload_"
}

// served is the share of the offered requests that have to end in the counted part for a side not to be overloaded, but for three
// standard deviations of the number that are due.
const served = 0.97

// offered is how many requests a second the observed open loops of a case ask for; 0: it has none.
func (c *Case) offered() (rate float64) {
	for i := range c.Workload.Classes {
		if k := &c.Workload.Classes[i]; !k.Background && (k.Arrivals.Kind == lab.Poisson || k.Arrivals.Kind == lab.Every) {
			rate += k.Arrivals.Rate
		}
	}
	return rate
}

// regime finds how both sides fare, on a machine with so many cores.
func (c *Case) regime(sides pair, cores int) (r regime) {
	rate := c.offered()
	if rate == 0 {
		return r
	}
	few := 3 / math.Sqrt(rate*c.Workload.Run.Seconds())
	over := func(reps []map[string]float64) bool {
		x := series(reps, named("/throughput:requests/s"))
		return len(x) > 0 && stats.Median(x) < (served-few)*rate
	}
	r.predicted, r.measured = over(sides.predicted), over(sides.measured)
	most := cores
	if n := c.Knobs.GOMAXPROCS; n > 0 {
		most = min(most, n)
	}
	used := series(sides.measured, named("/cpu/used:cores"))
	switch {
	case r.predicted || r.measured:
		r.prefix = "overload_"
	case len(used) > 0 && stats.Median(used) > Busy*float64(most):
		r.prefix = "busy_"
	}
	return r
}

// name is the name under which a metric of the case counts.
func (r regime) name(metric string) string {
	switch metric {
	case "p50", "p90", "p99":
		return r.prefix + metric
	}
	return metric
}
