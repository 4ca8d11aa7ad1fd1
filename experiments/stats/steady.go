package stats

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Steady state: what to drop from the beginning of a run, whether there is a steady state at all, and the interval of a
// mean over independent replications.

// Student gives the mean of x with Student's t interval of that level, for independent values that are about normal, as
// the means of replications are. With fewer than 2 values the interval is infinite; with none the mean is 0.
func Student(x []float64, level float64) Interval {
	if len(x) == 0 {
		return Interval{Low: math.Inf(-1), High: math.Inf(1)}
	}
	mean := stat.Mean(x, nil)
	half := studentHalf(x, (1+level)/2)
	return Interval{Value: mean, Low: mean - half, High: mean + half}
}

// studentHalf is the q-quantile of Student's t with len(x)-1 degrees of freedom, times the standard error of the mean.
func studentHalf(x []float64, q float64) float64 {
	n := float64(len(x))
	if n < 2 {
		return math.Inf(1)
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(q) * stat.StdErr(stat.StdDev(x, nil), n)
}

// mserBatch is the batch size that gives MSER-5 its name.
const mserBatch = 5

// MSER5 tells how many values to drop from the beginning of a sequence so that the rest is in steady state. It averages
// batches of five, and drops the d batches for which the squared standard error of the mean of the rest,
// Σ(y_i - ȳ)²/(n-d)², is smallest, as if what remains were independent (White 1997; White, Cobb and Spratt 2000). At most
// half of the batches are dropped. short: a third or more are; so near the limit the rule follows whatever bump there is, and
// the sequence is too short to tell where its steady state begins, if it has one.
func MSER5(x []float64) (drop int, short bool) {
	n := len(x) / mserBatch
	y := make([]float64, n)
	for i := range y {
		y[i] = stat.Mean(x[i*mserBatch:(i+1)*mserBatch], nil)
	}
	best, at := math.Inf(1), 0
	mean, squares, m := 0.0, 0.0, 0.0 // of y[d:], by Welford's recursion from the end
	for d := n - 1; d >= 0; d-- {
		m++
		delta := y[d] - mean
		mean += delta / m
		squares += float64(delta * (y[d] - mean))
		if d > n/2 {
			continue
		}
		if v := squares / (m * m); v <= best {
			best, at = v, d
		}
	}
	return at * mserBatch, n > 1 && at >= n/3
}

// TrendLevel is the level of the one-sided test of Growth, and TrendShare the share of its mean that a level must grow by
// over the window.
const (
	TrendLevel = 0.999
	TrendShare = 0.25
)

// A Trend is what Growth found.
type Trend struct {
	Mean   float64 // of all batches of all replications
	Growth float64 // from the beginning to the end of the window, the mean over the replications
	Low    float64 // the lower end of its one-sided interval at TrendLevel
	Grows  bool    // Low is above 0, and Growth at least TrendShare of Mean
}

// Growth tells whether a level grows over a window, from the averages of equal batches of it in independent replications.
// In each replication a line is fitted to the batches by least squares; its slope times the window is that replication's
// growth. Batches of one run depend on each other, runs do not: so the test is Student's over the replications. The level
// grows if the mean growth is above 0 at TrendLevel, one-sided, and at least TrendShare of the mean level, so that a large
// number of replications does not make a verdict of the last trace of a warm-up. A level that grows linearly from 0 grows by 2
// times its mean, in the second half of that window by 2/3; one that is as its root, which is what a queue exactly at
// capacity does, by 1.2 and 1/3.
func Growth(replications [][]float64) Trend {
	var t Trend
	if len(replications) == 0 {
		return t
	}
	slopes := make([]float64, len(replications))
	for i, y := range replications {
		x := make([]float64, len(y))
		for k := range x {
			x[k] = (float64(k) + 0.5) / float64(len(y))
		}
		_, slopes[i] = stat.LinearRegression(x, y, nil, false)
		t.Mean += floats.Sum(y) / float64(len(y)*len(replications))
	}
	t.Growth = stat.Mean(slopes, nil)
	t.Low = t.Growth - studentHalf(slopes, TrendLevel)
	t.Grows = t.Low > 0 && t.Growth >= TrendShare*t.Mean
	return t
}
