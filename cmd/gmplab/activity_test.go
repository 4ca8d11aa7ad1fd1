package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/realrun"

	"github.com/gmplab/lab"
)

func TestTraceCommand(t *testing.T) {
	c := newCall(t)
	sim := filepath.Join(c.dir, "sim.txt")
	require.Equal(t, statusOK, c.do("trace", "predict", "tiny", "-point", "p2", "-seed", "3", "-out", sim), c.stderr.String())
	assert.Contains(t, c.stdout.String(), "wrote "+sim)
	require.Equal(t, statusOK, c.do("trace", "check", sim), c.stderr.String())
	assert.Contains(t, c.stdout.String(), "changes of state, all legal")

	c.stdout.Reset()
	text, err := os.ReadFile(sim)
	require.NoError(t, err)
	same := filepath.Join(c.dir, "same.txt") // the same run, as if it had been real
	require.NoError(t, os.WriteFile(same, bytes.Replace(text, []byte("side predicted"), []byte("side measured"), 1), 0o644))
	require.Equal(t, statusOK, c.do("trace", "diff", sim, same, "-json"), c.stderr.String())
	var rows []experiments.ActivityRow
	require.NoError(t, json.Unmarshal(c.stdout.Bytes(), &rows))
	require.NotEmpty(t, rows)
	for _, r := range rows {
		assert.Equal(t, r.Sim, r.Real, r.Name)
		assert.NotEmpty(t, r.Help)
	}
	c.stdout.Reset()
	require.Equal(t, statusOK, c.do("trace", "diff", sim, same), c.stderr.String())
	assert.Contains(t, c.stdout.String(), "/sched/latency/p50:seconds")
	assert.NotContains(t, c.stdout.String(), "%  *")
	late := filepath.Join(c.dir, "late.txt") // another one, that waited longer for its P
	require.NoError(t, os.WriteFile(late, []byte("gmplab transitions 1\nside measured\nmoves 3\n0 g 9 not-exist runnable - -1 -1 0\n"+
		"900000 g 9 runnable running - 0 0 0\n910000 g 9 running not-exist - 0 0 0\n"), 0o644))
	c.stdout.Reset()
	require.Equal(t, statusOK, c.do("trace", "diff", sim, late), c.stderr.String())
	assert.Regexp(t, `/sched/latency/p50:seconds .*900 µs .*\*`, c.stdout.String())

	var asked realrun.Setup
	c.app.measure = func(s realrun.Setup) lab.Runner { asked = s; return c.pretend(lab.Measured, &c.asked) }
	require.Equal(t, statusOK, c.do("trace", "measure", "tiny", "-out", "real.trace"), c.stderr.String())
	assert.Equal(t, "real.trace", asked.Trace)
}

func TestTraceRefuses(t *testing.T) {
	c := newCall(t)
	file := func(name, text string) string {
		path := filepath.Join(c.dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	damaged := file("damaged", "gmplab transitions 1\n5 g 1 not-exist\n")
	illegal := file("illegal", "gmplab transitions 1\nmoves 1\n5 g 1 not-exist running - 0 0 0\n")
	legal := "5 g 1 not-exist runnable - -1 -1 0\n"
	simulated := file("simulated", "gmplab transitions 1\nside predicted\nmoves 1\n"+legal)
	short := file("short", "gmplab transitions 1\nmoves 2\n"+legal)
	noTrace := file("none", "something else")
	for _, s := range []struct {
		args []string
		want string
	}{
		{[]string{"predict", "tiny", "-point", "p9"}, `experiment tiny has no point "p9"; there are: p1, p2`},
		{[]string{"predict"}, "name an experiment"},
		{[]string{"predict", "tiny", "inferring"}, "give one experiment"},
		{[]string{"predict", "tiny", "-out", filepath.Join(damaged, "file")}, "choose a file that can be written"},
		{[]string{"predict", "tiny", "-out", c.dir}, "is no file; give the name of one"},
		{[]string{"measure", "tiny", "-out", ""}, "is no file; give the name of one"},
		{[]string{"diff", simulated, simulated}, "is predicted; give the simulated trace first and the real one second"},
		{[]string{"check", short}, "it was cut off"},
		{[]string{"check"}, "at least 1 arg"},
		{[]string{"check", damaged}, "damaged: line 2: 4 fields instead of the 9"},
		{[]string{"check", illegal}, "the runtime makes no such move"},
		{[]string{"check", noTrace}, "this is no Go execution trace"},
		{[]string{"diff", damaged, damaged}, "damaged: line 2"},
		{[]string{"diff", illegal, illegal}, "the runtime makes no such move"},
		{[]string{"diff", damaged}, "accepts 2 arg"},
		{[]string{"check", filepath.Join(c.dir, "absent")}, "no such file"},
	} {
		c.stderr.Reset()
		assert.Equal(t, statusBad, c.do(append([]string{"trace"}, s.args...)...), "%v", s.args)
		assert.Contains(t, c.stderr.String(), s.want, "%v", s.args)
	}
}
