package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun"
	"github.com/gmplab/lab/realrun/calibrate"
)

// served is a runner whose requests all take d, in the counted part.
func served(side string, d time.Duration, count *atomic.Int64) lab.Runner {
	return func(ctx context.Context, t lab.Trial) (*lab.Result, error) {
		count.Add(1)
		r := &lab.Result{Trial: t, Side: side, Values: map[string]float64{"/host/steal:ratio": 0, "/host/foreign-cpu:cores": 0, "/cpu/used:cores": 1}}
		for at := t.Workload.Warmup; at < t.Workload.Warmup+t.Workload.Run; at += 10 * time.Millisecond {
			r.Requests = append(r.Requests, lab.Request{Due: at, Start: at, End: at + d})
		}
		return r, ctx.Err()
	}
}

func newAccuracy(t *testing.T) *call {
	c := newCall(t)
	c.app.predict = func(lab.Cost) lab.Runner { return served(lab.Predicted, 2*time.Millisecond, &c.predicted) }
	c.app.measure = func(realrun.Setup) lab.Runner { return served(lab.Measured, time.Millisecond, &c.asked) }
	return c
}

func TestAccuracyWritesItsScore(t *testing.T) {
	c := newAccuracy(t)
	require.Equal(t, statusOK, c.do("accuracy", "-quick", "-families", "mutex,channels", "-out", c.dir), c.stderr.String())
	assert.EqualValues(t, 5*3, c.asked.Load())
	assert.Contains(t, c.stdout.String(), "throughput")
	assert.Contains(t, c.stderr.String(), "accuracy: prediction decided, sha256 ")
	var got struct {
		Summary map[string]any `json:"summary"`
		Trials  []struct {
			Name, Family, Metric, Verdict string
			Predicted, Measured           struct{ Value, Low, High float64 }
		} `json:"trials"`
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "accuracy.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Len(t, got.Trials, 10)
	assert.Equal(t, "pingpong-1-p2", got.Trials[0].Name)
	assert.Positive(t, got.Trials[0].Predicted.Value)
	for _, key := range []string{"trials", "discarded", "throughput", "cpu_per_request", "best_setting"} {
		assert.Contains(t, got.Summary, key)
	}
	for _, name := range []string{"accuracy.md", "accuracy.svg", "accuracy.png", "accuracy/measured.bench", "accuracy/predicted.bench", "accuracy/cost.json"} {
		assert.FileExists(t, filepath.Join(c.dir, name))
	}
	assert.NoFileExists(t, filepath.Join(c.dir, "accuracy.journal"), "it is done")

	c = newAccuracy(t)
	require.Equal(t, statusOK, c.do("accuracy", "-random", "4", "-seed", "3", "-quick", "-json", "-families", "open-cpu,in-process,c-calls,fork-join,hog-ticker,mutex,gc", "-out", c.dir), c.stderr.String())
	require.NoError(t, json.Unmarshal(c.stdout.Bytes(), &got))
	assert.FileExists(t, filepath.Join(c.dir, "accuracy-random", "measured.bench"))
}

// A run that was stopped goes on with the costs that it had, though the host's are others by now.
func TestAccuracyGoesOn(t *testing.T) {
	c := newAccuracy(t)
	args := []string{"accuracy", "-quick", "-families", "mutex", "-out", c.dir}
	broken := errors.New("out of memory")
	c.app.measure = func(realrun.Setup) lab.Runner {
		good := served(lab.Measured, time.Millisecond, &c.asked)
		return func(ctx context.Context, t lab.Trial) (*lab.Result, error) {
			if c.asked.Load() == 4 {
				return nil, broken
			}
			return good(ctx, t)
		}
	}
	require.Equal(t, statusBad, c.do(args...))
	assert.Contains(t, c.stderr.String(), "out of memory")
	assert.FileExists(t, filepath.Join(c.dir, "accuracy.journal"))

	c.stderr.Reset()
	var charged lab.Cost
	c.app.predict = func(cost lab.Cost) lab.Runner {
		charged = cost
		return served(lab.Predicted, 2*time.Millisecond, &c.predicted)
	}
	c.app.refresh = func(context.Context, calibrate.Options, *lab.Cost) error { return errors.New("not again") }
	c.app.measure = func(realrun.Setup) lab.Runner { return served(lab.Measured, time.Millisecond, &c.asked) }
	require.Equal(t, statusBad, c.do(append(args, "-seed", "9")...))
	assert.Contains(t, c.stderr.String(), "is the journal of another run (gmplab accuracy -quick")
	assert.FileExists(t, filepath.Join(c.dir, "accuracy.journal"))
	require.Equal(t, statusOK, c.do(append(args, "-json")...), c.stderr.String())
	assert.EqualValues(t, 2*3, c.asked.Load())
	assert.Equal(t, "now", charged.Refreshed)
	assert.Contains(t, c.stderr.String(), "4 repetitions were measured before; going on")
	assert.NoFileExists(t, filepath.Join(c.dir, "accuracy.journal"))
}

func TestAccuracyRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"-random -1":              {"-random", "-1"},
		"there is no such family": {"-families", "gc,cars"},
		"no case is left":         {"-random", "1", "-seed", "1", "-families", "sleepers"},
		"choose a folder":         {"-out", "/dev/null/x"},
	} {
		c := newAccuracy(t)
		assert.Equal(t, statusBad, c.do(append([]string{"accuracy"}, args...)...))
		assert.Contains(t, c.stderr.String(), want)
		assert.Zero(t, c.asked.Load()+c.predicted.Load())
	}
}
