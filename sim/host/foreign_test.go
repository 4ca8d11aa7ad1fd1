package host

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/require"
)

// A thread that always computes has 1/(k+1) of its core beside k of other processes that do, within a slice and a tick.
func TestOneBesideForeignHogs(t *testing.T) {
	for _, k := range []int{1, 2, 3, 7} {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			cost := plain(1)
			cost.Foreign = []lab.Foreign{{Threads: k}}
			r := newRig(cost, 1, 1)
			me := int32(k) // the strangers have the first numbers
			asked := 0
			r.order = func(th int32) {
				require.Equal(t, me, th, "a thread of another process is nobody else's business")
				asked++
				r.Run(th, 500*us)
			}
			r.Wake(me, none)
			const end = 2 * time.Second
			r.until(end)
			mine := r.CPU(me)
			require.InDelta(t, float64(end)/float64(k+1), float64(mine), float64(r.slice+r.tickEvery)*float64(k)/float64(k+1)+1)
			others, n := r.Foreign()
			require.Equal(t, k, n)
			require.Equal(t, end, mine+others, "the core is never idle")
			require.InDelta(t, float64(mine/(500*us)), float64(asked), 1.5)
		})
	}
}

// Threads of other processes that sleep use run / (run + pause) of a core each, as long as there is room for them.
func TestForeignLoadIsAsOrdered(t *testing.T) {
	cost := plain(8)
	cost.Foreign = []lab.Foreign{{Threads: 2, Run: lab.ExpDist(ms), Pause: lab.ExpDist(3 * ms)}, {Threads: 1, Run: lab.Const(200 * us), Pause: lab.Const(800 * us)}}
	r := newRig(cost, 3, 0)
	const end = 40 * time.Second
	r.until(end)
	cpu, n := r.Foreign()
	require.Equal(t, 3, n)
	require.InDelta(t, 2*0.25+0.2, cpu.Seconds()/end.Seconds(), 0.01)
	require.InDelta(t, 0.2, float64(r.CPU(2))/float64(end), 1e-3, "it never waits: placed on a core of its own")
}

// A thread that shares its core with others that come and go is in a processor-sharing queue: at load rho its work takes 1 /
// (1 - rho) times as long as alone, whatever the distribution of theirs (M/G/1-PS). The slice is made short against the
// work, and the others are so many, and sleep for so long, that they come as a Poisson stream.
func TestForeignLoadIsProcessorSharing(t *testing.T) {
	for _, run := range []lab.Dist{lab.Const(2 * ms), lab.ExpDist(2 * ms)} {
		t.Run(run.String(), func(t *testing.T) {
			const threads, rho = 250, 0.5
			cost := lab.Cost{Cores: 1, Tick: lab.Nanos{P50: 50e3}, Slice: lab.Nanos{P50: 50e3}}
			pause := time.Duration(float64(2*ms) * threads / rho)
			cost.Foreign = []lab.Foreign{{Threads: threads, Run: run, Pause: lab.ExpDist(pause)}}
			var stretch []float64
			for seed := range uint64(8) {
				r := newRig(cost, seed, 1)
				me := int32(threads)
				var began time.Duration
				n, sum := 0, 0.0
				resting := true
				r.order = func(th int32) {
					if resting = !resting; resting {
						n, sum = n+1, sum+float64(r.Now-began)/float64(2*ms)
						r.Sleep(th, 0, r.Now+pause/5) // long enough for the others to forget it
						return
					}
					began = r.Now
					r.Run(th, 2*ms)
				}
				r.when(2*time.Second, func() { r.Wake(me, none) })
				r.until(60 * time.Second)
				stretch = append(stretch, sum/float64(n))
			}
			mean, sd := meanAndError(stretch)
			busy := 2 * ms.Seconds() * threads / (pause.Seconds() + mean*2*ms.Seconds()) // rho, but for those that are here already
			require.Less(t, math.Abs(mean-1/(1-busy))/sd, 3.0, "stretched %v ± %v times", mean, sd)
			require.Less(t, sd, 0.08)
		})
	}
}

func meanAndError(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(len(x)) / float64(len(x)-1))
}

// In their first pause they come as often as later on.
func TestForeignLoadBeginsSteadily(t *testing.T) {
	cost := plain(1)
	cost.Foreign = []lab.Foreign{{Threads: 1000, Run: lab.Const(10 * us), Pause: lab.ExpDist(time.Second)}}
	r := newRig(cost, 1, 0)
	r.until(100 * ms)
	cpu, _ := r.Foreign()
	require.InDelta(t, 100, float64(cpu/(10*us)), 30, "of 1000, one in ten in a tenth of their pause")
	cost.Foreign[0].Pause = lab.Const(time.Second)
	r = newRig(cost, 1, 0)
	r.until(100 * ms)
	cpu, _ = r.Foreign()
	require.InDelta(t, 100, float64(cpu/(10*us)), 30, "not all at once")
}

// On the machine of queueing theory nobody else is there.
func TestNoForeignLoadWithoutCores(t *testing.T) {
	r := newRig(lab.Cost{Foreign: []lab.Foreign{{Threads: 3}}}, 1, 1)
	_, n := r.Foreign()
	require.Zero(t, n)
	r.Wake(0, none)
	r.until(ms)
	require.Equal(t, ms, r.CPU(0))
}
