package realrun

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
	"github.com/gmplab/lab/realrun/ort"
)

// fresh is a Runner whose processes are this test program.
func fresh(t *testing.T) lab.Runner {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return Runner(Setup{Self: self})
}

func TestRunnerSetsWhatGoReadsAtItsStart(t *testing.T) {
	t.Setenv("GOMAXPROCS", "7")
	t.Setenv("GOGC", "off")
	run, w := fresh(t), once(1, slices.Repeat([]lab.Step{{Do: lab.Alloc, Bytes: 1 << 20}}, 50)...)
	cycles := func(k lab.Knobs) float64 {
		res, err := run(t.Context(), lab.Trial{Workload: w, Knobs: k})
		require.NoError(t, err)
		want := k.GOMAXPROCS
		if want == 0 {
			want = runtime.NumCPU()
		}
		assert.EqualValues(t, want, res.Values["/sched/gomaxprocs:threads"])
		assert.Equal(t, k, res.Trial.Knobs, "the trial comes back as it was given")
		return res.Values["/gc/cycles/automatic:gc-cycles"]
	}
	assert.Greater(t, cycles(lab.Knobs{}), 0.0)
	assert.Zero(t, cycles(lab.Knobs{GOMAXPROCS: 1, GOGC: -1}))
	assert.Greater(t, cycles(lab.Knobs{GOMAXPROCS: 3, GOGC: -1, GOMEMLIMIT: 20 << 20}), 0.0)
}

// TestRunnerWithoutAsyncPreemption: only calls let another goroutine in then.
func TestRunnerWithoutAsyncPreemption(t *testing.T) {
	run := fresh(t)
	for _, calls := range []bool{false, true} {
		w := once(1, lab.Step{Do: lab.CPU, Time: lab.Const(300 * ms), Calls: calls})
		w.Classes = append(w.Classes, lab.Class{Name: "quick", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1},
			Steps: []lab.Step{{Do: lab.Sleep, Time: lab.Const(ms)}}})
		res, err := run(t.Context(), lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1, AsyncPreemptOff: true}})
		require.NoError(t, err)
		require.Len(t, res.Requests, 2)
		hog, quick := res.Requests[0], res.Requests[1]
		if hog.Class == 1 {
			hog, quick = quick, hog // it still loses its P at the first call after the loop
		}
		assert.Equal(t, calls, quick.End < hog.End/2, "calls: %v, hog %+v, quick %+v", calls, hog, quick)
	}
}

func TestRunnerTellsTheHostAndItsNoise(t *testing.T) {
	res, err := fresh(t)(t.Context(), lab.Trial{Workload: once(1, lab.Step{Do: lab.Sleep, Time: lab.Const(50 * ms)})})
	require.NoError(t, err)
	assert.Equal(t, ReadHost(), res.Host)
	if _, err := readHostCPU(); err != nil {
		assert.NotContains(t, res.Values, "/host/steal:ratio")
		assert.NotEmpty(t, res.Notes)
		return
	}
	assert.Contains(t, res.Values, "/host/steal:ratio")
	assert.Contains(t, res.Values, "/host/foreign-cpu:cores")
}

func TestRunnerPassesOnTheReasonOfAFailure(t *testing.T) {
	for how, want := range map[string]string{
		"panic":     "panic: out of coffee",
		"silent":    "exit status 3",
		"no result": "wrote no result",
	} {
		t.Run(how, func(t *testing.T) {
			t.Setenv(behave, how)
			_, err := fresh(t)(t.Context(), lab.Trial{Workload: once(1, lab.Step{Do: lab.Yield})})
			require.ErrorContains(t, err, want)
			assert.ErrorContains(t, err, `"once"`)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestRunnerKillsTheProcessWhenItsContextIsDone(t *testing.T) {
	t.Setenv(behave, "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 200*ms)
	defer cancel()
	from := time.Now()
	_, err := fresh(t)(ctx, lab.Trial{Workload: once(1, lab.Step{Do: lab.Yield})})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(from), 5*time.Second)
}

func TestRunnerWithoutSelf(t *testing.T) {
	_, err := Runner(Setup{})(t.Context(), lab.Trial{})
	assert.ErrorContains(t, err, "Setup.Self is empty")
}

func TestRunnerWithAProgramThatIsNotThere(t *testing.T) {
	run := Runner(Setup{Self: filepath.Join(t.TempDir(), "nothing")})
	_, err := run(t.Context(), lab.Trial{Workload: once(1, lab.Step{Do: lab.Yield})})
	assert.ErrorContains(t, err, "nothing")
}

func TestRunnerRefusesATrialThatDoesNotValidate(t *testing.T) {
	_, err := fresh(t)(t.Context(), lab.Trial{})
	assert.ErrorContains(t, err, "workload.name")
}

func TestRunnerNeedsTheLibraryForInfer(t *testing.T) {
	_, err := fresh(t)(t.Context(), lab.Trial{Workload: once(1, lab.Step{Do: lab.Yield}, lab.Step{Do: lab.Infer, Name: "mlp"})})
	require.ErrorIs(t, err, ort.ErrNotFound)
	assert.ErrorContains(t, err, "workload.classes[0].steps[1]")
}

func TestRunnerRefusesMoreArrivalsThanItCanHold(t *testing.T) {
	w := closed(1, lab.Dist{}, lab.Step{Do: lab.Yield})
	w.Classes[0].Arrivals = lab.Arrivals{Kind: lab.Poisson, Rate: 10_000_000, Generator: lab.InProcess}
	w.Run = time.Minute
	_, err := fresh(t)(t.Context(), lab.Trial{Workload: w})
	assert.ErrorContains(t, err, "at most 20000000")
}

func TestRunnerWithoutCSaysWhatNeedsIt(t *testing.T) {
	if native.Check() == nil {
		t.Skip("this test program has the C part")
	}
	w := closed(1, lab.Dist{}, lab.Step{Do: lab.Yield})
	w.Classes[0].Arrivals = lab.Arrivals{Kind: lab.Poisson, Rate: 100}
	_, err := fresh(t)(t.Context(), lab.Trial{Workload: w})
	require.ErrorIs(t, err, native.ErrNoC)
	_, err = fresh(t)(t.Context(), lab.Trial{Workload: once(1, lab.Step{Do: lab.Call})})
	require.ErrorIs(t, err, native.ErrNoC)
}

func TestRunnerWithALibraryThatDoesNotLoad(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	run := Runner(Setup{Self: self, Library: ort.Library{Path: filepath.Join(t.TempDir(), "missing.so"), Version: "0"}})
	_, err = run(t.Context(), lab.Trial{Workload: once(1, lab.Step{Do: lab.Infer, Name: "mlp"})})
	require.Error(t, err)
	if native.Check() == nil {
		assert.ErrorContains(t, err, "missing.so")
	} else {
		assert.ErrorContains(t, err, "cgo")
	}
	assert.NotContains(t, err.Error(), "\n")
}

func TestChildRefusesWhatIsNoTrial(t *testing.T) {
	for _, text := range []string{"", "{", `{"Knob":1}`, `{"Trial":{"Seed":-1}}`} {
		err := Child(t.Context(), strings.NewReader(text), nil)
		assert.ErrorContains(t, err, "holds no trial", text)
	}
	assert.ErrorContains(t, Child(t.Context(), strings.NewReader("{}"), nil), "workload.name")
}

func TestEnvironmentReplacesGosSettings(t *testing.T) {
	env := []string{"HOME=/x", "GOGC=5", "GODEBUG=gctrace=1", "GOMAXPROCS=9", "GOMEMLIMIT=1", "GOGCX=1"}
	assert.Equal(t, []string{"HOME=/x", "GOGCX=1", "GOMAXPROCS=4", "GOGC=100"}, environment(env, lab.Knobs{}.Filled(4), nil))
	assert.Equal(t, []string{"GOMAXPROCS=2", "GOGC=off", "GOMEMLIMIT=1024", "GODEBUG=asyncpreemptoff=1"},
		environment(nil, lab.Knobs{GOMAXPROCS: 2, GOGC: -1, GOMEMLIMIT: 1024, AsyncPreemptOff: true}.Filled(4), nil))
	assert.Contains(t, environment(nil, lab.Knobs{AsyncPreemptOff: true}.Filled(4), []string{"gctrace=1"}), "GODEBUG=gctrace=1,asyncpreemptoff=1")
}

func TestReasonPicksTheLineThatSaysWhy(t *testing.T) {
	assert.Equal(t, "b", reason([]byte("a\n b \n\n"), []byte("half of a result"), nil))
	assert.Equal(t, "fatal error: out of memory", reason([]byte("x\nfatal error: out of memory\n\ngoroutine 1\n"), nil, nil))
	assert.Equal(t, "panic: a", reason([]byte("panic: SCHED 4ms: gomaxprocs=2 schedticks=[ 3 ]\na\n"), []byte("panic: a\n\ngoroutine 1 [running]:\n"), nil))
	assert.Contains(t, reason(nil, []byte("half of a result"), os.ErrClosed), os.ErrClosed.Error())
}

func TestNoiseIsWhatOthersDid(t *testing.T) {
	before, err := parseHostCPU("cpu  100 0 50 800 20 3 7 20 40 0\ncpu0 1 2\n")
	require.NoError(t, err)
	after, err := parseHostCPU("cpu  200 0 50 1000 20 3 7 120 40 0\n")
	require.NoError(t, err)
	after.at = before.at.Add(2 * time.Second)
	steal, foreign := noise(before, after, 400*ms)
	assert.InDelta(t, 0.25, steal, 1e-9)    // 1 s of 4 s
	assert.InDelta(t, 0.295, foreign, 1e-9) // 1 s busy less 0.4 s and a tick, over 2 s
	_, foreign = noise(before, after, time.Hour)
	assert.Zero(t, foreign, "the counter's 10 ms steps must not make it negative")
}

func TestHostCPURefusesWhatIsNoStat(t *testing.T) {
	for _, text := range []string{"", "cpu 1 2 3\n", "cpu0 1 2 3 4 5 6 7 8\n", "cpu 1 2 3 4 5 6 7 x\n"} {
		_, err := parseHostCPU(text)
		assert.Error(t, err, text)
	}
}

func TestLibraryName(t *testing.T) {
	assert.Empty(t, libraryName(ort.Library{}))
	assert.Equal(t, "ONNX Runtime 1.2 (npm x)", libraryName(ort.Library{Path: "l", Version: "1.2", Source: "npm x"}))
}

func TestReadHost(t *testing.T) {
	h := ReadHost()
	assert.Equal(t, runtime.NumCPU(), h.Cores)
	assert.Equal(t, runtime.Version(), h.Go)
	assert.True(t, strings.HasPrefix(h.Kernel, runtime.GOOS))
	assert.NotEmpty(t, h.CPU)
	assert.Empty(t, h.Library)
	assert.Equal(t, "Fast CPU @ 3:1", cpuModel("processor : 0\nmodel name\t: Fast CPU @ 3:1\n"))
	assert.Empty(t, cpuModel("processor : 0\n"))
}
