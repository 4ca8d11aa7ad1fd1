package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

// machineFile writes a machine file.
func machineFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "m.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// What -machine says reaches the simulator, and the reader of what it predicts.
func TestMachine(t *testing.T) {
	file := machineFile(t, "cores: 8\nforeign: [{threads: 3}]\nsmt: {threads: 2, speed: 0.6}\nnuma: {nodes: 2}\n")
	c := newCall(t)
	var got lab.Cost
	c.app.predict = func(cost lab.Cost) lab.Runner {
		got = cost
		return c.pretend(lab.Predicted, &c.predicted)
	}
	require.Equal(t, statusOK, c.do("predict", "tiny", "-machine", file, "-out", c.dir), c.stderr.String())
	assert.Equal(t, 8, got.Cores)
	assert.Equal(t, []lab.Foreign{{Threads: 3}}, got.Foreign)
	assert.Equal(t, lab.SMT{Threads: 2, Speed: 0.6}, got.SMT)
	assert.Equal(t, lab.NUMA{Nodes: 2}, got.NUMA)
	report, err := os.ReadFile(filepath.Join(c.dir, "tiny", "report.md"))
	require.NoError(t, err)
	for _, text := range []string{c.stdout.String(), string(report)} {
		assert.Contains(t, text, "Foreign load: predicted beside 3 threads of other processes that never sleep")
		assert.Regexp(t, `SMT: .* modelled, not verified on hardware`, text)
		assert.Regexp(t, `NUMA: .* modelled, not verified on hardware`, text)
	}
	assert.Contains(t, string(report), "`gmplab predict tiny -machine "+file, "the command that makes it again")

	c = newCall(t)
	require.Equal(t, statusOK, c.do("predict", "tiny", "-out", c.dir), c.stderr.String())
	assert.NotContains(t, c.stdout.String(), "not verified on hardware")
}

// A single run that is shown and a trace take the same flag, and say what they assume.
// TestForeignLoadIsNotMeasured: a measurement beside other processes would count as not clean.
func TestForeignLoadIsNotMeasured(t *testing.T) {
	file := machineFile(t, "foreign: [{threads: 3}]\n")
	c := newCall(t)
	assert.Equal(t, statusBad, c.do("run", "tiny", "-machine", file, "-out", c.dir))
	assert.Contains(t, c.stderr.String(), "foreign load is for predictions")
	assert.NoFileExists(t, filepath.Join(c.dir, "tiny", "report.md"))
}

func TestMachineOfATrace(t *testing.T) {
	file := machineFile(t, "cores: 2\nforeign: [{threads: 3}]\n")
	c := newCall(t)
	c.app.predict = func(cost lab.Cost) lab.Runner { return sim.Runner(cost, gort.Go126()) }
	require.Equal(t, statusOK, c.do("predict", "tiny", "-machine", file, "-steps"), c.stderr.String())
	assert.Contains(t, c.stderr.String(), "Foreign load: predicted beside 3 threads")
	out := filepath.Join(c.dir, "sim.txt")
	require.Equal(t, statusOK, c.do("trace", "predict", "tiny", "-machine", file, "-out", out), c.stderr.String())
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Contains(t, string(text), "Foreign load: predicted beside 3 threads")
	assert.Equal(t, statusOK, c.do("trace", "check", out), c.stderr.String())
}

func TestMachineRefused(t *testing.T) {
	c := newCall(t)
	odd := machineFile(t, "cores: 2\nsmt: {threads: 3, speed: 0.5}\nnuma: {nodes: 7}\n")
	wrong := machineFile(t, "smt:\n  threads: 2\n  speed: 2\n")
	for _, r := range []struct {
		want string
		args []string
	}{
		{"gmplab: " + wrong + ":3: smt.speed: 2; give 0.1 to 1\n", []string{"predict", "tiny", "-machine", wrong}},
		{odd + ":1: cores: 2 CPUs do not make 7 nodes of cores with 3 hardware threads each; give a multiple of 21\n", []string{"predict", "tiny", "-machine", odd}},
		{odd + ":1: cores: 2 CPUs do not make", []string{"trace", "predict", "tiny", "-machine", odd}},
		{"name a readable machine file", []string{"predict", "tiny", "-machine", "none.yaml"}},
		{"-machine " + odd + " is for a prediction, and -side measured predicts nothing; leave -machine out, or choose another side\n", []string{"run", "tiny", "-side", "measured", "-machine", odd}},
		{"give the name of a file", []string{"predict", "tiny", "-machine", ""}},
		{"give the name of a file", []string{"trace", "predict", "tiny", "-machine="}},
		{"unknown flag: --machine", []string{"measure", "tiny", "-machine", odd}},
	} {
		c.stderr.Reset()
		assert.Equal(t, statusBad, c.do(r.args...), r.args)
		assert.Contains(t, c.stderr.String(), r.want, r.args)
		assert.Zero(t, c.predicted.Load())
		assert.Zero(t, c.asked.Load())
	}
}
