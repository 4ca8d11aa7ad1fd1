package main

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
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/realrun"
)

const gctraceLines = `gc 1 @0.010s 5%: 0.050+4.0+0.020 ms clock, 0.10+1.0/2.0/0.50+0.040 ms cpu, 10->14->6 MB, 12 MB goal, 0 MB stacks, 0 MB globals, 2 P
gc 2 @0.040s 6%: 0.030+20+0.090 ms clock, 0.060+0/0.50/0+0.18 ms cpu, 11->12->5 MB, 12 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)
`

const pacerLines = `pacer: assist ratio=1.5 (scan 5 MB in 10->12 MB) workers=0+0.25
pacer: 30% CPU (25 exp.) for 6000000+3000+150000 B work (6153000 B exp.) in 11010048 B -> 14680064 B (∆goal 2097152, cons/mark 0.4)
`

const schedLines = `SCHED 0ms: gomaxprocs=2 idleprocs=1 threads=5 spinningthreads=1 needspinning=0 idlethreads=2 runqueue=0 [ 0 0 ] schedticks=[ 1 2 ]
SCHED 20ms: gomaxprocs=2 idleprocs=0 threads=6 spinningthreads=0 needspinning=1 idlethreads=2 runqueue=3 [ 1 4 ] schedticks=[ 9 8 ]
`

// shows makes both sides answer with the cycles and lines of schedtrace that a text holds, and gives the trials asked for.
func (c *call) shows(t *testing.T, text string) *[]lab.Trial {
	l, err := lab.ParseGODEBUG(strings.NewReader(text))
	require.NoError(t, err)
	require.Empty(t, l.Rest)
	trials := &[]lab.Trial{}
	runner := func(_ context.Context, trial lab.Trial) (*lab.Result, error) {
		*trials = append(*trials, trial)
		return &lab.Result{Trial: trial, GCs: l.GCs, Sched: l.Scheds}, nil
	}
	c.app.predict = func(lab.Cost) lab.Runner { return runner }
	c.app.measure = func(realrun.Setup) lab.Runner { return runner }
	return trials
}

func TestGodebugPrintsWhatTheRuntimeWould(t *testing.T) {
	gcs := strings.SplitAfter(gctraceLines, "\n")
	scheds := strings.SplitAfter(schedLines, "\n")
	for _, side := range []string{"predict", "measure"} {
		for _, s := range []struct {
			args  []string
			want  string
			every time.Duration
		}{
			{nil, gctraceLines, 0},
			{[]string{"-GODEBUG", "gcpacertrace=1"}, pacerLines, 0},
			{[]string{"-GODEBUG", "gctrace=1,gcpacertrace=0,schedtrace=10"}, scheds[0] + gcs[0] + scheds[1] + gcs[1], 10 * time.Millisecond},
			{[]string{"--GODEBUG=schedtrace=1000,gcpacertrace=1,gctrace=1"}, scheds[0] + pacerLines + gcs[0] + scheds[1] + gcs[1], time.Second},
		} {
			c := newCall(t)
			trials := c.shows(t, pacerLines+gctraceLines+schedLines)
			require.Equal(t, statusOK, c.do(append([]string{"godebug", side, "tiny", "-point", "p2", "-seed", "7"}, s.args...)...), c.stderr.String())
			assert.Equal(t, s.want, c.stdout.String(), "%v", s.args)
			assert.Empty(t, c.stderr.String())
			require.Len(t, *trials, 1)
			assert.Equal(t, s.every, (*trials)[0].SchedTrace)
			assert.Equal(t, 2, (*trials)[0].Knobs.GOMAXPROCS)
			assert.EqualValues(t, 7, (*trials)[0].Seed)
		}
	}
}

// The simulator itself, of a workload file; and what it prints can be read.
func TestGodebugOfAFile(t *testing.T) {
	c := newTrace(t)
	file := filepath.Join(t.TempDir(), "my.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(ownFile, "50us", "5ms", 1)+"knobs: {GOMAXPROCS: 1}\n"), 0o600))
	require.Equal(t, statusOK, c.do("godebug", "predict", "-f", file, "-GODEBUG", "schedtrace=1"), c.stderr.String())
	assert.Regexp(t, `^SCHED 0ms: gomaxprocs=1 idleprocs=0 threads=4 spinningthreads=0 needspinning=1 idlethreads=0 runqueue=0 \[ 2 \] schedticks=\[ 0 \]\nSCHED 1ms: `, c.stdout.String())
	c.in = strings.NewReader(c.stdout.String())
	c.stdout.Reset()
	require.Equal(t, statusOK, c.do("godebug", "table", "-"), c.stderr.String())
	assert.Regexp(t, `^6 lines of schedtrace over .* of 1 Ps idle`, c.stdout.String())

	c = newTrace(t)
	require.Equal(t, statusOK, c.do("godebug", "predict", "-f", file), c.stderr.String())
	assert.Empty(t, c.stdout.String())
	assert.Equal(t, "no line: nothing that gctrace=1 tells of came up in this run\n", c.stderr.String())
}

func TestGodebugTable(t *testing.T) {
	c := newCall(t)
	file := filepath.Join(t.TempDir(), "stderr")
	require.NoError(t, os.WriteFile(file, []byte("hello\n"+pacerLines+gctraceLines+schedLines+"bye"), 0o600))
	require.Equal(t, statusOK, c.do("godebug", "table", file), c.stderr.String())
	assert.Equal(t, `gc  at       trigger   goal    peak    live   mark   assists  workers  idle    stop 1  stop 2
───────────────────────────────────────────────────────────────────────────────────────────────────────────
1   0.010 s  10.5 MiB  12 MiB  14 MiB  6 MiB  4 ms   1 ms     2 ms     500 µs  50 µs   20 µs
2   0.040 s  11 MiB    12 MiB  12 MiB  5 MiB  20 ms  0 s      500 µs   0 s     30 µs   90 µs   runtime.GC

Collections: 2, by runtime.GC 1; heap peak 14 MiB.
Median period 30 ms; collections took 5.2 % of the CPU between the first and the last, idle workers left out.
Of the CPU since the process began they took 6 %. Median stop of the world 40 µs, longest 90 µs.
2 lines of schedtrace over 20 ms: on average 0.50 of 2 Ps idle, 0.50 threads spinning, 1.50 goroutines on the global queue and 2.50 on rings; at most 6 threads.
`, c.stdout.String())
	for text, want := range map[string]string{
		pacerLines: "Collections: 1, by runtime.GC 0; heap peak 14 MiB.\nWhen they were",
		"GC forced\n" + strings.SplitAfter(gctraceLines, "\n")[0]:               "20 µs   two minutes\n\nCollections: 1, by runtime.GC 0; heap peak 14 MiB.\nOf the CPU",
		strings.Replace(gctraceLines, "12 MB goal", "8796093022207 MB goal", 1): "  none  ",
	} {
		c.stdout.Reset()
		c.in = strings.NewReader(text)
		require.Equal(t, statusOK, c.do("godebug", "table", "-"), c.stderr.String())
		assert.Contains(t, c.stdout.String(), want)
	}
}

func TestGodebugRefuses(t *testing.T) {
	c := newCall(t)
	file := func(name, text string) string {
		path := filepath.Join(c.dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	c.list[0].Points[1].Predict = func(lab.Cost) lab.Runner { return c.pretend(lab.Predicted, &c.predicted) }
	for _, s := range []struct {
		args []string
		want string
	}{
		{[]string{"predict"}, "name an experiment"},
		{[]string{"predict", "tiny", "inferring"}, "give one experiment; the lines are of one run"},
		{[]string{"predict", "tiny", "-point", "p9"}, `experiment tiny has no point "p9"; there are: p1, p2`},
		{[]string{"measure", "tiny", "-point", "p2"}, "never measured; choose another point"},
		{[]string{"predict", "tiny", "-GODEBUG", "gctrace"}, "gctrace=: give 0 or 1"},
		{[]string{"predict", "tiny", "-GODEBUG", "gctrace=2"}, "gctrace=2: give 0 or 1"},
		{[]string{"predict", "tiny", "-GODEBUG", "gctrace=01"}, "gctrace=01: give 0 or 1"},
		{[]string{"predict", "tiny", "-GODEBUG", "schedtrace=x"}, "schedtrace=x: give milliseconds"},
		{[]string{"predict", "tiny", "-GODEBUG", "schedtrace=3600001"}, "schedtrace=3600001: give milliseconds"},
		{[]string{"predict", "tiny", "-GODEBUG", "gctrace=1,scheddetail=1"}, `"scheddetail" is unknown; give gctrace=1`},
		{[]string{"predict", "tiny", "-GODEBUG", ""}, `"" is unknown`},
		{[]string{"measure", "tiny", "-machine", "m.yaml"}, "unknown flag"},
		{[]string{"table"}, "accepts 1 arg"},
		{[]string{"table", filepath.Join(c.dir, "absent")}, "no such file or directory; name a file"},
		{[]string{"table", c.dir}, "is a directory"},
		{[]string{"table", file("none", "hello\n")}, "none: no line of gctrace, gcpacertrace or schedtrace; run the program"},
		{[]string{"table", file("damaged", "hello\n"+strings.Replace(gctraceLines, "4.0", "4.00", 1))}, "damaged: line 2: "},
	} {
		c.stdout.Reset()
		c.stderr.Reset()
		assert.Equal(t, statusBad, c.do(append([]string{"godebug"}, s.args...)...), "%v", s.args)
		assert.Contains(t, c.stderr.String(), s.want, "%v", s.args)
		assert.Equal(t, 1, strings.Count(c.stderr.String(), "\n"), "one sentence: %s", c.stderr.String())
		assert.Empty(t, c.stdout.String(), "%v", s.args)
	}
	c.stderr.Reset()
	c.app.predict = func(lab.Cost) lab.Runner {
		return func(context.Context, lab.Trial) (*lab.Result, error) { return nil, os.ErrPermission }
	}
	assert.Equal(t, statusBad, c.do("godebug", "predict", "tiny"))
	assert.Equal(t, "gmplab: tiny, point p1: permission denied\n", c.stderr.String())
	_, err := experiments.Compare(c.list[0], c.dir)
	require.Error(t, err, "nothing was written")
}
