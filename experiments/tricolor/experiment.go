// Package tricolor asks whether Go's collector is what everybody calls it: concurrent, tri-color, with short stops. A small
// service keeps 32 MiB of objects full of pointers and allocates 200 MB a second, on 1, 2 and 4 Ps; what counts is how long
// it marks, how long it stops the world, and what the service does meanwhile. Why marking may run beside the program at
// all is a question of single pointers: the films of sim/tricolor show heaps of three objects with the write barrier, with
// half of it and without.
package tricolor

import (
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	films "github.com/gmplab/lab/sim/tricolor"
)

const (
	cycles  = "/gc/cycles/total:gc-cycles"
	mark    = "/gc/mark/p50:seconds"
	stops   = "/sched/pauses/total/gc/p50:seconds"
	longest = "/sched/pauses/total/gc/max:seconds"
	gcCPU   = "/gc/cpu:ratio"
	marking = "/throughput/marking:ratio"
	p50     = "/latency/p50:seconds"
	p99     = "/latency/p99:seconds"
	peak    = "/gc/heap/peak:bytes"
)

const (
	size  = 256             // bytes of an object that is kept
	kept  = 32 << 20 / size // how many are
	fresh = 100             // how many a request replaces
)

// liveSet makes what the service keeps: 32 MiB in objects of 256 bytes, all of their words pointers.
var liveSet = lab.Class{Name: "live", Background: true, Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{
	{Do: lab.Alloc, Count: kept, Bytes: size, Pointers: 1}, {Do: lab.Retain, Name: "live", Count: kept}}}

// request replaces the oldest objects that are kept, allocates 176 KiB that it needs no longer than it lasts, and computes.
var request = lab.Class{Name: "request", Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: 1000}, Steps: []lab.Step{
	{Do: lab.Alloc, Count: fresh, Bytes: size, Pointers: 1}, {Do: lab.Retain, Name: "live", Count: kept},
	{Do: lab.Alloc, Count: 44, Bytes: 4 << 10}, {Do: lab.CPU, Time: lab.Dist{Kind: lab.Uniform, Min: 50 * time.Microsecond, Max: 150 * time.Microsecond}}}}

// service warms up until each object has been replaced once: then the heap is like one that has been in use.
var service = lab.Workload{Name: "tricolor", Warmup: 1500 * time.Millisecond, Run: 4 * time.Second, Classes: []lab.Class{request, liveSet}}

// names are those of the points.
var names = []string{"p1", "p2", "p4"}

// Experiment is claim G1 of the ledger.
var Experiment = experiments.Experiment{
	Name:     "tricolor",
	Title:    "Concurrent tri-color marking with short stops?",
	TitleZh:  "并发三色标记，停顿很短？",
	Question: "A service keeps 32 MiB of objects full of pointers and allocates 200 MB a second, with GOMAXPROCS 1, 2 and 4. How long does a collection mark, how long does it stop the world, and how many requests does the service finish while it marks? And what would become of an object without the write barrier?",
	Points: []experiments.Point{
		{Name: "p1", Workload: service, Knobs: lab.Knobs{GOMAXPROCS: 1}},
		{Name: "p2", Workload: service, Knobs: lab.Knobs{GOMAXPROCS: 2}},
		{Name: "p4", Workload: service, Knobs: lab.Knobs{GOMAXPROCS: 4}},
	},
	Reps: 4, QuickReps: 3,
	Timeline: "p2",
	Checks: []experiments.Check{
		{Metric: mark, Tolerance: 0.25},
		{Metric: stops, Factor: 2},
		{Metric: marking, Tolerance: 0.25},
		{Metric: gcCPU, Tolerance: 0.15},
		{Metric: cycles, Tolerance: 0.10},
		{Metric: p99},
		{Metric: p50},
		{Metric: longest},
		{Metric: peak, Tolerance: 0.05},
	},
	Claims: []experiments.Claim{
		{
			ID:        "G1.concurrent",
			Statement: "The collector marks beside the program.",
			Expect:    experiments.Holds,
			Rule:      eachPoint(concurrent),
			RuleText: "At p1, p2 and p4: the median mark phase is at least 20 × as long as the median stop of the world, and while it lasts requests end at least half as often as over the whole run. " +
				"At all three: holds; at some: holds in part; at none: refuted.",
		},
		{
			ID:        "G1.short",
			Statement: "It stops the world for short times only.",
			Expect:    experiments.Holds,
			Rule:      eachPoint(short),
			RuleText:  "At p1, p2 and p4: the median stop is below 1 ms. At all three: holds; at some: holds in part; at none: refuted.",
		},
		{
			ID:        "G1.barrier",
			Statement: "It is the write barrier that keeps concurrent marking from losing objects, and it takes both of its halves.",
			Expect:    experiments.Holds,
			On:        lab.Predicted,
			Rule:      barrier,
			RuleText: "sim/tricolor marks the heaps of its lessons, and 20,000 drawn ones, with each barrier. The hybrid one loses no object of any; without a barrier, with the deletion half alone and with the insertion half alone " +
				"an object is lost in some: holds. If the hybrid one loses an object, or nothing is lost without a barrier: refuted; else holds in part. It needs a prediction, and no measurement: the real runtime has no such switch.",
		},
	},
}

// eachPoint is the rule of a claim on all points. The test is not ok where a value is missing.
func eachPoint(test func(t *experiments.Table, point string) (passed, ok bool)) func(*experiments.Table) experiments.Verdict {
	return func(t *experiments.Table) experiments.Verdict {
		n := 0
		for _, p := range names {
			passed, ok := test(t, p)
			if !ok {
				return experiments.NotTestable
			}
			if passed {
				n++
			}
		}
		switch n {
		case len(names):
			return experiments.Holds
		case 0:
			return experiments.Refuted
		}
		return experiments.InPart
	}
}

func concurrent(t *experiments.Table, point string) (passed, ok bool) {
	long, okLong := t.Value("", point, mark)
	stop, okStop := t.Value("", point, stops)
	served, okServed := t.Value("", point, marking)
	return long.Value >= 20*stop.Value && served.Value >= 0.5, okLong && okStop && okServed
}

func short(t *experiments.Table, point string) (passed, ok bool) {
	stop, ok := t.Value("", point, stops)
	return stop.Value < 1e-3, ok
}

// drawn is how many heaps are searched for one in which an object is lost.
const drawn = 20_000

// loses tells whether any lesson, or any drawn heap, loses an object that the program can reach.
func loses(b films.Barrier) bool {
	rules := films.Rules{Barrier: b}
	for _, l := range films.Lessons() {
		c, err := l.Case()
		if err != nil {
			continue // TestFilms shows that each parses
		}
		if lost, err := films.Losses(&c, rules); err == nil && len(lost) > 0 {
			return true
		}
	}
	_, found := films.Search(rules, films.Small, 1, drawn)
	return found
}

// barrier tries every barrier on the same heaps.
func barrier(t *experiments.Table) experiments.Verdict {
	if _, ok := t.Value("", names[0], mark); !ok {
		return experiments.NotTestable
	}
	return verdict(loses(films.Hybrid), loses(films.None), loses(films.Deletion), loses(films.Insertion))
}

// verdict judges by which barriers lose an object.
func verdict(hybrid, none, deletion, insertion bool) experiments.Verdict {
	switch {
	case hybrid || !none:
		return experiments.Refuted
	case deletion && insertion:
		return experiments.Holds
	}
	return experiments.InPart
}
