package lab

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The layers have the same area, close at the top, and lie under the density: the constants fit each other.
func TestZigguratClosesAtTheTop(t *testing.T) {
	require.InDelta(t, math.Exp(-tailAt), tailTop, 1e-18)
	require.InDelta(t, area, tailAt*math.Exp(-tailAt)+math.Exp(-tailAt), 1e-16, "rectangle and tail")
	for i := 1; i < layers; i++ {
		x := ziggurat[i].width * (1 << 53)
		require.InDelta(t, math.Exp(-x), density[i], 1e-14, "layer %d", i)
		require.InDelta(t, area, x*(density[i-1]-density[i]), 1e-12, "layer %d", i)
		require.Greater(t, density[i-1], density[i])
	}
	require.Zero(t, ziggurat[1].inside, "the top layer lies wholly at the edge")
}

// Exp is exponential: Kolmogorov and Smirnov's distance over a million draws, the moments, and the tail beyond the layers.
func TestExpIsExponential(t *testing.T) {
	s := NewStream(7, "exp", 0)
	const n = 1_000_000
	x := make([]float64, n)
	var sum, squares float64
	tail := 0
	for i := range x {
		x[i] = s.Exp()
		sum += x[i]
		squares += x[i] * x[i]
		if x[i] > tailAt {
			tail++
		}
	}
	slices.Sort(x)
	require.GreaterOrEqual(t, x[0], 0.0)
	d := 0.0
	for i, v := range x {
		p := -math.Expm1(-v)
		d = max(d, p-float64(i)/n, float64(i+1)/n-p)
	}
	require.Less(t, d*math.Sqrt(n), 1.63, "one in a hundred seeds is farther off")
	require.InDelta(t, 1, sum/n, 3.0/1000)
	require.InDelta(t, 2, squares/n, 3*math.Sqrt(20)/1000)
	require.InDelta(t, n*tailTop, tail, 3*math.Sqrt(n*tailTop))
}
