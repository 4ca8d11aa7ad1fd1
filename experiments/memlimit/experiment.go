// Package memlimit asks what a memory limit does to a service: the one of package gogc, with about 72 MiB alive, under a limit
// from roomy to hardly possible, with GOGC and without. Near what is alive the collector runs all the time, and the runtime
// itself stops it at half of the CPU.
package memlimit

import (
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
	goal       = "/gc/heap/goal:bytes"
	limiter    = "/gc/limiter/last-enabled:gc-cycle"
	busy       = "/gc/cpu/busy:ratio"
	p99        = "/latency/p99:seconds"
)

const mib = 1 << 20

// service replaces 400 of 65,536 objects of 1 KiB in each of 1,000 requests a second, beside requests that only compute. The
// warm-up must last until the heap has been as large as it gets for a few collections: while it still takes new memory from the
// kernel, marking lasts far longer (copyPages in sim/gort).
func service(warmup, run time.Duration) lab.Workload {
	return lab.Workload{
		Name:   "memlimit",
		Warmup: warmup,
		Run:    run,
		Classes: []lab.Class{
			{
				Name:       "allocate",
				Arrivals:   lab.Arrivals{Kind: lab.Every, Rate: 1000},
				Background: true,
				Steps: []lab.Step{
					{Do: lab.Alloc, Bytes: 1 << 10, Pointers: 1, Count: 400},
					{Do: lab.Retain, Name: "live", Count: 1 << 16},
				},
			},
			{
				Name:     "online",
				Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: 1000},
				Steps:    []lab.Step{{Do: lab.CPU, Time: lab.Const(200 * time.Microsecond)}},
			},
		},
	}
}

func point(name string, gogc int, limit int64, warmup, run time.Duration) experiments.Point {
	return experiments.Point{Name: name, Workload: service(warmup, run), Knobs: lab.Knobs{GOMAXPROCS: 2, GOGC: gogc, GOMEMLIMIT: limit}}
}

// paced are the points in which the limit leaves time to mark.
var paced = []string{"gogc-50", "gogc-100", "gogc-400", "gogc-100-limit-512", "off-limit-512", "off-limit-256", "off-limit-160"}

// Experiment is claim G4 of the ledger.
var Experiment = experiments.Experiment{
	Name:     "memlimit",
	Title:    "GOMEMLIMIT from roomy to thrashing, with GOGC and without",
	TitleZh:  "GOMEMLIMIT：从宽裕到抖动，开启与关闭 GOGC",
	Question: "A service keeps about 72 MiB alive and replaces 410 MB a second. Which setting costs the least CPU: GOGC 50, 100 or 400, a limit of 512 MiB beside GOGC=100, or GOGC=off with a limit of 512, 256, 160, 128 or 100 MiB? What happens to requests that allocate nothing when the limit comes near to what is alive?",
	Points: []experiments.Point{
		point("gogc-50", 50, 0, 2*time.Second, 3*time.Second),
		point("gogc-100", 100, 0, 2*time.Second, 3*time.Second),
		point("gogc-400", 400, 0, 5*time.Second, 12*time.Second),
		point("gogc-100-limit-512", 100, 512*mib, 2*time.Second, 3*time.Second),
		point("off-limit-512", -1, 512*mib, 5*time.Second, 15*time.Second),
		point("off-limit-256", -1, 256*mib, 3*time.Second, 6*time.Second),
		point("off-limit-160", -1, 160*mib, 2*time.Second, 3*time.Second),
		point("off-limit-128", -1, 128*mib, 2*time.Second, 3*time.Second),
		point("off-limit-100", -1, 100*mib, 2*time.Second, 3*time.Second),
	},
	Reps:      3,
	QuickReps: 3,
	QuickRun:  3 * time.Second,
	Checks: []experiments.Check{
		{Metric: periodMean, Tolerance: 0.05, Points: paced},
		{Metric: peak, Tolerance: 0.05},
		{Metric: gcCPU, Tolerance: 0.15},
		{Metric: stopSweep, Factor: 2},
		{Metric: p99, Tolerance: 0.40, Points: paced},
		{Metric: limiter},
		{Metric: periodP50, Tolerance: 0.10, Points: []string{"off-limit-128", "off-limit-100"}},
		{Metric: stopMark, Factor: 2},
		{Metric: goal},
		{Metric: busy},
		{Metric: "/gc/heap/peak:bytes"},
		{Metric: "/gc/cycles/total:gc-cycles"},
		{Metric: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		{Metric: "/latency/p50:seconds"},
		{Metric: "/cpu/used:cores"},
		{Metric: "/throughput:requests/s"},
		{Metric: "/memory/rss:bytes"},
	},
	Claims: []experiments.Claim{
		{
			ID:        "G4",
			Statement: "When pauses cost throughput, lower GOGC.",
			Expect:    experiments.Refuted,
			Rule:      lower,
			RuleText:  "With GOGC=50 against GOGC=100, GC CPU and the 99th percentile of requests that allocate nothing: both lower: holds; one of them: holds in part; none, and one of them higher: refuted; else not testable. Lower and higher is an interval that lies apart from the other.",
		},
		{
			ID:        "G4.limit",
			Statement: "Memory that is there anyway is better used by a limit and GOGC=off: less GC CPU, and the heap stays below the limit.",
			Expect:    experiments.Holds,
			Rule:      limit,
			RuleText:  "off-limit-512 against gogc-100: GC CPU at most a half, and the median peak of the heap at most 512 MiB: holds; one of them: holds in part; else refuted.",
		},
		{
			ID:        "G4.near",
			Statement: "A limit near what is alive costs several times the CPU.",
			Expect:    experiments.Holds,
			Rule:      near,
			RuleText:  "GC CPU of off-limit-100 over that of gogc-100: at least 3: holds; at least 2: holds in part; else refuted.",
		},
	},
}

func lower(t *experiments.Table) experiments.Verdict {
	n, higher := 0, false
	for _, metric := range []string{gcCPU, p99} {
		low, ok1 := t.Value("", "gogc-50", metric)
		high, ok2 := t.Value("", "gogc-100", metric)
		if !ok1 || !ok2 {
			return experiments.NotTestable
		}
		if low.High < high.Low {
			n++
		}
		higher = higher || high.High < low.Low
	}
	if n == 0 && !higher {
		return experiments.NotTestable
	}
	return []experiments.Verdict{experiments.Refuted, experiments.InPart, experiments.Holds}[n]
}

func limit(t *experiments.Table) experiments.Verdict {
	cpu, ok1 := t.Ratio("off-limit-512", "gogc-100", gcCPU)
	top, ok2 := t.Value("", "off-limit-512", peak)
	switch {
	case !ok1 || !ok2:
		return experiments.NotTestable
	case cpu <= 0.5 && top.Value <= 512*mib:
		return experiments.Holds
	case cpu <= 0.5 || top.Value <= 512*mib:
		return experiments.InPart
	}
	return experiments.Refuted
}

func near(t *experiments.Table) experiments.Verdict {
	cpu, ok := t.Ratio("off-limit-100", "gogc-100", gcCPU)
	switch {
	case !ok:
		return experiments.NotTestable
	case cpu >= 3:
		return experiments.Holds
	case cpu >= 2:
		return experiments.InPart
	}
	return experiments.Refuted
}
