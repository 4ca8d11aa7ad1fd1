package stats

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

func TestSummarizeFewValuesIsTheRange(t *testing.T) {
	for _, c := range []struct {
		x        []float64
		want     Interval
		coverage float64
	}{
		{[]float64{3, 1, 2}, Interval{2, 1, 3}, 0.75},
		{[]float64{4, 1, 3, 2}, Interval{2.5, 1, 4}, 0.875},
		{[]float64{5, 1, 4, 2, 3}, Interval{3, 1, 5}, 0.9375},
	} {
		s := Summarize(c.x)
		assert.Equal(t, c.want, s.Interval)
		assert.InDelta(t, c.coverage, s.Coverage, 1e-12)
		assert.Equal(t, len(c.x), s.N)
		assert.Empty(t, s.Warnings)
	}
}

func TestSummarizeManyValuesLeavesOutTheEnds(t *testing.T) {
	x := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1000}
	s := Summarize(x)
	assert.Equal(t, Interval{6.5, 3, 10}, s.Interval, "12 values: from the third to the tenth")
	assert.InDelta(t, 1-2*float64(1+12+66)/4096, s.Coverage, 1e-12)
}

func TestSummarizeEdges(t *testing.T) {
	assert.Zero(t, Summarize(nil))
	s := Summarize([]float64{7})
	assert.Equal(t, Interval{7, 7, 7}, s.Interval)
	assert.Zero(t, s.Coverage)
	assert.Len(t, s.Warnings, 1)
	assert.Len(t, Summarize([]float64{7, 8}).Warnings, 1)
	assert.True(t, math.IsNaN(Median(nil)))
}

func TestTwoModesAreAWarning(t *testing.T) {
	s := Summarize([]float64{1, 1.1, 1.05, 9, 9.2, 9.1})
	require.Len(t, s.Warnings, 1)
	assert.Contains(t, s.Warnings[0], "3 runs near 1.05 and 3 near 9.1")
	assert.Empty(t, Summarize([]float64{1, 1.1, 1.05, 1.2, 1.15, 9}).Warnings, "one outlier is no mode")
	assert.Empty(t, Summarize([]float64{1, 1, 1, 2, 2, 2}).Warnings, "neighbouring counts are no modes")
	assert.Len(t, Summarize([]float64{1, 1, 1, 3, 3, 3}).Warnings, 1)
}

// The stated coverage is what resampling a skewed distribution gives.
func TestCoverageOfASkewedDistribution(t *testing.T) {
	s := lab.NewStream(1, "coverage", 0)
	for _, n := range []int{3, 5, 9, 12} {
		const rounds = 20000
		hits, want := 0, 0.0
		x := make([]float64, n)
		for range rounds {
			for i := range x {
				x[i] = s.Exp()
			}
			sum := Summarize(x)
			want = sum.Coverage
			if sum.Low <= math.Ln2 && math.Ln2 <= sum.High {
				hits++
			}
		}
		got := float64(hits) / rounds
		assert.InDelta(t, want, got, 4*math.Sqrt(want*(1-want)/rounds), "n = %d", n)
		if n >= 6 {
			assert.GreaterOrEqual(t, want, Level)
		}
	}
}

func TestRelativeError(t *testing.T) {
	e, ok := RelativeError(12, 10)
	assert.True(t, ok)
	assert.InDelta(t, 0.2, e, 1e-12)
	e, ok = RelativeError(0, 0)
	assert.True(t, ok)
	assert.Zero(t, e)
	_, ok = RelativeError(1, 0)
	assert.False(t, ok)
}

func TestWithinFactor(t *testing.T) {
	assert.True(t, WithinFactor(1, 2, 2))
	assert.True(t, WithinFactor(2, 1, 2))
	assert.False(t, WithinFactor(1, 2.01, 2))
	assert.False(t, WithinFactor(0, 1, 2))
	assert.True(t, WithinFactor(0, 0, 2))
}

func TestRanking(t *testing.T) {
	at := func(v, w float64) Interval { return Interval{v, v - w, v + w} }
	measured := []Interval{at(1, 0.1), at(2, 0.1), at(2.1, 0.1)}
	assert.Empty(t, Ranking([]Interval{at(5, 0), at(6, 0), at(7, 0)}, measured))
	assert.Empty(t, Ranking([]Interval{at(5, 0), at(7, 0), at(6, 0)}, measured), "overlapping points are ties")
	assert.Equal(t, []Inversion{{0, 1}}, Ranking([]Interval{at(5, 0), at(4, 0), at(7, 0)}, measured))
	assert.Equal(t, []Inversion{{0, 1}}, Ranking([]Interval{at(5, 0), at(5, 0), at(7, 0)}, measured), "a predicted tie is no order")
}

func TestBootstrap(t *testing.T) {
	x := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	a := Bootstrap(x, Median, Level, 2000, 1)
	assert.Equal(t, a, Bootstrap(x, Median, Level, 2000, 1), "the same seed gives the same interval")
	assert.Equal(t, 6.0, a.Value)
	assert.Less(t, a.Low, 6.0)
	assert.Greater(t, a.High, 6.0)
	b := Bootstrap(x, Median, 0.5, 2000, 1)
	assert.Less(t, b.High-b.Low, a.High-a.Low, "a lower level is narrower")
	assert.Zero(t, Bootstrap(nil, Median, Level, 2000, 1))
}
