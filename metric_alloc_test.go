package lab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// serving is the run of collected with a request every 100 ms from 1 s on, and ten more in each of two of its mark phases.
func serving() *Result {
	r := collected()
	r.Values["/gc/heap/allocs:bytes"], r.Values["/gc/heap/allocs:objects"] = 12_000, 360
	r.Trial.Workload.Classes = append(r.Trial.Workload.Classes, Class{Background: true})
	add := func(class int32, at time.Duration) {
		r.Requests = append(r.Requests, Request{Class: class, Due: at, End: at})
	}
	for i := range 100 {
		at := time.Second + time.Duration(i)*100*time.Millisecond + time.Microsecond
		add(0, at)
		for _, begin := range []time.Duration{2500, 4500} { // its first stop takes 1 ms, marking 100 ms
			for k := range 10 {
				if at.Truncate(time.Millisecond) == begin*time.Millisecond {
					add(0, (begin+10+time.Duration(k))*time.Millisecond)
					add(1, (begin+10+time.Duration(k))*time.Millisecond)
				}
			}
		}
	}
	return r
}

func TestAllocatedPerRequest(t *testing.T) {
	r := serving()
	for name, want := range map[string]float64{"/gc/heap/allocs/request:bytes": 100, "/gc/heap/allocs/request:objects": 3} {
		got, ok := MetricNamed(name).Of(r)
		assert.True(t, ok, name)
		assert.InDelta(t, want, got, 1e-9, name)
		for _, spoil := range []func(*Result){
			func(r *Result) { r.Values = nil },
			func(r *Result) { r.Requests = nil },
			func(r *Result) { r.Trial.Workload.Run = 0 },
		} {
			bad := serving()
			spoil(bad)
			_, ok := MetricNamed(name).Of(bad)
			assert.False(t, ok, name)
		}
	}
}

// 120 requests in 10 s, 25 of them in five mark phases of 101 to 105 ms: the one that comes every 100 ms in each, and twenty.
func TestThroughputWhileMarking(t *testing.T) {
	m := MetricNamed("/throughput/marking:ratio")
	got, ok := m.Of(serving())
	assert.True(t, ok)
	assert.InDelta(t, (20+5)/0.515/12, got, 1e-9)
	r := serving()
	r.GCs = nil
	_, ok = m.Of(r)
	assert.False(t, ok, "nothing is marked")
	r = serving()
	r.Requests = nil
	_, ok = m.Of(r)
	assert.False(t, ok)
	r = serving()
	r.GCs = r.GCs[:1]
	_, ok = m.Of(r)
	assert.False(t, ok, "before the counted part")
}
