package realrun

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

func closed(clients int, think lab.Dist, steps ...lab.Step) lab.Workload {
	return lab.Workload{Name: "closed", Warmup: 20 * ms, Run: 100 * ms, Classes: []lab.Class{
		{Name: "c", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: clients, Think: think}, Steps: steps},
	}}
}

func TestClosedClientStartsAgainWhenDone(t *testing.T) {
	res := runOnce(t, closed(1, lab.Dist{}, lab.Step{Do: lab.CPU, Time: lab.Const(100_000)}))
	assert.Greater(t, len(res.Requests), 5)
	assert.Zero(t, res.Requests[0].Due)
	for i := 1; i < len(res.Requests); i++ {
		require.Equal(t, res.Requests[i-1].End, res.Requests[i].Due)
	}
	last := res.Requests[len(res.Requests)-1]
	assert.Less(t, last.Due, 120*ms)
	assert.GreaterOrEqual(t, last.End, 120*ms, "the client goes on until the end of the run")
}

func TestClosedClientThinks(t *testing.T) {
	res := runOnce(t, closed(1, lab.Const(10*ms), lab.Step{Do: lab.Yield}))
	assert.Greater(t, len(res.Requests), 1)
	assert.LessOrEqual(t, len(res.Requests), 12)
	for i := 1; i < len(res.Requests); i++ {
		require.Equal(t, res.Requests[i-1].End+10*ms, res.Requests[i].Due)
	}
}

func TestClosedClientsRunAtOnce(t *testing.T) {
	res := runOnce(t, closed(50, lab.Dist{}, lab.Step{Do: lab.Sleep, Time: lab.Const(30 * ms)}))
	assert.Greater(t, len(res.Requests), 50, "one client alone has room for four")
}

// open is an open-loop workload of two classes; the second stalls the first for 200 ms through a mutex.
func open(kind lab.ArrivalKind, g lab.Generator) lab.Workload {
	return lab.Workload{Name: "open", Run: 500 * ms, Classes: []lab.Class{
		{Name: "stall", Background: true, Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{
			{Do: lab.Sleep, Time: lab.Const(100 * ms)}, {Do: lab.Lock, Name: "m"},
			{Do: lab.Sleep, Time: lab.Const(200 * ms)}, {Do: lab.Unlock, Name: "m"}}},
		{Name: "req", Arrivals: lab.Arrivals{Kind: kind, Rate: 400, Generator: g}, Steps: []lab.Step{
			{Do: lab.Lock, Name: "m"}, {Do: lab.CPU, Time: lab.Const(1000)}, {Do: lab.Unlock, Name: "m"}}},
		{Name: "other", Arrivals: lab.Arrivals{Kind: kind, Rate: 100, Generator: g}, Steps: []lab.Step{{Do: lab.Yield}}},
	}}
}

// TestOpenLoopHasNoCoordinatedOmission: a stall of 200 ms is seen by every request that was due in it.
func TestOpenLoopHasNoCoordinatedOmission(t *testing.T) {
	for _, g := range []lab.Generator{lab.Pipe, lab.InProcess} {
		for _, kind := range []lab.ArrivalKind{lab.Poisson, lab.Every} {
			t.Run(g.String()+" "+kind.String(), func(t *testing.T) {
				if g == lab.Pipe {
					needC(t)
				}
				w := open(kind, g)
				res := runOnce(t, w)
				p99, ok := lab.MetricNamed("/latency/p99:seconds").Of(res)
				require.True(t, ok)
				assert.Greater(t, p99, 0.15)
				for class := 1; class <= 2; class++ {
					assert.Equal(t, dueTimes(&w, class), dueOf(res, class), "each arrival is served once")
				}
			})
		}
	}
}

func dueTimes(w *lab.Workload, class int) (all []time.Duration) {
	d := w.Due(class, 7)
	for at := d.Next(); at < w.Warmup+w.Run; at = d.Next() {
		all = append(all, at)
	}
	return all
}

func dueOf(res *lab.Result, class int) (all []time.Duration) {
	for _, q := range res.Requests {
		if int(q.Class) == class {
			all = append(all, q.Due)
		}
	}
	slices.Sort(all)
	return all
}

func TestRunEndsSoonWhenWhatIsOpenWaitsForEver(t *testing.T) {
	w := closed(3, lab.Dist{}, lab.Step{Do: lab.Recv, Name: "c"})
	w.Chans = []lab.Chan{{Name: "c"}}
	w.Classes = append(w.Classes, lab.Class{Name: "giver", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 10},
		Steps: []lab.Step{{Do: lab.Send, Name: "c"}}})
	from := time.Now()
	res, err := fresh(t)(t.Context(), lab.Trial{Workload: w}) // a process of its own takes them with it
	require.NoError(t, err)
	assert.Less(t, time.Since(from), lab.DrainLimit/2)
	assert.Equal(t, 3, res.Dropped)
	assert.Len(t, res.Requests, 20, "what they did before is kept")
	require.Len(t, res.Notes, 1)
	assert.Contains(t, res.Notes[0], "no longer come")
}

func TestRunIsCutOffWhenRequestsTakeTooLong(t *testing.T) {
	w := closed(2, lab.Dist{}, lab.Step{Do: lab.Sleep, Time: lab.Const(time.Second)})
	r, err := newRun(envelope{Trial: lab.Trial{Workload: w}})
	require.NoError(t, err)
	r.patience = 50 * ms
	before := readMetrics()
	require.NoError(t, r.start())
	res, err := r.observe(t.Context(), before)
	require.NoError(t, err)
	assert.Equal(t, 2, res.Dropped)
	assert.Empty(t, res.Requests)
	require.Len(t, res.Notes, 1)
	assert.Contains(t, res.Notes[0], "still open 50ms after")
	<-r.idle
	r.close()
}

func TestWaitsReadsTheStateOfAGoroutine(t *testing.T) {
	step := ":\nrealrun.(*run).step(0x1)\n"
	assert.True(t, waits([]byte("goroutine 1 [chan receive]"+step)))
	assert.True(t, waits([]byte("goroutine 1 [sync.Mutex.Lock, 2 minutes]"+step)))
	assert.False(t, waits([]byte("goroutine 1 [chan receive]:\nrealrun.(*service).infer(0x1)"+step)))
	assert.False(t, waits([]byte("goroutine 1 [sleep]"+step)))
	assert.False(t, waits([]byte("goroutine 1 [runnable]"+step)))
}

func TestValuesHoldTheRuntimesMetrics(t *testing.T) {
	res := runOnce(t, closed(2, lab.Dist{}, lab.Step{Do: lab.CPU, Time: lab.Const(1000)}))
	for _, name := range []string{"/sched/threads/total:threads", "/sched/gomaxprocs:threads", "/cgo/go-to-c-calls:calls",
		"/gc/cycles/total:gc-cycles", "/gc/heap/allocs:bytes", "/cpu/used:cores"} {
		assert.Contains(t, res.Values, name)
	}
	assert.Zero(t, res.Values["/cgo/go-to-c-calls:calls"], "set-up does not count")
	assert.Greater(t, res.Values["/cpu/used:cores"], 0.01)
	assert.Greater(t, res.Values["/sched/threads/total:threads"], 1.0)
	assert.Empty(t, res.Notes)
}

func TestChildStopsWhenItsContextIsDone(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
	defer cancel()
	w := closed(2, lab.Dist{}, lab.Step{Do: lab.Sleep, Time: lab.Const(ms)})
	w.Run = time.Minute
	err := Child(ctx, input(t, envelope{Trial: lab.Trial{Workload: w}}), &bytes.Buffer{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "given up")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestChildSaysThatItCannotWrite(t *testing.T) {
	err := Child(t.Context(), input(t, envelope{Trial: lab.Trial{Workload: once(1, lab.Step{Do: lab.Yield})}}), brokenWriter{})
	assert.ErrorContains(t, err, "the result cannot be written: disk full")
}
