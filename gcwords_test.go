package lab_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

var allLines = lab.GODEBUG{Gctrace: true, Gcpacertrace: true, Schedtrace: true}

// parsed reads lines that are all well formed.
func parsed(t *testing.T, text string) lab.GODEBUGLines {
	t.Helper()
	l, err := lab.ParseGODEBUG(strings.NewReader(text))
	require.NoError(t, err)
	return l
}

// testdata/godebug.txt is what a program wrote that Go 1.26.8 ran with GODEBUG=gctrace=1,gcpacertrace=1,schedtrace=10: four
// goroutines that allocate trees, then runtime.GC twice, and once more with GOGC=off.
func TestRealLinesComeBack(t *testing.T) {
	text, err := os.ReadFile("testdata/godebug.txt")
	require.NoError(t, err)
	l := parsed(t, string(text))
	sound(t, l)
	assert.Len(t, l.GCs, strings.Count(string(text), "\ngc "))
	assert.Len(t, l.Scheds, strings.Count("\n"+string(text), "\nSCHED "))
	last := "pacer: sweep done at heap size 40MB; allocated 0MB during sweep; swept 11912 pages at 1.3314449772521074e-15 pages/byte"
	assert.Equal(t, []string{last}, l.Rest, "the last sweep belongs to a cycle that did not begin")
	want := strings.SplitAfter(string(text), "\n")
	got := strings.SplitAfter(string(allLines.Append(nil, l.GCs, l.Scheds))+last+"\n", "\n")
	slices.Sort(want)
	slices.Sort(got)
	assert.Equal(t, want, got, "each line byte for byte")
	assert.Equal(t, l, parsed(t, string(allLines.Append(nil, l.GCs, l.Scheds))+last), "and the lines in our order")
}

func TestLinesOfACycle(t *testing.T) {
	text := `pacer: sweep done at heap size 18MB; allocated 1MB during sweep; swept 2345 pages at 0.0001954161944108635 pages/byte
pacer: assist ratio=1.8968347534105272 (scan 12 MB in 29->35 MB) workers=0+0.25
pacer: 29% CPU (25 exp.) for 27997920+2968+154538 B work (10448498 B exp.) in 31450048 B -> 36362872 B (∆goal -595562, cons/mark 0.6803677210694287)
gc 3 @0.034s 13%: 0.062+19+0.11 ms clock, 0.12+0.68/8.4/15+0.22 ms cpu, 29->34->33 MB, 35 MB goal, 0 MB stacks, 1 MB globals, 2 P
`
	want := lab.GCCycle{
		N: 3, At: 34 * time.Millisecond, CPU: 13, Procs: 2,
		StopSweep: 62 * time.Microsecond, Mark: 19 * time.Millisecond, StopMark: 110 * time.Microsecond,
		StopSweepCPU: 120 * time.Microsecond, AssistCPU: 680 * time.Microsecond, WorkerCPU: 8400 * time.Microsecond,
		IdleCPU: 15 * time.Millisecond, StopMarkCPU: 220 * time.Microsecond,
		HeapBegin: 29 << 20, HeapEnd: 36362872, HeapMarked: 33 << 20, Goal: 36362872 + 595562, Globals: 1 << 20,
		Paced: true, Trigger: 31450048, Scanned: 27997920 + 2968 + 154538, ScannedStacks: 2968, ScannedGlobals: 154538,
		ScanExpected: 10448498, AssistRatio: 1.8968347534105272, HeapScan: 12 << 20, HeapReset: 29 << 20, GoalBegin: 35 << 20,
		ConsMark: 0.6803677210694287, Utilization: math.Nextafter(0.29, 1), GoalDelta: -595562, Fractional: 0.25,
		Swept: true, SweptLive: 18 << 20, SweptAlloc: 1 << 20, SweptPages: 2345, PagesPerByte: 0.0001954161944108635,
	}
	l := parsed(t, text)
	require.Equal(t, []lab.GCCycle{want}, l.GCs)
	assert.Empty(t, l.Rest)
	assert.Equal(t, text, string(want.AppendTrace(want.AppendPacer(nil))))
	for name, part := range map[string]struct {
		set  lab.GODEBUG
		from int
		to   int
	}{"gctrace": {lab.GODEBUG{Gctrace: true}, 3, 4}, "gcpacertrace": {lab.GODEBUG{Gcpacertrace: true}, 0, 3}} {
		lines := strings.Join(strings.SplitAfter(text, "\n")[part.from:part.to], "")
		assert.Equal(t, lines, string(part.set.Append(nil, []lab.GCCycle{want}, nil)), name)
		l := parsed(t, lines)
		require.Len(t, l.GCs, 1, name)
		assert.Equal(t, part.set.Gcpacertrace, l.GCs[0].Paced)
		assert.Equal(t, lines, string(allLines.Append(nil, l.GCs, nil)), name)
	}
}

// What the lines may hold besides.
func TestLinesOfRareCycles(t *testing.T) {
	for name, text := range map[string]string{
		"by runtime.GC, and the heap did not grow": `pacer: assist ratio=3.832719731912069e-12 (scan 45 MB in 91->8532210231532 MB) workers=0+0.25
gc 36 @1.133s 34%: 0.058+12+0.004 ms clock, 0.11+0/1.1/20+0.008 ms cpu, 91->91->40 MB, 8532210231532 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)
`,
		"by sysmon": `GC forced
gc 2 @120.001s 0%: 0.010+0.12+0.001 ms clock, 0.010+0/0.12/0+0.001 ms cpu, 0->0->0 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 1 P
`,
		"with a search for leaks": `gc 7 @1.000s 3% (checking for goroutine leaks): 9.9+10+0 ms clock, 0.99+1.0/0.10/0+12345 ms cpu, 0->0->0 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 16 P (forced)
`,
		"without end: cons/mark of no work": `pacer: assist ratio=1 (scan 0 MB in 0->17592186044415 MB) workers=4+0
pacer: 125% CPU (25 exp.) for 0+0+0 B work (0 B exp.) in 1 B -> 2 B (∆goal 3, cons/mark +Inf)
gc 1 @0.000s 100%: 0+0+0 ms clock, 0+0/0/0+0 ms cpu, 0->0->0 MB, 17592186044415 MB goal, 0 MB stacks, 0 MB globals, 16 P
`,
	} {
		l := parsed(t, text)
		require.Len(t, l.GCs, 1, name)
		assert.Empty(t, l.Rest, name)
		assert.Equal(t, text, string(allLines.Append(nil, l.GCs, nil)), name)
		assert.Equal(t, strings.Contains(text, "forced)"), l.GCs[0].Forced, name)
		assert.Equal(t, strings.Contains(text, "GC forced"), l.GCs[0].Timed, name)
		assert.Equal(t, strings.Contains(text, "leaks"), l.GCs[0].Leaks, name)
	}
}

const (
	gcLine    = "gc 1 @0.003s 11%: 0.23+4.7+0.12 ms clock, 0.46+0.18/1.4/0.43+0.25 ms cpu, 3->6->6 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P"
	startLine = "pacer: assist ratio=0.82 (scan 0 MB in 3->4 MB) workers=0+0.25"
	endLine   = "pacer: 26% CPU (25 exp.) for 3260928+3080+154538 B work (154538 B exp.) in 4005888 B -> 7208960 B (∆goal 3014656, cons/mark 0)"
	sweepLine = "pacer: sweep done at heap size 6MB; allocated 0MB during sweep; swept 880 pages at 0.00023 pages/byte"
	schedLine = "SCHED 10ms: gomaxprocs=2 idleprocs=1 threads=5 spinningthreads=0 needspinning=0 idlethreads=3 runqueue=0 [ 0 12 ] schedticks=[ 10 9 ]"
)

func join(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

// The runtime writes a line of schedtrace piece by piece, and others break in.
func TestLinesThatBreakIn(t *testing.T) {
	want := parsed(t, join(startLine, endLine, gcLine, schedLine))
	require.Len(t, want.GCs, 1)
	require.Len(t, want.Scheds, 1)
	for cut := 1; cut < len(schedLine)-1; cut++ {
		if !strings.HasPrefix(schedLine[cut:], " ") && schedLine[cut-1] != ' ' {
			continue
		}
		if cut < strings.Index(schedLine, " [") {
			continue // one piece
		}
		text := schedLine[:cut] + join(startLine, endLine, gcLine, schedLine[cut:])
		assert.Equal(t, want, parsed(t, text), text)
		text = startLine + "\n" + schedLine[:cut] + endLine + "\n" + schedLine[cut:cut+1] + gcLine + "\n" + schedLine[cut+1:] + "\n"
		assert.Equal(t, want, parsed(t, text), text)
	}
	l := parsed(t, schedLine[:len(schedLine)-9]+"fatal error: out\n\ngoroutine 1 [running]:\n")
	assert.Equal(t, []string{"fatal error: out", "", "goroutine 1 [running]:", schedLine[:len(schedLine)-9]}, l.Rest)
}

func TestOtherLines(t *testing.T) {
	other := []string{"gc is on", "gc 1 of 2", "gc  @", "SCHED", "SCHED 1ms", "SCHED 1ms: gomaxprocs=2 idleprocs=2 threads=6 spinningthreads=0 needspinning=0 idlethreads=4 runqueue=0 gcwaiting=false nmidlelocked=0 stopwait=0 sysmonwait=false",
		"  P0: status=0 schedtick=1", "scav 0 KiB work (bg), 0 KiB work (eager), 1 KiB total, 2% util", "", "panic: boom", "GC forced?", endLine, "\x00\xff"}
	l := parsed(t, join(other[0], gcLine, strings.Join(other[1:], "\n"), schedLine)+"the end")
	assert.Equal(t, append(other, "the end"), l.Rest)
	assert.Len(t, l.GCs, 1)
	assert.Len(t, l.Scheds, 1)
	var many []string
	for i := range 3 * lab.MaxRest {
		many = append(many, fmt.Sprint("line ", i))
	}
	l = parsed(t, join(many...))
	assert.Equal(t, 2*lab.MaxRest, l.Dropped)
	assert.Equal(t, slices.Concat(many[:lab.MaxRest/2], many[len(many)-lab.MaxRest/2:]), l.Rest)
	l = parsed(t, join(gcLine, strings.Repeat("x", 1<<20), gcLine))
	assert.Len(t, l.GCs, 2)
	require.Len(t, l.Rest, 1)
	assert.Len(t, l.Rest[0], 1<<16, "a long line is cut")
	assert.Equal(t, lab.GODEBUGLines{}, parsed(t, ""))
}

// A cycle whose line did not come is no cycle, unless there are no such lines.
func TestLinesOfACycleThatDoesNotEnd(t *testing.T) {
	l := parsed(t, join(gcLine, sweepLine, "GC forced", startLine, endLine))
	assert.Len(t, l.GCs, 1)
	assert.Equal(t, []string{"GC forced", sweepLine, startLine, endLine}, l.Rest)
	l = parsed(t, join(startLine, endLine, sweepLine, startLine, endLine))
	assert.Len(t, l.GCs, 2)
	assert.Empty(t, l.Rest)
	assert.Zero(t, l.GCs[1].N)
	assert.True(t, l.GCs[1].Swept)
}

// The child may be killed in the middle of anything.
func TestLinesCutOff(t *testing.T) {
	text := join(sweepLine, startLine, endLine, gcLine, schedLine, sweepLine, startLine)
	for n := range text {
		l, err := lab.ParseGODEBUG(strings.NewReader(text[:n]))
		require.NoError(t, err, "%d: %s", n, text[:n])
		held := len(l.Scheds) + len(l.Rest)
		for _, c := range l.GCs {
			held += strings.Count(string(allLines.Append(nil, []lab.GCCycle{c}, nil)), "\n")
		}
		assert.Equal(t, strings.Count(strings.TrimSuffix(text[:n], "\n")+"\n", "\n")*min(n, 1), held, "%d: no line is lost", n)
	}
}

func TestMalformedLines(t *testing.T) {
	replace := func(line, old, by string) string {
		require.Contains(t, line, old)
		return strings.Replace(line, old, by, 1)
	}
	for bad, kind := range map[string]string{
		replace(gcLine, "0.003s", "0.0030s"):                   "gctrace",
		replace(gcLine, "0.003s", "0.03s"):                     "gctrace",
		replace(gcLine, "0.003s", "99999999999999999.000s"):    "gctrace",
		replace(gcLine, "11%", "11"):                           "gctrace",
		replace(gcLine, "4.7", "4.70"):                         "gctrace",
		replace(gcLine, "4.7", "4.7777"):                       "gctrace",
		replace(gcLine, "4.7", "10.1"):                         "gctrace",
		replace(gcLine, "4.7", "-4.7"):                         "gctrace",
		replace(gcLine, "0.23", "0.230"):                       "gctrace",
		replace(gcLine, "4 MB goal", "17592186044416 MB goal"): "gctrace",
		replace(gcLine, "gc 1", "gc 0"):                        "gctrace",
		replace(gcLine, "gc 1", "gc 01"):                       "gctrace",
		replace(gcLine, "gc 1", "gc 99999999999"):              "gctrace",
		gcLine + " ":                                          "gctrace",
		gcLine + " (forced) ":                                 "gctrace",
		replace(startLine, "0.82", "0.820"):                   "gcpacertrace",
		replace(startLine, "0.82", "+8.200000e-001"):          "gcpacertrace", // Go 1.25
		replace(startLine, "0.82", "x"):                       "gcpacertrace",
		"pacer: hello":                                        "gcpacertrace",
		replace(sweepLine, "880", "8 80"):                     "gcpacertrace",
		replace(schedLine, " schedticks=[ 10 9 ]", ""):        "schedtrace", // Go 1.24
		replace(schedLine, "[ 0 12 ]", "[ 0 12]"):             "schedtrace",
		replace(schedLine, "12 ]", "-1 ]"):                    "schedtrace",
		replace(schedLine, "threads=5", "threads=5000000000"): "schedtrace",
	} {
		begin := ""
		if bad == "pacer: hello" {
			begin = startLine + "\n"
		}
		l, err := lab.ParseGODEBUG(strings.NewReader(join("hello", gcLine) + begin + join(bad, schedLine, gcLine, "pacer: assist ratio")))
		n := 3 + strings.Count(begin, "\n")
		require.EqualError(t, err, fmt.Sprintf("line %d: %q is not a line of %s as Go 1.26 writes it", n, bad, kind))
		assert.Len(t, l.GCs, 2, bad)
		assert.Len(t, l.Scheds, 1, bad)
		assert.Equal(t, []string{"hello", bad, "pacer: assist ratio"}, l.Rest)
	}
	_, err := lab.ParseGODEBUG(strings.NewReader(join(startLine, endLine, replace(gcLine, "6->6", "7->6"))))
	require.ErrorContains(t, err, "line 3: ", "the two do not agree")
	_, err = lab.ParseGODEBUG(io.MultiReader(strings.NewReader(gcLine+"\n"), iotest.ErrReader(errors.New("gone"))))
	require.EqualError(t, err, "gone")
}

// sound checks that what was read of a run makes sense.
func sound(t *testing.T, l lab.GODEBUGLines) {
	t.Helper()
	require.NotEmpty(t, l.GCs)
	for i, c := range l.GCs {
		assert.Equal(t, i+1, c.N)
		assert.True(t, c.Paced)
		assert.Equal(t, i > 0, c.Swept)
		assert.LessOrEqual(t, c.Trigger, c.HeapEnd)
		assert.LessOrEqual(t, c.HeapBegin, c.HeapEnd)
		assert.LessOrEqual(t, c.HeapMarked, c.HeapEnd)
		assert.Less(t, c.Utilization, 1.2)
		assert.Positive(t, c.Procs)
		assert.Less(t, c.CPU, 101)
		if c.Trigger < c.HeapEnd {
			assert.Equal(t, c.GoalDelta, int64(c.HeapEnd-c.Goal))
			assert.Positive(t, c.Scanned)
		}
		if i > 0 {
			before := l.GCs[i-1]
			assert.GreaterOrEqual(t, c.At+time.Millisecond, before.At+before.StopSweep+before.Mark+before.StopMark)
			assert.GreaterOrEqual(t, c.SweptLive, before.HeapMarked)
			assert.GreaterOrEqual(t, c.HeapBegin, before.HeapMarked)
		}
	}
	for i, s := range l.Scheds {
		assert.Len(t, s.Local, s.Gomaxprocs)
		assert.Len(t, s.Schedticks, s.Gomaxprocs)
		assert.LessOrEqual(t, s.Idleprocs, s.Gomaxprocs)
		assert.LessOrEqual(t, s.Idlethreads+s.Spinning, s.Threads)
		if i == 0 {
			assert.Zero(t, s.At)
			continue
		}
		assert.GreaterOrEqual(t, s.At, l.Scheds[i-1].At)
		for j, tick := range s.Schedticks {
			assert.GreaterOrEqual(t, tick, l.Scheds[i-1].Schedticks[j])
		}
	}
}

const childEnv = "GMPLAB_TEST_ALLOCATES"

// TestMain is the child of TestThisGoWritesTheseLines where childEnv is set.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	allocate()
}

var sink []*int

// allocate makes garbage for some cycles.
func allocate() {
	for start := time.Now(); time.Since(start) < 60*time.Millisecond; {
		sink = nil
		for i := range 10_000 {
			sink = append(sink, &i)
		}
	}
	runtime.GC()
	debug.SetGCPercent(-1)
	runtime.GC()
	time.Sleep(5 * time.Millisecond)
}

// A Go that writes these lines in another way than we read them is noticed here.
func TestThisGoWritesTheseLines(t *testing.T) {
	var stderr bytes.Buffer
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1", "GODEBUG=gctrace=1,gcpacertrace=1,schedtrace=2", "GOGC=100", "GOMAXPROCS=2")
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Run())
	l, err := lab.ParseGODEBUG(bytes.NewReader(stderr.Bytes()))
	require.NoError(t, err, stderr.String())
	sound(t, l)
	assert.Greater(t, len(l.GCs), 3)
	assert.Greater(t, len(l.Scheds), 3)
	forced := slices.DeleteFunc(slices.Clone(l.GCs), func(c lab.GCCycle) bool { return !c.Forced })
	assert.Len(t, forced, 2)
	for _, line := range l.Rest {
		assert.True(t, strings.HasPrefix(line, "pacer: "), "of a cycle that did not end: %q", line)
	}
	assert.LessOrEqual(t, len(l.Rest), 1)
}

func FuzzParseGODEBUG(f *testing.F) {
	text, err := os.ReadFile("testdata/godebug.txt")
	require.NoError(f, err)
	f.Add(text[:4000])
	f.Add([]byte(join(sweepLine, startLine, endLine, gcLine, "GC forced", schedLine[:130]+gcLine, schedLine[130:])))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := lab.ParseGODEBUG(bytes.NewReader(text))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
		}
		require.LessOrEqual(t, len(l.Rest), lab.MaxRest)
		printed := allLines.Append(nil, nil, l.Scheds)
		for i := range l.GCs {
			printed = allLines.Append(printed, l.GCs[i:i+1], nil)
		}
		for line := range bytes.Lines(printed) {
			if !bytes.HasPrefix(line, []byte("SCHED ")) {
				require.True(t, bytes.Contains(text, line[:len(line)-1]), "%s", line)
			}
		}
		again, err := lab.ParseGODEBUG(bytes.NewReader(printed))
		require.NoError(t, err)
		require.Len(t, again.GCs, len(l.GCs))
		require.Len(t, again.Scheds, len(l.Scheds))
	})
}
