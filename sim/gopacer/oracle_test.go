package gopacer

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"go/version"
	"math"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "ask the installed Go's runtime for the golden data of the oracle (make oracle)")

// testGcPacer names and builds the scenarios of the runtime's TestGcPacer, in its order.
func testGcPacer() (names []string, scenarios []*Scenario) {
	random := func(amplitude float64, seed int64) Stream {
		return Random(amplitude, rand.New(rand.NewSource(seed)).Float64)
	}
	const noLimit, limit = math.MaxInt64, 512 << 20
	grow := func(from float64, cycles int) Stream { return Constant(from).Sum(Ramp(1-from, cycles)) }
	add := func(name string, gogc int32, memoryLimit int64, alloc, growth Stream, change func(*Scenario)) {
		s := &Scenario{GCPercent: gogc, MemoryLimit: memoryLimit, GlobalsBytes: 32 << 10, InitialHeap: 256 << 10, NCores: 8, Length: 50,
			AllocRate: alloc, ScanRate: Constant(1024), GrowthRate: growth, ScannableFrac: Constant(1), StackBytes: Constant(8192)}
		if change != nil {
			change(s)
		}
		names, scenarios = append(names, name), append(scenarios, s)
	}
	slow := func(s *Scenario) { s.ScanRate, s.ScannableFrac = Constant(2048), Constant(0.01) }
	long := func(s *Scenario) { s.Length = 100 }
	offset := func(s Stream, by float64) Stream { return s.Sum(Constant(by)) }

	add("Steady", 100, noLimit, Constant(33), grow(2, 12), nil)
	add("SteadyBigStacks", 100, noLimit, Constant(132), grow(2, 12), func(s *Scenario) { s.StackBytes = Constant(2048).Sum(Ramp(128<<20, 8)) })
	add("SteadyBigGlobals", 100, noLimit, Constant(132), grow(2, 12), func(s *Scenario) { s.GlobalsBytes = 128 << 20 })
	add("StepAlloc", 100, noLimit, Constant(33).Sum(Ramp(66, 1).Delay(50)), grow(2, 12), long)
	add("HeavyStepAlloc", 100, noLimit, Constant(33).Sum(Ramp(330, 1).Delay(50)), grow(2, 12), long)
	add("StepScannableFrac", 100, noLimit, Constant(128), grow(2, 12), func(s *Scenario) {
		s.ScannableFrac = Constant(0.2).Sum(Unit(0.5).Delay(50))
		s.Length = 100
	})
	add("HighGOGC", 1500, noLimit, offset(random(7, 0x53), 165),
		Constant(2).Sum(Ramp(-1, 12), random(0.01, 0x1), Unit(14).Delay(25)), nil)
	add("OscAlloc", 100, noLimit, offset(Oscillate(13, 8), 67), grow(2, 12), nil)
	add("JitterAlloc", 100, noLimit, offset(random(13, 0xf), 132), Constant(2).Sum(Ramp(-1, 12), random(0.01, 0xe)), nil)
	add("HeavyJitterAlloc", 100, noLimit, offset(random(33, 0x0), 330), Constant(2).Sum(Ramp(-1, 12), random(0.01, 0x152)), nil)
	add("SmallHeapSlowAlloc", 100, noLimit, Constant(1), grow(2, 3), slow)
	add("MediumHeapSlowAlloc", 100, noLimit, Constant(1), grow(2, 8), slow)
	add("LargeHeapSlowAlloc", 100, noLimit, Constant(1), grow(4, 12), slow)
	add("SteadyMemoryLimit", 100, limit, Constant(33), grow(2, 12), nil)
	add("SteadyMemoryLimitNoGCPercent", -1, limit, Constant(33), grow(2, 12), nil)
	add("ExceedMemoryLimit", 100, limit, Constant(33), grow(3.5, 12), nil)
	add("ExceedMemoryLimitNoGCPercent", -1, limit, Constant(33), grow(3.5, 12), nil)
	add("MaintainMemoryLimit", 100, limit, Constant(33), grow(3, 12), nil)
	add("MaintainMemoryLimitNoGCPercent", -1, limit, Constant(33), grow(3, 12), nil)
	return names, scenarios
}

const (
	scenariosOfTheRuntime = 19
	cyclesOfTheRuntime    = 1100
)

// golden is where the committed data of the running Go's language version are.
func golden() string {
	return filepath.Join("testdata", version.Lang(runtime.Version())+".txt")
}

// TestOracleGcPacer compares each cycle of each scenario with what the runtime computed, to the last bit: floats are written
// in the shortest form that gives them back.
func TestOracleGcPacer(t *testing.T) {
	if *update {
		regenerate(t)
	}
	file, err := os.Open(golden())
	require.NoError(t, err, "there is no golden data for this Go; run make oracle")
	defer file.Close()
	want := map[string][]string{}
	name := ""
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "scenario "):
			name = strings.TrimPrefix(line, "scenario ")
		default:
			want[name] = append(want[name], line)
		}
	}
	require.NoError(t, lines.Err())

	names, scenarios := testGcPacer()
	require.Len(t, want, scenariosOfTheRuntime)
	require.Len(t, names, scenariosOfTheRuntime)
	cycles := 0
	for i, name := range names {
		s := scenarios[i]
		require.Len(t, want[name], s.Length, name)
		m := NewGo126(s)
		for n, line := range want[name] {
			r := m.Step(s.next())
			c := &m.Controller
			trigger, goal := c.Trigger()
			have := fmt.Sprintln(n+1, r.HeapLive, r.HeapTrigger, r.HeapPeak, r.HeapGoal, r.HeapScannable, r.GCUtilization, r.AssistRatio,
				c.ConsMark, c.Runway, trigger, goal)
			require.Equal(t, line, strings.TrimSpace(have), "%s, cycle %d: %s", name, n+1, columns)
			cycles++
		}
	}
	require.Equal(t, cyclesOfTheRuntime, cycles)
	t.Logf("%d cycles of %d scenarios are those of %s", cycles, len(names), sourcesLine(t))
}

const columns = "cycle live trigger peak goal scannable utilisation assist-ratio; after it: cons/mark runway trigger goal"

// sources are the files of the runtime of which the golden data are made.
var sources = []string{"mgcpacer.go", "mgcpacer_test.go", "mgclimit.go", "export_test.go"}

// sourcesLine is the first line of the golden file: which Go, and a sum of its sources.
func sourcesLine(t *testing.T) string {
	b, err := os.ReadFile(golden())
	require.NoError(t, err)
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimPrefix(line, "# ")
}

func goroot(t *testing.T) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(out)), "src", "runtime")
}

func describe(t *testing.T, dir string) string {
	h := sha256.New()
	for _, name := range sources {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			t.Skip("the Go installation comes without its tests")
		}
		require.NoError(t, err)
		h.Write(b)
	}
	return fmt.Sprintf("%s runtime/mgcpacer_test.go:TestGcPacer, sources %x", runtime.Version(), h.Sum(nil)[:8])
}

// TestOracleIsOfThisGo fails when the installed Go has another pacer than the one that made the golden data, be it by a patch
// release; one that left the pacer alone passes.
func TestOracleIsOfThisGo(t *testing.T) {
	have := strings.Fields(describe(t, goroot(t)))
	want := strings.Fields(sourcesLine(t))
	assert.Equal(t, have[len(have)-1], want[len(want)-1], "the runtime's pacer has changed; run make oracle and see what the diff says")
	assert.Equal(t, version.Lang(have[0]), version.Lang(want[0]))
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^go `+regexp.QuoteMeta(strings.TrimPrefix(version.Lang(want[0]), "go"))+`(\.\d+)?$`, string(mod), "go.mod names the golden's Go")
}

// regenerate runs the runtime's own test with three files laid over the Go tree, which stays as it is: the test prints a line
// more for each cycle, with all digits; and a walk (oracle_walk_test.go) reads and moves what no test of the runtime does.
func regenerate(t *testing.T) {
	root, dir := goroot(t), t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	src, err := os.ReadFile(filepath.Join(root, "mgcpacer_test.go"))
	require.NoError(t, err)
	const after = "bytesAllocatedBlackLast = bytesAllocatedBlack\n"
	const log = `t.Log("GC", result.String())` + "\n"
	require.Equal(t, 1, strings.Count(string(src), after), "the runtime's test has changed")
	require.Equal(t, 1, strings.Count(string(src), log), "the runtime's test has changed")
	text := strings.Replace(string(src), log, "oracleRatio := c.AssistWorkPerByte()\n"+log, 1)
	text = strings.Replace(text, after, after+`consMark, runway, trigger, goal := c.Oracle()
		fmt.Println("oracle", e.name, result.cycle, result.heapLive, result.heapTrigger, result.heapPeak, result.heapGoal,
			result.heapScannable, result.gcUtilization, oracleRatio, consMark, runway, trigger, goal)`+"\n", 1)
	overlay := map[string]map[string]string{"Replace": {
		filepath.Join(root, "mgcpacer_test.go"):      write("mgcpacer_test.go", text),
		filepath.Join(root, "gmplab_oracle_test.go"): write("gmplab_oracle_test.go", walkInRuntime),
		filepath.Join(root, "gmplab_walk_test.go"):   write("gmplab_walk_test.go", walkTest()),
	}}
	b, err := json.Marshal(overlay)
	require.NoError(t, err)
	cmd := exec.Command("go", "test", "-overlay", write("overlay.json", string(b)), "-vet=off", "-count=1", "-parallel=1", "-run", "^TestGcPacer(Walk)?$", "-v", "runtime")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)

	lines := map[string][]string{}
	var sums strings.Builder
	for line := range strings.Lines(string(out)) {
		if sum, ok := strings.CutPrefix(line, "walk "); ok {
			sums.WriteString(sum)
		}
		if _, data, ok := strings.Cut(line, "oracle "); ok {
			name, values, _ := strings.Cut(strings.TrimSpace(data), " ")
			lines[name] = append(lines[name], values)
		}
	}
	var w strings.Builder
	fmt.Fprintf(&w, "# %s\n# Made by make oracle. %s\n", describe(t, root), columns)
	names, _ := testGcPacer()
	for _, name := range names {
		fmt.Fprintf(&w, "scenario %s\n%s\n", name, strings.Join(lines[name], "\n"))
	}
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	require.NoError(t, os.WriteFile(golden(), []byte(w.String()), 0o644))
	require.NoError(t, os.WriteFile(walkFile(), []byte("# "+describe(t, root)+"\n"+sums.String()), 0o644))
}
