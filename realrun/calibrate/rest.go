package calibrate

import (
	"context"
	"fmt"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/gmplab/lab"
)

// Resting is the trial that Options.Rest runs: one request that asks for collections while nothing else is there, first on
// all cores, then on one P. There it lets a child allocate before each, as programs that collect do: the collector's code and
// data have then left the caches.
func Resting() lab.Trial {
	pair := []lab.Step{{Do: lab.Sleep, Time: lab.Const(time.Millisecond)}, {Do: lab.GC}}
	steps := slices.Repeat(pair, restCycles)
	steps = append(steps, lab.Step{Do: lab.SetGOMAXPROCS, Count: 1})
	steps = append(steps, slices.Repeat([]lab.Step{{Do: lab.Go, Name: "child"}, {Do: lab.Wait}, {Do: lab.GC}}, restCycles)...)
	return lab.Trial{Workload: lab.Workload{Name: "rest", Classes: []lab.Class{
		{Name: "one", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: steps},
		{Name: "child", Steps: []lab.Step{{Do: lab.Alloc, Bytes: 4 << 10, Count: 16 << 10}}},
	}}, Knobs: lab.Knobs{GOGC: -1}}
}

const restCycles = 15

// collections reads what collections cost that find nothing, in a trial's process, which prints the line of gctrace as
// every trial does, after the world has been started again. On one P nothing has to be stopped and a stop's clock is CPU time; it counts whole µs, half of one is
// lost on average. MarkSetup is that on all cores, where several workers start and end. The first cycle of each kind is
// left out.
func (b *bench) collections(rest func(context.Context) (*lab.Result, error)) error {
	res, err := rest(b.ctx)
	if err != nil {
		return err
	}
	if len(res.GCs) != 2*restCycles {
		return fmt.Errorf("the trial told of %d collections and not of %d", len(res.GCs), 2*restCycles)
	}
	var sweep, term, setup []float64
	for i := 1; i < restCycles; i++ {
		all, one := &res.GCs[i], &res.GCs[restCycles+i]
		setup = append(setup, float64(all.AssistCPU+all.WorkerCPU+all.IdleCPU))
		sweep, term = append(sweep, float64(one.StopSweep)), append(term, float64(one.StopMark))
	}
	const lost = float64(time.Microsecond) / 2
	stop := median(b.nanos["StopWorld"])
	b.add("SweepTerm", max(trimmed(sweep)+lost-stop, 0))
	b.add("MarkTerm", max(trimmed(term)+lost-stop/2, 0))
	b.add("MarkSetup", median(setup))
	b.heaps = append(b.heaps, heapOf(res.Values))
	return nil
}

// trimmed is the mean of the middle half: of numbers in coarse steps the median would be one of the steps.
func trimmed(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return mean(v[len(v)/4 : len(v)-len(v)/4])
}

// heapOf is the heap of a trial's process at its end.
func heapOf(values map[string]float64) lab.Heap {
	of := func(name string) uint64 { return uint64(values[name+":bytes"]) }
	mapped := of("/memory/classes/heap/objects") + of("/memory/classes/heap/unused") + of("/memory/classes/heap/free") +
		of("/memory/classes/heap/released")
	return lab.Heap{Live: of("/gc/heap/live"), Scan: of("/gc/scan/heap"), Stack: of("/gc/scan/stack"), Globals: of("/gc/scan/globals"),
		Other: of("/memory/classes/total") - mapped, Mapped: mapped}
}

// beside is what this process's runtime has mapped beside its heap, and the heap.
func beside() lab.Heap {
	values := map[string]float64{}
	for _, name := range []string{"total", "heap/objects", "heap/unused", "heap/free", "heap/released"} {
		s := []metrics.Sample{{Name: "/memory/classes/" + name + ":bytes"}}
		metrics.Read(s)
		if s[0].Value.Kind() == metrics.KindUint64 {
			values[s[0].Name] = float64(s[0].Value.Uint64())
		}
	}
	return heapOf(values)
}

// share is how what lies beside the heap has grown in a process whose heap is larger than one at rest.
func share(large, rest lab.Heap) float64 {
	if rest.Mapped == 0 || large.Mapped < 2*rest.Mapped || large.Other < rest.Other {
		return 0
	}
	return float64(large.Other-rest.Other) / float64(large.Mapped-rest.Mapped)
}

// heap is the median of what the rounds found, field by field.
func (b *bench) heap() (h lab.Heap) {
	for _, f := range []func(*lab.Heap) *uint64{
		func(h *lab.Heap) *uint64 { return &h.Live }, func(h *lab.Heap) *uint64 { return &h.Scan }, func(h *lab.Heap) *uint64 { return &h.Stack },
		func(h *lab.Heap) *uint64 { return &h.Globals }, func(h *lab.Heap) *uint64 { return &h.Other }, func(h *lab.Heap) *uint64 { return &h.Mapped }} {
		var v []float64
		for i := range b.heaps {
			v = append(v, float64(*f(&b.heaps[i])))
		}
		*f(&h) = uint64(median(v))
	}
	return h
}
