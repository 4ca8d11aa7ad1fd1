package stats

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

// Tables of Student's t: 12.706 for two values, 2.262 for ten.
func TestStudent(t *testing.T) {
	iv := Student([]float64{1, 3}, 0.95)
	assert.InDelta(t, 2, iv.Value, 1e-12)
	assert.InDelta(t, 2-12.706, iv.Low, 1e-3) // the standard error is 1
	x := []float64{3, 5, 4, 4, 6, 2, 4, 4, 5, 3}
	sd := math.Sqrt(12.0 / 9)
	iv = Student(x, 0.95)
	assert.InDelta(t, 4, iv.Value, 1e-12)
	assert.InDelta(t, 2.262*sd/math.Sqrt(10), iv.High-iv.Value, 1e-3)
	assert.InDelta(t, iv.Value-iv.Low, iv.High-iv.Value, 1e-12)
	assert.True(t, math.IsInf(Student([]float64{7}, 0.95).High, 1))
	assert.True(t, math.IsInf(Student(nil, 0.95).Low, -1))
}

// mserByDefinition is the formula as White wrote it.
func mserByDefinition(y []float64) (d int) {
	best := math.Inf(1)
	for k := len(y) / 2; k >= 0; k-- {
		rest, mean, sum := y[k:], 0.0, 0.0
		for _, v := range rest {
			mean += v / float64(len(rest))
		}
		for _, v := range rest {
			sum += (v - mean) * (v - mean)
		}
		if z := sum / float64(len(rest)*len(rest)); z <= best {
			best, d = z, k
		}
	}
	return d
}

func TestMSER5(t *testing.T) {
	s := lab.NewStream(1, "mser", 0)
	for n := range 200 { // sequences of 0 to 199 values with a beginning that is too low
		x := make([]float64, n)
		for i := range x {
			x[i] = s.Normal() - 10*math.Exp(-float64(i)/7)
		}
		var y []float64
		for i := 0; i+5 <= n; i += 5 {
			y = append(y, (x[i]+x[i+1]+x[i+2]+x[i+3]+x[i+4])/5)
		}
		drop, _ := MSER5(x)
		require.Equal(t, 5*mserByDefinition(y), drop, "%d values", n)
	}
	x := make([]float64, 2000)
	for i := range x {
		x[i] = 10 + s.Normal()
		if i < 300 {
			x[i] -= 4
		}
	}
	drop, short := MSER5(x)
	require.InDelta(t, 300, drop, 15, "the beginning that is too low")
	require.False(t, short)
	for i := range x {
		x[i] = float64(i)
	}
	drop, short = MSER5(x)
	require.Equal(t, 1000, drop, "it never settles")
	require.True(t, short)
	drop, short = MSER5(x[:4])
	require.Zero(t, drop)
	require.False(t, short)
}

// levels makes replications of a level: its course over [0, 1) and noise that remembers, as a queue's does.
func levels(seed uint64, course func(x float64) float64) (runs [][]float64) {
	for r := range 10 {
		s, noise, y := lab.NewStream(seed, "levels", uint64(r)), 0.0, make([]float64, 20)
		for k := range y {
			noise = 0.8*noise + s.Normal()
			y[k] = course((float64(k)+0.5)/20) + noise
		}
		runs = append(runs, y)
	}
	return runs
}

func TestGrowth(t *testing.T) {
	linear := Growth(levels(1, func(x float64) float64 { return 100 * x }))
	assert.True(t, linear.Grows)
	assert.InDelta(t, 50, linear.Mean, 2)
	assert.InDelta(t, 100, linear.Growth, 5)
	assert.Less(t, linear.Low, linear.Growth)
	assert.True(t, Growth(levels(1, func(x float64) float64 { return 30 * math.Sqrt(x) })).Grows, "at capacity")
	assert.False(t, Growth(levels(1, func(x float64) float64 { return 100 - 50*x })).Grows, "it shrinks")
	assert.False(t, Growth(levels(1, func(x float64) float64 { return 100 + 10*x })).Grows, "surely, but by too little")
	assert.False(t, Growth(nil).Grows)
	wrong := 0
	for seed := range uint64(1000) {
		if Growth(levels(seed, func(float64) float64 { return 5 })).Low > 0 {
			wrong++
		}
	}
	assert.InDelta(t, 10, wrong, 10, "of 1000 that do not grow one in a hundred seems to, whatever the noise remembers")
	assert.Positive(t, wrong)
}
