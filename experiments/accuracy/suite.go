// Package accuracy asks how far predictions are from measurements on cases that were used for nothing else: no constant of the model was
// chosen, and no mechanism was found, by looking at them. Suite is a fixed list over all families of workloads, Random draws cases that
// nobody has chosen. Both become one experiment, which experiments.Run predicts and measures as any other; Score then says how large the
// errors are, beside what the measurement itself is worth.
package accuracy

import (
	"fmt"
	"slices"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

// A Case is one trial of the suite.
type Case struct {
	Name     string
	Family   string
	Workload lab.Workload
	Knobs    lab.Knobs
	Metrics  []string // what is scored, names of Metrics
	Sweep    string   // cases of one sweep differ in one setting; empty: of none
	Best     string   // the metric by which the best of them is chosen
}

// Families are the kinds of workload, in the order of tables.
var Families = []string{"open-cpu", "in-process", "channels", "fork-join", "hog-ticker", "hog-online", "c-calls", "mutex", "sleepers", "gc", "inference", "mixed"}

// What is scored where.
var (
	openLoop   = []string{"p50", "p90", "p99", "wasserstein", "cpu_per_request"}
	closedLoop = []string{"throughput", "cpu_per_request"}
	tails      = []string{"p50", "p90", "p99", "wasserstein"}
	preempted  = []string{"preempt_p50", "preempt_p99"}
	collector  = []string{"gc_period", "heap_peak", "gc_cpu", "stw_p50"}
)

const (
	us = time.Microsecond
	ms = time.Millisecond
)

func steps(s ...lab.Step) []lab.Step { return s }

func cpu(d lab.Dist) lab.Step { return lab.Step{Do: lab.CPU, Time: d} }

func closed(name string, n int, s ...lab.Step) lab.Class {
	return lab.Class{Name: name, Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: n}, Steps: s}
}

func behind(c lab.Class) lab.Class {
	c.Background = true
	return c
}

func open(name string, rate float64, s ...lab.Step) lab.Class {
	return lab.Class{Name: name, Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: rate}, Steps: s}
}

// trial makes a case; its classes are served on that many Ps.
func trial(family, name string, ps int, metrics []string, classes ...lab.Class) Case {
	return Case{Name: name, Family: family, Metrics: metrics, Knobs: lab.Knobs{GOMAXPROCS: ps},
		Workload: lab.Workload{Name: name, Warmup: 500 * ms, Run: 2500 * ms, Classes: classes}}
}

// with changes the knobs of a case.
func (c Case) with(change func(*lab.Knobs)) Case {
	change(&c.Knobs)
	return c
}

func (c Case) lasting(warmup, run time.Duration) Case {
	c.Workload.Warmup, c.Workload.Run = warmup, run
	return c
}

func (c Case) in(sweep, best string) Case {
	c.Sweep, c.Best = sweep, best
	return c
}

// Suite is the list of held-out cases. It was written down before any of them was run. A case that has been used to find a mechanism is
// moved to the experiments, and another one takes its place.
func Suite() []Case {
	return slices.Concat(openCPU(), inProcess(), channels(), forkJoin(), hogs(), calls(), locks(), gc(), inference(), mixed())
}

func openCPU() []Case {
	const f = "open-cpu"
	return []Case{
		trial(f, "open-p2-exp500us-30", 2, openLoop, open("r", 1200, cpu(lab.ExpDist(500*us)))),
		trial(f, "open-p2-700us-50", 2, openLoop, open("r", 1430, cpu(lab.Const(700*us)))),
		trial(f, "open-p2-exp350us-70", 2, openLoop, open("r", 4000, cpu(lab.ExpDist(350*us)))),
		trial(f, "open-p2-450us-85", 2, openLoop, open("r", 3780, cpu(lab.Const(450*us)))),
		trial(f, "open-p2-exp600us-95", 2, openLoop, open("r", 3170, cpu(lab.ExpDist(600*us)))),
		trial(f, "open-p2-500us-115", 2, openLoop, open("r", 4600, cpu(lab.Const(500*us)))),
		trial(f, "open-p1-300us-50", 1, openLoop, open("r", 1670, cpu(lab.Const(300*us)))).in("procs", "p99"),
		trial(f, "open-p2-300us-25", 2, openLoop, open("r", 1670, cpu(lab.Const(300*us)))).in("procs", "p99"),
		trial(f, "open-p4-300us-25", 4, openLoop, open("r", 1670, cpu(lab.Const(300*us)))).in("procs", "p99"),
		trial(f, "open-p1-exp400us-75", 1, openLoop, open("r", 1875, cpu(lab.ExpDist(400*us)))),
		trial(f, "open-p4-exp250us-40", 4, openLoop, open("r", 3200, cpu(lab.ExpDist(250*us)))),
		trial(f, "open-p4-900us-75", 4, openLoop, open("r", 1670, cpu(lab.Const(900*us)))),
	}
}

func inProcess() []Case {
	const f = "in-process"
	inside := func(c lab.Class) lab.Class {
		c.Arrivals.Generator = lab.InProcess
		return c
	}
	return []Case{
		trial(f, "inside-p2-600us-40", 2, openLoop, inside(open("r", 1330, cpu(lab.Const(600*us))))),
		trial(f, "inside-p2-exp800us-70", 2, openLoop, inside(open("r", 1750, cpu(lab.ExpDist(800*us))))),
		trial(f, "inside-p4-400us-50", 4, openLoop, inside(open("r", 2500, cpu(lab.Const(400*us))))),
	}
}

func channels() []Case {
	const f = "channels"
	send := func(name string) lab.Step { return lab.Step{Do: lab.Send, Name: name} }
	recv := func(name string) lab.Step { return lab.Step{Do: lab.Recv, Name: name} }
	with := func(c Case, names ...lab.Chan) Case {
		c.Workload.Chans = names
		return c
	}
	return []Case{
		with(trial(f, "pingpong-1-p2", 2, closedLoop, closed("ping", 1, send("a"), recv("b")), behind(closed("pong", 1, recv("a"), send("b")))),
			lab.Chan{Name: "a"}, lab.Chan{Name: "b"}).lasting(500*ms, time.Second),
		with(trial(f, "pingpong-12-p2", 2, closedLoop, closed("ping", 12, send("a"), recv("b")), behind(closed("pong", 12, recv("a"), send("b")))),
			lab.Chan{Name: "a"}, lab.Chan{Name: "b"}).lasting(500*ms, time.Second),
		with(trial(f, "pipeline-64-p2", 2, closedLoop, closed("produce", 2, cpu(lab.Const(8*us)), send("a")), behind(closed("consume", 3, recv("a"), cpu(lab.Const(5*us))))),
			lab.Chan{Name: "a", Cap: 64}).lasting(500*ms, time.Second),
	}
}

func forkJoin() []Case {
	const f = "fork-join"
	makespan := []string{"makespan_p50", "makespan_p99", "throughput"}
	fork := func(name string, ps, clients, children int, work lab.Dist) Case {
		return trial(f, name, ps, makespan, closed("parent", clients, lab.Step{Do: lab.Go, Name: "child", Count: children}, lab.Step{Do: lab.Wait}),
			lab.Class{Name: "child", Background: true, Steps: steps(cpu(work))})
	}
	return []Case{
		fork("fork-16x200us-p2", 2, 2, 16, lab.Const(200*us)),
		fork("fork-256x20us-p2", 2, 1, 256, lab.Const(20*us)),
		fork("fork-40xexp500us-p4", 4, 3, 40, lab.ExpDist(500*us)),
	}
}

func hogs() []Case {
	hog := func(n int) lab.Class { return behind(closed("hog", n, cpu(lab.Const(230*ms)))) }
	polite := func(n int) lab.Class {
		return behind(closed("hog", n, lab.Step{Do: lab.CPU, Time: lab.Const(230 * ms), Calls: true}))
	}
	ticker := lab.Class{Name: "ticker", Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 37}, Steps: steps(cpu(lab.Const(30 * us)))}
	off := func(k *lab.Knobs) { k.AsyncPreemptOff = true }
	return []Case{
		trial("hog-ticker", "hogs-1-p1", 1, preempted, ticker, hog(1)).lasting(500*ms, 4*time.Second),
		trial("hog-ticker", "hogs-3-p2", 2, preempted, ticker, hog(3)).lasting(500*ms, 4*time.Second),
		trial("hog-ticker", "hogs-2-p2-cooperative", 2, preempted, ticker, polite(2)).with(off).lasting(500*ms, 4*time.Second),
		trial("hog-ticker", "hogs-4-p4", 4, preempted, ticker, hog(4)).lasting(500*ms, 4*time.Second),
		trial("hog-online", "online-hogs-1-p2", 2, tails, open("r", 300, cpu(lab.Const(300*us))), hog(1)).lasting(500*ms, 4*time.Second),
		trial("hog-online", "online-hogs-3-p2", 2, preempted, open("r", 120, cpu(lab.Const(300*us))), hog(3)).lasting(500*ms, 4*time.Second),
	}
}

func calls() []Case {
	const f = "c-calls"
	threads := []string{"throughput", "threads"}
	call := func(d time.Duration, spin bool) lab.Step {
		return lab.Step{Do: lab.Call, Time: lab.Const(d), Spin: spin}
	}
	return []Case{
		trial(f, "calls-50us-4-p2", 2, threads, closed("r", 4, call(50*us, false), cpu(lab.Const(20*us)))),
		trial(f, "calls-spin-400us-1-p2", 2, threads, closed("r", 1, call(400*us, true))),
		trial(f, "calls-spin-700us-12-p2", 2, threads, closed("r", 12, call(700*us, true))),
		trial(f, "calls-2ms-32-p2", 2, threads, closed("r", 32, call(2*ms, false), cpu(lab.Const(25*us)))),
		trial(f, "calls-7ms-64-p2", 2, threads, closed("r", 64, call(7*ms, false), cpu(lab.Const(60*us)))),
		trial(f, "calls-20ms-8-p4", 4, threads, closed("r", 8, call(20*ms, false), cpu(lab.Const(ms)))),
	}
}

func locks() []Case {
	guard := lab.Step{Do: lab.Lock, Name: "m"}
	free := lab.Step{Do: lab.Unlock, Name: "m"}
	sleep := lab.Step{Do: lab.Sleep, Time: lab.Dist{Kind: lab.Uniform, Min: 500 * ms, Max: 1500 * ms}}
	return []Case{
		trial("mutex", "mutex-3-p2", 2, closedLoop, closed("r", 3, guard, cpu(lab.Const(15*us)), free, cpu(lab.Const(30*us)))),
		trial("mutex", "mutex-40-p2", 2, closedLoop, closed("r", 40, guard, cpu(lab.Const(4*us)), free, cpu(lab.Const(6*us)))),
		trial("sleepers", "sleepers-8000-p2", 2, []string{"cpu_per_request"}, closed("r", 8000, sleep, cpu(lab.Const(10*us)))).lasting(1500*ms, 2500*ms),
		trial("sleepers", "sleepers-30000-p2", 2, []string{"cpu_per_request"}, closed("r", 30_000, sleep, cpu(lab.Const(5*us)))).lasting(1500*ms, 2500*ms),
	}
}

func gc() []Case {
	const f = "gc"
	replace := func(bytes int64, count, live int) []lab.Step {
		return steps(lab.Step{Do: lab.Alloc, Bytes: bytes, Pointers: 0.5, Count: count}, lab.Step{Do: lab.Retain, Name: "live", Count: live})
	}
	service := func(name string, rate float64, s []lab.Step, online float64) Case {
		return trial(f, name, 2, slices.Concat(collector, []string{"p99"}),
			lab.Class{Name: "replace", Background: true, Arrivals: lab.Arrivals{Kind: lab.Every, Rate: rate}, Steps: s},
			open("online", online, cpu(lab.Const(150*us)))).lasting(2*time.Second, 4*time.Second)
	}
	gogc := func(n int) func(*lab.Knobs) { return func(k *lab.Knobs) { k.GOGC = n } }
	flat := trial(f, "gc-200-flat-out", 2, slices.Concat(collector, []string{"throughput"}), closed("replace", 1, replace(512, 400, 64<<10)...)).lasting(2*time.Second, 3*time.Second)
	return []Case{
		service("gc-40-256B", 500, replace(256, 800, 128<<10), 500).with(gogc(40)),
		service("gc-100-512B", 400, replace(512, 600, 64<<10), 800).with(gogc(100)),
		service("gc-300-2KiB", 600, replace(2<<10, 150, 20_000), 600).with(gogc(300)).lasting(4*time.Second, 8*time.Second),
		service("gc-off-limit-160", 500, replace(1<<10, 300, 40_000), 500).with(func(k *lab.Knobs) { k.GOGC, k.GOMEMLIMIT = -1, 160<<20 }),
		flat.with(gogc(200)),
	}
}

func inference() []Case {
	const f = "inference"
	infer := lab.Step{Do: lab.Infer, Name: "mlp"}
	batched := func(most int, wait time.Duration) func(*lab.Knobs) {
		return func(k *lab.Knobs) {
			k.Serve, k.Workers, k.Batcher = lab.Batched, 2, lab.Batcher{Max: most, Wait: wait}
		}
	}
	limited := func(k *lab.Knobs) { k.Serve = lab.Semaphore }
	return []Case{
		trial(f, "infer-direct-900", 2, tails, open("r", 900, infer)),
		trial(f, "infer-batch-8-1ms-2500", 2, tails, open("r", 2500, infer)).with(batched(8, ms)),
		trial(f, "infer-closed-20-direct", 2, closedLoop, closed("r", 20, infer)).in("serving", "throughput"),
		trial(f, "infer-closed-20-semaphore", 2, closedLoop, closed("r", 20, infer)).with(limited).in("serving", "throughput"),
		trial(f, "infer-closed-20-batch-10", 2, closedLoop, closed("r", 20, infer)).with(batched(10, 0)).in("serving", "throughput"),
	}
}

func mixed() []Case {
	const f = "mixed"
	alloc := steps(lab.Step{Do: lab.Alloc, Bytes: 200, Pointers: 0.3, Count: 300}, cpu(lab.Const(100*us)))
	call := lab.Step{Do: lab.Call, Time: lab.Const(ms)}
	return []Case{
		trial(f, "mixed-alloc-cpu", 2, openLoop, open("a", 500, alloc...), open("c", 700, cpu(lab.ExpDist(400*us)))).lasting(2*time.Second, 2500*ms),
		trial(f, "mixed-calls-cpu", 2, openLoop, open("a", 600, call, cpu(lab.Const(50*us))), open("c", 900, cpu(lab.ExpDist(300*us)))),
		trial(f, "mixed-infer-cpu", 2, tails, open("a", 400, lab.Step{Do: lab.Infer, Name: "mlp"}), open("c", 400, cpu(lab.Const(500*us)))),
	}
}

// Experiment makes an experiment of cases: a point for each of them.
func Experiment(name string, cases []Case) *experiments.Experiment {
	e := &experiments.Experiment{Name: name, Title: fmt.Sprintf("Accuracy over %d cases", len(cases)), TitleZh: fmt.Sprintf("%d 个案例的预测准确度", len(cases)),
		Question: "How far are predictions from measurements on cases that were used for nothing else?",
		Reps:     12, QuickReps: 3, Whole: true}
	for _, c := range cases {
		e.Points = append(e.Points, experiments.Point{Name: c.Name, Workload: c.Workload, Knobs: c.Knobs})
	}
	for _, m := range []string{"/latency/p50:seconds", "/latency/p99:seconds", "/throughput:requests/s", "/cpu/used:cores", "/gc/cpu:ratio", "/gc/period/mean:seconds"} {
		e.Checks = append(e.Checks, experiments.Check{Metric: m})
	}
	return e
}
