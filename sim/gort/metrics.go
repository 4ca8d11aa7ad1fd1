package gort

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// What runtime/metrics says of the heap and of its collector (runtime/metrics.go, runtime/mstats.go: cpuStats).

// gcCPU is the CPU time of collections so far, which the runtime adds up at the end of each (cpuStats).
type gcCPU struct{ assist, dedicated, idle, pause time.Duration }

// A worldStop is one stop of the world by the collector.
type worldStop struct{ stopping, total time.Duration }

// stopped books that the world stands, which it was asked for at that time. Each P's time since it stopped is the collector's.
func (s *Sched) stopped(now, since time.Duration) {
	s.work.stopping, s.work.finishedStopping = now-since, now
	s.gcCPU.pause += time.Duration(len(s.allp))*now - s.sched.stopTimes
}

// accumulateGCPauseTime books the rest of a stop, until which all Ps stand still, and its length in all.
func (s *Sched) accumulateGCPauseTime(until, total time.Duration) {
	s.gcCPU.pause += time.Duration(len(s.allp)) * (until - s.work.finishedStopping)
	s.stops = append(s.stops, worldStop{s.work.stopping, total})
}

// A Reading is what grows with a run, at one moment.
type Reading struct {
	cycles, forced int
	bytes          uint64
	objects        int64
	cpu            gcCPU
	stops          int
	gets, misses   int64
}

// Read reads it.
func (s *Sched) Read() Reading {
	r := Reading{cycles: len(s.gcs), cpu: s.gcCPU, stops: len(s.stops)}
	for i := range s.gcs {
		r.forced += int(b2i(s.gcs[i].Forced))
	}
	for i := range s.objects {
		k := &s.objects[i]
		r.bytes += uint64(k.made) * k.size / uint64(k.perTiny)
		r.objects += (k.made + int64(k.perTiny) - 1) / int64(k.perTiny) // blocks, of tiny ones
	}
	for i := range s.pools {
		r.gets += s.pools[i].gets
		r.misses += s.pools[i].misses
	}
	return r
}

// HeapValues adds the metrics of the heap and of its collector to values, under the names of runtime/metrics and those that a
// real run adds: what grows, since that reading. A workload that does not use the heap has none.
func (s *Sched) HeapValues(values map[string]float64, before Reading) {
	if !s.collects {
		return
	}
	now, c, w := s.Read(), &s.controller, values
	forced, cycles := now.forced-before.forced, now.cycles-before.cycles
	w["/gc/cycles/total:gc-cycles"] = float64(cycles)
	w["/gc/cycles/forced:gc-cycles"] = float64(forced)
	w["/gc/cycles/automatic:gc-cycles"] = float64(cycles - forced)
	w["/gc/heap/allocs:bytes"] = float64(now.bytes - before.bytes)
	w["/gc/heap/allocs:objects"] = float64(now.objects - before.objects)
	w["/gc/heap/live:bytes"] = float64(c.HeapMarked)
	w["/gc/heap/goal:bytes"] = float64(c.HeapGoal())
	w["/gc/gogc:percent"] = float64(uint64(int64(c.GCPercent))) // off is the largest number, as in the runtime
	w["/gc/gomemlimit:bytes"] = float64(c.MemoryLimit)
	w["/gc/scan/heap:bytes"] = float64(c.HeapScan)
	w["/gc/scan/stack:bytes"] = float64(c.LastStackScan)
	w["/gc/scan/globals:bytes"] = float64(c.GlobalsScan)
	w["/gc/scan/total:bytes"] = float64(c.HeapScan + c.LastStackScan + c.GlobalsScan)
	w["/gc/limiter/last-enabled:gc-cycle"] = float64(s.limiter.LastEnabledCycle)
	cpu := gcCPU{now.cpu.assist - before.cpu.assist, now.cpu.dedicated - before.cpu.dedicated, now.cpu.idle - before.cpu.idle,
		now.cpu.pause - before.cpu.pause}
	w["/cpu/classes/gc/mark/assist:cpu-seconds"] = cpu.assist.Seconds()
	w["/cpu/classes/gc/mark/dedicated:cpu-seconds"] = cpu.dedicated.Seconds()
	w["/cpu/classes/gc/mark/idle:cpu-seconds"] = cpu.idle.Seconds()
	w["/cpu/classes/gc/pause:cpu-seconds"] = cpu.pause.Seconds()
	w["/cpu/classes/gc/total:cpu-seconds"] = (cpu.assist + cpu.dedicated + cpu.idle + cpu.pause).Seconds()
	stops := s.stops[before.stops:now.stops]
	spread(w, "/sched/pauses/total/gc", stops, func(v worldStop) time.Duration { return v.total })
	spread(w, "/sched/pauses/stopping/gc", stops, func(v worldStop) time.Duration { return v.stopping })
	w["/memory/rss:bytes"] = float64(c.MappedReady)
	w["/memory/peak:bytes"] = float64(s.mheap.peak)
	if len(s.pools) > 0 {
		w["/pool/gets:count"], w["/pool/misses:count"] = float64(now.gets-before.gets), float64(now.misses-before.misses)
	}
}

// spread adds the median, the 99th percentile and the largest, as a real run does for a distribution, if there are any.
func spread(values map[string]float64, name string, stops []worldStop, of func(worldStop) time.Duration) {
	if len(stops) == 0 {
		return
	}
	d := make([]time.Duration, 0, len(stops))
	for _, v := range stops {
		d = append(d, of(v))
	}
	slices.SortFunc(d, cmp.Compare[time.Duration])
	rank := func(q float64) float64 { return d[int(math.Ceil(q*float64(len(d))))-1].Seconds() }
	values[name+"/p50:seconds"], values[name+"/p99:seconds"], values[name+"/max:seconds"] = rank(0.5), rank(0.99), rank(1)
}
