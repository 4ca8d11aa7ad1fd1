// Package emergent asks for facts about the Go scheduler that are written down nowhere in the model: how long a time slice
// is, who waits for a C call, how long a short sleep lasts, how many threads C calls make, what an in-process load
// generator does to latency. They come out of sysmon's naps, the netpoller's milliseconds and the kernel's ticks, or the
// model is wrong.
package emergent

import (
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

const (
	p50       = "/latency/p50:seconds"
	p99       = "/latency/p99:seconds"
	delayP50  = "/delay/p50:seconds"
	delayP99  = "/delay/p99:seconds"
	timeSlice = "/sched/time-slice/p50:seconds"
	threads   = "/sched/threads/total:threads"
	cpuUsed   = "/cpu/used:cores"
)

// longCall is the C call behind which a peer waits.
const longCall = 5 * time.Millisecond

func client(name string, n int, background bool, steps ...lab.Step) lab.Class {
	return lab.Class{Name: name, Background: background, Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: n}, Steps: steps}
}

func workload(name string, run time.Duration, classes ...lab.Class) lab.Workload {
	return lab.Workload{Name: name, Warmup: 300 * time.Millisecond, Run: run, Classes: classes}
}

var (
	compute = lab.Step{Do: lab.CPU, Time: lab.Const(300 * time.Millisecond)}
	hog     = client("hog", 1, true, compute)
	// A probe computes for a moment and goes to the end of the queue: its latency is the slice of the hog before it.
	probe = client("probe", 1, false, lab.Step{Do: lab.CPU, Time: lab.Const(20 * time.Microsecond)}, lab.Step{Do: lab.Yield})
	call  = lab.Step{Do: lab.Call, Time: lab.Const(longCall)}
	peer  = lab.Class{Name: "peer", Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(time.Microsecond)}}}
	start = lab.Step{Do: lab.Go, Name: "peer"}
)

// generator is a service of 1 ms of CPU under Poisson arrivals from a goroutine of the same process, at that share of the
// capacity of two Ps.
func generator(load float64) lab.Workload {
	return workload("generator", 3*time.Second, lab.Class{Name: "request",
		Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: load * 2000, Generator: lab.InProcess},
		Steps:    []lab.Step{{Do: lab.CPU, Time: lab.Const(time.Millisecond)}}})
}

// Experiment is claim S9 of the ledger, and a table of facts that belong to S5 and S15.
var Experiment = experiments.Experiment{
	Name:     "emergent",
	Title:    "Ten facts that nobody wrote into the model",
	TitleZh:  "模型里没有写入的十个事实",
	Question: "How long is a time slice? Who waits while a goroutine is in a C call? How long does Sleep(100 µs) last? How many threads do 16 C calls make? What is the median latency behind a load generator that lives in the same process?",
	Points: []experiments.Point{
		{Name: "slice", Workload: workload("slice", 2*time.Second, hog, probe), Knobs: lab.Knobs{GOMAXPROCS: 1}},
		{Name: "slice-sysmon-fast", Workload: workload("slice-fast", 2*time.Second, hog,
			client("caller", 3, false, lab.Step{Do: lab.Call, Time: lab.Const(200 * time.Microsecond)})), Knobs: lab.Knobs{GOMAXPROCS: 2}, Traced: true},
		{Name: "sleep-100us", Workload: workload("sleep", 500*time.Millisecond,
			client("sleeper", 1, false, lab.Step{Do: lab.Sleep, Time: lab.Const(100 * time.Microsecond)})), Knobs: lab.Knobs{GOMAXPROCS: 2}},
		{Name: "peer-sysmon-asleep", Workload: workload("peer-asleep", 4*time.Second, client("main", 1, true,
			lab.Step{Do: lab.CPU, Time: lab.Dist{Kind: lab.Uniform, Min: 100 * time.Millisecond, Max: 130 * time.Millisecond}},
			start, call, lab.Step{Do: lab.Wait}), peer), Knobs: lab.Knobs{GOMAXPROCS: 1}},
		{Name: "peer-sysmon-awake", Workload: workload("peer-awake", time.Second, client("main", 1, true, lab.Step{Do: lab.Yield},
			start, call, lab.Step{Do: lab.Wait}), peer), Knobs: lab.Knobs{GOMAXPROCS: 1}},
		{Name: "peer-old-tick", Workload: workload("peer-old-tick", time.Second, client("main", 1, true, start, call,
			lab.Step{Do: lab.Wait}), peer), Knobs: lab.Knobs{GOMAXPROCS: 1}},
		{Name: "calls-16", Workload: workload("calls", 500*time.Millisecond, client("caller", 16, false,
			lab.Step{Do: lab.Call, Time: lab.Const(20 * time.Millisecond)})), Knobs: lab.Knobs{GOMAXPROCS: 2}},
		{Name: "generator-30", Workload: generator(0.3), Knobs: lab.Knobs{GOMAXPROCS: 2}},
		{Name: "generator-60", Workload: generator(0.6), Knobs: lab.Knobs{GOMAXPROCS: 2}},
		{Name: "generator-80", Workload: generator(0.8), Knobs: lab.Knobs{GOMAXPROCS: 2}},
	},
	Reps:      6,
	QuickReps: 3,
	QuickRun:  500 * time.Millisecond,
	Checks: []experiments.Check{
		{Metric: p50, Tolerance: 0.15, Points: []string{"slice", "sleep-100us", "generator-30", "generator-60", "generator-80"}},
		{Metric: timeSlice, Tolerance: 0.15, Points: []string{"slice-sysmon-fast"}},
		{Metric: delayP50, Tolerance: 0.15, Points: []string{"peer-sysmon-awake", "peer-old-tick"}},
		{Metric: delayP99, Tolerance: 0.15, Points: []string{"peer-sysmon-asleep"}},
		{Metric: threads, Tolerance: 0.15, Points: []string{"calls-16"}},
		{Metric: p99},
		{Metric: cpuUsed},
	},
	Claims: []experiments.Claim{{
		ID:        "S9",
		Statement: "A goroutine in a system call or in C frees its P.",
		Expect:    experiments.InPart,
		Rule:      frees,
		RuleText: "The 99th percentile of the delay of a goroutine behind one that enters a C call of 5 ms on the only P, once with sysmon awake and once asleep: " +
			"both below 2.5 ms: holds; one of them: holds in part; none: refuted.",
	}},
}

// frees asks how long a peer waits at worst behind a C call.
func frees(t *experiments.Table) experiments.Verdict {
	awake, okAwake := t.Value("", "peer-sysmon-awake", delayP99)
	asleep, okAsleep := t.Value("", "peer-sysmon-asleep", delayP99)
	const half = float64(longCall) / 2 / float64(time.Second)
	switch {
	case !okAwake || !okAsleep:
		return experiments.NotTestable
	case awake.Value < half && asleep.Value < half:
		return experiments.Holds
	case awake.Value < half || asleep.Value < half:
		return experiments.InPart
	}
	return experiments.Refuted
}
