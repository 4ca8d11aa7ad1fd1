package experiments

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

// A run that was stopped goes on where it was, and comes out as one that was not.
func TestAStoppedRunGoesOn(t *testing.T) {
	e, o := example(), options(Both)
	whole, err := Run(context.Background(), e, o)
	require.NoError(t, err)

	name := filepath.Join(t.TempDir(), "some", "journal")
	o.Journal, err = NewJournal(name, e, o, "build 1")
	require.NoError(t, err)
	var measured atomic.Int64
	stop := errors.New("stopped")
	o.Measure = func(ctx context.Context, tr lab.Trial) (*lab.Result, error) {
		if measured.Add(1) == 5 {
			return nil, stop
		}
		return fake(lab.Measured, 1)(ctx, tr)
	}
	_, err = Run(context.Background(), e, o)
	require.ErrorIs(t, err, stop)
	require.NoError(t, o.Journal.Close())

	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, 6, strings.Count(string(text), "\n"), "a head, the prediction and four repetitions")
	require.NoError(t, os.WriteFile(name, append(text, `{"point":"one","re`...), 0o644), "killed while it wrote")

	var said []string
	o.Progress = func(_, _ int, what string) { said = append(said, what) }
	now := o
	now.Cost, now.Command = lab.Cost{Made: "later"}, "typed otherwise"
	o.Journal, err = OpenJournal(name, e, now, "build 1")
	require.NoError(t, err)
	o.Journal.Resume(&now)
	assert.Equal(t, o.Cost, now.Cost)
	assert.Equal(t, o.Command, now.Command)
	again, err := Run(context.Background(), e, o)
	require.NoError(t, err)
	assert.EqualValues(t, 5+10-4, measured.Load())
	assert.Contains(t, said, "4 repetitions were measured before; going on")
	assert.Equal(t, whole.Measured.Samples, again.Measured.Samples)
	assert.Equal(t, whole.Rows, again.Rows)
	assert.Contains(t, strings.Join(again.Notes, "\n"), "was stopped after 4 repetitions and went on at ")
	require.NoError(t, o.Journal.Close())

	o.Journal, err = OpenJournal(name, e, o, "build 1")
	require.NoError(t, err)
	assert.Equal(t, 10, o.Journal.Done())
	o.Predict = fake(lab.Predicted, 1.3)
	_, err = Run(context.Background(), e, o)
	require.ErrorContains(t, err, "the prediction has the hash")
	require.NoError(t, o.Journal.Close())
	require.NoError(t, o.Journal.Remove())
	assert.NoFileExists(t, name)
	j, err := OpenJournal(name, e, o, "build 1")
	require.NoError(t, err)
	assert.Nil(t, j)
}

// A journal of something else is neither gone on with nor lost.
func TestAJournalOfSomethingElseIsKept(t *testing.T) {
	e, o := example(), options(Both)
	name := filepath.Join(t.TempDir(), "journal")
	j, err := NewJournal(name, e, o, "build 1")
	require.NoError(t, err)
	require.NoError(t, j.Close())
	require.NoFileExists(t, name, "nothing was measured")
	require.NoError(t, j.Remove())
	require.NoError(t, j.keep(e, Sample{Values: map[string]float64{p50: 1}}, nil))
	require.NoError(t, j.Close())
	before, err := os.ReadFile(name)
	require.NoError(t, err)
	for what, change := range map[string]func(e *Experiment, o *Options) string{
		"seed":     func(_ *Experiment, o *Options) string { o.Seed++; return "build 1" },
		"quick":    func(_ *Experiment, o *Options) string { o.Quick = true; return "build 1" },
		"host":     func(_ *Experiment, o *Options) string { o.Host.Kernel = "another"; return "build 1" },
		"program":  func(*Experiment, *Options) string { return "build 2" },
		"workload": func(e *Experiment, _ *Options) string { e.Points[1].Workload.Run++; return "build 1" },
		"name":     func(e *Experiment, _ *Options) string { e.Name = "other"; return "build 1" },
	} {
		e, o := example(), options(Both)
		program := change(e, &o)
		_, err := OpenJournal(name, e, o, program)
		require.ErrorContains(t, err, "is the journal of another run (gmplab run example, begun ", what)
		_, err = NewJournal(name, e, o, program)
		require.ErrorContains(t, err, "choose another folder", what)
	}
	after, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, before, after)

	require.NoError(t, os.WriteFile(name, append(before, "oops\n"...), 0o644))
	_, err = OpenJournal(name, e, o, "build 1")
	require.ErrorContains(t, err, "line 3 is damaged")
	_, err = OpenJournal(filepath.Join(name, "below a file"), e, o, "build 1")
	require.ErrorContains(t, err, "cannot be read")
	e.Timeline, o.Journal = "one", j
	_, err = Run(context.Background(), e, o)
	require.ErrorContains(t, err, "timeline is not kept by a journal")
	require.Error(t, j.keep(e, Sample{}, nil), "it is closed")
}

// An experiment that keeps whole distributions writes and reads them.
func TestWholeDistributions(t *testing.T) {
	e := example()
	e.Whole = true
	o, err := Run(context.Background(), e, options(Both))
	require.NoError(t, err)
	for _, m := range lab.LatencyQuantiles {
		assert.Contains(t, o.Measured.Samples[0].Values, m.Name)
	}
	dir := t.TempDir()
	_, err = o.Write(dir)
	require.NoError(t, err)
	back, err := Compare(e, dir)
	require.NoError(t, err)
	assert.Equal(t, o.Measured.Samples, back.Measured.Samples)
	assert.Equal(t, o.Used, back.Used)
	assert.Len(t, o.Used, 10)
}
