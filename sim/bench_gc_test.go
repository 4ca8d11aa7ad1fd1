package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
	"github.com/stretchr/testify/require"
)

// steadyAllocator allocates so many bytes a second in objects of 1 KiB with pointers, from that many Ps, and keeps the newest
// 64 MiB of them: the steady state of the GC guide.
func steadyAllocator(ps int, bytesPerSecond float64, run time.Duration) lab.Trial {
	const object, live, each = 1 << 10, 64 << 20, 100
	return lab.Trial{Seed: 1, Knobs: lab.Knobs{GOMAXPROCS: ps, GOGC: 100}, Workload: lab.Workload{Name: "allocator", Run: run,
		Classes: []lab.Class{
			{Name: "fill", Background: true, Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{
				{Do: lab.Alloc, Bytes: object, Count: live / object, Pointers: 1}, {Do: lab.Retain, Name: "live", Count: live / object}}},
			{Name: "request", Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: bytesPerSecond / object / each, Generator: lab.InProcess},
				Steps: []lab.Step{{Do: lab.Alloc, Bytes: object, Count: each, Pointers: 1}, {Do: lab.Retain, Name: "live", Count: live / object}}}}}}
}

// BenchmarkGCMinute is a minute of a program that allocates 500 MB/s on 8 Ps and 8 cores at textbook cost, with 64 MiB of
// live objects. x-realtime is virtual over real time; cycles/op are the collections of a minute.
func BenchmarkGCMinute(b *testing.B) {
	trial := steadyAllocator(8, 500e6, time.Minute)
	run := sim.Runner(octo(), gort.Go126())
	b.ReportAllocs()
	cycles := 0
	for b.Loop() {
		r, err := run(context.Background(), trial)
		require.NoError(b, err)
		require.Zero(b, r.Dropped)
		cycles = len(r.GCs)
		require.InDelta(b, 60*500e6/(64<<20), cycles, 200)
	}
	b.ReportMetric(float64(b.N)*time.Minute.Seconds()/b.Elapsed().Seconds(), "x-realtime")
	b.ReportMetric(float64(cycles), "cycles/op")
}
