package realrun

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/ort"
)

// behave names, in the environment of this test program started as a trial's process, how that process misbehaves.
const behave = "REALRUN_TEST_TRIAL"

// TestMain makes this test program the one that Runner starts once a trial, as cmd/gmplab is.
func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != "trial" {
		os.Setenv("GORACE", "atexit_sleep_ms=0") // the processes of trials end at once
		os.Exit(m.Run())
	}
	in := io.Reader(os.Stdin)
	switch os.Getenv(behave) {
	case "panic":
		panic("out of coffee")
	case "panic in the trial":
		in = brewing{}
	case "silent":
		os.Exit(3)
	case "no result":
		os.Exit(0)
	case "hang":
		time.Sleep(time.Minute)
	}
	if err := Child(context.Background(), in, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// brewing is an input that panics when it is read, behind what stands on standard error when a line of schedtrace breaks into the
// text of a panic.
type brewing struct{}

func (brewing) Read([]byte) (int, error) {
	fmt.Fprintln(os.Stderr, "panic: SCHED 4ms: gomaxprocs=2 idleprocs=1 threads=4 schedticks=[ 3 3 ]\nout of tea")
	panic("out of coffee")
}

// once is a workload of one class that arrives count times at time 0.
func once(count int, steps ...lab.Step) lab.Workload {
	return lab.Workload{Name: "once", Classes: []lab.Class{
		{Name: "only", Arrivals: lab.Arrivals{Kind: lab.Once, Count: count}, Steps: steps},
	}}
}

// library is the inference library, or skips the test.
func library(t *testing.T) ort.Library {
	t.Helper()
	dir, err := ort.DefaultCache()
	if err != nil {
		t.Skip(err)
	}
	lib, err := ort.Find(dir)
	if err != nil {
		t.Skip(err)
	}
	if err := ort.Open(lib); err != nil {
		t.Skip(err)
	}
	return lib
}

// input is what Runner writes to a trial's process.
func input(t *testing.T, e envelope) *bytes.Buffer {
	t.Helper()
	b, err := json.Marshal(e)
	require.NoError(t, err)
	return bytes.NewBuffer(b)
}

// inProcess runs a trial through Child and checks what holds for every Result: the records are sorted and possible,
// nothing is dropped and no goroutine is left.
func inProcess(t *testing.T, e envelope) *lab.Result {
	t.Helper()
	before := runtime.NumGoroutine()
	var out bytes.Buffer
	require.NoError(t, Child(t.Context(), input(t, e), &out))
	res := &lab.Result{}
	require.NoError(t, gob.NewDecoder(&out).Decode(res))
	require.Equal(t, lab.Measured, res.Side)
	require.Zero(t, res.Dropped, res.Notes)
	require.NotEmpty(t, res.Requests)
	require.True(t, slices.IsSortedFunc(res.Requests, func(a, b lab.Request) int { return int(a.End - b.End) }))
	for _, q := range res.Requests {
		require.LessOrEqual(t, q.Due, q.Start)
		require.LessOrEqual(t, q.Start, q.End)
		require.GreaterOrEqual(t, q.P, int32(0))
		require.Less(t, int(q.P), runtime.GOMAXPROCS(0))
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "goroutines are left behind")
	}
	return res
}

// runOnce runs a workload with the default knobs.
func runOnce(t *testing.T, w lab.Workload) *lab.Result {
	t.Helper()
	return inProcess(t, envelope{Trial: lab.Trial{Workload: w, Seed: 7}})
}

// took is the time that each request ran, in the order of the records.
func took(res *lab.Result) []time.Duration {
	d := make([]time.Duration, len(res.Requests))
	for i, q := range res.Requests {
		d[i] = q.End - q.Start
	}
	return d
}
