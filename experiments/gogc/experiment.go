// Package gogc asks what GOGC buys and costs: a service that allocates 410 MB/s beside 64 MiB of objects that stay alive, under
// GOGC 25 to 800. How often does the collector run, how much CPU does it take, how long does it stop the world, and what do
// requests feel that allocate nothing?
package gogc

import (
	"slices"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

const (
	periodMean = "/gc/period/mean:seconds"
	periodP50  = "/gc/period/p50:seconds"
	peak       = "/gc/heap/peak/p50:bytes"
	gcCPU      = "/gc/cpu:ratio"
	stopSweep  = "/gc/stop/sweep/p50:seconds"
	stopMark   = "/gc/stop/mark/p50:seconds"
	live       = "/gc/heap/live:bytes"
	goal       = "/gc/heap/goal:bytes"
	trigger    = "/gc/heap/trigger:bytes"
	cycles     = "/gc/cycles/total:gc-cycles"
	assist     = "/cpu/classes/gc/mark/assist:cpu-seconds"
	p99        = "/latency/p99:seconds"
)

const (
	objects = 1 << 16 // of 1 KiB: 64 MiB that stay alive
	batch   = 400     // of them are replaced by each request
	rate    = 1000    // such requests a second
)

// The warm-up must last until the heap has been as large as it gets for a few collections: while it still takes new memory from
// the kernel, marking lasts far longer (copyPages in sim/gort). One point has no warm-up and shows just that.

// service is a class that replaces the oldest objects of a live set, beside one that only computes; watched is the name of
// the one whose latencies count.
func service(watched string, warmup, run time.Duration) lab.Workload {
	return lab.Workload{
		Name:   "gogc",
		Warmup: warmup,
		Run:    run,
		Classes: []lab.Class{
			{
				Name:       "allocate",
				Arrivals:   lab.Arrivals{Kind: lab.Every, Rate: rate},
				Background: watched != "allocate",
				Steps: []lab.Step{
					{Do: lab.Alloc, Bytes: 1 << 10, Pointers: 1, Count: batch},
					{Do: lab.Retain, Name: "live", Count: objects},
				},
			},
			{
				Name:       "online",
				Arrivals:   lab.Arrivals{Kind: lab.Poisson, Rate: 1000},
				Background: watched != "online",
				Steps:      []lab.Step{{Do: lab.CPU, Time: lab.Const(200 * time.Microsecond)}},
			},
		},
	}
}

// flatOut is a client that replaces objects as fast as it can: allocation is bound by the assists.
func flatOut() lab.Workload {
	w := service("allocate", 2*time.Second, 3*time.Second)
	w.Classes = w.Classes[:1]
	w.Classes[0].Arrivals = lab.Arrivals{Kind: lab.Closed, Clients: 1}
	return w
}

func point(name, watched string, gogc int, warmup, run time.Duration) experiments.Point {
	return experiments.Point{Name: name, Workload: service(watched, warmup, run), Knobs: lab.Knobs{GOMAXPROCS: 2, GOGC: gogc}}
}

// Experiment is claims G2 and G3 of the ledger.
var Experiment = experiments.Experiment{
	Name:     "gogc",
	Title:    "GOGC from 25 to 800 on a steady live heap of 64 MiB",
	TitleZh:  "64 MiB 稳定存活堆上的 GOGC：从 25 到 800",
	Question: "A service replaces 400,000 objects of 1 KiB a second in a set of 65,536 that stay alive, beside requests that compute for 200 µs and allocate nothing. With GOGC 25, 50, 100, 200, 400 and 800: how often does the collector run, how large does the heap grow, how much CPU does the collector take, how long is the world stopped, and what is the 99th percentile of the requests that allocate nothing?",
	Points: []experiments.Point{
		point("gogc-25", "online", 25, 2*time.Second, 4*time.Second),
		point("gogc-50", "online", 50, 2*time.Second, 4*time.Second),
		point("gogc-100", "online", 100, 2*time.Second, 4*time.Second),
		point("gogc-200", "online", 200, 3*time.Second, 6*time.Second),
		point("gogc-400", "online", 400, 4*time.Second, 12*time.Second),
		point("gogc-800", "online", 800, 12*time.Second, 24*time.Second),
		point("gogc-400-start", "online", 400, 0, 4*time.Second),
		point("gogc-50-allocator", "allocate", 50, 2*time.Second, 4*time.Second),
		point("gogc-100-allocator", "allocate", 100, 2*time.Second, 4*time.Second),
		{Name: "gogc-100-flat-out", Workload: flatOut(), Knobs: lab.Knobs{GOMAXPROCS: 2, GOGC: 100}},
	},
	Reps:      5, // in some of them the heap grows for a second or two, and the tail with it
	QuickReps: 3,
	QuickRun:  4 * time.Second,
	Timeline:  "gogc-100",
	Checks: []experiments.Check{
		{Metric: periodMean, Tolerance: 0.05, Points: paced},
		{Metric: peak, Tolerance: 0.05},
		{Metric: gcCPU, Tolerance: 0.15},
		{Metric: stopSweep, Factor: 2},
		{Metric: p99, Tolerance: 0.40, Points: tails},
		{Metric: assist},
		{Metric: periodP50, Tolerance: 0.10, Points: []string{"gogc-25", "gogc-100-flat-out"}},
		{Metric: stopMark, Factor: 2},
		{Metric: cycles},
		{Metric: live},
		{Metric: trigger},
		{Metric: goal},
		{Metric: "/gc/mark/p50:seconds"},
		{Metric: "/gc/heap/peak:bytes"},
		{Metric: "/gc/cpu/busy:ratio"},
		{Metric: "/latency/p50:seconds"},
		{Metric: "/cpu/used:cores"},
		{Metric: "/throughput:requests/s"},
		{Metric: "/memory/rss:bytes"},
	},
	Claims: []experiments.Claim{
		{
			ID:        "G2",
			Statement: "With GOGC=100 the collector runs when the heap has doubled.",
			Expect:    experiments.InPart,
			Rule:      doubled,
			RuleText: "gogc-100: the trigger is at least 1.95 × what the collection before found alive: holds; the goal is, and the trigger is not: holds in part, " +
				"as it begins before the heap has doubled, to be done when it has; else refuted.",
		},
		{
			ID:        "G3.pauses",
			Statement: "A low GOGC shortens the pauses, a high one lengthens them.",
			Expect:    experiments.Refuted,
			Rule:      longer,
			RuleText:  "The two stops of the world of a collection, median of each, added, with GOGC=400 over those with GOGC=50: at least 2: holds; at least 1.5: holds in part; else refuted.",
		},
		{
			ID:        "G3.cost",
			Statement: "What GOGC changes is how often the collector runs, and so the CPU that it takes.",
			Expect:    experiments.Holds,
			Rule:      costs,
			RuleText:  "GC CPU with GOGC=50 over that with GOGC=400, and cycles per second likewise: both at least 3: holds; one of them: holds in part; else refuted.",
		},
	},
}

// paced are the points in which allocation keeps its pace and the trigger leaves time to mark.
var paced = []string{"gogc-50", "gogc-100", "gogc-200", "gogc-400", "gogc-800", "gogc-50-allocator", "gogc-100-allocator"}

// tails are those whose requests wait because of the collector, and not for ever.
var tails = append(slices.Clone(paced), "gogc-400-start")

func doubled(t *experiments.Table) experiments.Verdict {
	at, ok1 := t.Value("", "gogc-100", trigger)
	to, ok2 := t.Value("", "gogc-100", goal)
	alive, ok3 := t.Value("", "gogc-100", live)
	switch {
	case !ok1 || !ok2 || !ok3 || alive.Value == 0:
		return experiments.NotTestable
	case at.Value >= 1.95*alive.Value:
		return experiments.Holds
	case to.Value >= 1.95*alive.Value:
		return experiments.InPart
	}
	return experiments.Refuted
}

func longer(t *experiments.Table) experiments.Verdict {
	stops := func(point string) (float64, bool) {
		a, ok1 := t.Value("", point, stopSweep)
		b, ok2 := t.Value("", point, stopMark)
		return a.Value + b.Value, ok1 && ok2
	}
	high, ok1 := stops("gogc-400")
	low, ok2 := stops("gogc-50")
	switch {
	case !ok1 || !ok2 || low == 0:
		return experiments.NotTestable
	case high >= 2*low:
		return experiments.Holds
	case high >= 1.5*low:
		return experiments.InPart
	}
	return experiments.Refuted
}

func costs(t *experiments.Table) experiments.Verdict {
	cpu, ok1 := t.Ratio("gogc-50", "gogc-400", gcCPU)
	rarer, ok2 := t.Ratio("gogc-400", "gogc-50", periodMean)
	switch {
	case !ok1 || !ok2:
		return experiments.NotTestable
	case cpu >= 3 && rarer >= 3:
		return experiments.Holds
	case cpu >= 3 || rarer >= 3:
		return experiments.InPart
	}
	return experiments.Refuted
}
