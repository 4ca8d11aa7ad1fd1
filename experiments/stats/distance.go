package stats

import (
	"math"
	"slices"
)

// Wasserstein is the distance of two samples: the area between their distribution functions, which is the mean distance between
// quantiles of the same rank, in their unit. Sizes may differ and the order does not matter; NaN if one is empty.
func Wasserstein(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return math.NaN()
	}
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	sum, i, j, at := 0.0, 0, 0, 0.0 // up to the share at of both
	for i < len(a) && j < len(b) {
		endA, endB := float64(i+1)/float64(len(a)), float64(j+1)/float64(len(b))
		next := min(endA, endB)
		sum += float64((next - at) * math.Abs(a[i]-b[j]))
		if at = next; endA <= next {
			i++
		}
		if endB <= next {
			j++
		}
	}
	return sum
}

// KolmogorovSmirnov is the largest difference of the distribution functions of two samples, 0 to 1; NaN if one is empty.
func KolmogorovSmirnov(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return math.NaN()
	}
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	most, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		most = max(most, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return most
}

// Mean of x; not ok if x is empty.
func Mean(x []float64) (mean float64, ok bool) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	return mean, len(x) > 0
}

// Modes are the two values that the repetitions of one setting keep to, where it is bistable, and how many are near the upper one.
type Modes struct {
	Lower, Upper float64 // medians
	Above, N     int     // repetitions near Upper, and all
}

// TwoModes finds the modes of at least 5 repetitions; not ok where there are none. There are two if a gap of three quarters of the range,
// and of a fifth of the median, parts two or more repetitions from two or more.
func TwoModes(x []float64) (m Modes, ok bool) {
	s := slices.Sorted(slices.Values(x))
	at := twoModes(s)
	if at == 0 {
		return Modes{}, false
	}
	return Modes{Lower: median(s[:at]), Upper: median(s[at:]), Above: len(s) - at, N: len(s)}, true
}

// Regret is what it costs to choose the setting that the prediction calls best: how much worse that measures than the best one, as a
// share of that. Right: they are the same, or their measured intervals overlap. More: more is better. With fewer than two settings
// there is nothing to choose: it is right then.
func Regret(predicted, measured []Interval, more bool) (regret float64, right bool) {
	if len(measured) < 2 {
		return 0, true
	}
	best := func(list []Interval) int {
		b := 0
		for i := range list {
			if more && list[i].Value > list[b].Value || !more && list[i].Value < list[b].Value {
				b = i
			}
		}
		return b
	}
	chosen, really := measured[best(predicted)], measured[best(measured)]
	if really.Value == 0 {
		return 0, chosen.Overlaps(really)
	}
	return math.Abs(chosen.Value-really.Value) / math.Abs(really.Value), chosen == really || chosen.Overlaps(really)
}
