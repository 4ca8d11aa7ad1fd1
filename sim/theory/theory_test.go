package theory

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Values of tables of the Erlang C formula, and those that follow from its definition by hand.
func TestErlangC(t *testing.T) {
	for _, c := range []struct {
		servers     int
		load, waits float64
	}{
		{1, 0.3, 0.3}, {1, 0.9, 0.9}, // M/M/1: ρ
		{2, 1, 1.0 / 3},                                                                       // 2ρ²/(1+ρ) at ρ = 1/2
		{2, 1.5, 9.0 / 14},                                                                    // … at ρ = 3/4
		{3, 2, 4.0 / 9},                                                                       // (8/6·3)/(1+2+2+8/6·3)
		{5, 4, 0.5541}, {10, 8, 0.4092}, {10, 5, 0.0361}, {20, 16, 0.2561}, {100, 90, 0.2169}, // tables
	} {
		require.InDelta(t, c.waits, ErlangC(c.servers, c.load), 5e-5, "c=%d a=%v", c.servers, c.load)
	}
	require.Zero(t, ErlangC(4, 0))
	require.InDelta(t, 1, ErlangC(64, 63.9999), 1e-3, "just below saturation nearly all wait")
}

// By its definition: the sum over states of a birth-and-death process.
func TestErlangCAgainstStationaryStates(t *testing.T) {
	for _, c := range []int{1, 2, 3, 7, 20} {
		for _, rho := range []float64{0.1, 0.5, 0.95} {
			a := rho * float64(c)
			total, waits, p := 0.0, 0.0, 1.0
			for n := range 5000 {
				total += p
				if n >= c {
					waits += p
				}
				p *= a / float64(min(n+1, c))
			}
			require.InDelta(t, waits/total, ErlangC(c, a), 1e-9, "c=%d rho=%v", c, rho)
		}
	}
}

func TestMeans(t *testing.T) {
	require.InDelta(t, 2, MMc(1, 0.5), 1e-12)
	require.InDelta(t, 1/(1-0.25), MMc(2, 0.5), 1e-12) // M/M/2: 1/(1-ρ²)
	require.InDelta(t, MMc(1, 0.8), MG1(0.8, 1), 1e-12)
	require.InDelta(t, 1+0.8/0.4, MG1(0.8, 0), 1e-12) // M/D/1: ρ/(2(1-ρ)) more than the service
	require.InDelta(t, 1, MG1(0, 3), 1e-12)
}

// waitTail is the probability that a first-come-first-served M/M/c request waits for longer than w: ErlangC·exp(-c(1-ρ)w).
func waitTail(c int, rho, w float64) float64 {
	return ErlangC(c, rho*float64(c)) * math.Exp(-float64(c)*(1-rho)*w)
}

// The quantile by numerical integration: P(T > t) = e^-t + ∫ e^-s · P(W > t-s) ds over the service times s < t.
func TestQuantilesByIntegration(t *testing.T) {
	for _, c := range []int{1, 2, 4, 16} {
		for _, rho := range []float64{0.3, 0.5, 0.75, 0.9} { // c(1-ρ) = 1 is a special case: c=2, ρ=0.5 and c=4, ρ=0.75
			for _, q := range []float64{0.5, 0.9, 0.99} {
				x := MMcQuantile(c, rho, q)
				const steps = 20000
				sum := 0.0
				for i := range steps {
					s := (float64(i) + 0.5) * x / steps
					sum += math.Exp(-s) * waitTail(c, rho, x-s) * x / steps
				}
				require.InDelta(t, 1-q, math.Exp(-x)+sum, 1e-6, "c=%d rho=%v q=%v", c, rho, q)
			}
		}
	}
}

// The mean is the integral of the quantiles.
func TestQuantilesGiveTheMean(t *testing.T) {
	for _, c := range []int{1, 3} {
		const steps = 20000
		sum := 0.0
		for i := range steps {
			sum += MMcQuantile(c, 0.6, (float64(i)+0.5)/steps) / steps
		}
		require.InEpsilon(t, MMc(c, 0.6), sum, 1e-3)
	}
	require.InDelta(t, math.Ln2/(1-0.6), MMcQuantile(1, 0.6, 0.5), 1e-9, "M/M/1 is exponential")
}

// The exponential distribution has the moments 2 and 6: W is 0 with probability 1-ρ and exponential with mean 1/(1-ρ)
// otherwise. For constant service the second moment is the integral of the tail of Erlang's distribution.
func TestSecondMomentOfTheWait(t *testing.T) {
	for _, rho := range []float64{0.1, 0.5, 0.8} {
		require.InDelta(t, rho*2/((1-rho)*(1-rho)), MG1WaitSquare(rho, 2, 6), 1e-9)
		mean, square, h := 0.0, 0.0, 0.02
		for x := h / 2; x < 20/(1-rho); x += h {
			tail := 1 - MD1Wait(rho, x)
			mean += tail * h
			square += 2 * x * tail * h
		}
		require.InEpsilon(t, MG1(rho, 0)-1, mean, 1e-3, "rho=%v", rho)
		require.InEpsilon(t, MG1WaitSquare(rho, 1, 1), square, 2e-3, "rho=%v", rho)
	}
}

// Values that follow by hand: up to one service time the wait is that of an arrival that finds the system empty, or whose
// predecessor is nearly done; and quantiles invert the distribution.
func TestMD1(t *testing.T) {
	require.InDelta(t, 0.3, MD1Wait(0.7, 0), 1e-12)
	require.InDelta(t, 0.5*math.Exp(0.4), MD1Wait(0.5, 0.8), 1e-12)
	require.InDelta(t, 0.5*(math.Exp(0.75)-0.25*math.Exp(0.25)), MD1Wait(0.5, 1.5), 1e-12)
	for _, rho := range []float64{0.3, 0.7, 0.9} {
		for _, q := range []float64{0.75, 0.9, 0.99, 0.9999} {
			x := MD1Quantile(rho, q)
			require.InDelta(t, q, MD1Wait(rho, x-1), 1e-9, "rho=%v q=%v", rho, q)
		}
	}
	require.Equal(t, 1.0, MD1Quantile(0.3, 0.7))
	require.Equal(t, 1.0, MD1Wait(0, 0))
}

func TestSharingAndForkJoin(t *testing.T) {
	require.InDelta(t, MMc(1, 0.6), PS(0.6, 1), 1e-12, "for exponential service sharing and first come, first served have one mean")
	require.InDelta(t, 3*PS(0.6, 0.5), PS(0.6, 1.5), 1e-12)
	require.Equal(t, 2.0, MM1PSSquare(0), "the second moment of the service itself")
	require.Less(t, MM1PSSquare(0.6), 2/(0.4*0.4*0.4), "last come, first served")
	require.Greater(t, MM1PSSquare(0.6), 2/(0.4*0.4), "first come, first served")
	require.Equal(t, 10.0, ForkJoin(10, 3, 1, 0), "one P does the work, one after the other")
	require.Equal(t, 10.0/4+3, ForkJoin(10, 3, 4, 1))
}
