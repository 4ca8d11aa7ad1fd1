package sim_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/serve"
	"github.com/stretchr/testify/require"
)

// octo is the textbook machine with 8 cores.
func octo() lab.Cost {
	cost := textbook()
	cost.Cores = 8
	return cost
}

// BenchmarkService2000x8 is a service on 8 Ps and 8 cores at textbook cost: 2,000 requests a second arrive through the
// pipe, and each takes one of 8 permits from a channel and computes for 1.5 ms, which keeps 38 % of the machine busy.
// x-realtime is virtual over real time.
func BenchmarkService2000x8(b *testing.B) {
	const length = 5 * time.Second
	trial := lab.Trial{Seed: 1, Knobs: lab.Knobs{GOMAXPROCS: 8}, Workload: lab.Workload{Name: "service", Run: length,
		Chans: []lab.Chan{{Name: "permits", Cap: 8}},
		Classes: []lab.Class{{Name: "request", Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: 2000}, Steps: []lab.Step{
			{Do: lab.Send, Name: "permits"}, {Do: lab.CPU, Time: lab.ExpDist(1500 * time.Microsecond)}, {Do: lab.Recv, Name: "permits"}}}}}}
	run := sim.Runner(octo(), gort.Go126())
	for b.Loop() {
		r, err := run(context.Background(), trial)
		require.NoError(b, err)
		require.InDelta(b, 2000*length.Seconds(), len(r.Requests), 500)
	}
	b.ReportMetric(float64(b.N)*length.Seconds()/b.Elapsed().Seconds(), "x-realtime")
}

const million = 1_000_000

// million children of one request, on 8 Ps and 8 cores at textbook cost; what the children do and what the parent does then.
func family(child, parent lab.Step) lab.Trial {
	return lab.Trial{Seed: 1, Knobs: lab.Knobs{GOMAXPROCS: 8}, Workload: lab.Workload{Name: "family",
		Chans: []lab.Chan{{Name: "never"}}, Classes: []lab.Class{
			{Name: "parent", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{{Do: lab.Go, Name: "child", Count: million}, parent}},
			{Name: "child", Steps: []lab.Step{child}}}}}
}

// BenchmarkMillionGoroutines parks a million goroutines on a channel. B/goroutine is what the heap has grown by, over
// the number of goroutines that are alive.
func BenchmarkMillionGoroutines(b *testing.B) {
	recv := lab.Step{Do: lab.Recv, Name: "never"}
	trial := family(recv, recv)
	cost := octo()
	var bytes float64
	for b.Loop() {
		require.NoError(b, trial.Validate())
		before := heap()
		v, err := serve.Compile(&trial, trial.Knobs.Filled(8), &cost)
		require.NoError(b, err)
		s := gort.New(&cost, gort.Go126(), trial.Knobs.Filled(8), 1)
		s.Serve(v)
		require.NoError(b, s.Loop(context.Background(), 10*time.Second, false))
		var r lab.Result
		s.Fill(&r)
		require.Equal(b, million+1, r.Dropped) // all of them, alive
		require.Empty(b, r.Requests)
		bytes = float64(heap()-before) / float64(r.Dropped)
		runtime.KeepAlive(s)
	}
	b.ReportMetric(bytes, "B/goroutine")
}

// heap is how many bytes are live.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkForkJoin starts a million children that compute for a microsecond each, and waits for them.
func BenchmarkForkJoin(b *testing.B) {
	trial := family(lab.Step{Do: lab.CPU, Time: lab.Const(time.Microsecond)}, lab.Step{Do: lab.Wait})
	run := sim.Runner(octo(), gort.Go126())
	b.Run("children=1000000", func(b *testing.B) {
		for b.Loop() {
			r, err := run(context.Background(), trial)
			require.NoError(b, err)
			require.Len(b, r.Requests, million+1)
		}
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/op")
	})
}
