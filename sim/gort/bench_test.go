package gort

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/require"
)

// loaded is a process with ps Ps under an M/M/c-like load: Poisson arrivals through the pipe, exponential service of
// 100 µs, utilisation 0.7. It has served requests already, so that its free lists and queues have grown.
func loaded(tb testing.TB, ps int) *Sched {
	service := lab.ExpDist(100 * time.Microsecond)
	w := lab.Workload{Name: "bench", Warmup: 0, Run: time.Hour, Classes: []lab.Class{{Name: "request",
		Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: 0.7 * float64(ps) / service.Mean.Seconds()}}}}
	cost := &lab.Cost{}
	s := New(cost, Go126(), lab.Knobs{GOMAXPROCS: ps}.Filled(ps), 1)
	class := Program{Class: 0, Work: 1, Ops: []Op{{Do: Begin}, {Do: CPU, Time: &service}, {Do: End}, {Do: Exit}}}
	s.Serve(Service{Seed: 1, Stop: 1 << 60, To: 1 << 60, Classes: []Program{class},
		Sources: []Source{{Feeds: []Feed{{Class: 0, Due: w.Due(0, 1)}}}},
		Programs: []Program{
			{Class: -1, Ops: []Op{{Do: Start, I: 1, N: 1}, {Do: Started}, {Do: Exit}}},
			{Class: -1, Ops: []Op{{Do: Read}, {Do: Exit}}}}})
	s.serve(tb, 300_000)
	return s
}

// serve runs until n more requests are done, some 700 at a time: what Loop costs when it is called does not count.
func (s *Sched) serve(tb testing.TB, n int) {
	window := 100 * time.Millisecond / time.Duration(len(s.allp))
	for done := 0; done < n; done += len(s.requests) {
		s.requests, s.steals = s.requests[:0], s.steals[:0]
		require.NoError(tb, s.Loop(context.Background(), s.Now()+window, false))
	}
}

// BenchmarkSched is the full scheduler model under load: one operation is one goroutine that is started by an arrival,
// runs and ends.
func BenchmarkSched(b *testing.B) {
	for _, ps := range []int{4, 16, 64, 256} {
		b.Run(fmt.Sprintf("P=%d", ps), func(b *testing.B) {
			s := loaded(b, ps)
			events := s.Events()
			b.ReportAllocs()
			b.ResetTimer()
			s.serve(b, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "exec/s")
			b.ReportMetric(float64(s.Events()-events)/float64(b.N), "events/op")
		})
	}
}

// A warm run allocates nothing, however many events it takes.
func TestNoAllocationPerEvent(t *testing.T) {
	s := loaded(t, 4)
	before := s.Events()
	allocs := testing.AllocsPerRun(5, func() { s.serve(t, 20_000) })
	events := s.Events() - before
	require.Greater(t, events, 100_000)
	require.Less(t, allocs, 5.0, "allocations in about %d events", events/6)
}
