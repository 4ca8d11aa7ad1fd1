package lab

import (
	"slices"
	"time"
)

// gcCounted gives the collections that began in the counted part.
func (r *Result) gcCounted() []GCCycle {
	from, to := r.window()
	var cycles []GCCycle
	for _, g := range r.GCs {
		if g.At >= from && g.At < to {
			cycles = append(cycles, g)
		}
	}
	return cycles
}

// gcCycles counts them. A run that does not use the heap tells of none.
func gcCycles(r *Result) (float64, bool) {
	return float64(len(r.gcCounted())), r.Trial.Workload.Allocates()
}

// gcMedian is the median over collections of what of tells of each.
func gcMedian(of func(*GCCycle) float64) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		var v []float64
		for _, g := range r.gcCounted() {
			v = append(v, of(&g))
		}
		return middle(v)
	}
}

// gcTrigger is the live heap when marking began: exact if the pacer has told of it, as it does where the heap then grew.
func gcTrigger(g *GCCycle) float64 {
	if g.Paced && g.Trigger < g.HeapEnd {
		return float64(g.Trigger)
	}
	return float64(g.HeapBegin)
}

// middle is the median, the mean of the two in the middle of an even number.
func middle(v []float64) (float64, bool) {
	n := len(v)
	if n == 0 {
		return 0, false
	}
	slices.Sort(v)
	return (v[(n-1)/2] + v[n/2]) / 2, true
}

// fewCycles is the least number of collections that tell of a period.
const fewCycles = 3

// gcPeriod is the median distance of the beginnings of successive collections.
func gcPeriod(r *Result) (float64, bool) {
	c := r.gcCounted()
	if len(c) < fewCycles {
		return 0, false
	}
	var v []float64
	for i := range c[1:] {
		v = append(v, (c[i+1].At - c[i].At).Seconds())
	}
	return middle(v)
}

// gcSpan is the time from the first beginning of a collection to the last one: whole periods.
func gcSpan(c []GCCycle) (time.Duration, bool) {
	if len(c) < fewCycles {
		return 0, false
	}
	d := c[len(c)-1].At - c[0].At
	return d, d > 0
}

// gcPeriodMean is the mean distance.
func gcPeriodMean(r *Result) (float64, bool) {
	c := r.gcCounted()
	d, ok := gcSpan(c)
	return d.Seconds() / float64(max(len(c)-1, 1)), ok
}

// gcPeak is the largest live heap of all collections.
func gcPeak(r *Result) (float64, bool) {
	var most uint64
	c := r.gcCounted()
	for i := range c {
		most = max(most, c[i].HeapEnd)
	}
	return float64(most), len(c) > 0
}

// gcShare is the CPU time of the collections in whole periods, as a share of that of all Ps. The Ps are counted as busy
// while the world is stopped, or stops.
func gcShare(idle bool) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		c := r.gcCounted()
		d, ok := gcSpan(c)
		if !ok {
			return 0, false
		}
		var cpu, all float64
		for i := range c[1:] {
			g := &c[i]
			cpu += (g.AssistCPU + g.WorkerCPU + pauseCPU(g)).Seconds()
			if idle {
				cpu += g.IdleCPU.Seconds()
			}
			all += (c[i+1].At - g.At).Seconds() * float64(g.Procs)
		}
		return cpu / all, d > 0
	}
}

func pauseCPU(g *GCCycle) time.Duration {
	return (g.StopSweep + g.StopMark) * time.Duration(g.Procs)
}

// gcSum is the sum over collections, in seconds.
func gcSum(of func(*GCCycle) time.Duration) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		var sum time.Duration
		c := r.gcCounted()
		for i := range c {
			sum += of(&c[i])
		}
		return sum.Seconds(), r.Trial.Workload.Allocates()
	}
}

// gcPause is a quantile of the stops of the world, two for each collection.
func gcPause(q float64) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		var d []time.Duration
		for _, g := range r.gcCounted() {
			d = append(d, g.StopSweep, g.StopMark)
		}
		slices.Sort(d)
		return rank(d, q)
	}
}

// poolMisses is the share of gets that found no buffer.
func poolMisses(r *Result) (float64, bool) {
	gets := r.Values["/pool/gets:count"]
	return r.Values["/pool/misses:count"] / max(gets, 1), gets > 0
}
