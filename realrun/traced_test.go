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
