package realrun

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
)

const ms = time.Millisecond

func needC(t *testing.T) {
	t.Helper()
	if err := native.Check(); err != nil {
		t.Skip(err)
	}
}

func TestStepCPUComputesItsLinks(t *testing.T) {
	for _, calls := range []bool{false, true} {
		long := took(runOnce(t, once(1, lab.Step{Do: lab.CPU, Time: lab.Const(20 * ms), Calls: calls})))[0]
		assert.Greater(t, long, 4*ms, "20 million links cannot be that fast")
	}
}

// A step that needs stack computes its links, and the growth of a thousand goroutines' stacks to 64 KiB takes time.
func TestStepCPUGoesDeep(t *testing.T) {
	long := took(runOnce(t, once(1, lab.Step{Do: lab.CPU, Time: lab.Const(20 * ms), Stack: 60_000})))[0]
	assert.Greater(t, long, 4*ms, "20 million links cannot be that fast")
	sum := func(stack int64) time.Duration {
		least := time.Hour
		for range 5 { // something else may run in between
			all := time.Duration(0)
			for _, d := range took(runOnce(t, once(1000, lab.Step{Do: lab.CPU, Time: lab.Const(1), Stack: stack}))) {
				all += d
			}
			least = min(least, all)
		}
		return least
	}
	assert.Greater(t, sum(60_000), 2*sum(0))
}

func TestStepAllocAllocates(t *testing.T) {
	for _, share := range []float64{0, 0.01, 0.5, 1} {
		res := runOnce(t, once(4, slices.Repeat([]lab.Step{{Do: lab.Alloc, Bytes: 100_003, Pointers: share}}, 10)...))
		assert.GreaterOrEqual(t, res.Values["/gc/heap/allocs:bytes"], 40*100_003.0, "share %v", share)
		assert.Less(t, res.Values["/gc/heap/allocs:bytes"], 60*100_003.0, "share %v", share)
	}
}

func TestStepRetainAndRelease(t *testing.T) {
	res := runOnce(t, once(20, lab.Step{Do: lab.Release, Name: "cache"}, lab.Step{Do: lab.Retain, Name: "cache"},
		lab.Step{Do: lab.Alloc, Bytes: 64}, lab.Step{Do: lab.Retain, Name: "cache"}))
	assert.Len(t, res.Requests, 20)
}

func TestStepCallSleepsInC(t *testing.T) {
	needC(t)
	res := runOnce(t, once(3, lab.Step{Do: lab.Call, Time: lab.Const(20 * ms)}))
	assert.GreaterOrEqual(t, slices.Min(took(res)), 20*ms)
	assert.GreaterOrEqual(t, res.Values["/cgo/go-to-c-calls:calls"], 3.0)
}

func TestStepCallSpinsInC(t *testing.T) {
	needC(t)
	res := runOnce(t, once(1, lab.Step{Do: lab.Call, Time: lab.Const(20 * ms), Spin: true}))
	assert.Greater(t, took(res)[0], 4*ms)
	assert.Greater(t, res.Values["/cpu/used:cores"], 0.01)
}

func TestStepSyscallBlocks(t *testing.T) {
	if err := checkSyscall(); err != nil {
		t.Skip(err)
	}
	res := runOnce(t, once(3, lab.Step{Do: lab.Syscall, Time: lab.Const(20 * ms)}))
	assert.GreaterOrEqual(t, slices.Min(took(res)), 20*ms)
}

func TestStepSleepSleeps(t *testing.T) {
	res := runOnce(t, once(100, lab.Step{Do: lab.Sleep, Time: lab.Const(20 * ms)}))
	assert.GreaterOrEqual(t, slices.Min(took(res)), 20*ms)
	assert.Less(t, slices.Max(took(res)), 1900*ms, "they sleep at the same time")
}

func TestStepSendAndRecvMeet(t *testing.T) {
	w := lab.Workload{Name: "meet", Chans: []lab.Chan{{Name: "c"}}, Classes: []lab.Class{
		{Name: "taker", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 5}, Steps: []lab.Step{{Do: lab.Recv, Name: "c"}}},
		{Name: "giver", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 5},
			Steps: []lab.Step{{Do: lab.Sleep, Time: lab.Const(20 * ms)}, {Do: lab.Send, Name: "c"}}},
	}}
	res := runOnce(t, w)
	require.Len(t, res.Requests, 10)
	assert.GreaterOrEqual(t, slices.Min(took(res)), 19*ms)
}

func TestStepLockExcludes(t *testing.T) {
	res := runOnce(t, once(5, lab.Step{Do: lab.Lock, Name: "m"}, lab.Step{Do: lab.Sleep, Time: lab.Const(5 * ms)},
		lab.Step{Do: lab.Unlock, Name: "m"}))
	for i := 1; i < 5; i++ {
		assert.GreaterOrEqual(t, res.Requests[i].End-res.Requests[i-1].End, 5*ms)
	}
}

// Readers sleep at the same time, writers one after the other, and none beside the other kind.
func TestStepRLockSharesAndLockExcludes(t *testing.T) {
	sleep := lab.Step{Do: lab.Sleep, Time: lab.Const(20 * ms)}
	w := once(8, lab.Step{Do: lab.RLock, Name: "m"}, sleep, lab.Step{Do: lab.RUnlock, Name: "m"})
	w.Classes = append(w.Classes, lab.Class{Name: "writer", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 2},
		Steps: []lab.Step{{Do: lab.Lock, Name: "m"}, sleep, {Do: lab.Unlock, Name: "m"}}})
	res := runOnce(t, w)
	require.Len(t, res.Requests, 10)
	var readers, writers []time.Duration
	for _, q := range res.Requests {
		if q.Class == 1 {
			writers = append(writers, q.End)
		} else {
			readers = append(readers, q.End)
		}
	}
	assert.GreaterOrEqual(t, slices.Max(writers)-slices.Min(writers), 20*ms)
	for _, w := range writers {
		for _, r := range readers {
			assert.False(t, r > w-20*ms && r < w, "a reader ended at %v, while a writer slept until %v", r, w)
		}
	}
	assert.Less(t, slices.Max(readers)-slices.Min(readers), 8*20*ms, "readers went one after the other")
}

// A goroutine that ends locked takes its thread with it; GOMAXPROCS is what the last step set.
func TestStepLockOSThreadAndGOMAXPROCS(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	res := runOnce(t, once(50, lab.Step{Do: lab.LockOSThread}, lab.Step{Do: lab.Sleep, Time: lab.Const(ms)}))
	assert.Len(t, res.Requests, 50)
	assert.Less(t, res.Values["/sched/threads/total:threads"], 50.0, "the threads have not ended")
	res = runOnce(t, once(1, lab.Step{Do: lab.SetGOMAXPROCS, Count: before + 2}, lab.Step{Do: lab.CPU, Time: lab.Const(1000)}))
	assert.Equal(t, float64(before+2), res.Values["/sched/gomaxprocs:threads"])
}

// family is a parent with 10 children that sleep, each of which has 2 children of its own.
func family(parent ...lab.Step) lab.Workload {
	w := once(1, parent...)
	w.Classes = append(w.Classes,
		lab.Class{Name: "child", Steps: []lab.Step{{Do: lab.Sleep, Time: lab.Const(20 * ms)}, {Do: lab.Go, Name: "grandchild", Count: 2}}},
		lab.Class{Name: "grandchild", Steps: []lab.Step{{Do: lab.Yield}}})
	return w
}

func TestStepGoAndWait(t *testing.T) {
	res := runOnce(t, family(lab.Step{Do: lab.Go, Name: "child", Count: 9}, lab.Step{Do: lab.Go, Name: "child"}, lab.Step{Do: lab.Wait}))
	require.Len(t, res.Requests, 1+10+20)
	var parent lab.Request
	var children []lab.Request
	for _, q := range res.Requests {
		switch q.Class {
		case 0:
			parent = q
		case 1:
			children = append(children, q)
		}
	}
	require.Len(t, children, 10)
	for _, q := range children {
		assert.GreaterOrEqual(t, q.Due, parent.Start)
		assert.LessOrEqual(t, q.End, parent.End)
	}
}

func TestStepGoWithoutWaitEndsFirst(t *testing.T) {
	res := runOnce(t, family(lab.Step{Do: lab.Wait}, lab.Step{Do: lab.Go, Name: "child", Count: 10}))
	require.Len(t, res.Requests, 1+10+20)
	assert.EqualValues(t, 0, res.Requests[0].Class)
}

func TestStepsDrawFromTheStreamOfTheirRequest(t *testing.T) {
	tiny := lab.Dist{Kind: lab.Uniform, Min: 1, Max: 1000}
	w := once(1, lab.Step{Do: lab.CPU, Time: tiny}, lab.Step{Do: lab.Yield, Time: tiny}, lab.Step{Do: lab.Sleep, Time: tiny})
	r, err := newRun(envelope{Trial: lab.Trial{Workload: w, Seed: 7}})
	require.NoError(t, err)
	for _, n := range []uint64{0, 1, 5<<32 | 3} {
		var q request
		r.do(&q, &r.classes[0], n)
		s := w.Work(0, 7, n)
		tiny.Sample(&s)
		tiny.Sample(&s)
		assert.Equal(t, s, q.work, "request %d draws once for cpu and once for sleep", n)
	}
}

func TestStepsOfChildrenDrawFromTheirOwnStreams(t *testing.T) {
	sleep := lab.Step{Do: lab.Sleep, Time: lab.Dist{Kind: lab.Uniform, Min: ms, Max: 60 * ms}}
	w := once(1, lab.Step{Do: lab.Go, Name: "child", Count: 5}, lab.Step{Do: lab.Go, Name: "child", Count: 5})
	w.Classes = append(w.Classes, lab.Class{Name: "child", Steps: []lab.Step{sleep}})
	res := runOnce(t, w)
	var asked, slept []time.Duration
	for k := range 10 {
		s := w.Work(1, 7, lab.Child(0, k))
		asked = append(asked, sleep.Time.Sample(&s))
	}
	for _, q := range res.Requests {
		if q.Class == 1 {
			slept = append(slept, q.End-q.Start)
		}
	}
	slices.Sort(asked)
	slices.Sort(slept)
	require.Len(t, slept, 10)
	for i := range asked {
		assert.GreaterOrEqual(t, slept[i], asked[i])
	}
}

func TestStepAllocHoldsUntilTheRequestEnds(t *testing.T) {
	r, err := newRun(envelope{Trial: lab.Trial{Workload: once(1, lab.Step{Do: lab.Alloc, Bytes: 100})}})
	require.NoError(t, err)
	var q request
	r.step(&q, &r.classes[0].ops[0], 0)
	require.Len(t, q.heap.held, 1)
	assert.NotNil(t, q.heap.held[0])
	r.do(&q, &r.classes[0], 0)
	assert.Empty(t, q.heap.held)
	for _, p := range q.heap.held[:cap(q.heap.held)] {
		assert.Nil(t, p)
	}
}

func TestStepsAllocateNothingOfTheirOwn(t *testing.T) {
	w := once(1, lab.Step{Do: lab.CPU, Time: lab.ExpDist(100)}, lab.Step{Do: lab.Lock, Name: "m"}, lab.Step{Do: lab.Unlock, Name: "m"},
		lab.Step{Do: lab.Send, Name: "c"}, lab.Step{Do: lab.Recv, Name: "c"}, lab.Step{Do: lab.Release, Name: "s"},
		lab.Step{Do: lab.Retain, Name: "s"}, lab.Step{Do: lab.Yield}, lab.Step{Do: lab.Wait},
		lab.Step{Do: lab.Syscall, Time: lab.Const(1)}, lab.Step{Do: lab.Sleep})
	if native.Check() == nil {
		w.Classes[0].Steps = append(w.Classes[0].Steps, lab.Step{Do: lab.Call, Time: lab.Const(1)},
			lab.Step{Do: lab.Call, Time: lab.Const(1), Spin: true})
	}
	w.Chans = []lab.Chan{{Name: "c", Cap: 1}}
	w.Conns = []lab.Conn{{Name: "socket"}}
	w.Classes[0].Steps = append(w.Classes[0].Steps, lab.Step{Do: lab.NetWrite, Name: "socket", Bytes: 2000},
		lab.Step{Do: lab.NetRead, Name: "socket", Bytes: 2000})
	r, err := newRun(envelope{Trial: lab.Trial{Workload: w}})
	require.NoError(t, err)
	defer r.closeConns()
	q, n := &request{}, uint64(0)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		r.do(q, &r.classes[0], n)
		n++
	}))
}
