package lab

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// A Metric is one number derived from a Result. Its name carries its unit after the colon, as in runtime/metrics.
type Metric struct {
	Name   string                                 // "/latency/p99:seconds"
	Help   string                                 // one sentence
	Better int                                    // +1: more is better, -1: less is better, 0: neither, or memory is traded for time
	Of     func(*Result) (value float64, ok bool) // not ok: this side did not observe it
}

// Unit gives the part of the name after the colon.
func (m *Metric) Unit() string { return m.Name[strings.LastIndexByte(m.Name, ':')+1:] }

// Metrics is the one table of all metrics. A new quantity is one entry here.
var Metrics = []Metric{
	{"/throughput:requests/s", "Requests that ended in the counted part, per second of it.", +1, throughput},
	{"/throughput/speed-free:ratio", "Requests that ended in the time that one inference of 8 rows takes after the run: throughput without the host's speed.", +1, speedFree},
	{"/latency/mean:seconds", "Mean time from due to end.", -1, meanLatency},
	{"/latency/p50:seconds", "Median time from due to end.", -1, latency(0.50)},
	{"/latency/p90:seconds", "90th percentile of the time from due to end.", -1, latency(0.90)},
	{"/latency/p99:seconds", "99th percentile of the time from due to end.", -1, latency(0.99)},
	{"/latency/p99.9:seconds", "99.9th percentile of the time from due to end.", -1, latency(0.999)},
	{"/delay/p50:seconds", "Median time from due to the first step.", -1, delay(0.50)},
	{"/delay/p99:seconds", "99th percentile of the time from due to the first step.", -1, delay(0.99)},
	{"/makespan:seconds", "From the first request due to the last one ended.", -1, makespan},
	{"/requests/dropped:requests", "Requests started but not finished when the run was cut off.", -1,
		func(r *Result) (float64, bool) { return float64(r.Dropped), true }},
	{"/batch/mean:requests", "Mean size of a batch.", 0, meanOf(func(r *Result) []int32 { return r.Batches })},
	{"/sched/time-slice/p50:seconds", "Median time that a goroutine ran before it was preempted; seen in runs with an execution trace.", 0, timeSlice},
	{"/sched/threads/total:threads", "OS threads that the Go runtime owns, at the end.", 0, value("/sched/threads/total:threads")},
	{"/sched/ps-used:ps", "Ps on which at least one request in a hundred began.", 0, psUsed},
	{"/sched/p-share-max:ratio", "Share of the requests that began on the busiest P.", 0, pShare(1)},
	{"/sched/p-share-2nd:ratio", "Share of the requests that began on the second busiest P.", 0, pShare(2)},
	{"/sched/p-share-3rd:ratio", "Share of the requests that began on the third busiest P.", 0, pShare(3)},
	{"/sched/p-share-4th:ratio", "Share of the requests that began on the fourth busiest P.", 0, pShare(4)},
	{"/sched/steals:count", "Successful steals; the simulator alone sees them.", 0,
		func(r *Result) (float64, bool) { return float64(len(r.Steals)), r.Side == Predicted }},
	{"/sched/steal-size/mean:goroutines", "Mean number of goroutines that one steal moved; the simulator alone sees it.", 0,
		meanOf(func(r *Result) []int32 { return r.Steals })},
	{"/sched/retakes:count", "Ps that sysmon took from a thread in a C or system call; the simulator alone sees them.", 0, value("/sched/retakes:count")},
	{"/gc/cycles/total:gc-cycles", "Collections that began in the counted part. This and what follows on collections is computed from the lines of gctrace, whose sizes are whole MiB, and of gcpacertrace if the trial asks for them.", 0, gcCycles},
	{"/gc/period/p50:seconds", "Median time from the beginning of a collection to that of the next one; of at least three.", 0, gcPeriod},
	{"/gc/period/mean:seconds", "Mean of the same.", 0, gcPeriodMean},
	{"/gc/heap/peak:bytes", "Largest live heap at the end of marking.", 0, gcPeak},
	{"/gc/heap/peak/p50:bytes", "Median live heap at the end of marking.", 0, gcMedian(func(g *GCCycle) float64 { return float64(g.HeapEnd) })},
	{"/gc/heap/live:bytes", "Median of what collections found alive.", 0, gcMedian(func(g *GCCycle) float64 { return float64(g.HeapMarked) })},
	{"/gc/heap/goal:bytes", "Median heap goal of collections.", 0, gcMedian(func(g *GCCycle) float64 { return float64(g.Goal) })},
	{"/gc/heap/trigger:bytes", "Median live heap when marking began.", 0, gcMedian(gcTrigger)},
	{"/gc/cpu:ratio", "CPU time of collections, as a share of that of all Ps, over whole periods: assists, workers, idle marking, and the stops of the world on all Ps.", 0, gcShare(true)},
	{"/gc/cpu/busy:ratio", "The same without idle marking.", 0, gcShare(false)},
	{"/cpu/classes/gc/mark/assist:cpu-seconds", "CPU time of mark assists in the counted part.", 0, gcSum(func(g *GCCycle) time.Duration { return g.AssistCPU })},
	{"/cpu/classes/gc/mark/dedicated:cpu-seconds", "CPU time of dedicated and fractional mark workers in the counted part.", 0, gcSum(func(g *GCCycle) time.Duration { return g.WorkerCPU })},
	{"/cpu/classes/gc/mark/idle:cpu-seconds", "CPU time of idle mark workers in the counted part.", 0, gcSum(func(g *GCCycle) time.Duration { return g.IdleCPU })},
	{"/cpu/classes/gc/pause:cpu-seconds", "Time of the stops of the world in the counted part, times GOMAXPROCS.", 0, gcSum(pauseCPU)},
	{"/sched/pauses/total/gc/p50:seconds", "Median stop of the world, from asking Ps to stop; two for each collection, from the clocks of gctrace, which leave out the restart after marking.", 0, gcPause(0.5)},
	{"/sched/pauses/total/gc/max:seconds", "Longest stop of the world, by the same clocks.", 0, gcPause(1)},
	{"/gc/stop/sweep/p50:seconds", "Median clock of sweep termination, the first stop of the world of a collection.", 0, gcMedian(func(g *GCCycle) float64 { return g.StopSweep.Seconds() })},
	{"/gc/stop/mark/p50:seconds", "Median clock of mark termination, the second stop.", 0, gcMedian(func(g *GCCycle) float64 { return g.StopMark.Seconds() })},
	{"/gc/limiter/last-enabled:gc-cycle", "Number of the last collection in which the GC CPU limiter began to limit; 0: none.", 0, value("/gc/limiter/last-enabled:gc-cycle")},
	{"/gc/mark/p50:seconds", "Median length of the concurrent mark phase.", 0, gcMedian(func(g *GCCycle) float64 { return g.Mark.Seconds() })},
	{"/throughput/marking:ratio", "Requests that ended in a mark phase, per second of it, as a share of the throughput of the counted part.", 0, whileMarking},
	{"/gc/heap/allocs/request:bytes", "Bytes that the process allocated in the counted part, for each observed request that ended in it.", 0, perRequest("/gc/heap/allocs:bytes")},
	{"/gc/heap/allocs/request:objects", "The same in objects, of tiny ones their blocks.", 0, perRequest("/gc/heap/allocs:objects")},
	{"/pool/miss:ratio", "Share of the gets from pools that found no buffer; of requests that ended in the counted part.", 0, poolMisses},
	{"/memory/rss:bytes", "Resident memory of the process at the end of the counted part.", 0, value("/memory/rss:bytes")},
	{"/cpu/used:cores", "CPU time of the process over the counted part, in cores.", 0, value("/cpu/used:cores")},
	{"/cgo/go-to-c-calls:calls", "Calls from Go to C.", 0, value("/cgo/go-to-c-calls:calls")},
	{"/host/inference:seconds", "How fast the host is: an inference of 8 rows after the run, on as many cores at once as there are, or alone if it takes several threads.", 0, value(hostInference)},
	{"/host/steal:ratio", "Share of the host's CPU time that the hypervisor took during the run.", 0, value("/host/steal:ratio")},
	{"/host/foreign-cpu:cores", "CPU time of other processes during the run, in cores.", 0, value("/host/foreign-cpu:cores")},
}

const hostInference = "/host/inference:seconds"

// MetricNamed finds a metric of Metrics or of LatencyQuantiles by its name; nil if there is none.
func MetricNamed(name string) *Metric {
	i := slices.IndexFunc(Metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return quantileNamed(name)
	}
	return &Metrics[i]
}

// timeSlice is the median of the slices that a preemption ended.
func timeSlice(r *Result) (float64, bool) {
	n := len(r.TimeSlices)
	if n == 0 {
		return 0, false
	}
	return (r.TimeSlices[(n-1)/2] + r.TimeSlices[n/2]).Seconds() / 2, true
}

// value is the metric that a side recorded itself under that name.
func value(name string) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		v, ok := r.Values[name]
		return v, ok
	}
}

// counted tells whether a request belongs to the classes that are observed.
func (r *Result) counted(q *Request) bool { return !r.Trial.Workload.Classes[q.Class].Background }

// window is the counted part of the run; without a Run it has no end.
func (r *Result) window() (from, to time.Duration) {
	w := &r.Trial.Workload
	if w.Run == 0 {
		return w.Warmup, 1<<63 - 1
	}
	return w.Warmup, w.Warmup + w.Run
}

func throughput(r *Result) (float64, bool) {
	from, to := r.window()
	n, last := 0, from
	for i := range r.Requests {
		if q := &r.Requests[i]; r.counted(q) && q.End >= from && q.End < to {
			n++
			last = max(last, q.End)
		}
	}
	if r.Trial.Workload.Run > 0 {
		last = to
	}
	if last == from {
		return 0, false
	}
	return float64(n) / (last - from).Seconds(), true
}

// spans collects, sorted, one duration of each observed request that was due in the counted part.
func (r *Result) spans(of func(*Request) time.Duration) []time.Duration {
	from, to := r.window()
	d := make([]time.Duration, 0, len(r.Requests))
	for i := range r.Requests {
		if q := &r.Requests[i]; r.counted(q) && q.Due >= from && q.Due < to {
			d = append(d, of(q))
		}
	}
	slices.Sort(d)
	return d
}

func sojourn(q *Request) time.Duration { return q.End - q.Due }

// speedFree takes the host's speed in this run out of the throughput.
func speedFree(r *Result) (float64, bool) {
	perSecond, ok := throughput(r)
	inference, known := r.Values[hostInference]
	return perSecond * inference, ok && known
}

func meanLatency(r *Result) (float64, bool) {
	var sum time.Duration
	d := r.spans(sojourn)
	for _, v := range d {
		sum += v
	}
	if len(d) == 0 {
		return 0, false
	}
	return sum.Seconds() / float64(len(d)), true
}

// rank gives the q-quantile by the nearest-rank rule, so that it is a duration that really occurred.
func rank(d []time.Duration, q float64) (float64, bool) {
	if len(d) == 0 {
		return 0, false
	}
	return d[min(max(int(math.Ceil(q*float64(len(d))))-1, 0), len(d)-1)].Seconds(), true
}

func latency(q float64) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) { return rank(r.spans(sojourn), q) }
}

func delay(q float64) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		return rank(r.spans(func(q *Request) time.Duration { return q.Start - q.Due }), q)
	}
}

func makespan(r *Result) (float64, bool) {
	if len(r.Requests) == 0 {
		return 0, false
	}
	first, last := r.Requests[0].Due, r.Requests[0].End
	for i := range r.Requests {
		first, last = min(first, r.Requests[i].Due), max(last, r.Requests[i].End)
	}
	return (last - first).Seconds(), true
}

func meanOf(of func(*Result) []int32) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		v := of(r)
		if len(v) == 0 {
			return 0, false
		}
		var sum int64
		for _, x := range v {
			sum += int64(x)
		}
		return float64(sum) / float64(len(v)), true
	}
}

// perP counts the observed requests by the P on which they began.
func (r *Result) perP() (count map[int32]int, total int) {
	count = map[int32]int{}
	for i := range r.Requests {
		if q := &r.Requests[i]; r.counted(q) && q.P >= 0 {
			count[q.P]++
			total++
		}
	}
	return count, total
}

func psUsed(r *Result) (float64, bool) {
	count, total := r.perP()
	used := 0
	for _, n := range count {
		if n*100 >= total {
			used++
		}
	}
	return float64(used), total > 0
}

// pShare is the share of the P that is the rank-th busiest; not observed with fewer Ps than that.
func pShare(rank int) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		count, total := r.perP()
		n := slices.Sorted(maps.Values(count))
		if total == 0 || r.Trial.Knobs.GOMAXPROCS < rank && len(n) < rank {
			return 0, false
		}
		if len(n) < rank {
			return 0, true
		}
		return float64(n[len(n)-rank]) / float64(total), true
	}
}
