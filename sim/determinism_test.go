package sim_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const hashes = "testdata/hashes.txt"

// specimens are trials that touch every mechanism, at textbook cost.
func specimens() []lab.Trial {
	us := func(n int) lab.Dist { return lab.ExpDist(time.Duration(n) * time.Microsecond) }
	infer := []lab.Step{{Do: lab.CPU, Time: us(30)}, {Do: lab.Infer, Name: "mlp"}}
	arrivals := func(kind lab.ArrivalKind, rate float64, g lab.Generator) lab.Arrivals {
		return lab.Arrivals{Kind: kind, Rate: rate, Generator: g}
	}
	one := func(name string, k lab.Knobs, c ...lab.Class) lab.Trial {
		w := lab.Workload{Name: name, Warmup: 20 * time.Millisecond, Run: 300 * time.Millisecond, Classes: c,
			Chans: []lab.Chan{{Name: "c", Cap: 2}}}
		return lab.Trial{Workload: w, Knobs: k, Seed: 7}
	}
	return []lab.Trial{
		one("direct", lab.Knobs{GOMAXPROCS: 2}, lab.Class{Name: "request", Steps: infer,
			Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 6, Think: us(200)}}),
		one("batched-with-timer", lab.Knobs{GOMAXPROCS: 2, Serve: lab.Batched, Workers: 2,
			Batcher: lab.Batcher{Max: 8, Wait: 2 * time.Millisecond}},
			lab.Class{Name: "request", Steps: infer, Arrivals: arrivals(lab.Poisson, 3000, lab.Pipe)}),
		one("semaphore-with-helpers", lab.Knobs{GOMAXPROCS: 4, Serve: lab.Semaphore, Permits: 2, IntraOp: 2},
			lab.Class{Name: "request", Steps: infer, Arrivals: arrivals(lab.Every, 2000, lab.Pipe)}),
		one("fork-join", lab.Knobs{GOMAXPROCS: 4},
			lab.Class{Name: "request", Arrivals: arrivals(lab.Poisson, 100, lab.Pipe), Steps: []lab.Step{
				{Do: lab.Go, Name: "child", Count: 40}, {Do: lab.CPU, Time: us(100), Calls: true}, {Do: lab.Wait}}},
			lab.Class{Name: "child", Background: true, Steps: []lab.Step{{Do: lab.CPU, Time: us(80)}}}),
		one("in-process", lab.Knobs{GOMAXPROCS: 2},
			lab.Class{Name: "request", Arrivals: arrivals(lab.Poisson, 4000, lab.InProcess),
				Steps: []lab.Step{{Do: lab.CPU, Time: us(200)}, {Do: lab.Syscall, Time: us(20)}}}),
		one("mutex-and-channel", lab.Knobs{GOMAXPROCS: 3},
			lab.Class{Name: "request", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 8}, Steps: []lab.Step{
				{Do: lab.Lock, Name: "mu"}, {Do: lab.CPU, Time: us(50)}, {Do: lab.Unlock, Name: "mu"},
				{Do: lab.Send, Name: "c"}, {Do: lab.CPU, Time: us(20)}, {Do: lab.Recv, Name: "c"}, {Do: lab.Yield}}}),
		one("calls-and-long-slices", lab.Knobs{GOMAXPROCS: 2},
			lab.Class{Name: "computer", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 3},
				Steps: []lab.Step{{Do: lab.CPU, Time: us(25000)}}},
			lab.Class{Name: "caller", Arrivals: arrivals(lab.Every, 300, lab.Pipe),
				Steps: []lab.Step{{Do: lab.Call, Time: us(800)}, {Do: lab.Call, Time: us(100), Spin: true}}}),
		socketTrial(),
		heapTrial(),
	}
}

// heapTrial collects garbage while requests use pools and live sets, with assists, a memory limit, and a runtime.GC now and then.
func heapTrial() lab.Trial {
	us := func(n int) lab.Dist { return lab.ExpDist(time.Duration(n) * time.Microsecond) }
	return lab.Trial{Seed: 7, Knobs: lab.Knobs{GOMAXPROCS: 4, GOGC: 50, GOMEMLIMIT: 64 << 20}, Workload: lab.Workload{Name: "heap",
		Warmup: 20 * time.Millisecond, Run: 300 * time.Millisecond,
		Pools: []lab.Pool{{Name: "buffers", Bytes: 16 << 10}, {Name: "boxed", Kind: lab.PoolSlice, Bytes: 4 << 10}},
		Classes: []lab.Class{
			{Name: "request", Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: 3000}, Steps: []lab.Step{
				{Do: lab.Get, Name: "buffers"}, {Do: lab.Alloc, Bytes: 500, Count: 100, Pointers: 0.5}, {Do: lab.Retain, Name: "live", Count: 20_000},
				{Do: lab.CPU, Time: us(100)}, {Do: lab.Store, Count: 100}, {Do: lab.Put, Name: "buffers"}}},
			{Name: "flat-out", Background: true, Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 2}, Steps: []lab.Step{
				{Do: lab.Get, Name: "boxed"}, {Do: lab.Alloc, Bytes: 100_000}, {Do: lab.Alloc, Bytes: 5, Count: 300}, {Do: lab.CPU, Time: us(30)}, {Do: lab.Put, Name: "boxed"}}},
			{Name: "collector", Background: true, Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 20}, Steps: []lab.Step{{Do: lab.GC}}}}}}
}

// socketTrial lets requests ask a server over two connections, while others fill a third one.
func socketTrial() lab.Trial {
	us := func(n int) lab.Dist { return lab.ExpDist(time.Duration(n) * time.Microsecond) }
	closed := func(n int) lab.Arrivals { return lab.Arrivals{Kind: lab.Closed, Clients: n} }
	return lab.Trial{Seed: 7, Knobs: lab.Knobs{GOMAXPROCS: 2}, Workload: lab.Workload{Name: "sockets",
		Warmup: 20 * time.Millisecond, Run: 300 * time.Millisecond,
		Conns: []lab.Conn{{Name: "ask"}, {Name: "answer"}, {Name: "bulk", Buffer: lab.ConnBufferMin}},
		Classes: []lab.Class{
			{Name: "request", Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: 3000}, Steps: []lab.Step{
				{Do: lab.NetWrite, Name: "ask", Bytes: 300}, {Do: lab.NetRead, Name: "answer", Bytes: 5000}}},
			{Name: "server", Background: true, Arrivals: closed(3), Steps: []lab.Step{
				{Do: lab.NetRead, Name: "ask", Bytes: 300}, {Do: lab.CPU, Time: us(100)}, {Do: lab.NetWrite, Name: "answer", Bytes: 5000}}},
			{Name: "sender", Background: true, Arrivals: closed(2), Steps: []lab.Step{
				{Do: lab.NetWrite, Name: "bulk", Bytes: 200_000}, {Do: lab.Sleep, Time: us(500)}}},
			{Name: "taker", Background: true, Arrivals: closed(2), Steps: []lab.Step{
				{Do: lab.NetRead, Name: "bulk", Bytes: 50_000}, {Do: lab.CPU, Time: us(50)}}}}}}
}

// canonical writes down all that a Result holds, in one order.
func canonical(r *lab.Result) []byte {
	var b bytes.Buffer
	for _, q := range r.Requests {
		fmt.Fprintf(&b, "%d %d %d %d %d\n", q.Class, q.P, q.Due, q.Start, q.End)
	}
	fmt.Fprintln(&b, r.Dropped, r.Batches, r.Steals, r.Notes)
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		fmt.Fprintln(&b, name, r.Values[name])
	}
	return b.Bytes()
}

// The same trial gives the same bytes: twice in one process, on any number of Ps, and as long as nobody changes the model.
func TestDeterminism(t *testing.T) {
	committed := map[string]string{}
	if text, err := os.ReadFile(hashes); err == nil {
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 2 && f[0] != "#" {
				committed[f[0]] = f[1]
			}
		}
	}
	out := "# sha256 of the Result of each trial in determinism_test.go; go test ./sim -run TestDeterminism -rewrite\n"
	run := checked(t, textbook(), gort.Go126())
	for _, trial := range specimens() {
		var first []byte
		for _, ps := range []int{1, 8} {
			before := runtime.GOMAXPROCS(ps)
			r, err := run(context.Background(), trial)
			runtime.GOMAXPROCS(before)
			require.NoError(t, err, trial.Workload.Name)
			require.Greater(t, len(r.Requests), 20, "%s does nothing", trial.Workload.Name)
			if text := canonical(r); first == nil {
				first = text
			} else {
				require.Equal(t, string(first), string(text), "%s: GOMAXPROCS=8 differs from 1", trial.Workload.Name)
			}
		}
		sum := fmt.Sprintf("%x", sha256.Sum256(first))
		out += trial.Workload.Name + " " + sum + "\n"
		if !*rewrite {
			assert.Equal(t, committed[trial.Workload.Name], sum, "%s: the model now gives another result; if that is meant, "+
				"say why in the commit and run go test ./sim -run TestDeterminism -rewrite", trial.Workload.Name)
		}
	}
	if *rewrite {
		require.NoError(t, os.WriteFile(hashes, []byte(out), 0o644))
		return
	}
	require.Len(t, committed, len(specimens()), "%s lists a trial that is not there", hashes)
}

// Another seed is another run, and a run leaves nothing behind for the next one.
func TestSeedsDiffer(t *testing.T) {
	run := checked(t, textbook(), gort.Go126())
	trial := specimens()[0]
	a, err := run(context.Background(), trial)
	require.NoError(t, err)
	trial.Seed++
	b, err := run(context.Background(), trial)
	require.NoError(t, err)
	require.NotEqual(t, canonical(a), canonical(b))
}
