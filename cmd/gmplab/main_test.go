package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/realrun"
	"github.com/gmplab/lab/realrun/calibrate"
	"github.com/gmplab/lab/realrun/ort"
)

// asCommand makes the test binary behave as gmplab itself, also where it starts itself again for a trial.
const asCommand = "GMPLAB_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// A call is one run of the command inside the test, on experiments of the test and runners that only pretend.
type call struct {
	app
	dir              string // of the results
	stdout, stderr   bytes.Buffer
	predicted, asked atomic.Int64                    // trials predicted and measured
	answer           func(t lab.Trial) time.Duration // latency that a pretended trial shows
}

// pretend is a Result in which each of a hundred requests took the answer.
func (c *call) pretend(side string, count *atomic.Int64) lab.Runner {
	return func(ctx context.Context, t lab.Trial) (*lab.Result, error) {
		count.Add(1)
		r := &lab.Result{Trial: t, Side: side, Values: map[string]float64{"/host/steal:ratio": 0, "/host/foreign-cpu:cores": 0}}
		for i := range 100 {
			due := time.Duration(i) * time.Millisecond
			r.Requests = append(r.Requests, lab.Request{Due: due, Start: due, End: due + c.answer(t)})
		}
		return r, ctx.Err()
	}
}

func tiny(name string, steps ...lab.Step) *experiments.Experiment {
	w := lab.Workload{Name: name, Classes: []lab.Class{{Name: "a", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: steps}}}
	return &experiments.Experiment{Name: name, Title: "A tiny one", TitleZh: "一个小实验", Question: "Is it tiny?", Reps: 3, QuickReps: 3,
		Points: []experiments.Point{{Name: "p1", Workload: w}, {Name: "p2", Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 2}}},
		Checks: []experiments.Check{{Metric: "/latency/p50:seconds", Tolerance: 0.1}},
		Claims: []experiments.Claim{{ID: "T1", Statement: "The median is below 2 ms.", Expect: experiments.Holds, RuleText: "p50 < 2 ms at p1",
			Rule: func(t *experiments.Table) experiments.Verdict {
				if v, ok := t.Value("", "p1", "/latency/p50:seconds"); ok && v.Value < 0.002 {
					return experiments.Holds
				}
				return experiments.Refuted
			}}},
	}
}

// newCall makes a call on a machine that is calibrated and has no inference library.
func newCall(t *testing.T) *call {
	t.Helper()
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	t.Setenv(ort.EnvLibrary, "")
	dir, err := ort.DefaultCache()
	require.NoError(t, err)
	_, err = calibrate.Save(dir, lab.Cost{Host: calibrate.Host(ort.Library{}), Made: "2026-01-02T03:04:05Z"})
	require.NoError(t, err)
	c := &call{dir: t.TempDir(), answer: func(lab.Trial) time.Duration { return time.Millisecond }}
	c.in, c.out, c.err = strings.NewReader(""), &c.stdout, &c.stderr
	c.list = []*experiments.Experiment{tiny("tiny", lab.Step{Do: lab.Yield}), tiny("inferring", lab.Step{Do: lab.Infer, Name: "mlp"})}
	c.app.predict = func(lab.Cost) lab.Runner { return c.pretend(lab.Predicted, &c.predicted) }
	c.app.measure = func(realrun.Setup) lab.Runner { return c.pretend(lab.Measured, &c.asked) }
	c.app.refresh = func(ctx context.Context, _ calibrate.Options, c *lab.Cost) error {
		c.Refreshed = "now"
		return ctx.Err()
	}
	c.app.price = func(context.Context, calibrate.Options) (lab.Cost, error) { return lab.Cost{}, errors.New("not here") }
	return c
}

func (c *call) do(args ...string) int { return c.run(context.Background(), args) }

// What wanders is measured again before a prediction that will be compared; a quick calibration is good for quick runs only.
func TestWhatTheCostIs(t *testing.T) {
	for _, s := range []struct {
		quick      bool // the calibration in the cache
		args       []string
		calibrated int
		want       lab.Cost
	}{
		{false, []string{"run"}, 0, lab.Cost{Made: "cached", Refreshed: "now"}},
		{false, []string{"run", "-quick"}, 0, lab.Cost{Made: "cached", Refreshed: "now"}},
		{true, []string{"run", "-quick"}, 0, lab.Cost{Made: "cached", Quick: true, Refreshed: "now"}},
		{true, []string{"run"}, 1, lab.Cost{Made: "new", Refreshed: "now"}},
		{false, []string{"predict"}, 0, lab.Cost{Made: "cached"}},
	} {
		c := newCall(t)
		dir, err := ort.DefaultCache()
		require.NoError(t, err)
		host := calibrate.Host(ort.Library{})
		_, err = calibrate.Save(dir, lab.Cost{Host: host, Made: "cached", Quick: s.quick})
		require.NoError(t, err)
		calibrated := 0
		c.app.price = func(_ context.Context, o calibrate.Options) (lab.Cost, error) {
			calibrated++
			n, err := o.Threads(context.Background())
			assert.NoError(t, err)
			assert.Zero(t, n, "a pretended trial has no threads")
			return lab.Cost{Host: host, Made: "new", Quick: o.Quick}, nil
		}
		var got lab.Cost
		c.app.predict = func(cost lab.Cost) lab.Runner {
			got = cost
			return c.pretend(lab.Predicted, &c.predicted)
		}
		assert.Equal(t, statusOK, c.do(append(s.args, "tiny", "-out", c.dir)...), c.stderr.String())
		s.want.Host = host
		assert.Equal(t, s.want, got, "%v", s.args)
		assert.Equal(t, s.calibrated, calibrated, "%v", s.args)
	}
}

func TestRunPredictsMeasuresAndWrites(t *testing.T) {
	c := newCall(t)
	status := c.do("run", "tiny", "-out", c.dir, "-seed", "7")
	assert.Equal(t, statusOK, status, c.stderr.String())
	assert.EqualValues(t, 6, c.predicted.Load())
	assert.EqualValues(t, 6, c.asked.Load())
	out := c.stdout.String()
	for _, name := range []string{"figure.svg", "figure.png", "report.md", "result.json", "predicted.bench", "measured.bench"} {
		path := filepath.Join(c.dir, "tiny", name)
		assert.FileExists(t, path)
		assert.Contains(t, out, path)
	}
	assert.Regexp(t, `(?m)^p1 +/latency/p50:seconds +1 ms +1 ms +\+?0.0 % +agrees$`, out)
	assert.Regexp(t, `(?m)^T1 +holds +holds +– +holds +The median is below 2 ms\.$`, out)
	assert.Regexp(t, `wrote in [0-9.]+m?s:`, out)
	b, err := os.ReadFile(filepath.Join(c.dir, "tiny", "result.json"))
	require.NoError(t, err)
	var result struct {
		Seed uint64
		Rows []struct {
			Point, Metric, Verdict string
			Predicted, Measured    *struct{ Value, Low, High float64 }
		}
	}
	require.NoError(t, json.Unmarshal(b, &result))
	assert.EqualValues(t, 7, result.Seed)
	require.Len(t, result.Rows, 2)
	assert.Equal(t, 0.001, result.Rows[0].Measured.Value)
	assert.Contains(t, c.stderr.String(), "tiny: prediction decided, sha256 ")
}

func TestCompareSaysTheSameAsRun(t *testing.T) {
	c := newCall(t)
	require.Equal(t, statusOK, c.do("run", "tiny", "--out", c.dir), c.stderr.String())
	ran, _, _ := strings.Cut(c.stdout.String(), "wrote in")
	c.stdout.Reset()
	require.Equal(t, statusOK, c.do("compare", "tiny", "-out="+c.dir), c.stderr.String())
	assert.Equal(t, ran, c.stdout.String())
	assert.EqualValues(t, 6, c.asked.Load(), "compare runs nothing")
}

func TestSides(t *testing.T) {
	if testing.Short() {
		t.Skip("draws many figures, which is slow under the race detector")
	}
	for _, s := range []struct {
		args                []string
		predicted, measured int
	}{
		{[]string{"predict", "tiny"}, 6, 0},
		{[]string{"measure", "tiny"}, 0, 6},
		{[]string{"run", "tiny", "-side", "predicted"}, 6, 0},
		{[]string{"run", "-side=measured", "tiny"}, 0, 6},
		{[]string{"run", "--side", "both", "-quick", "tiny"}, 6, 6},
	} {
		t.Run(strings.Join(s.args, " "), func(t *testing.T) {
			c := newCall(t)
			assert.Equal(t, statusOK, c.do(append(s.args, "-out", c.dir)...), c.stderr.String())
			assert.Equal(t, [2]int{s.predicted, s.measured}, [2]int{int(c.predicted.Load()), int(c.asked.Load())})
			for name, want := range map[string]int{"predicted.bench": s.predicted, "measured.bench": s.measured} {
				_, err := os.Stat(filepath.Join(c.dir, "tiny", name))
				assert.Equal(t, want > 0, err == nil, name)
			}
		})
	}
}

// What was predicted and what is measured later come together.
func TestMeasureJoinsAFormerPrediction(t *testing.T) {
	if testing.Short() {
		t.Skip("draws many figures, which is slow under the race detector")
	}
	c := newCall(t)
	require.Equal(t, statusOK, c.do("predict", "tiny", "-out", c.dir))
	require.Equal(t, statusOK, c.do("measure", "tiny", "-out", c.dir))
	c.stdout.Reset()
	require.Equal(t, statusOK, c.do("compare", "tiny", "-out", c.dir))
	assert.Contains(t, c.stdout.String(), "agrees")
}

func TestJSONIsTheFile(t *testing.T) {
	if testing.Short() {
		t.Skip("draws many figures, which is slow under the race detector")
	}
	for _, args := range [][]string{{"run", "tiny"}, {"compare", "tiny"}} {
		c := newCall(t)
		if args[0] == "compare" {
			require.Equal(t, statusOK, c.do("run", "tiny", "-out", c.dir))
			c.stdout.Reset()
		}
		require.Equal(t, statusOK, c.do(append(args, "-json", "-out", c.dir)...), c.stderr.String())
		b, err := os.ReadFile(filepath.Join(c.dir, "tiny", "result.json"))
		require.NoError(t, err)
		assert.Equal(t, string(b), c.stdout.String())
	}
}

func TestStatusOneWhenAClaimDiffers(t *testing.T) {
	c := newCall(t)
	c.answer = func(lab.Trial) time.Duration { return 3 * time.Millisecond }
	assert.Equal(t, statusDiffers, c.do("run", "tiny", "-out", c.dir))
	assert.Contains(t, c.stdout.String(), "not as claimed: claim T1 does not come out as claimed\n")
	assert.FileExists(t, filepath.Join(c.dir, "tiny", "result.json"))
}

func TestStatusOneWhenARowDiffers(t *testing.T) {
	c := newCall(t)
	c.app.predict = func(lab.Cost) lab.Runner {
		slow := &call{answer: func(lab.Trial) time.Duration { return 1900 * time.Microsecond }}
		return slow.pretend(lab.Predicted, &slow.predicted)
	}
	assert.Equal(t, statusDiffers, c.do("run", "tiny", "-out", c.dir))
	assert.Contains(t, c.stdout.String(), "not as claimed: 2 of 2 rows differ\n")
}

func TestPredictWithoutCalibrationUsesTheReference(t *testing.T) {
	c := newCall(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	assert.Equal(t, statusOK, c.do("predict", "tiny", "-out", c.dir), c.stderr.String())
	const note = "Predicted with the costs of the reference machine"
	assert.Contains(t, c.stderr.String(), note)
	b, err := os.ReadFile(filepath.Join(c.dir, "tiny", "report.md"))
	require.NoError(t, err)
	assert.Contains(t, string(b), note)
}

const ownFile = `workload:
  name: own
  classes:
    - name: a
      arrivals: {kind: once, count: 3}
      steps: [{do: cpu, time: 50us}]
`

func TestRunAFile(t *testing.T) {
	c := newCall(t)
	file := filepath.Join(t.TempDir(), "my.yaml")
	require.NoError(t, os.WriteFile(file, []byte(ownFile), 0o600))
	assert.Equal(t, statusOK, c.do("run", "-f", file, "-out", c.dir), c.stderr.String())
	assert.EqualValues(t, fileReps, c.asked.Load(), "one point, called base")
	assert.Regexp(t, `(?m)^base +/latency/p50:seconds +1 ms +1 ms +\+?0.0 % +not judged$`, c.stdout.String())
	assert.FileExists(t, filepath.Join(c.dir, "own", "result.json"))
	c.stdout.Reset()
	assert.Equal(t, statusOK, c.do("compare", "-f", file, "-out", c.dir), c.stderr.String())
	assert.Contains(t, c.stdout.String(), "not judged")
}

func TestRunAFileWithPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("draws many figures, which is slow under the race detector")
	}
	c := newCall(t)
	file := filepath.Join(t.TempDir(), "my.yaml")
	require.NoError(t, os.WriteFile(file, []byte(ownFile+"points: [{name: one, GOMAXPROCS: 1}, {name: two, GOMAXPROCS: 2}]\n"), 0o600))
	assert.Equal(t, statusOK, c.do("measure", "-f", file, "-quick", "-out", c.dir), c.stderr.String())
	assert.EqualValues(t, 2*fileQuickReps, c.asked.Load())
	assert.Regexp(t, `(?m)^two +/makespan:seconds`, c.stdout.String())
}

func TestListPrintsTheNameFirst(t *testing.T) {
	c := newCall(t)
	assert.Equal(t, statusOK, c.do("list"))
	assert.Equal(t, "tiny       A tiny one  一个小实验\ninferring  A tiny one  一个小实验\n", c.stdout.String())
}

func TestVersion(t *testing.T) {
	c := newCall(t)
	assert.Equal(t, statusOK, c.do("version"))
	assert.Contains(t, c.stdout.String(), runtime.Version())
}

func TestTheTrialCommandIsHidden(t *testing.T) {
	c := newCall(t)
	assert.Equal(t, statusOK, c.do())
	assert.Contains(t, c.stdout.String(), "calibrate")
	assert.NotContains(t, c.stdout.String(), "trial")
}

// Bad usage and bad input: one line on stderr that says what to do, status 2, and no work done.
func TestBadUsage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x: 1\n"), 0o600))
	for _, b := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown experiment", []string{"run", "tiney"}, `unknown experiment "tiney"; did you mean tiny?; there are: tiny, inferring`},
		{"an experiment like none", []string{"predict", "zzz"}, `unknown experiment "zzz"; there are: tiny, inferring`},
		{"unknown experiment to compare", []string{"compare", "zzz"}, `unknown experiment "zzz"; there are: tiny, inferring`},
		{"no experiment", []string{"run"}, `name an experiment or give -f FILE; there are: tiny, inferring`},
		{"name and file", []string{"run", "tiny", "-f", file}, `give names or -f FILE, not both`},
		{"unknown command", []string{"rum"}, `unknown command "rum"; did you mean run?; gmplab -help lists the commands`},
		{"unknown flag", []string{"run", "tiny", "-fast"}, `unknown flag: --fast; gmplab run -help lists the flags`},
		{"unknown short flag", []string{"run", "tiny", "-x"}, `unknown shorthand flag: 'x' in -x; gmplab run -help lists the flags`},
		{"flag of another command", []string{"predict", "tiny", "-side", "both"}, `unknown flag: --side; gmplab predict -help lists the flags`},
		{"bad side", []string{"run", "tiny", "-side", "left"}, `invalid argument "left" for "--side" flag: give predicted, measured, both`},
		{"seed is no number", []string{"run", "tiny", "-seed", "lucky"}, `invalid argument "lucky" for "--seed" flag: give a whole number, 0 or more`},
		{"negative seed", []string{"run", "tiny", "-seed", "-1"}, `invalid argument "-1" for "--seed" flag: give a whole number, 0 or more`},
		{"seed without a value", []string{"run", "tiny", "-seed"}, `flag needs an argument: --seed`},
		{"out is empty", []string{"run", "tiny", "-out", ""}, `-out is empty; give a folder`},
		{"out is a file", []string{"run", "tiny", "-out", file}, `-out ` + file + `: ` + file + `: is not a folder; choose a folder that can be written`},
		{"out is below a file", []string{"run", "tiny", "-out", file + "/x"}, `-out ` + file + `/x: ` + file + `: is not a folder; choose a folder that can be written`},
		{"argument of list", []string{"list", "x"}, `unknown command "x" for "gmplab list"`},
		{"file is missing", []string{"run", "-f", file + ".yaml"}, file + `.yaml: no such file or directory; name a readable workload file`},
		{"file is wrong", []string{"run", "-f", file}, file + `:1: x: unknown key; use one of ["workload" "knobs" "points"]`},
		{"nothing to compare", []string{"compare", "tiny", "-out", filepath.Dir(file)}, `nothing to compare: there is neither ` +
			filepath.Dir(file) + `/tiny/predicted.bench nor ` + filepath.Dir(file) + `/tiny/measured.bench; make them with gmplab run tiny`},
		{"steps and why", []string{"run", "tiny", "-steps", "-why", "1"}, `-steps and -why are two views of a run; give one of them`},
		{"steps as JSON", []string{"run", "tiny", "-steps", "-json"}, `-steps prints text for readers; leave -json out`},
		{"why as JSON", []string{"predict", "tiny", "-why", "1", "-json"}, `-why prints text for readers; leave -json out`},
		{"steps of a measurement", []string{"run", "tiny", "-steps", "-side", "measured"}, `-steps shows the simulator at work; leave -side measured out`},
		{"measure has no steps", []string{"measure", "tiny", "-steps"}, `unknown flag: --steps; gmplab measure -help lists the flags`},
		{"steps of two", []string{"run", "tiny", "inferring", "-steps"}, `-steps shows one run; name one experiment`},
		{"steps of a point that is not there", []string{"run", "tiny", "-steps", "-point", "p9"}, `experiment tiny has no point "p9"; there are: p1, p2`},
		{"steps until before from", []string{"run", "tiny", "-steps", "-from", "2ms", "-until", "1ms"}, `-until 1ms is not after -from 2ms; give a later time`},
		{"steps until zero", []string{"run", "tiny", "-steps", "-until", "0s"}, `-until 0s is not after -from 0s; give a later time`},
		{"steps from before the start", []string{"run", "tiny", "-steps", "-from", "-2ms"}, `-from and -until are times since the start of the run; give 0 or more, such as 300ms`},
		{"no steps", []string{"run", "tiny", "-steps", "-limit", "0"}, `-limit 0: give 1 to 200000, and choose the part of the run with -from and -until`},
		{"too many steps", []string{"run", "tiny", "-steps", "-limit", "200001"}, `-limit 200001: give 1 to 200000, and choose the part of the run with -from and -until`},
		{"limit without steps", []string{"run", "tiny", "-limit", "9"}, `-limit is for -steps; give -steps with it`},
		{"point without steps", []string{"predict", "tiny", "-point", "p1"}, `-point is for -steps and -why; give one of them with it`},
		{"limit of a story", []string{"predict", "tiny", "-why", "1", "-limit", "9"}, `-from, -until and -limit are for -steps; -why tells of one request from its beginning to its end`},
		{"why without a request", []string{"predict", "tiny", "-why", ""}, `-why is empty; give a request's number, median, p99 or slowest`},
		{"steps into a file", []string{"run", "tiny", "-steps", "-out", file}, `-out ` + file + `: ` + file + `: is not a folder; choose a folder that can be written`},
		{"trial without one", []string{"trial"}, `realrun: standard input holds no trial (EOF): this command is for gmplab's own use`},
	} {
		t.Run(b.name, func(t *testing.T) {
			c := newCall(t)
			assert.Equal(t, statusBad, c.do(b.args...))
			assert.Equal(t, "gmplab: "+b.want+"\n", c.stderr.String())
			assert.Empty(t, c.stdout.String())
			assert.Zero(t, c.predicted.Load()+c.asked.Load())
		})
	}
}

func TestUnwritableOut(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("this user may write everywhere")
	}
	c := newCall(t)
	require.NoError(t, os.Chmod(c.dir, 0o500))
	assert.Equal(t, statusBad, c.do("run", "tiny", "-out", c.dir))
	assert.Equal(t, "gmplab: -out "+c.dir+": "+c.dir+": permission denied; choose a folder that can be written\n", c.stderr.String())
	assert.Zero(t, c.predicted.Load()+c.asked.Load())
}

func TestWithoutTheLibrary(t *testing.T) {
	why := func(with string) string { // without cgo that is the reason whatever else is missing
		if !hasCgo() {
			return "CGO_ENABLED=1"
		}
		return with
	}
	t.Run("measuring inference is refused", func(t *testing.T) {
		c := newCall(t)
		t.Setenv("PATH", "")
		assert.Equal(t, statusBad, c.do("run", "inferring", "-out", c.dir))
		lines := strings.Split(strings.TrimSpace(c.stderr.String()), "\n")
		last := lines[len(lines)-1]
		assert.Contains(t, last, "gmplab predict inferring works without it")
		assert.Contains(t, last, why("npm"))
		assert.Zero(t, c.predicted.Load()+c.asked.Load())
	})
	t.Run("predicting it works", func(t *testing.T) {
		c := newCall(t)
		t.Setenv("PATH", "")
		assert.Equal(t, statusOK, c.do("predict", "inferring", "-out", c.dir), c.stderr.String())
	})
	t.Run("a workload without inference works", func(t *testing.T) {
		c := newCall(t)
		t.Setenv("PATH", "")
		assert.Equal(t, statusOK, c.do("run", "tiny", "-out", c.dir), c.stderr.String())
	})
	t.Run("a wrong GMPLAB_ORT is refused", func(t *testing.T) {
		c := newCall(t)
		t.Setenv(ort.EnvLibrary, filepath.Join(c.dir, "none.so"))
		assert.Equal(t, statusBad, c.do("measure", "inferring", "-out", c.dir))
		assert.Equal(t, 1, strings.Count(c.stderr.String(), "\n"))
		assert.Contains(t, c.stderr.String(), why("none.so"))
	})
	t.Run("setup says why", func(t *testing.T) {
		c := newCall(t)
		t.Setenv("PATH", "")
		assert.Equal(t, statusBad, c.do("setup"))
		assert.Contains(t, c.stderr.String(), why("npm"))
	})
}

func TestAFailedRunnerIsOneLine(t *testing.T) {
	c := newCall(t)
	c.app.measure = func(realrun.Setup) lab.Runner {
		return func(context.Context, lab.Trial) (*lab.Result, error) { return nil, errors.New("it\nbroke") }
	}
	assert.Equal(t, statusBad, c.do("measure", "tiny", "-out", c.dir))
	assert.Regexp(t, `gmplab: tiny measured, point p[12], repetition 0: it broke\n$`, c.stderr.String())
	assert.NoDirExists(t, filepath.Join(c.dir, "tiny"))
}

func TestStoppedWhilePredicting(t *testing.T) {
	c := newCall(t)
	ctx, cancel := context.WithCancel(context.Background())
	c.app.predict = func(lab.Cost) lab.Runner {
		return func(ctx context.Context, _ lab.Trial) (*lab.Result, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}
	assert.Equal(t, statusStopped, c.run(ctx, []string{"run", "tiny", "-out", c.dir}))
	assert.Regexp(t, `gmplab: stopped\n$`, c.stderr.String())
	files, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	assert.Empty(t, files)
}

// A signal during a real run ends the command and its trial within a second and leaves no file.
func TestASignalStopsARealRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			newCall(t) // for its environment
			self, err := os.Executable()
			require.NoError(t, err)
			dir := t.TempDir()
			file, out := filepath.Join(dir, "my.yaml"), filepath.Join(dir, "out")
			require.NoError(t, os.WriteFile(file, []byte("workload: {name: long, run: 30s, classes: [{name: a, arrivals: {kind: closed, clients: 1}, steps: [{do: sleep, time: 1ms}]}]}\n"), 0o600))
			cmd := exec.Command(self, "measure", "-f", file, "-out", out)
			cmd.Env = append(os.Environ(), asCommand+"=1")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			require.NoError(t, cmd.Start())
			defer cmd.Process.Kill()
			require.Eventually(t, func() bool { return trials(t, self) > 0 }, 20*time.Second, 20*time.Millisecond, "the trial never began")
			time.Sleep(300 * time.Millisecond)
			began := time.Now()
			require.NoError(t, cmd.Process.Signal(sig))
			err = cmd.Wait()
			assert.Less(t, time.Since(began), 1200*time.Millisecond)
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			assert.Equal(t, statusStopped, exit.ExitCode(), stderr.String())
			assert.Regexp(t, `gmplab: stopped\n$`, stderr.String())
			assert.Eventually(t, func() bool { return trials(t, self) == 0 }, time.Second, 20*time.Millisecond, "the trial lives on")
			assert.NoDirExists(t, out)
		})
	}
}

// trials counts the running trials of a program.
func trials(t *testing.T, self string) int {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	n := 0
	for _, name := range lines {
		if b, err := os.ReadFile(name); err == nil && string(b) == self+"\x00trial\x00" {
			n++
		}
	}
	return n
}
