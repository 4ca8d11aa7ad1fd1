package lab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// collected is a run of 10 s after a warm-up of 1 s, with a collection every 2 s from 0.5 s on; each is of another size.
func collected() *Result {
	r := &Result{Values: map[string]float64{"/pool/gets:count": 8, "/pool/misses:count": 2}}
	r.Trial.Workload = Workload{Warmup: time.Second, Run: 10 * time.Second,
		Classes: []Class{{Steps: []Step{{Do: Alloc}}}}}
	for i := range 7 {
		n := time.Duration(i)
		r.GCs = append(r.GCs, GCCycle{N: i + 1, At: 500*time.Millisecond + n*2*time.Second, Procs: 4,
			StopSweep: time.Millisecond, Mark: (100 + n) * time.Millisecond, StopMark: (2 + n) * time.Millisecond,
			AssistCPU: 10 * time.Millisecond, WorkerCPU: 100 * time.Millisecond, IdleCPU: 50 * time.Millisecond,
			HeapBegin: uint64(70 + i), HeapEnd: uint64(80 + i), HeapMarked: uint64(40 + i), Goal: uint64(90 + i)})
	}
	r.GCs[3].At += 100 * time.Millisecond
	r.GCs[6].Paced, r.GCs[6].Trigger = true, 86 // the heap did not grow
	r.GCs[5].Paced, r.GCs[5].Trigger = true, 76
	return r
}

func TestMetricsOfCollections(t *testing.T) {
	r := collected()
	// Counted are those at 2.5, 4.5, 6.6, 8.5 and 10.5 s; the last one ends no period.
	pauses := 4 * (4*0.001 + 0.003 + 0.004 + 0.005 + 0.006)
	for name, want := range map[string]float64{
		"/gc/cycles/total:gc-cycles":                 5,
		"/gc/period/p50:seconds":                     2,
		"/gc/period/mean:seconds":                    2,
		"/gc/heap/peak:bytes":                        85,
		"/gc/heap/peak/p50:bytes":                    83,
		"/gc/heap/live:bytes":                        43,
		"/gc/heap/goal:bytes":                        93,
		"/gc/heap/trigger:bytes":                     73,
		"/gc/cpu:ratio":                              (4*0.160 + pauses) / (8 * 4),
		"/gc/cpu/busy:ratio":                         (4*0.110 + pauses) / (8 * 4),
		"/cpu/classes/gc/mark/assist:cpu-seconds":    0.05,
		"/cpu/classes/gc/mark/dedicated:cpu-seconds": 0.5,
		"/cpu/classes/gc/mark/idle:cpu-seconds":      0.25,
		"/cpu/classes/gc/pause:cpu-seconds":          4 * (5*0.001 + 0.003 + 0.004 + 0.005 + 0.006 + 0.007),
		"/sched/pauses/total/gc/p50:seconds":         0.001,
		"/sched/pauses/total/gc/max:seconds":         0.007,
		"/gc/mark/p50:seconds":                       0.103,
		"/pool/miss:ratio":                           0.25,
	} {
		got, ok := MetricNamed(name).Of(r)
		assert.True(t, ok, name)
		assert.InDelta(t, want, got, 1e-12, name)
	}
}

func TestTriggerIsThePacersIfItTold(t *testing.T) {
	r := collected()
	assert.Equal(t, 70.0, gcTrigger(&r.GCs[0]))
	assert.Equal(t, 76.0, gcTrigger(&r.GCs[5]))
	assert.Equal(t, 76.0, gcTrigger(&r.GCs[6]))
}

// Too few collections have no period, and a workload that does not use the heap has none at all.
func TestMetricsOfFewCollections(t *testing.T) {
	r := collected()
	r.GCs = r.GCs[:3]
	for _, name := range []string{"/gc/period/p50:seconds", "/gc/period/mean:seconds", "/gc/cpu:ratio"} {
		_, ok := MetricNamed(name).Of(r)
		assert.False(t, ok, name)
	}
	live, ok := MetricNamed("/gc/heap/live:bytes").Of(r)
	assert.True(t, ok)
	assert.Equal(t, 41.5, live)
	r.GCs, r.Values = nil, nil
	n, ok := MetricNamed("/gc/cycles/total:gc-cycles").Of(r)
	assert.True(t, ok)
	assert.Zero(t, n)
	r.Trial.Workload.Classes[0].Steps[0].Do = CPU
	for _, name := range []string{"/gc/cycles/total:gc-cycles", "/gc/heap/peak:bytes", "/gc/heap/live:bytes", "/cpu/classes/gc/pause:cpu-seconds",
		"/sched/pauses/total/gc/p50:seconds", "/pool/miss:ratio"} {
		_, ok := MetricNamed(name).Of(r)
		assert.False(t, ok, name)
	}
}
