package lab

import (
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// log is math.Log: to the bit where math.Log is the assembly that it follows, and to the last bits elsewhere.
func TestLogIsMathLog(t *testing.T) {
	s := NewStream(1, "log", 0)
	check := func(x float64) {
		want, got := math.Log(x), log(x)
		if runtime.GOARCH == "amd64" {
			require.Equal(t, math.Float64bits(want), math.Float64bits(got), "log(%x)", x)
		} else {
			require.InDelta(t, want, got, 1e-15*(1+math.Abs(want)), "log(%x)", x)
		}
	}
	for _, x := range []float64{1, 0.5, 0.25, math.Sqrt2 / 2, math.Nextafter(math.Sqrt2/2, 0), math.Nextafter(math.Sqrt2/2, 1),
		math.Nextafter(1, 0), math.Nextafter(0.5, 0), 1.0 / (1 << 53)} {
		check(x)
	}
	for range 200_000 {
		x := 1 - s.Float64()
		check(x)
		check(math.Ldexp(x, -int(s.Uint32n(50))))
	}
}

func BenchmarkExp(b *testing.B) {
	s := NewStream(1, "exp", 0)
	sum := 0.0
	for b.Loop() {
		sum += s.Exp()
	}
	require.NotZero(b, sum)
}
