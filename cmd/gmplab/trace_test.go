package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

// newTrace makes a call that predicts with the simulator at zero cost, so that its text is the same everywhere.
func newTrace(t *testing.T) *call {
	c := newCall(t)
	c.app.predict = func(lab.Cost) lab.Runner { return sim.Runner(lab.Cost{}, gort.Go126()) }
	return c
}

func TestStepsShowsOneRun(t *testing.T) {
	for _, args := range [][]string{{"run", "tiny", "-steps"}, {"predict", "tiny", "--steps"}, {"run", "-side", "predicted", "-steps", "tiny", "-point", "p1"}} {
		c := newTrace(t)
		c.list[0].Points[0].Knobs.GOMAXPROCS = 1
		require.Equal(t, statusOK, c.do(args...), c.stderr.String())
		out := c.stdout.String()
		assert.Regexp(t, `^tiny, point p1, seed 1: one simulated run with GOMAXPROCS=1\n`, out)
		assert.Contains(t, out, "P0: goschedImpl: g2 calls Gosched, goes to the tail of the global queue")
		assert.Contains(t, out, "\n  P0 M0 g2                             │ global 0\n")
		assert.Contains(t, out, "findRunnable at tick ")
		assert.Regexp(t, `These are all \d+ decisions of the run, which ended at 0s\.\n$`, out)
		assert.Zero(t, c.asked.Load(), "nothing is measured")
		assert.Empty(t, c.stderr.String())
		files, err := os.ReadDir(c.dir)
		require.NoError(t, err)
		assert.Empty(t, files, "no file without -out")
	}
}

func TestStepsOfAFile(t *testing.T) {
	c := newTrace(t)
	file := filepath.Join(t.TempDir(), "my.yaml")
	require.NoError(t, os.WriteFile(file, []byte(ownFile+"points: [{name: one, GOMAXPROCS: 1}, {name: two, GOMAXPROCS: 2}]\n"), 0o600))
	require.Equal(t, statusOK, c.do("run", "-f", file, "-steps", "-point", "two", "-limit", "5", "-seed", "9", "-out", c.dir), c.stderr.String())
	out := c.stdout.String()
	assert.Regexp(t, `^own, point two, seed 9: one simulated run with GOMAXPROCS=2\n`, out)
	assert.Regexp(t, `│ P1 `, out)
	assert.Regexp(t, `5 of \d+ decisions of the run, which ended at .*\. To see more: -limit 50, or\s-from 0s\.\n$`, out)
	for l := range strings.Lines(out) {
		assert.LessOrEqual(t, utf8.RuneCountInString(l), 101, l)
	}
	b, err := os.ReadFile(filepath.Join(c.dir, "own", "steps.txt"))
	require.NoError(t, err)
	assert.Equal(t, out, string(b), "the file holds what was printed")
	assert.Equal(t, "wrote "+filepath.Join(c.dir, "own", "steps.txt")+"\n", c.stderr.String())
	files, err := os.ReadDir(filepath.Join(c.dir, "own"))
	require.NoError(t, err)
	assert.Len(t, files, 1, "nothing but the file")
}

func TestWhyTellsOfOneRequest(t *testing.T) {
	c := newTrace(t)
	file := filepath.Join(t.TempDir(), "my.yaml")
	require.NoError(t, os.WriteFile(file, []byte(ownFile+"knobs: {GOMAXPROCS: 1}\n"), 0o600))
	require.Equal(t, statusOK, c.do("predict", "-f", file, "-why", "slowest", "-out", c.dir), c.stderr.String())
	assert.Equal(t, `own, point base, seed 1: one simulated run with GOMAXPROCS=1

Request 3 of 3, of class "a", runs as g3: due at 0s, done at 150µs.

   at µs  lasts µs
   0.000   100.000  is runnable in P0's queue, behind 2 others
 100.000    50.000  runs (P0, M0)
           150.000  is the sum of all parts, and its latency

Of that: runnable 66.7 %, running 33.3 %.
`, c.stdout.String())
	b, err := os.ReadFile(filepath.Join(c.dir, "own", "why.txt"))
	require.NoError(t, err)
	assert.Equal(t, c.stdout.String(), string(b))
	for request, want := range map[string]string{
		"4":    "own, point base: there is no request 4: they are numbered 1 to 3 by the time they were due",
		"last": `own, point base: -why "last": give a request's number, 1 to 3, or median, p99 or slowest`,
	} {
		c.stdout.Reset()
		c.stderr.Reset()
		require.Equal(t, statusBad, c.do("predict", "-f", file, "-why", request))
		assert.Equal(t, "gmplab: "+want+"\n", c.stderr.String())
		assert.Empty(t, c.stdout.String())
	}
}

// A point with a policy of its own is shown under that policy; one that is not simulated is refused.
func TestStepsOfAPointWithItsOwnRunner(t *testing.T) {
	c := newTrace(t)
	c.list[0].Points[1].Predict = func(lab.Cost) lab.Runner {
		p := gort.Go126()
		p.Runnext = false
		return sim.Runner(lab.Cost{}, p)
	}
	require.Equal(t, statusOK, c.do("predict", "tiny", "-steps", "-point", "p2"), c.stderr.String())
	assert.Contains(t, c.stdout.String(), "goes to the tail of the ring")
	c = newCall(t)
	require.Equal(t, statusBad, c.do("predict", "tiny", "-steps"))
	assert.Equal(t, "gmplab: tiny, point p1: whoever predicts it keeps no record of its decisions; choose another point\n", c.stderr.String())
}

func TestTrialOfAPoint(t *testing.T) {
	e := tiny("tiny")
	trial, p, err := e.Trial("p2", experiments.Options{Seed: 4})
	require.NoError(t, err)
	assert.Equal(t, "p2", p.Name)
	assert.EqualValues(t, 4, trial.Seed)
	assert.Equal(t, 2, trial.Knobs.GOMAXPROCS)
}
