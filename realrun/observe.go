package realrun

import (
	"bytes"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"time"
)

// values are readings of runtime/metrics.
type values struct {
	samples    []metrics.Sample
	cumulative []bool
}

// observed are the metrics of the runtime that a Result holds, by prefix.
var observed = []string{"/sched/", "/cgo/", "/gc/", "/cpu/classes/gc/", "/memory/classes/"}

// readMetrics reads the runtime's metrics that are single numbers, and the distributions of pauses.
func readMetrics() values {
	var v values
	for _, d := range metrics.All() {
		if d.Kind == metrics.KindFloat64Histogram && !strings.HasPrefix(d.Name, "/sched/pauses/") {
			continue
		}
		for _, prefix := range observed {
			if strings.HasPrefix(d.Name, prefix) {
				v.samples = append(v.samples, metrics.Sample{Name: d.Name})
				v.cumulative = append(v.cumulative, d.Cumulative)
			}
		}
	}
	metrics.Read(v.samples)
	return v
}

// since gives the values by name; of those that only grow, the growth since before. Of a distribution it gives the median, the
// 99th percentile and the maximum under names of their own, if there were any.
func (v values) since(before values) map[string]float64 {
	m := make(map[string]float64, len(v.samples)+16)
	for i, s := range v.samples {
		if s.Value.Kind() == metrics.KindFloat64Histogram {
			spread(m, s.Name, s.Value.Float64Histogram(), before.samples[i].Value.Float64Histogram())
			continue
		}
		x := number(s.Value)
		if v.cumulative[i] {
			x -= number(before.samples[i].Value)
		}
		m[s.Name] = x
	}
	return m
}

// replace takes the values with one of the prefixes from another map: the heap's and the collector's count in the counted part
// alone, as the simulator's do.
func replace(m, by map[string]float64, prefixes ...string) {
	of := func(name string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	for name := range m {
		if of(name) {
			delete(m, name)
		}
	}
	for name, v := range by {
		if of(name) {
			m[name] = v
		}
	}
}

// spread adds the quantiles of what a distribution gained. A bucket's values are given as its middle.
func spread(m map[string]float64, name string, now, before *metrics.Float64Histogram) {
	var total uint64
	for i, n := range now.Counts {
		total += n - before.Counts[i]
	}
	base, unit, _ := strings.Cut(name, ":")
	for _, q := range []struct {
		suffix string
		rank   float64
	}{{"/p50", 0.5}, {"/p99", 0.99}, {"/max", 1}} {
		left := uint64(math.Ceil(q.rank * float64(total)))
		for i, n := range now.Counts {
			n -= before.Counts[i]
			if left > n || n == 0 {
				left -= n
				continue
			}
			lo, hi := now.Buckets[i], now.Buckets[i+1]
			if math.IsInf(hi, 1) {
				hi = lo
			}
			m[base+q.suffix+":"+unit] = (max(lo, 0) + hi) / 2
			break
		}
	}
}

func number(v metrics.Value) float64 {
	if v.Kind() == metrics.KindFloat64 {
		return v.Float64()
	}
	return float64(v.Uint64())
}

// usage is the CPU time that this process had used at a time of the run.
type usage struct {
	at, cpu time.Duration
	ok      bool
}

func readUsage(r *run) usage {
	cpu, ok := cpuTime()
	return usage{at: r.now(), cpu: cpu, ok: ok}
}

// cores is the CPU used from u to v, in cores.
func (u usage) cores(v usage) (float64, bool) {
	wall := v.at - u.at
	return float64(v.cpu-u.cpu) / float64(wall), u.ok && v.ok && wall > 0
}

// waitStates are the states of runtime/runtime2.go (waitReasonStrings) in which a goroutine waits for another.
var waitStates = []string{"chan receive", "chan send", "sync.Mutex.Lock", "sync.RWMutex.RLock", "sync.RWMutex.Lock", "sync.WaitGroup.Wait",
	"IO wait", "semacquire"}

// maxStacks bounds the memory for the stacks of all goroutines.
const maxStacks = 64 << 20

// stuck tells whether every open request waits for another one, so that none will ever end. It stops the world for a
// moment and is for the time after the counted part only. Goroutines that an earlier run of this process left behind
// make it false: then the run ends by its time limit.
func (r *run) stuck() bool {
	open := r.open.Load()
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		if n >= maxStacks {
			return false // too many goroutines to look at: wait for them
		}
		buf = make([]byte, 4*len(buf))
		n = runtime.Stack(buf, true)
	}
	waiting := int64(0)
	for g := range bytes.SplitSeq(buf[:n], []byte("\n\n")) {
		if !bytes.Contains(g, []byte(".(*run).step(")) {
			continue
		}
		if !waits(g) {
			return false
		}
		waiting++
	}
	return waiting == open && r.open.Load() == open
}

// waits tells whether the trace of a goroutine shows it waiting for another. One that waits for an inference does not
// count: that will come.
func waits(trace []byte) bool {
	_, state, _ := bytes.Cut(trace, []byte(" ["))
	for _, s := range waitStates {
		if rest, ok := bytes.CutPrefix(state, []byte(s)); ok && len(rest) > 0 && (rest[0] == ']' || rest[0] == ',') {
			return !bytes.Contains(trace, []byte(".(*service).infer("))
		}
	}
	return false
}
