// Package stealing asks who does the work when one goroutine starts many: 1,000 children of 50 µs on 1, 2 and 4 Ps, and
// 200 of them on 2. A burst of 200 fits into the run queue of one P, so a second P can only get work by stealing. A
// burst of 1,000 does not: the queue holds 256, half of it overflows into the global queue, and from there every P
// takes its share, with stealing or without. Only the simulator can turn stealing off; it shows what that costs.
package stealing

import (
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

const (
	makespan  = "/makespan:seconds"
	shareMax  = "/sched/p-share-max:ratio"
	psUsed    = "/sched/ps-used:ps"
	steals    = "/sched/steals:count"
	stealSize = "/sched/steal-size/mean:goroutines"
)

// burst is one goroutine that starts so many children and waits for them. Without a Run it ends when all are done.
func burst(children int) lab.Workload {
	return lab.Workload{
		Name: "stealing",
		Classes: []lab.Class{
			{
				Name:       "root",
				Arrivals:   lab.Arrivals{Kind: lab.Once, Count: 1},
				Steps:      []lab.Step{{Do: lab.Go, Name: "child", Count: children}, {Do: lab.Wait}},
				Background: true,
			},
			{
				Name:  "child",
				Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(50 * time.Microsecond)}},
			},
		},
	}
}

// noStealing predicts with a scheduler in which an idle P looks at no other P's queue.
func noStealing(cost lab.Cost) lab.Runner {
	p := gort.Go126()
	p.StealTries = 0
	return sim.Runner(cost, p)
}

// Experiment is claim S4 of the ledger.
var Experiment = experiments.Experiment{
	Name:     "stealing",
	Title:    "One goroutine starts 1,000 children: who runs them?",
	TitleZh:  "一个 goroutine 启动 1,000 个子 goroutine：谁来运行它们？",
	Question: "One goroutine starts 1,000 children that compute for 50 µs each, with GOMAXPROCS 1, 2 and 4; then 200 children with GOMAXPROCS 2. How long does each burst take, how many children run on the busiest P, and what would become of it if an idle P could not steal?",
	Points: []experiments.Point{
		{Name: "p1", Workload: burst(1000), Knobs: lab.Knobs{GOMAXPROCS: 1}},
		{Name: "p2", Workload: burst(1000), Knobs: lab.Knobs{GOMAXPROCS: 2}},
		{Name: "p4", Workload: burst(1000), Knobs: lab.Knobs{GOMAXPROCS: 4}},
		{Name: "p1-no-steal", Workload: burst(1000), Knobs: lab.Knobs{GOMAXPROCS: 1}, Predict: noStealing},
		{Name: "p2-no-steal", Workload: burst(1000), Knobs: lab.Knobs{GOMAXPROCS: 2}, Predict: noStealing},
		{Name: "p4-no-steal", Workload: burst(1000), Knobs: lab.Knobs{GOMAXPROCS: 4}, Predict: noStealing},
		{Name: "p2-200", Workload: burst(200), Knobs: lab.Knobs{GOMAXPROCS: 2}},
		{Name: "p2-200-no-steal", Workload: burst(200), Knobs: lab.Knobs{GOMAXPROCS: 2}, Predict: noStealing},
	},
	Reps:      12,
	QuickReps: 5,
	Checks: []experiments.Check{
		{Metric: makespan, Tolerance: 0.10},
		{Metric: shareMax},
		{Metric: psUsed},
		{Metric: steals},
		{Metric: stealSize},
		{Metric: "/latency/p50:seconds"},
		{Metric: "/latency/p99:seconds"},
		{Metric: "/sched/p-share-2nd:ratio"},
		{Metric: "/sched/p-share-3rd:ratio"},
		{Metric: "/sched/p-share-4th:ratio"},
	},
	Claims: []experiments.Claim{
		{
			ID:        "S4.steals",
			Statement: "An idle P steals.",
			Expect:    experiments.Holds,
			Rule:      idleSteals,
			RuleText: "p2-200: 200 children fit into the queue of the P that starts them (256), none overflows into the global queue, so whatever begins on another P was stolen. " +
				"2 Ps used and at most 0.75 of the children on the busiest: holds; 2 Ps used: holds in part; else refuted.",
		},
		{
			ID:        "S4.half",
			Statement: "A thief takes about half of a random victim's queue.",
			Expect:    experiments.InPart,
			On:        lab.Predicted,
			Rule:      half,
			RuleText: "p2-200: one steal moves 4 to 100 goroutines on average: many at once, and never more than half of the 200 started: holds in part; else refuted. " +
				"It is never more than in part: the lengths of the victims' queues are not recorded, so a third is not told from a half, nor a random victim from a fixed one; and the real runtime does not count steals.",
		},
		{
			ID:        "S4.tail",
			Statement: "A thief takes from the tail of the queue.",
			Expect:    experiments.NotTestable,
			Rule:      func(*experiments.Table) experiments.Verdict { return experiments.NotTestable },
			RuleText: "Not testable here: children are all alike, and no metric says which of them began where, so the data are the same whichever end is taken. " +
				"(The source says the head, the oldest: runtime/proc.go, runqgrab.)",
		},
		{
			ID:        "S4.without",
			Statement: "Without stealing a burst that fits into one queue stays on one P.",
			Expect:    experiments.Holds,
			On:        lab.Predicted,
			Rule:      without,
			RuleText:  "p2-200-no-steal: at least 0.95 of the children on one P, and makespan ≥ 1.5 × that of p2-200: holds; one of the two: holds in part; else refuted.",
		},
		{
			ID:        "S3.overflow",
			Statement: "A burst of 1,000 is shared through the global queue, stealing or not.",
			Expect:    experiments.Holds,
			On:        lab.Predicted,
			Rule:      overflow,
			RuleText:  "p2-no-steal: makespan ≤ 1.2 × that of p2: holds; ≤ 1.5 ×: holds in part; else refuted.",
		},
	},
}

func idleSteals(t *experiments.Table) experiments.Verdict {
	ps, okPs := t.Value("", "p2-200", psUsed)
	share, okShare := t.Value("", "p2-200", shareMax)
	switch {
	case !okPs || !okShare:
		return experiments.NotTestable
	case ps.Value >= 2 && share.Value <= 0.75:
		return experiments.Holds
	case ps.Value >= 2:
		return experiments.InPart
	}
	return experiments.Refuted
}

func half(t *experiments.Table) experiments.Verdict {
	size, ok := t.Value("", "p2-200", stealSize)
	switch {
	case !ok:
		return experiments.NotTestable
	case size.Value >= 4 && size.Value <= 100:
		return experiments.InPart
	}
	return experiments.Refuted
}

func without(t *experiments.Table) experiments.Verdict {
	share, okShare := t.Value("", "p2-200-no-steal", shareMax)
	longer, okLonger := t.Ratio("p2-200-no-steal", "p2-200", makespan)
	switch {
	case !okShare || !okLonger:
		return experiments.NotTestable
	case share.Value >= 0.95 && longer >= 1.5:
		return experiments.Holds
	case share.Value >= 0.95 || longer >= 1.5:
		return experiments.InPart
	}
	return experiments.Refuted
}

func overflow(t *experiments.Table) experiments.Verdict {
	longer, ok := t.Ratio("p2-no-steal", "p2", makespan)
	switch {
	case !ok:
		return experiments.NotTestable
	case longer <= 1.2:
		return experiments.Holds
	case longer <= 1.5:
		return experiments.InPart
	}
	return experiments.Refuted
}
