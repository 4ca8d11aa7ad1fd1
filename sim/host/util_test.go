package host

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// closed is the closed form of the exponential mean: what is left of the old value, and what busy time adds.
func closed(value float64, d time.Duration, busy bool) float64 {
	keep := math.Exp2(-float64(d) / float64(32*utilPeriod))
	if busy {
		return value*keep + (1 - keep)
	}
	return value * keep
}

// One stretch of busy or idle time.
func TestUtilAgainstClosedForm(t *testing.T) {
	for _, d := range []time.Duration{0, 1, time.Microsecond, 500 * time.Microsecond, utilPeriod - 1, utilPeriod, utilPeriod + 1,
		5 * time.Millisecond, 32 * utilPeriod, 33*utilPeriod - 1, 100 * time.Millisecond, time.Second, time.Hour} {
		for _, start := range []float64{0, 0.25, 1} {
			for _, busy := range []bool{false, true} {
				u := util{value: uint64(start * utilOne), since: 3 * time.Second, busy: busy}
				got := float64(u.at(3*time.Second+d)) / utilOne
				require.InDelta(t, closed(start, d, busy), got, 1e-4, "%v from %v, busy %v", d, start, busy)
			}
		}
	}
	u := util{busy: true}
	require.InDelta(t, 0.5, float64(u.at(32*utilPeriod))/utilOne, 1e-5, "the half-life is 32 periods")
}

// Many stretches: rounding does not add up.
func TestUtilOverManyChanges(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var u util
	want, last, busy := 0.0, time.Duration(0), false
	for range 20000 {
		now := last + time.Duration(r.IntN(int(4*time.Millisecond)))
		want = closed(want, now-last, busy)
		require.InDelta(t, want, float64(u.at(now))/utilOne, 2e-3)
		require.LessOrEqual(t, u.at(now), uint64(utilOne))
		busy = r.IntN(2) == 0
		u.set(now, busy)
		last = now
	}
}

// Asking changes nothing, and setting what is set already changes nothing.
func TestUtilSetTwice(t *testing.T) {
	a := util{}
	a.set(0, true)
	b := a
	b.set(7*time.Millisecond, true)
	require.Equal(t, a, b)
}
