package sim_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/stretchr/testify/require"
)

// What is known of real programs and is written down nowhere in the model: it comes out, to the order of magnitude.

// slices of a P: from an execute to the goschedImpl of the same goroutine.
func timeSlices(marks []gort.Mark) (long []time.Duration) {
	since := map[int32]time.Duration{}
	for _, k := range marks {
		switch text := k.String(); {
		case strings.HasPrefix(text, "execute"):
			since[k.G] = k.At
		case strings.HasPrefix(text, "goschedImpl"):
			long = append(long, k.At-since[k.G])
		}
	}
	return long
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

func computers(n int, work time.Duration) lab.Class {
	return lab.Class{Name: "computer", Arrivals: lab.Arrivals{Kind: lab.Once, Count: n},
		Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(work)}}}
}

// Three goroutines that compute on one P: sysmon sleeps for 10 ms at a time, sees a new tick at one look and an old one at
// the next, and the slice is 20 ms (measured 20.2 ms; reference, 6.4).
func TestTimeSliceIsTwentyMilliseconds(t *testing.T) {
	cost := textbook()
	cost.GapRate = lab.Value{}
	w := lab.Workload{Name: "slices", Classes: []lab.Class{computers(3, 300*time.Millisecond)}}
	s, _ := traced(t, cost, lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: 1})
	long := timeSlices(s.Marks())
	require.Greater(t, len(long), 30)
	require.InDelta(t, 20.2, median(long[2:]).Seconds()*1000, 1)
}

// A traced trial's result has the same slices as its marks.
func TestTimeSlicesOfATracedTrial(t *testing.T) {
	trial := lab.Trial{Traced: true, Seed: 1, Knobs: lab.Knobs{GOMAXPROCS: 1},
		Workload: lab.Workload{Name: "slices", Classes: []lab.Class{computers(3, 300*time.Millisecond)}}}
	r, err := checked(t, textbook(), gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	require.Greater(t, len(r.TimeSlices), 30)
	v, ok := lab.MetricNamed("/sched/time-slice/p50:seconds").Of(r)
	require.True(t, ok)
	require.InDelta(t, 0.0202, v, 0.001)
	trial.Traced = false
	r, err = checked(t, textbook(), gort.Go126())(context.Background(), trial)
	require.NoError(t, err)
	_, ok = lab.MetricNamed("/sched/time-slice/p50:seconds").Of(r)
	require.False(t, ok)
}

// While sysmon has Ps to take it looks every 20 µs, and a slice is 10 ms.
func TestTimeSliceIsTenMillisecondsWhileSysmonIsFast(t *testing.T) {
	cost := textbook()
	cost.GapRate, cost.Cores = lab.Value{}, 4
	w := lab.Workload{Name: "slices", Classes: []lab.Class{computers(1, 300*time.Millisecond),
		{Name: "caller", Background: true, Arrivals: lab.Arrivals{Kind: lab.Once, Count: 3},
			Steps: slices.Repeat([]lab.Step{{Do: lab.Call, Time: lab.Const(200 * time.Microsecond)}}, 2000)}}}
	s, _ := traced(t, cost, lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 2}, Seed: 1})
	require.Greater(t, s.Values()["/sched/retakes:count"], 500.0)
	var long []time.Duration
	for _, d := range timeSlices(s.Marks()) {
		if d > time.Millisecond {
			long = append(long, d)
		}
	}
	require.Greater(t, len(long), 20)
	require.InDelta(t, 10.1, median(long).Seconds()*1000, 0.5)
}

// time.Sleep(100 µs) in an idle process lasts for a bit more than 1 ms: epoll_wait counts milliseconds (measured 1.1 ms;
// reference, 12.2).
func TestShortSleepInAnIdleProcess(t *testing.T) {
	w := lab.Workload{Name: "sleep", Run: 300 * time.Millisecond, Classes: []lab.Class{{Name: "sleeper",
		Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 1},
		Steps:    []lab.Step{{Do: lab.Sleep, Time: lab.Const(100 * time.Microsecond)}}}}}
	_, r := traced(t, textbook(), lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 2}, Seed: 1})
	require.Greater(t, len(r.Requests), 200)
	var long []time.Duration
	for _, q := range r.Requests {
		long = append(long, q.End-q.Start)
	}
	require.Greater(t, slices.Min(long), time.Millisecond)
	require.Less(t, slices.Max(long), 1500*time.Microsecond)
}

// A goroutine behind one that enters a C call of 5 ms: it waits for the whole call if sysmon, after some 100 ms in which
// nothing was to be done, is in one of its long sleeps, and for a few looks of sysmon if that is awake.
func TestPeerBehindALongCall(t *testing.T) {
	const call = 5 * time.Millisecond
	delays := func(before time.Duration) (d []time.Duration) {
		for seed := range uint64(40) {
			w := lab.Workload{Name: "peer", Classes: []lab.Class{
				{Name: "main", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{
					{Do: lab.CPU, Time: lab.Dist{Kind: lab.Uniform, Min: before, Max: before + before/5}},
					{Do: lab.Go, Name: "peer"}, {Do: lab.Call, Time: lab.Const(call)}, {Do: lab.Wait}}},
				{Name: "peer", Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(time.Microsecond)}}}}}
			_, r := traced(t, textbook(), lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: seed})
			i := slices.IndexFunc(r.Requests, func(q lab.Request) bool { return q.Class == 1 })
			d = append(d, r.Requests[i].Start-r.Requests[i].Due)
		}
		return d
	}
	whole := func(d []time.Duration) (n int) {
		for _, v := range d {
			require.Less(t, v, call+time.Millisecond)
			if v >= call {
				n++
			}
		}
		return n
	}
	asleep, awake := delays(150*time.Millisecond), delays(50*time.Microsecond)
	t.Logf("sysmon asleep: %d of %d wait for the whole call, median %v; awake: %d, median %v",
		whole(asleep), len(asleep), median(asleep), whole(awake), median(awake))
	require.Greater(t, whole(asleep), len(asleep)/5)
	require.Zero(t, whole(awake))
	require.Less(t, slices.Max(awake), 500*time.Microsecond)
}
