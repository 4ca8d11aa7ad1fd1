// Package syncpool asks what a pool of buffers saves the garbage collector: each request needs a buffer of 4 KiB, 64 KiB or
// 1 MiB, from a sync.Pool of pointers, one of slices, a free list, or from nowhere. Beside the requests a job allocates, so
// that there are collections whatever the pool does. A sync.Pool is emptied by them: what is in it becomes its victim
// cache, and what was there is dropped. Three more points ask for buffers in bursts, so far apart that two collections and
// more lie between two bursts, or so close that hardly one does.
package syncpool

import (
	"math"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

const (
	cycles  = "/gc/cycles/total:gc-cycles"
	p50     = "/latency/p50:seconds"
	p99     = "/latency/p99:seconds"
	gcCPU   = "/gc/cpu:ratio"
	miss    = "/pool/miss:ratio"
	bytes   = "/gc/heap/allocs/request:bytes"
	objects = "/gc/heap/allocs/request:objects"
	peak    = "/gc/heap/peak:bytes"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// sizes are those of the buffers, with the rate of requests that a process can serve where each of them allocates one.
var sizes = []struct {
	name  string
	bytes int64
	rate  float64
}{
	{"4K", 4 * kib, 4000},
	{"64K", 64 * kib, 2000},
	{"1M", mib, 500},
}

// kinds are those of the pools, by the names of the points.
var kinds = []struct {
	name string
	kind lab.PoolKind
}{
	{"none", lab.PoolNone},
	{"slice", lab.PoolSlice},
	{"pointer", lab.PoolPointer},
	{"free", lab.PoolFree},
}

// listCap is more buffers than requests are in the process at a time.
const listCap = 64

// liveSet is what the process keeps: 8 MiB in objects of 256 bytes, half of their words pointers.
var liveSet = lab.Class{Name: "live", Background: true, Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{
	{Do: lab.Alloc, Count: 8 * mib / 256, Bytes: 256, Pointers: 0.5}, {Do: lab.Retain, Name: "live"}}}

// job allocates 64 MiB a second beside the requests, and keeps nothing of it.
var job = lab.Class{Name: "job", Background: true, Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 200},
	Steps: []lab.Step{{Do: lab.Alloc, Count: 10, Bytes: 32 * kib}}}

// use is a request between getting its buffer and putting it back.
var use = []lab.Step{{Do: lab.Get, Name: "buffers"}, {Do: lab.CPU, Time: lab.Dist{Kind: lab.Uniform, Min: 50 * time.Microsecond, Max: 100 * time.Microsecond}},
	{Do: lab.Put, Name: "buffers"}}

func workload(kind lab.PoolKind, size int64, classes ...lab.Class) lab.Workload {
	p := lab.Pool{Name: "buffers", Kind: kind, Bytes: size}
	if kind == lab.PoolFree {
		p.Cap = listCap
	}
	return lab.Workload{Name: "syncpool", Warmup: 200 * time.Millisecond, Run: 2 * time.Second, Pools: []lab.Pool{p},
		Classes: append(classes, liveSet, job)}
}

// steady is a service whose requests come one by one.
func steady(kind lab.PoolKind, size int64, rate float64) lab.Workload {
	return workload(kind, size, lab.Class{Name: "request", Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: rate}, Steps: use})
}

// bursts is one whose requests come sixteen at a time, and hold their buffers for 5 ms: all of them at once.
func bursts(kind lab.PoolKind, perSecond float64) lab.Workload {
	held := []lab.Step{use[0], {Do: lab.Sleep, Time: lab.Const(5 * time.Millisecond)}, use[2]}
	w := workload(kind, 64*kib,
		lab.Class{Name: "burst", Background: true, Arrivals: lab.Arrivals{Kind: lab.Every, Rate: perSecond},
			Steps: []lab.Step{{Do: lab.Go, Name: "request", Count: 16}, {Do: lab.Wait}}},
		lab.Class{Name: "request", Steps: held})
	w.Warmup = 600 * time.Millisecond // a first burst fills the pool
	return w
}

func points() []experiments.Point {
	two := lab.Knobs{GOMAXPROCS: 2}
	var ps []experiments.Point
	for _, s := range sizes {
		for _, k := range kinds {
			ps = append(ps, experiments.Point{Name: k.name + "-" + s.name, Workload: steady(k.kind, s.bytes, s.rate), Knobs: two})
		}
	}
	return append(ps,
		experiments.Point{Name: "burst-close", Workload: bursts(lab.PoolPointer, 20), Knobs: two},
		experiments.Point{Name: "burst-apart", Workload: bursts(lab.PoolPointer, 2.5), Knobs: two},
		experiments.Point{Name: "burst-apart-free", Workload: bursts(lab.PoolFree, 2.5), Knobs: two})
}

// Experiment is claim G5 of the ledger.
var Experiment = experiments.Experiment{
	Name:     "syncpool",
	Title:    "What does a pool of buffers save the garbage collector?",
	TitleZh:  "缓冲区池为垃圾回收器省了什么？",
	Question: "Each request needs a buffer of 4 KiB, 64 KiB or 1 MiB. Without a pool, with a sync.Pool of slices or of pointers, and with a free list: how many collections, how much of the CPU do they take, and what becomes of the 99th percentile of the latency? And how long does a sync.Pool keep what nobody asks for?",
	Points:   points(),
	Reps:     4, QuickReps: 3,
	Checks: []experiments.Check{
		{Metric: cycles, Tolerance: 0.15},
		{Metric: p99, Tolerance: 0.40},
		{Metric: miss},
		{Metric: bytes},
		{Metric: objects, Tolerance: 0.10},
		{Metric: gcCPU},
		{Metric: p50},
		{Metric: peak, Tolerance: 0.10},
	},
	Claims: []experiments.Claim{
		{
			ID:        "G5.pressure",
			Statement: "A sync.Pool cuts the garbage collector's work by 40 %.",
			Expect:    experiments.InPart,
			Rule:      eachSize(pressure),
			RuleText: "Without a pool against a pool of pointers, at each size of buffer: at most 0.6 × the collections and at most 0.6 × their share of the CPU. " +
				"At all sizes: holds; at some: holds in part; at none: refuted.",
		},
		{
			ID:        "G5.steadier",
			Statement: "With a sync.Pool latency is 15 % steadier.",
			Expect:    experiments.InPart,
			Rule:      eachSize(steadier),
			RuleText: "Without a pool against a pool of pointers, at each size of buffer: the 99th percentile of the latency is at most 0.85 × as long, and the two intervals do not overlap. " +
				"At all sizes: holds; at some: holds in part; at none: refuted.",
		},
		{
			ID:        "G5.boxed",
			Statement: "A slice put into a sync.Pool by value is boxed: each put allocates its header.",
			Expect:    experiments.Holds,
			Rule:      eachSize(boxed),
			RuleText: "A pool of slices against a pool of pointers, at each size of buffer: 0.9 to 1.1 objects more for each request, within the two intervals, which do not overlap, and 0.5 to 1.5 by the medians. " +
				"At all sizes: holds; at some: holds in part; at none: refuted.",
		},
		{
			ID:        "G5.victim",
			Statement: "A sync.Pool keeps what nobody asks for over one collection, and not over two; a free list keeps it.",
			Expect:    experiments.Holds,
			Rule:      victim,
			RuleText: "Shares of the gets that miss: burst-apart (two collections and more between two bursts) at least 0.9, burst-close (at most one, mostly none) at most 0.25, " +
				"burst-apart-free at most 0.01. All three: holds; two of them: holds in part; else refuted.",
		},
	},
}

// eachSize is the rule of a claim on every size of buffer. The test is not ok where a value is missing.
func eachSize(test func(t *experiments.Table, size string) (passed, ok bool)) func(*experiments.Table) experiments.Verdict {
	return func(t *experiments.Table) experiments.Verdict {
		n := 0
		for _, s := range sizes {
			passed, ok := test(t, s.name)
			if !ok {
				return experiments.NotTestable
			}
			if passed {
				n++
			}
		}
		return outOf(n, len(sizes))
	}
}

// outOf is the verdict where so many of all tests passed.
func outOf(n, all int) experiments.Verdict {
	switch n {
	case all:
		return experiments.Holds
	case 0:
		return experiments.Refuted
	}
	return experiments.InPart
}

func pressure(t *experiments.Table, size string) (passed, ok bool) {
	fewer, okFewer := t.Ratio("pointer-"+size, "none-"+size, cycles)
	less, okLess := t.Ratio("pointer-"+size, "none-"+size, gcCPU)
	return fewer <= 0.6 && less <= 0.6, okFewer && okLess
}

func steadier(t *experiments.Table, size string) (passed, ok bool) {
	with, okWith := t.Value("", "pointer-"+size, p99)
	without, okWithout := t.Value("", "none-"+size, p99)
	return with.Value <= 0.85*without.Value && with.High < without.Low, okWith && okWithout
}

func boxed(t *experiments.Table, size string) (passed, ok bool) {
	slice, okSlice := t.Value("", "slice-"+size, objects)
	pointer, okPointer := t.Value("", "pointer-"+size, objects)
	least, more, most := slice.Low-pointer.High, slice.Value-pointer.Value, slice.High-pointer.Low
	return least > 0 && least <= 1.1 && most >= 0.9 && math.Abs(more-1) <= 0.5, okSlice && okPointer
}

func victim(t *experiments.Table) experiments.Verdict {
	apart, okApart := t.Value("", "burst-apart", miss)
	near, okClose := t.Value("", "burst-close", miss)
	free, okFree := t.Value("", "burst-apart-free", miss)
	if !okApart || !okClose || !okFree {
		return experiments.NotTestable
	}
	n := 0
	for _, passed := range []bool{apart.Value >= 0.9, near.Value <= 0.25, free.Value <= 0.01} {
		if passed {
			n++
		}
	}
	return outOf(max(n-1, 0), 2)
}
