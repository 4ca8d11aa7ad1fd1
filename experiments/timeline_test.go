package experiments

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

// collecting makes a Runner whose runs collect every 300 ms, the first time so long before the run begins. How long it marks
// tells the seed: no repetition is like another.
func collecting(side string) lab.Runner {
	run := fake(side, 1)
	return func(ctx context.Context, t lab.Trial) (*lab.Result, error) {
		r, err := run(ctx, t)
		if err != nil {
			return nil, err
		}
		for i := range 12 {
			at := time.Duration(i-1) * 300 * time.Millisecond
			r.GCs = append(r.GCs, lab.GCCycle{N: i + 1, At: at, Procs: t.Knobs.GOMAXPROCS, StopSweep: 20 * time.Microsecond,
				Mark: time.Duration(t.Seed) * time.Millisecond, StopMark: 30 * time.Microsecond, HeapBegin: 60 << 20, HeapEnd: 63 << 20, HeapMarked: 33 << 20, Goal: 66 << 20})
		}
		return r, nil
	}
}

func timed() (*Experiment, Options) {
	e, o := example(), options(Both)
	e.Timeline = "two"
	for i := range e.Points {
		e.Points[i].Workload.Warmup, e.Points[i].Workload.Run = 400*time.Millisecond, 2*time.Second
	}
	o.Predict, o.Measure = collecting(lab.Predicted), collecting(lab.Measured)
	return e, o
}

func TestTimelineOfARun(t *testing.T) {
	e, o := timed()
	out, err := Run(context.Background(), e, o)
	require.NoError(t, err)
	for _, side := range []*Source{out.Predicted, out.Measured} {
		var at []time.Duration
		for _, c := range side.GCs {
			at = append(at, c.At/time.Millisecond)
			assert.Equal(t, 2, c.Procs, "of the point that is named")
			assert.Equal(t, 7*time.Millisecond, c.Mark, "of the first repetition")
		}
		assert.Equal(t, []time.Duration{300, 600, 900, 1200, 1500}, at, "from 400 to 1400 ms, and one beside")
	}
	l := out.Timeline(false)
	assert.Equal(t, 1.0, l.Span)
	assert.Equal(t, "example, two: collections in the first 1 s of the counted part", l.Title)
	assert.InDelta(t, -0.1, l.Predicted[0].Begin, 1e-9)
	assert.Equal(t, 63.0*(1<<20), l.Measured[1].HeapEnd)
	assert.Contains(t, strings.Join(l.Caption, "\n"), "Measured: one run, seed 7, on here")
	assert.Contains(t, strings.Join(out.Timeline(true).Caption, "\n"), "实测：一次运行")
}

// The files hold what the picture shows: it is the same one when they are read back.
func TestTimelineIsReadBack(t *testing.T) {
	e, o := timed()
	out, err := Run(context.Background(), e, o)
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = out.Write(dir)
	require.NoError(t, err)
	for _, name := range []string{TimelineFile, TimelineZhFile, "timeline.png", "predicted.gctrace", "measured.gctrace"} {
		assert.FileExists(t, filepath.Join(dir, "example", name))
	}
	report, err := os.ReadFile(filepath.Join(dir, "example", "report.md"))
	require.NoError(t, err)
	assert.Contains(t, string(report), "("+TimelineFile+")")
	lines, err := os.ReadFile(filepath.Join(dir, "example", "measured.gctrace"))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(lines), "gc 3 @0.300s 0%: 0.020+7.0+0.030 ms clock, "), string(lines))
	again, err := Compare(e, dir)
	require.NoError(t, err)
	for _, zh := range []bool{false, true} {
		assert.Equal(t, out.Timeline(zh), again.Timeline(zh))
	}
	for name, want := range map[string]string{"not a line\n": "no line of gctrace in it", "gc 1 @0.1s\n": "is not a line of gctrace"} {
		path := filepath.Join(dir, "example", "measured.gctrace")
		require.NoError(t, os.WriteFile(path, []byte(name), 0o644))
		_, err = Compare(e, dir)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, path)
	}
}

// A quick run is shorter than a second, and a cycle that began before the run has no line.
func TestTimelineOfAShortRun(t *testing.T) {
	e, o := timed()
	o.Quick, o.Side = true, lab.Measured
	for i := range e.Points {
		e.Points[i].Workload.Warmup = 0
	}
	out, err := Run(context.Background(), e, o)
	require.NoError(t, err)
	assert.Equal(t, 0.1, out.Timeline(false).Span)
	require.Len(t, out.Measured.GCs, 2)
	assert.Zero(t, out.Measured.GCs[0].At)
	assert.Nil(t, out.GCTrace(lab.Predicted))
}

// Where no point is named, or nothing was collected, there is no picture and no file.
func TestNoTimeline(t *testing.T) {
	e, o := timed()
	e.Timeline = ""
	out, err := Run(context.Background(), e, o)
	require.NoError(t, err)
	assert.False(t, out.HasTimeline())
	e.Timeline, o.Predict, o.Measure = "two", fake(lab.Predicted, 1), fake(lab.Measured, 1)
	out, err = Run(context.Background(), e, o)
	require.NoError(t, err)
	assert.False(t, out.HasTimeline())
	dir := t.TempDir()
	_, err = out.Write(dir)
	require.NoError(t, err)
	assert.NoFileExists(t, filepath.Join(dir, "example", "measured.gctrace"))
	assert.NoFileExists(t, filepath.Join(dir, "example", TimelineFile))
	e.Timeline = "three"
	_, err = Run(context.Background(), e, o)
	assert.ErrorContains(t, err, `Timeline "three": there is no such point`)
}
