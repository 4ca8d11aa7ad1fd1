package sim_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
	"github.com/stretchr/testify/require"
)

// What the steps and the inference service take, on machines on which one thing costs something. Each test holds against a
// mutant in docs/mutants/mutants.txt.

const us = time.Microsecond

// once is a workload of n requests that come at the start.
func once(n int, steps ...lab.Step) lab.Workload {
	return lab.Workload{Name: "once", Classes: []lab.Class{{Name: "request",
		Arrivals: lab.Arrivals{Kind: lab.Once, Count: n}, Steps: steps}}}
}

// latencies are those of the requests of a class, in order of their ends.
func latencies(t *testing.T, cost lab.Cost, w lab.Workload, k lab.Knobs, class int32) (d []time.Duration) {
	t.Helper()
	_, r := traced(t, cost, lab.Trial{Workload: w, Knobs: k, Seed: 1})
	require.Zero(t, r.Dropped)
	for _, q := range r.Requests {
		if q.Class == class {
			d = append(d, q.End-q.Start)
		}
	}
	return d
}

// service is a table whose times do not vary: from batch size to time, with that many busy and that much CPU in cores.
func service(intra, busy int, cores float64, times map[int]time.Duration) lab.Service {
	s := lab.Service{Model: "mlp", IntraOp: intra, Busy: busy, Row: 2048}
	for _, n := range []int{1, 8, 32} {
		s.Batch, s.Time, s.CPU = append(s.Batch, n), append(s.Time, lab.Const(times[n])), append(s.CPU, cores)
	}
	return s
}

var infers = lab.Step{Do: lab.Infer, Name: "mlp"}

// An inference takes longer while others run, and as long as before when they are done.
func TestInferenceBesideOthers(t *testing.T) {
	one := map[int]time.Duration{1: 100 * us, 8: 300 * us, 32: 900 * us}
	two := map[int]time.Duration{1: 170 * us, 8: 500 * us, 32: 1500 * us}
	cost := lab.Cost{Infer: []lab.Service{service(1, 1, 1, one), service(1, 2, 1, two)}}
	pause := lab.Step{Do: lab.Sleep, Time: lab.Const(5 * time.Millisecond)}
	for _, serve := range []lab.Serve{lab.Direct, lab.Batched} {
		k := lab.Knobs{GOMAXPROCS: 4, Serve: serve, Workers: 2}
		d := latencies(t, cost, once(1, infers, pause, infers, pause, infers), k, 0)
		require.Equal(t, []time.Duration{10*time.Millisecond + 300*us}, d, "alone each time, %v", serve)
		d = latencies(t, cost, once(2, infers), k, 0)
		require.GreaterOrEqual(t, slices.Max(d), 170*us, "two at once, %v", serve)
		require.Less(t, slices.Max(d), 180*us, "and not one after the other, %v", serve)
	}
}

// Right after a larger batch an inference takes longer, as that batch has displaced its data.
func TestInferenceAfterALargerBatch(t *testing.T) {
	s := service(1, 1, 1, map[int]time.Duration{1: 100 * us, 8: 300 * us, 32: 900 * us})
	s.After = []lab.Dist{lab.Const(160 * us)}
	cost := lab.Cost{Infer: []lab.Service{s}}
	w := once(32, infers)
	w.Classes = append(w.Classes, lab.Class{Name: "later", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1},
		Steps: []lab.Step{{Do: lab.Sleep, Time: lab.Const(20 * time.Millisecond)}, infers, infers}})
	k := lab.Knobs{GOMAXPROCS: 1, Serve: lab.Batched, Batcher: lab.Batcher{Max: 32, Wait: time.Millisecond}}
	_, r := traced(t, cost, lab.Trial{Workload: w, Knobs: k, Seed: 1})
	require.Equal(t, []int32{32, 1, 1}, r.Batches)
	d := latencies(t, cost, w, k, 1)
	const waits = 2 * time.Millisecond // for company, each time
	require.Equal(t, []time.Duration{20*time.Millisecond + 160*us + 100*us + waits}, d)
}

// A worker takes what is there, up to the largest batch, and waits for company as long as the Batcher lets the oldest wait.
func TestBatches(t *testing.T) {
	cost := lab.Cost{Infer: []lab.Service{service(1, 1, 1, map[int]time.Duration{1: 100 * us, 8: 300 * us, 32: 900 * us})}}
	k := lab.Knobs{GOMAXPROCS: 2, Serve: lab.Batched, Batcher: lab.Batcher{Max: 8, Wait: 2 * time.Millisecond}}
	_, r := traced(t, cost, lab.Trial{Workload: once(20, infers), Knobs: k, Seed: 1})
	require.Equal(t, []int32{8, 8, 4}, r.Batches)

	// One request, then one every 1.5 ms: the batch runs when the first has waited for 2 ms, not the second.
	w := lab.Workload{Name: "every", Run: 30 * time.Millisecond, Classes: []lab.Class{{Name: "request",
		Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 1 / 0.0015, Generator: lab.InProcess}, Steps: []lab.Step{infers}}}}
	d := latencies(t, cost, w, k, 0)
	require.Greater(t, len(d), 15)
	require.Less(t, slices.Max(d), 2400*us)
	_, r = traced(t, cost, lab.Trial{Workload: w, Knobs: k, Seed: 1})
	require.EqualValues(t, 2, r.Batches[0])
}

// A session on two threads: the helper does its share meanwhile; a call whose helper is late waits for it, and where the
// helper is busy with another call the caller does all.
func TestSessionOnTwoThreads(t *testing.T) {
	cost := lab.Cost{Infer: []lab.Service{service(2, 1, 1.8, map[int]time.Duration{1: 100 * us, 8: 300 * us, 32: 900 * us})}}
	k := lab.Knobs{GOMAXPROCS: 2, IntraOp: 2}
	require.Equal(t, []time.Duration{100 * us}, latencies(t, cost, once(1, infers), k, 0))
	d := latencies(t, cost, once(2, infers), k, 0)
	require.Equal(t, []time.Duration{100 * us, 180 * us}, d, "one has the helper, the other works for both")

	cost.Cores, cost.WakeIdle = 4, lab.Const(50*us)
	d = latencies(t, cost, once(1, infers), k, 0)
	require.Equal(t, []time.Duration{180 * us}, d, "the helper begins 50 µs late with its 80 µs, then the caller wakes up")
}

// Copying rows into a batch and out of it costs by their size, to a direct inference one row.
func TestInferenceCopies(t *testing.T) {
	table := service(1, 1, 1, map[int]time.Duration{1: 100 * us, 8: 300 * us, 32: 900 * us})
	cost := lab.Cost{CopyKiB: lab.Nanos{P50: 2000}, Infer: []lab.Service{table}}
	d := latencies(t, cost, once(1, infers), lab.Knobs{GOMAXPROCS: 2}, 0)
	require.Equal(t, []time.Duration{104 * us}, d, "2 KiB in")
	k := lab.Knobs{GOMAXPROCS: 1, Serve: lab.Batched, Batcher: lab.Batcher{Max: 8}}
	d = latencies(t, cost, once(8, infers), k, 0)
	require.GreaterOrEqual(t, slices.Max(d), (300+8*4*2)*us, "16 KiB in and 16 KiB out")
}

// A step takes what its cost says.
func TestWhatStepsCost(t *testing.T) {
	k := lab.Knobs{GOMAXPROCS: 1}
	d := latencies(t, lab.Cost{Link: lab.Nanos{P50: 1.5}}, once(1, lab.Step{Do: lab.CPU, Time: lab.Const(100 * us)}), k, 0)
	require.Equal(t, []time.Duration{150 * us}, d, "100,000 links of 1.5 ns")

	alloc := func(bytes int64) lab.Workload { return once(1, lab.Step{Do: lab.Alloc, Bytes: bytes}) }
	cost := lab.Cost{AllocMin: lab.Nanos{P50: 20e3}, AllocKiB: lab.Nanos{P50: 10e3}}
	require.Equal(t, []time.Duration{40 * us}, latencies(t, cost, alloc(2048), k, 0))

	w := once(1, lab.Step{Do: lab.Go, Name: "child", Count: 3}, lab.Step{Do: lab.Wait})
	w.Classes = append(w.Classes, lab.Class{Name: "child", Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(100 * us)}}})
	require.Equal(t, []time.Duration{300 * us}, latencies(t, lab.Cost{}, w, k, 0), "it waits for all three")
}

// The next request of a client without think time is due when the last one has ended, also if other goroutines run first.
func TestClosedClientsAreDue(t *testing.T) {
	w := lab.Workload{Name: "closed", Run: 50 * time.Millisecond, Classes: []lab.Class{{Name: "request",
		Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 1}, Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(100 * us)}}}}}
	cost := lab.Cost{Request: lab.Nanos{P50: 7000}}
	_, r := traced(t, cost, lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: 1})
	require.Greater(t, len(r.Requests), 100)
	for i, q := range r.Requests[1:] {
		require.Equal(t, r.Requests[i].End, q.Due)
		require.Equal(t, 7*us, q.Start-q.Due, "the record of the last one lies between")
	}
}

// With asyncpreemptoff=1 a loop that calls functions is preempted, at its next call; one that calls nothing is not, and has
// its P for as long as it takes.
func TestAsyncPreemptOff(t *testing.T) {
	yields := func(calls, off bool) int {
		w := once(2, lab.Step{Do: lab.CPU, Time: lab.Const(100 * time.Millisecond), Calls: calls})
		s, _ := traced(t, textbook(), lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1, AsyncPreemptOff: off}, Seed: 1})
		n := 0
		for _, d := range timeSlices(s.Marks()) {
			if d > 5*time.Millisecond && d < 30*time.Millisecond {
				n++
			}
		}
		return n
	}
	require.Greater(t, yields(false, false), 5)
	require.Greater(t, yields(true, false), 5)
	require.Greater(t, yields(true, true), 5)
	require.Zero(t, yields(false, true))
}

// The semaphore lets as many infer at a time as it has permits.
func TestPermits(t *testing.T) {
	cost := lab.Cost{Infer: []lab.Service{service(1, 1, 1, map[int]time.Duration{1: 100 * us, 8: 300 * us, 32: 900 * us})}}
	ends := func(permits int) (ends []time.Duration) {
		_, r := traced(t, cost, lab.Trial{Workload: once(4, infers), Seed: 1,
			Knobs: lab.Knobs{GOMAXPROCS: 4, Serve: lab.Semaphore, Permits: permits}})
		for _, q := range r.Requests {
			ends = append(ends, (q.End - r.Requests[0].End).Round(50*us))
		}
		return ends
	}
	require.Equal(t, []time.Duration{0, 100 * us, 200 * us, 300 * us}, ends(1))
	require.Equal(t, []time.Duration{0, 0, 100 * us, 100 * us}, ends(2))
	require.Equal(t, []time.Duration{0, 0, 0, 0}, ends(4))
}

// Each client of a closed class draws its own times.
func TestClientsDrawTheirOwn(t *testing.T) {
	w := lab.Workload{Name: "closed", Run: 5 * time.Millisecond, Classes: []lab.Class{{Name: "request",
		Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 3}, Steps: []lab.Step{{Do: lab.CPU, Time: lab.ExpDist(100 * us)}}}}}
	d := latencies(t, lab.Cost{}, w, lab.Knobs{GOMAXPROCS: 3}, 0)
	require.Greater(t, len(d), 60)
	n := len(d)
	slices.Sort(d)
	require.Greater(t, len(slices.Compact(d)), n*9/10, "two that are the same belong to two clients with one number")
}

// A Wait is for the goroutines that were started before it in the same request: the next request of a client does not wait
// for one that was started behind it.
func TestWaitedChildren(t *testing.T) {
	steps := func(work time.Duration) []lab.Step { return []lab.Step{{Do: lab.CPU, Time: lab.Const(work)}} }
	w := lab.Workload{Name: "children", Run: 2 * time.Millisecond, Classes: []lab.Class{
		{Name: "request", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 1}, Steps: []lab.Step{{Do: lab.Go, Name: "quick"},
			{Do: lab.Wait}, {Do: lab.Go, Name: "slow"}, {Do: lab.CPU, Time: lab.Const(10 * us)}}},
		{Name: "quick", Steps: steps(100 * us)}, {Name: "slow", Steps: steps(time.Millisecond)}}}
	d := latencies(t, lab.Cost{}, w, lab.Knobs{GOMAXPROCS: 16}, 0)
	require.Greater(t, len(d), 15)
	require.Less(t, slices.Max(d), 120*us)
}

// A calibration from before sockets were measured would make them free: it is refused. The ideal machine needs none.
func TestSocketsNeedTheirCost(t *testing.T) {
	cost := textbook()
	cost.NetWrite = lab.Nanos{}
	_, err := sim.Runner(cost, gort.Go126())(context.Background(), socketTrial())
	require.ErrorContains(t, err, "workload.conns: the calibration does not say what sockets cost; run `gmplab calibrate`")
	_, err = sim.Runner(lab.Cost{}, gort.Go126())(context.Background(), socketTrial())
	require.NoError(t, err)
}
