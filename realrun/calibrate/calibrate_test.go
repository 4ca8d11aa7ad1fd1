package calibrate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
	"github.com/gmplab/lab/realrun/ort"
)

// library finds ONNX Runtime on this machine; the zero Library where there is none.
func library() ort.Library {
	cache, err := ort.DefaultCache()
	if err != nil {
		return ort.Library{}
	}
	lib, err := ort.Find(cache)
	if err != nil || native.Check() != nil {
		return ort.Library{}
	}
	return lib
}

// TestShort runs everything at a small scale and checks what must hold on any machine, whatever its load.
func TestShort(t *testing.T) {
	procs, gc := runtime.GOMAXPROCS(0), debug.SetGCPercent(77)
	defer debug.SetGCPercent(gc)
	lib, last, total := library(), -1, 0
	rest := 0.0
	c, err := run(context.Background(), Options{Library: lib, Quick: true,
		Threads: func(context.Context) (float64, error) { rest++; return 6 + rest, nil },
		Rest:    func(context.Context) (*lab.Result, error) { return resting(restCycles), nil },
		Progress: func(done, n int, what string) {
			assert.Greater(t, done, last, what)
			assert.NotEmpty(t, what)
			last, total = done, n
		}}, 0.05)
	require.NoError(t, err)
	assert.Equal(t, total, last, "progress ends at its total")
	assert.Equal(t, procs, runtime.GOMAXPROCS(0), "GOMAXPROCS is put back")
	assert.Equal(t, 77, debug.SetGCPercent(77), "the collector is put back")

	measured := []string{"Link", "Newproc", "StackUse", "Goexit", "Chan", "Switch", "Mutex", "Timer", "Now", "AllocMin", "AllocKiB",
		"Spin", "Request", "CopyKiB", "Threads", "Cores", "Heap", "Alloc", "Mark", "MarkSetup", "StopWorld", "SweepTerm", "MarkTerm",
		"Store", "PoolGet", "PoolPut"}
	if runtime.GOOS == "linux" {
		measured = append(measured, "Tick", "Slice", "SleepOver", "SleepCPU", "EpollOver", "EpollCPU", "Netpoll", "PipeWrite",
			"PipeRead", "NetWrite", "NetRead", "NetAgain", "ArmLate", "GapRate", "Gap", "Stalls")
		if runtime.NumCPU() > 1 {
			measured = append(measured, "IdlePull", "Steal", "FutexWake", "FutexWakeBusy", "FutexWakeOwn", "FutexSleep", "FutexBack", "FutexBackIdle", "SleepIn", "WakeIdle", "WakeRested", "SignalSend", "ColdSignalSend")
		}
	}
	for _, name := range measured {
		assert.NotContains(t, Missing(c), name)
	}
	checkRelations(t, c)
	if lib.Path != "" {
		require.NotEmpty(t, c.Infer)
		assert.NotNil(t, c.Service("mlp", 1, 1))
	}
	assert.Equal(t, Host(lib), c.Host)
	assert.True(t, c.Quick)
	assert.Equal(t, lab.Value{P50: 7.5, P10: 7.1, P90: 7.9}, c.Threads, "of two rounds")
	_, err = time.Parse(time.RFC3339, c.Made)
	assert.NoError(t, err)
	for _, r := range Describe(c) {
		assert.NotEmpty(t, r.Value, r.Name)
	}
}

// checkRelations checks the order of quantiles everywhere in c.
func checkRelations(t *testing.T, c lab.Cost) {
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch f := v.Field(i).Interface().(type) {
		case lab.Value:
			assert.True(t, 0 <= f.P10 && f.P10 <= f.P50 && f.P50 <= f.P90, "%s: %+v", name, f)
		case lab.Nanos:
			assert.True(t, 0 <= f.P10 && f.P10 <= f.P50 && f.P50 <= f.P90, "%s: %+v", name, f)
		case lab.Dist:
			assert.True(t, slices.IsSorted(f.Quantiles), name)
			if f.Kind == lab.Empirical {
				assert.GreaterOrEqual(t, f.Quantiles[0], time.Duration(0), name)
			}
		}
	}
	for _, odds := range c.Stalls {
		assert.True(t, 0 <= odds && odds < 1, odds)
	}
	assert.LessOrEqual(t, c.GapCPU.P90, 1.0)
	assert.Less(t, c.Mutex.P50, c.Newproc.P50)
	for _, s := range c.Infer {
		require.Len(t, s.Time, len(s.Batch))
		require.Len(t, s.CPU, len(s.Batch))
		require.Len(t, s.Speed, 2, "a speed for each round")
		assert.True(t, slices.IsSorted(s.Speed))
		assert.InDelta(t, 1, s.Factor(0.5), 0.5)
		var last time.Duration
		for i, d := range s.Time {
			assert.True(t, slices.IsSorted(d.Quantiles))
			assert.Positive(t, s.CPU[i])
			assert.GreaterOrEqual(t, d.Quantile(0.5), last-1, "intra %d busy %d batch %d", s.IntraOp, s.Busy, s.Batch[i])
			last = d.Quantile(0.5)
		}
	}
}

// TestRefresh: what wanders is measured again, and nothing else is touched.
func TestRefresh(t *testing.T) {
	lib, c := library(), sample()
	c.Infer[0].Probe = 1e6
	c.Infer[0].Batch, c.Infer[0].Time, c.Infer[0].CPU = []int{1, 8}, []lab.Dist{lab.Const(time.Microsecond), lab.Const(time.Millisecond)}, []float64{1, 1}
	c.Mark = []lab.MarkCost{{Bytes: 64, Live: 8 << 20, Time: lab.Nanos(constant(10))}, {Bytes: 1 << 10, Live: 64 << 20, Pointers: true, Old: oldMark, Time: lab.Nanos(constant(1e6))}}
	before := c
	before.Infer = slices.Clone(c.Infer)
	require.NoError(t, refresh(context.Background(), Options{Library: lib}, &c, 2, 0))
	assert.NotEmpty(t, c.Refreshed)
	if runtime.GOOS == "linux" && runtime.NumCPU() > 1 {
		assert.Len(t, c.IdlePull.Quantiles, quantiles)
		assert.Positive(t, c.IdlePull.Quantile(1))
		assert.Positive(t, c.WakeIdle.Quantile(0))
		assert.Positive(t, c.FutexWake.P50)
		assert.Positive(t, c.FutexSleep.P50)
		assert.Positive(t, c.FutexBackIdle.P50)
		require.Len(t, c.WakeRested, len(rests))
		for i, r := range c.WakeRested {
			assert.Equal(t, rests[i], r.Idle)
			assert.Positive(t, r.Wake.Quantile(0))
			assert.Positive(t, r.Call.P50)
		}
		assert.Len(t, c.Stalls, 2)
	}
	if lib.Path != "" {
		require.Len(t, c.Infer[0].Speed, 2)
		assert.Less(t, c.Infer[0].Speed[0], 1.0, "the host is faster than a millisecond for eight rows")
		assert.Positive(t, c.Infer[0].Speed[0])
		assert.True(t, slices.IsSorted(c.Infer[0].Speed))
	}
	c.IdlePull, c.IdlePullOdds, c.Refreshed, c.Infer[0].Speed = before.IdlePull, before.IdlePullOdds, "", nil
	c.WakeIdle, c.WakeRested, c.FutexWake = before.WakeIdle, before.WakeRested, before.FutexWake
	c.FutexSleep, c.FutexBackIdle = before.FutexSleep, before.FutexBackIdle
	assert.Positive(t, c.Marking)
	assert.Less(t, c.Marking, 0.1, "no object takes a millisecond")
	assert.Equal(t, 10*c.Marking, c.Mark[0].Time.P50)
	assert.Equal(t, 10.0, before.Mark[0].Time.P50, "the calibration's own table stays")
	c.Stalls, c.Stall, c.Marking, c.Mark = before.Stalls, before.Stall, 0, before.Mark
	assert.Equal(t, before, c)
	assert.Equal(t, lab.ProbeRows, batches[speedBatch])

	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	cancel(why)
	require.ErrorIs(t, Refresh(ctx, Options{}, &c), why)
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	var at time.Time
	time.AfterFunc(500*time.Millisecond, func() { at = time.Now(); cancel(why) })
	procs := runtime.GOMAXPROCS(0)
	_, err := Run(ctx, Options{Library: library()})
	require.ErrorIs(t, err, why)
	assert.Less(t, time.Since(at), time.Second)
	assert.Equal(t, procs, runtime.GOMAXPROCS(0))
}

// TestBadLibrary: a library that cannot be opened is an error, not a table that is silently missing.
func TestBadLibrary(t *testing.T) {
	_, err := Run(context.Background(), Options{Library: ort.Library{Path: filepath.Join(t.TempDir(), "none.so")}})
	require.ErrorContains(t, err, "calibrate: ort:")
}

func sample() lab.Cost {
	c := lab.Cost{Host: Host(ort.Library{}), Made: "2026-01-02T03:04:05Z", Cores: 2, Tick: lab.Nanos(constant(4e6)), GapRate: constant(400)}
	c.Link = lab.Nanos{P50: 1.25, P10: 1.125, P90: 2}
	c.Gap = lab.Dist{Kind: lab.Empirical, Quantiles: []time.Duration{1, 2, 30}}
	c.Infer = []lab.Service{{Model: "mlp", IntraOp: 1, Busy: 1, Batch: []int{1}, Time: []lab.Dist{c.Gap}, CPU: []float64{1}}}
	return c
}

func TestSaveLoad(t *testing.T) {
	dir, c := t.TempDir(), sample()
	path, err := Save(dir, c)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "calibration", c.Host.Name+".json"), path)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing is left beside the file")
	got, err := load(dir, c.Host)
	require.NoError(t, err)
	assert.Equal(t, c, got)
}

func TestLoadErrors(t *testing.T) {
	dir, here := t.TempDir(), sample().Host
	_, err := Load(dir)
	require.ErrorContains(t, err, "not calibrated")
	for name, change := range map[string]func(*lab.Host){
		`processor "other"`:         func(h *lab.Host) { h.CPU = "other" },
		`system "other"`:            func(h *lab.Host) { h.Kernel = "other" },
		`toolchain "other"`:         func(h *lab.Host) { h.Go = "other" },
		`inference library "other"`: func(h *lab.Host) { h.Library = "other" },
		"on 77 cores":               func(h *lab.Host) { h.Cores = 77 },
	} {
		c := sample()
		change(&c.Host)
		_, err := Save(dir, c)
		require.NoError(t, err)
		_, err = load(dir, here)
		require.ErrorContains(t, err, name)
		assert.ErrorContains(t, err, "gmplab calibrate")
	}
	path := pathOf(dir, here.Name)
	for text, want := range map[string]string{
		`{"Schema": 12, "Cost": {`: "damaged",
		`{"Schema": 999}`:          "schema 999",
		`{}`:                       "schema 0",
		`{"Schema": 12, "Cost": {"Link": {"P50": "x"}}}`: "damaged",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err := load(dir, here)
		require.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "gmplab calibrate")
	}
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o755))
	_, err = load(dir, here)
	require.ErrorContains(t, err, "cannot be read")
}

func TestSaveErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Save(file, sample())
	require.ErrorContains(t, err, "cannot be made")
	dir, c := t.TempDir(), sample()
	require.NoError(t, os.MkdirAll(pathOf(dir, c.Host.Name), 0o755))
	_, err = Save(dir, c)
	require.ErrorContains(t, err, "cannot be written")
	assert.Equal(t, "a-b-c.json", filepath.Base(pathOf(dir, `a/b:c`)))
}

func TestDescribe(t *testing.T) {
	rows := Describe(sample())
	assert.Contains(t, rows, Row{"Link", "1.25", "1.12–2", "ns"})
	assert.Contains(t, rows, Row{"Tick", "4000000", "4000000–4000000", "ns"})
	assert.Contains(t, rows, Row{"GapRate", "400", "400–400", "/s"})
	assert.Contains(t, rows, Row{Name: "Chan", Value: "not measured"})
	assert.Equal(t, "mlp intra 1 busy 1 batch 1", rows[len(rows)-1].Name)
	missing := Missing(sample())
	assert.Contains(t, missing, "Chan")
	assert.NotContains(t, missing, "Link")
	assert.NotContains(t, missing, "Host")
}

func TestStatistics(t *testing.T) {
	assert.Equal(t, []float64{1, 3, 3, 3, 5}, isotonic([]float64{1, 4, 3, 2, 5}))
	assert.Equal(t, []float64{1, 1}, isotonic([]float64{2, 0}))
	assert.InDelta(t, 2.5, median([]float64{4, 1, 3, 2}), 0)
	assert.Equal(t, lab.Nanos{}, nanosOf([]float64{-3, -2}))
	assert.Equal(t, lab.Dist{}, empirical([]float64{1}, 3, 0, 1))

	// A thousand samples of 100 and one of a million: the mean must survive, which a straight line to the maximum
	// would make seven times too large.
	v := slices.Repeat([]float64{100}, 1000)
	v = append(v, 1e6)
	d := empirical(v, 101, 0, 1)
	assert.InEpsilon(t, (100*1000+1e6)/1001, float64(d.Average()), 0.01)
	assert.EqualValues(t, 100, d.Quantile(0.98))
	// Cut at the 99th percentile the rare one is gone.
	d = empirical(v, 33, 0, 0.99)
	assert.EqualValues(t, 100, d.Average())
}

// TestService: medians that descend are pooled, and the distributions move along.
func TestService(t *testing.T) {
	k := table{intraOp: 1, busy: 2, session: &ort.Session{InDim: 512}, after: make([][][]float64, len(batches))}
	k.after[0] = [][]float64{{150_000, 150_000}, {165_000}, {300_000}}
	for i := range batches {
		at := []float64{100, 90, 120, 200}[min(i, 3)] * 1000
		k.times = append(k.times, [][]float64{{at, at, at}, {at * 1.1, at * 1.1}, {at * 2}, {at * 0.9}, {at}})
		k.cpu = append(k.cpu, []float64{0.5, 1, 1})
	}
	s := k.service(time.Microsecond) // the Go code of a call is charged apart
	assert.Equal(t, 94*time.Microsecond, s.Time[0].Quantile(0.5))
	assert.Equal(t, 94*time.Microsecond, s.Time[1].Quantile(0.5))
	assert.Equal(t, 119*time.Microsecond, s.Time[2].Quantile(0.5))
	assert.Equal(t, 149*time.Microsecond, s.After[0].Quantile(0.5))
	assert.Equal(t, 2048, s.Row)
	assert.Equal(t, 149*time.Microsecond, s.At(1, 32, 0.5), "after a batch of the largest size")
	assert.Equal(t, 94*time.Microsecond, s.At(1, 1, 0.5), "after one of its own")
	assert.InDeltaSlice(t, []float64{0.9, 1, 1, 1.1, 2}, s.Speed, 1e-9, "the host's speed in each round is no part of the distributions")
	assert.InDelta(t, 1.05, s.Factor(0.625), 1e-9)
	assert.InDelta(t, 1, s.CPU[0], 0)
}

// A read that finds nothing costs less than one that finds something, and both less than a hundred microseconds.
func TestSockets(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measured on Linux only")
	}
	b := &bench{ctx: context.Background(), scale: 0.2, nanos: map[string][]float64{}}
	for _, p := range kernelProbes() {
		if p.what == "sockets" {
			require.NoError(t, p.run(b))
		}
	}
	t.Log(b.nanos)
	for _, field := range []string{"NetWrite", "NetRead", "NetAgain"} {
		require.Len(t, b.nanos[field], 1, field)
		assert.Less(t, b.nanos[field][0], 1e5, field)
		assert.Greater(t, b.nanos[field][0], 50.0, field)
	}
	assert.Less(t, b.nanos["NetAgain"][0], b.nanos["NetRead"][0])
	assert.GreaterOrEqual(t, b.nanos["NetReadKiB"][0], 0.0)
}
