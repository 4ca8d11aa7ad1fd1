package stats

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gmplab/lab"
)

func TestWasserstein(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{3, 1, 2}, []float64{1, 2, 3}, 0},
		{[]float64{1, 2, 3}, []float64{11, 12, 13}, 10},
		{[]float64{0, 0, 0, 10}, []float64{0}, 2.5},
		{[]float64{0, 10}, []float64{0, 0, 10}, 10.0 / 6},
		{[]float64{1}, []float64{4, 4, 4}, 3},
	} {
		assert.InDelta(t, c.want, Wasserstein(c.a, c.b), 1e-12, "%v %v", c.a, c.b)
		assert.InDelta(t, c.want, Wasserstein(c.b, c.a), 1e-12, "%v %v", c.b, c.a)
	}
	assert.True(t, math.IsNaN(Wasserstein(nil, []float64{1})))
}

// Of two exponential distributions with means of 1 and 1.5 the distance is the difference of the means, and the largest difference of
// the distribution functions is exp(-3 ln 1.5) - exp(-2 ln 1.5).
func TestDistancesOfExponentials(t *testing.T) {
	s := lab.NewStream(1, "distances", 0)
	var a, b []float64
	for range 100_000 {
		a, b = append(a, s.Exp()), append(b, 1.5*s.Exp())
	}
	assert.InDelta(t, 0.5, Wasserstein(a, b), 0.02)
	assert.InDelta(t, math.Pow(1.5, -2)-math.Pow(1.5, -3), KolmogorovSmirnov(a, b), 0.01)
}

func TestKolmogorovSmirnov(t *testing.T) {
	assert.Equal(t, 0.0, KolmogorovSmirnov([]float64{2, 1}, []float64{1, 2}))
	assert.Equal(t, 1.0, KolmogorovSmirnov([]float64{1, 2}, []float64{3}))
	assert.InDelta(t, 0.5, KolmogorovSmirnov([]float64{1, 1, 2, 2}, []float64{2, 2}), 1e-12)
	assert.True(t, math.IsNaN(KolmogorovSmirnov([]float64{1}, nil)))
}

func TestModesAndMean(t *testing.T) {
	m, ok := TwoModes([]float64{36, 0.5, 0.52, 35, 0.49, 34})
	assert.True(t, ok)
	assert.Equal(t, Modes{Lower: 0.5, Upper: 35, Above: 3, N: 6}, m)
	_, ok = TwoModes([]float64{1, 2, 3, 4, 5, 6})
	assert.False(t, ok)
	mean, ok := Mean([]float64{1, 2, 6})
	assert.True(t, ok)
	assert.InDelta(t, 3, mean, 1e-12)
	_, ok = Mean(nil)
	assert.False(t, ok)
}

func TestRegret(t *testing.T) {
	at := func(v ...float64) (list []Interval) {
		for _, x := range v {
			list = append(list, Interval{x, x - 0.1, x + 0.1})
		}
		return list
	}
	regret, right := Regret(at(1, 2, 3), at(4, 5, 6), false)
	assert.True(t, right)
	assert.Zero(t, regret)
	regret, right = Regret(at(1, 2, 3), at(8, 5, 6), false)
	assert.False(t, right)
	assert.InDelta(t, 0.6, regret, 1e-12)
	regret, right = Regret(at(1, 2, 3), at(4, 5, 4.5), true)
	assert.False(t, right)
	assert.InDelta(t, 0.1, regret, 1e-12)
	regret, right = Regret(at(1, 2), at(5.05, 5), false)
	assert.True(t, right, "the measured intervals overlap")
	assert.InDelta(t, 0.01, regret, 1e-12)
	_, right = Regret(at(1), at(1), true)
	assert.True(t, right)
}
