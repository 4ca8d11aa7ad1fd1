package calibrate

import (
	"math"
	"slices"
	"time"

	"github.com/gmplab/lab"
)

// quantile gives the q-quantile of a sorted slice, linear between neighbours; 0 for none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	x := q * float64(len(sorted)-1)
	i := min(int(x), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (sorted[j]-sorted[i])*(x-float64(i))
}

// median leaves v as it is.
func median(v []float64) float64 {
	return quantile(slices.Sorted(slices.Values(v)), 0.5)
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
}

// constant is a value without spread, as one that is assumed has.
func constant(x float64) lab.Value { return lab.Value{P50: x, P10: x, P90: x} }

// nanosOf gives the cost whose values over rounds are v, never below 0.
func nanosOf(v []float64) lab.Nanos {
	v = slices.Sorted(slices.Values(v))
	at := func(q float64) float64 { return max(quantile(v, q), 0) }
	return lab.Nanos{P50: at(0.5), P10: at(0.1), P90: at(0.9)}
}

// empirical gives the distribution of the samples v (in nanoseconds) between their quantiles lo and hi, in n equally
// spaced quantiles. The last one is then moved, at most to where hi is and never below the one before it, so that the
// mean comes as near as possible to that of the samples: a straight line from the last quantile but one to a rare
// maximum would be far too heavy a tail. Fewer than two samples give the zero Dist.
func empirical(v []float64, n int, lo, hi float64) lab.Dist {
	if len(v) < 2 {
		return lab.Dist{}
	}
	v = slices.Sorted(slices.Values(v))
	q := make([]time.Duration, n)
	for i := range q {
		q[i] = time.Duration(max(quantile(v, lo+(hi-lo)*float64(i)/float64(n-1)), 0))
	}
	inside := v[int(lo*float64(len(v))):int(math.Ceil(hi*float64(len(v))))]
	var sum float64
	for _, x := range inside {
		sum += max(x, 0)
	}
	d := lab.Dist{Kind: lab.Empirical, Quantiles: q}
	excess := float64(d.Average()) - sum/float64(len(inside))
	last := q[n-1] - time.Duration(excess*2*float64(n-1))
	q[n-1] = min(max(last, q[n-2]), q[n-1])
	return d
}

// stallFrom is how much later than usual an idle core must run what it is given for that to be a stall: see Cost.Stall.
const stallFrom = 100 * time.Microsecond

// calm gives those of the latencies v, in nanoseconds, that are no stalls.
func calm(v []float64) []float64 {
	limit := median(v) + float64(stallFrom)
	return slices.DeleteFunc(slices.Clone(v), func(x float64) bool { return x >= limit })
}

// isotonic gives the non-descending sequence nearest to v in squares (pool adjacent violators).
func isotonic(v []float64) []float64 {
	type block struct {
		sum float64
		n   int
	}
	var blocks []block
	for _, x := range v {
		blocks = append(blocks, block{x, 1})
		for k := len(blocks) - 1; k > 0; k-- {
			a, b := blocks[k-1], blocks[k]
			if a.sum/float64(a.n) <= b.sum/float64(b.n) {
				break
			}
			blocks = append(blocks[:k-1], block{a.sum + b.sum, a.n + b.n})
		}
	}
	var out []float64
	for _, b := range blocks {
		for range b.n {
			out = append(out, b.sum/float64(b.n))
		}
	}
	return out
}
