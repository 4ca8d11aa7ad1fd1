// Package stats holds the few statistics that the comparison of a prediction with a measurement needs: an interval
// for the median that is honest for three to twelve repetitions, agreement within a tolerance, agreement of rankings,
// a bootstrap for scores over many points; and what replications of a simulation need: Student's interval, the warm-up
// by MSER-5, and a test for a level that grows.
package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gmplab/lab"
)

// Level is the coverage that intervals aim for.
const Level = 0.95

// An Interval is a value with the range in which it may lie, in the unit of its metric.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Overlaps tells whether two intervals share a point.
func (a Interval) Overlaps(b Interval) bool { return a.Low <= b.High && b.Low <= a.High }

// A Summary is what the repetitions of one quantity say. Warnings are no errors: they are shown beside the numbers.
type Summary struct {
	Interval          // the median and the interval between two order statistics
	N        int      // repetitions
	Coverage float64  // probability that the interval holds the true median, whatever the distribution
	Warnings []string // what the reader must know; one sentence each
}

// Summarize gives the median of x and the narrowest interval between the k-th smallest and the k-th largest value
// that covers the true median with probability Level or more. With fewer than 6 values there is none: then it is the
// range of all of them, and Coverage says what that is worth (5 values: 0.94, 4: 0.88, 3: 0.75). It needs no
// assumption but independent repetitions. With no value at all the Summary is zero.
func Summarize(x []float64) Summary {
	n := len(x)
	if n == 0 {
		return Summary{}
	}
	s := slices.Sorted(slices.Values(x))
	k := 1
	for k+1 <= n/2 && Coverage(n, k+1) >= Level {
		k++
	}
	sum := Summary{
		Interval: Interval{Value: median(s), Low: s[k-1], High: s[n-k]},
		N:        n,
		Coverage: Coverage(n, k),
	}
	if n < 3 {
		sum.Warnings = append(sum.Warnings, fmt.Sprintf("%d repetitions say nothing about the spread; use 3 or more.", n))
	}
	if at := twoModes(s); at > 0 {
		sum.Warnings = append(sum.Warnings, fmt.Sprintf("two modes: %d runs near %.3g and %d near %.3g; the median stands for neither.",
			at, median(s[:at]), n-at, median(s[at:])))
	}
	return sum
}

// Coverage is the probability that the k-th smallest and the k-th largest of n independent values have the true
// median between them: 1 - 2·P(Binomial(n, 1/2) < k).
func Coverage(n, k int) float64 {
	b := distuv.Binomial{N: float64(n), P: 0.5}
	return max(0, 1-2*b.CDF(float64(k-1)))
}

// median of sorted values: the middle one, or the mean of the two in the middle.
func median(s []float64) float64 {
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// Median of x, which may be in any order; NaN if x is empty.
func Median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	return median(slices.Sorted(slices.Values(x)))
}

// twoModes tells how many of at least 5 sorted values lie below a gap that is three quarters of their range and a fifth
// of their median, with two or more values on either side; 0: there is no such gap. Neighbouring counts are no modes.
func twoModes(s []float64) int {
	n, gap, at, whole := len(s), 0.0, 0, true
	for i := range s {
		whole = whole && s[i] == math.Trunc(s[i])
		if i > 0 && s[i]-s[i-1] > gap {
			gap, at = s[i]-s[i-1], i
		}
	}
	if n < 5 || at < 2 || at > n-2 || gap <= 0.75*(s[n-1]-s[0]) || gap <= 0.2*math.Abs(median(s)) || (whole && gap <= 1) {
		return 0
	}
	return at
}

// RelativeError is (predicted - measured) / measured; not ok where the measured value is 0 and the predicted is not.
func RelativeError(predicted, measured float64) (e float64, ok bool) {
	if predicted == measured {
		return 0, true
	}
	if measured == 0 {
		return 0, false
	}
	return (predicted - measured) / math.Abs(measured), true
}

// WithinFactor tells whether the larger of two positive values is at most factor times the smaller.
func WithinFactor(a, b, factor float64) bool {
	return a == b || (a > 0 && b > 0 && max(a, b) <= factor*min(a, b))
}

// An Inversion is a pair of points that the measurement orders one way and the prediction the other.
type Inversion struct{ Less, More int } // indices: measured Less < More, predicted the other way round

// Ranking compares two rankings of the same points. Points whose measured intervals overlap are ties and may come in
// any order; of all others the predicted values must stand in the measured order. No Inversion: the rankings agree.
func Ranking(predicted, measured []Interval) []Inversion {
	var inv []Inversion
	for i := range measured {
		for j := range measured {
			if measured[i].High < measured[j].Low && predicted[i].Value >= predicted[j].Value {
				inv = append(inv, Inversion{i, j})
			}
		}
	}
	return inv
}

// Bootstrap gives the statistic of x with its percentile interval of that level over so many resamples. The same seed
// gives the same interval. For fewer than about 6 values it is too narrow: there use Summarize.
func Bootstrap(x []float64, of func([]float64) float64, level float64, rounds int, seed uint64) Interval {
	if len(x) == 0 || rounds < 1 {
		return Interval{}
	}
	s := lab.NewStream(seed, "bootstrap", 0)
	resample, values := make([]float64, len(x)), make([]float64, rounds)
	for r := range values {
		for i := range resample {
			resample[i] = x[s.Uint32n(uint32(len(x)))]
		}
		values[r] = of(resample)
	}
	slices.Sort(values)
	return Interval{
		Value: of(x),
		Low:   stat.Quantile((1-level)/2, stat.Empirical, values, nil),
		High:  stat.Quantile((1+level)/2, stat.Empirical, values, nil),
	}
}
