package realrun

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/observe"
)

// TestTrace: a trial's execution trace is a file of its own, whole or not there, with the counted part marked.
func TestTrace(t *testing.T) {
	trial := lab.Trial{Workload: lab.Workload{Name: "traced", Warmup: 20 * time.Millisecond, Run: 50 * time.Millisecond,
		Classes: []lab.Class{{Name: "a", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 3}, Steps: []lab.Step{{Do: lab.Sleep, Time: lab.Const(time.Millisecond)}}}}}}
	path := filepath.Join(t.TempDir(), "real.trace")
	self, err := os.Executable()
	require.NoError(t, err)
	s := Setup{Self: self, Trace: path}
	_, err = Runner(s)(context.Background(), trial)
	require.NoError(t, err)
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	got, err := observe.ReadTrace(f)
	require.NoError(t, err)
	require.NoError(t, lab.Validate(got.Moves))
	assert.Greater(t, got.From, 20*time.Millisecond)
	assert.InDelta(t, 0.05, (got.To - got.From).Seconds(), 0.04)
	a := got.Activity()
	assert.InDelta(t, 3, float64(a.Waiting[lab.Sleeping])/float64(a.Span), 0.6, "three clients that sleep")
	assert.NoFileExists(t, partOf(path))

	s.Trace = filepath.Join(t.TempDir(), "no", "folder")
	_, err = Runner(s)(context.Background(), trial)
	assert.ErrorContains(t, err, "the execution trace cannot be written")

	s.Trace = path + "2"
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	_, err = Runner(s)(ctx, trial)
	require.Error(t, err)
	assert.NoFileExists(t, s.Trace)
	assert.NoFileExists(t, partOf(s.Trace))
}

// A traced trial gives the time slices that ended in a preemption, and leaves no file behind.
func TestTimeSlices(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	self, err := os.Executable()
	require.NoError(t, err)
	trial := lab.Trial{Traced: true, Knobs: lab.Knobs{GOMAXPROCS: 1}, Workload: lab.Workload{Name: "hogs", Classes: []lab.Class{
		{Name: "hog", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 2}, Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(100 * time.Millisecond)}}}}}}
	r, err := Runner(Setup{Self: self})(context.Background(), trial)
	require.NoError(t, err)
	require.Greater(t, len(r.TimeSlices), 4)
	v, ok := lab.MetricNamed("/sched/time-slice/p50:seconds").Of(r)
	require.True(t, ok)
	assert.Greater(t, v, 0.009)
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left)
	trial.Traced = false
	r, err = Runner(Setup{Self: self})(context.Background(), trial)
	require.NoError(t, err)
	assert.Empty(t, r.TimeSlices)
}
