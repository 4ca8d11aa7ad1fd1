package accuracy

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gmplab/lab"
)

// Random draws n cases from the whole space of workloads and knobs. The same seed draws the same cases, and more of them draws the same
// ones first.
func Random(n int, seed uint64) []Case {
	var cases []Case
	for i := range n {
		d := &draw{lab.NewStream(seed, "random trial", uint64(i))}
		c := kinds[d.below(len(kinds))](d)
		c.Name = fmt.Sprintf("random-%02d-%s", i+1, c.Name)
		c.Workload.Name = c.Name
		cases = append(cases, c)
	}
	return cases
}

// kinds draw one case each.
var kinds = []func(*draw) Case{randomOpen, randomOpen, randomInside, randomCalls, randomFork, randomHogs, randomMutex, randomGC, randomInfer}

// A draw draws the parts of a case.
type draw struct{ lab.Stream }

func (d *draw) below(n int) int { return int(d.Uint32n(uint32(n))) }

// between draws a number whose logarithm is spread evenly.
func (d *draw) between(low, high float64) float64 {
	return low * math.Pow(high/low, d.Float64())
}

func (d *draw) time(low, high time.Duration) time.Duration {
	return time.Duration(d.between(float64(low), float64(high))).Round(time.Microsecond)
}

// ps draws GOMAXPROCS.
func (d *draw) ps() int { return []int{1, 2, 4}[d.below(3)] }

// dist draws a distribution with a mean between two times.
func (d *draw) dist(low, high time.Duration) lab.Dist {
	mean := d.time(low, high)
	switch d.below(3) {
	case 0:
		return lab.Const(mean)
	case 1:
		return lab.ExpDist(mean)
	}
	return lab.Dist{Kind: lab.Lognormal, Mean: mean, CV: 0.5}
}

// load draws an open loop of computing at 20 to 90 % of what so many Ps on two cores can do.
func (d *draw) load(ps int) lab.Class {
	work := d.dist(100*us, 2*ms)
	share := 0.2 + 0.7*d.Float64()
	return open("r", math.Round(share*float64(min(ps, 2))/work.Mean.Seconds()), cpu(work))
}

func randomOpen(d *draw) Case {
	ps := d.ps()
	return trial("open-cpu", "open", ps, openLoop, d.load(ps))
}

func randomInside(d *draw) Case {
	ps := max(d.ps(), 2)
	c := d.load(ps)
	c.Arrivals.Generator = lab.InProcess
	return trial("in-process", "inside", ps, openLoop, c)
}

func randomCalls(d *draw) Case {
	call := lab.Step{Do: lab.Call, Time: lab.Const(d.time(50*us, 20*ms)), Spin: d.below(3) == 0}
	return trial("c-calls", "calls", d.ps(), []string{"throughput", "threads"}, closed("r", int(d.between(1, 64)), call, cpu(lab.Const(d.time(10*us, 200*us)))))
}

func randomFork(d *draw) Case {
	fork := lab.Step{Do: lab.Go, Name: "child", Count: int(d.between(4, 300))}
	return trial("fork-join", "fork", d.ps(), []string{"makespan_p50", "makespan_p99", "throughput"}, closed("parent", 1+d.below(3), fork, lab.Step{Do: lab.Wait}),
		lab.Class{Name: "child", Background: true, Steps: steps(cpu(d.dist(20*us, 500*us)))})
}

func randomHogs(d *draw) Case {
	ticker := lab.Class{Name: "ticker", Arrivals: lab.Arrivals{Kind: lab.Every, Rate: math.Round(d.between(20, 120))}, Steps: steps(cpu(lab.Const(d.time(20*us, 300*us))))}
	hog := lab.Step{Do: lab.CPU, Time: lab.Const(d.time(50*ms, 300*ms)), Calls: d.below(2) == 0}
	c := trial("hog-ticker", "hogs", d.ps(), preempted, ticker, behind(closed("hog", 1+d.below(4), hog))).lasting(500*ms, 4*time.Second)
	c.Knobs.AsyncPreemptOff = hog.Calls && d.below(2) == 0
	return c
}

func randomMutex(d *draw) Case {
	return trial("mutex", "mutex", d.ps(), closedLoop, closed("r", int(d.between(2, 64)), lab.Step{Do: lab.Lock, Name: "m"}, cpu(lab.Const(d.time(us, 30*us))),
		lab.Step{Do: lab.Unlock, Name: "m"}, cpu(lab.Const(d.time(2*us, 60*us)))))
}

func randomGC(d *draw) Case {
	bytes, live := int64(d.between(128, 4096)), int64(d.between(8<<20, 64<<20))
	perSecond := d.between(60e6, 300e6)
	rate := math.Round(d.between(200, 800))
	c := trial("gc", "gc", 2, slices.Concat(collector, []string{"p99"}),
		lab.Class{Name: "replace", Background: true, Arrivals: lab.Arrivals{Kind: lab.Every, Rate: rate}, Steps: steps(
			lab.Step{Do: lab.Alloc, Bytes: bytes, Pointers: []float64{0, 0.25, 1}[d.below(3)], Count: max(1, int(perSecond/rate/float64(bytes)))},
			lab.Step{Do: lab.Retain, Name: "live", Count: int(live / bytes)})},
		open("online", math.Round(d.between(200, 900)), cpu(lab.Const(d.time(100*us, 300*us))))).lasting(2*time.Second, 4*time.Second)
	c.Knobs.GOGC = []int{50, 75, 100, 150, 200, 300}[d.below(6)]
	return c
}

func randomInfer(d *draw) Case {
	infer := lab.Step{Do: lab.Infer, Name: "mlp"}
	c := trial("inference", "infer", 2, closedLoop, closed("r", int(d.between(2, 60)), infer))
	if d.below(2) == 0 {
		c = trial("inference", "infer-open", 2, tails, open("r", math.Round(d.between(500, 2500)), infer))
	}
	switch d.below(3) {
	case 1:
		c.Knobs.Serve = lab.Semaphore
	case 2:
		c.Knobs.Serve, c.Knobs.Workers = lab.Batched, 1+d.below(2)
		c.Knobs.Batcher = lab.Batcher{Max: int(d.between(2, 32)), Wait: []time.Duration{0, 500 * us, 2 * ms}[d.below(3)]}
	}
	return c
}
