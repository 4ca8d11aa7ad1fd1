// Package batching asks the headline question: what happens to throughput and latency when 64 clients share one model,
// each goroutine calling it directly, through a semaphore, or through a batcher. Go's runtime cannot limit C calls:
// each of them keeps a thread, so the kernel's time slices decide who waits, and the median and the 99th percentile of
// direct serving lie three orders of magnitude apart. The batcher wins because the model is cheaper per row in a
// batch, not because of locks or of the garbage collector.
package batching

import (
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

const (
	throughput = "/throughput:requests/s"
	p50        = "/latency/p50:seconds"
	p99        = "/latency/p99:seconds"
	speedFree  = "/throughput/speed-free:ratio"
	meanBatch  = "/batch/mean:requests"
	threads    = "/sched/threads/total:threads"
	cpuUsed    = "/cpu/used:cores"
)

// workload is a closed loop of 64 clients that wait for one inference each. Nothing in it allocates.
var workload = lab.Workload{
	Name:   "batching",
	Warmup: 300 * time.Millisecond,
	Run:    1500 * time.Millisecond,
	Classes: []lab.Class{{
		Name:     "client",
		Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 64},
		Steps:    []lab.Step{{Do: lab.Infer, Name: "mlp"}},
	}},
}

// batched serves with that many workers, intra-op threads and wait; a batch holds 32 requests at most.
func batched(workers, intraOp int, wait time.Duration) lab.Knobs {
	return lab.Knobs{Serve: lab.Batched, Workers: workers, IntraOp: intraOp, Batcher: lab.Batcher{Max: 32, Wait: wait}}
}

var all = []string{"direct", "semaphore", "batch-32-wait-0", "batch-32-wait-1ms", "batch-32-wait-2ms", "batch-32-intra-2"}

// Experiment is claim I1 of the ledger.
var Experiment = experiments.Experiment{
	Name:     "batching",
	Title:    "64 clients, one model: direct calls, a semaphore, a batcher",
	TitleZh:  "64 个客户端共用一个模型：直接调用、信号量与批处理",
	Question: "64 clients in a closed loop each wait for one inference of a model that computes for about 0.2 ms. Each goroutine may call the model itself, take one of as many permits as there are cores, or hand its request to a batcher. Which of them serves most requests per second, and how far apart lie the median and the 99th percentile of the latency?",
	Points: []experiments.Point{
		{Name: "direct", Workload: workload, Knobs: lab.Knobs{Serve: lab.Direct}},
		{Name: "semaphore", Workload: workload, Knobs: lab.Knobs{Serve: lab.Semaphore}},
		{Name: "batch-32-wait-0", Workload: workload, Knobs: batched(2, 1, 0)},
		{Name: "batch-32-wait-1ms", Workload: workload, Knobs: batched(2, 1, time.Millisecond)},
		{Name: "batch-32-wait-2ms", Workload: workload, Knobs: batched(2, 1, 2*time.Millisecond)},
		{Name: "batch-32-intra-2", Workload: workload, Knobs: batched(1, 2, 0)},
	},
	Reps:      5,
	QuickReps: 3,
	QuickRun:  600 * time.Millisecond,
	Checks: []experiments.Check{
		{Metric: throughput, Tolerance: 0.20},
		{Metric: p50, Tolerance: 0.30},
		{Metric: p99, Factor: 2, Points: []string{"direct"}},
		{Metric: speedFree},
		{Metric: meanBatch},
		{Metric: threads},
		{Metric: cpuUsed},
	},
	Claims: []experiments.Claim{
		{
			ID:        "I1.suffers",
			Statement: "One goroutine a request suffers.",
			Expect:    experiments.Holds,
			Rule:      suffers,
			RuleText:  "direct: p99 ≥ 50 × p50: holds; ≥ 10 ×: holds in part; below: refuted.",
		},
		{
			ID:        "I1.cause",
			Statement: "It suffers from locks and from the garbage collector.",
			Expect:    experiments.Refuted,
			On:        experiments.Both,
			Rule:      cause,
			RuleText: "The prediction of direct serving knows neither: no request takes a lock or allocates. If it shows the tail all the same (predicted p99 ≥ 50 × p50, " +
				"and predicted and measured p99 within a factor of 2 of each other), neither is needed to explain it: refuted; otherwise not testable here.",
		},
		{
			ID:        "I1.throughput",
			Statement: "Batching lifts throughput and does not pay for it with the tail.",
			Expect:    experiments.Holds,
			Rule:      lifts,
			RuleText:  "The batcher with the highest throughput against direct: throughput ≥ 1.5 × and p99 ≤ 0.5 ×: holds; one of the two: holds in part; neither: refuted.",
		},
		{
			ID:        "I1.utilisation",
			Statement: "Batching lifts the utilisation of the CPU.",
			Expect:    experiments.Refuted,
			Rule:      utilisation,
			RuleText:  "CPU used by the batcher with the highest throughput ≥ 1.10 × that of direct: holds; below: refuted. (More work per second of CPU is not more CPU.)",
		},
		{
			ID:        "I1.calls",
			Statement: "Batching cuts cgo calls.",
			Expect:    experiments.Holds,
			Rule:      calls,
			RuleText:  "One C call runs one batch, so a request costs 1 / (mean batch) calls; mean batch of the batcher with the highest throughput ≥ 4: holds; ≥ 2: holds in part; below: refuted.",
		},
		{
			ID:        "rank.throughput",
			Statement: "The simulator ranks the modes by throughput as the machine does.",
			Expect:    experiments.Holds,
			On:        experiments.Both,
			Rule:      experiments.RankingRule(throughput, all...),
			RuleText:  "No pair of modes whose measured intervals lie apart stands in the other order in the prediction. Modes whose measured intervals overlap are ties.",
		},
		{
			ID:        "rank.p99",
			Statement: "The simulator ranks the modes by p99 as the machine does.",
			Expect:    experiments.Holds,
			On:        experiments.Both,
			Rule:      experiments.RankingRule(p99, all...),
			RuleText:  "The same rule for the 99th percentile of the latency.",
		},
	},
}

// grade is holds from full on, holds in part from part on, else refuted.
func grade(x, full, part float64) experiments.Verdict {
	switch {
	case x >= full:
		return experiments.Holds
	case x >= part:
		return experiments.InPart
	}
	return experiments.Refuted
}

func suffers(t *experiments.Table) experiments.Verdict {
	tail, okTail := t.Value("", "direct", p99)
	mid, okMid := t.Value("", "direct", p50)
	if !okTail || !okMid || mid.Value <= 0 {
		return experiments.NotTestable
	}
	return grade(tail.Value/mid.Value, 50, 10)
}

func cause(t *experiments.Table) experiments.Verdict {
	mid, okMid := t.Value(lab.Predicted, "direct", p50)
	tail, okTail := t.Value(lab.Predicted, "direct", p99)
	measured, okM := t.Value(lab.Measured, "direct", p99)
	if okMid && okTail && okM && tail.Value >= 50*mid.Value && tail.Value <= 2*measured.Value && measured.Value <= 2*tail.Value {
		return experiments.Refuted
	}
	return experiments.NotTestable
}

// best is the batcher with the highest throughput on the side that is judged; empty where none was observed.
func best(t *experiments.Table) string {
	name, most := "", 0.0
	for _, point := range all[2:] {
		if iv, ok := t.Value("", point, throughput); ok && iv.Value > most {
			name, most = point, iv.Value
		}
	}
	return name
}

func lifts(t *experiments.Table) experiments.Verdict {
	b := best(t)
	more, okMore := t.Ratio(b, "direct", throughput)
	tail, okTail := t.Ratio(b, "direct", p99)
	switch {
	case !okMore || !okTail:
		return experiments.NotTestable
	case more >= 1.5 && tail <= 0.5:
		return experiments.Holds
	case more >= 1.5 || tail <= 0.5:
		return experiments.InPart
	}
	return experiments.Refuted
}

func utilisation(t *experiments.Table) experiments.Verdict {
	x, ok := t.Ratio(best(t), "direct", cpuUsed)
	switch {
	case !ok:
		return experiments.NotTestable
	case x >= 1.10:
		return experiments.Holds
	}
	return experiments.Refuted
}

func calls(t *experiments.Table) experiments.Verdict {
	iv, ok := t.Value("", best(t), meanBatch)
	if !ok {
		return experiments.NotTestable
	}
	return grade(iv.Value, 4, 2)
}
