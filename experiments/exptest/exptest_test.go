package exptest

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
)

const p50 = "/latency/p50:seconds"

func example() *experiments.Experiment {
	w := lab.Workload{Name: "example", Classes: []lab.Class{{
		Name: "job", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 3}, Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(time.Millisecond)}}}}}
	return &experiments.Experiment{
		Name: "example", Title: "An example", TitleZh: "例子", Question: "How long?",
		Points: []experiments.Point{{Name: "only", Workload: w}}, Reps: 3, QuickReps: 3,
		Checks: []experiments.Check{{Metric: p50, Tolerance: 0.1}},
		Claims: []experiments.Claim{{ID: "E1", Statement: "It is fast.", Expect: experiments.Holds, RuleText: "p50 below 1 s",
			Rule: func(t *experiments.Table) experiments.Verdict {
				if iv, ok := t.Value("", "only", p50); ok && iv.Value < 1 {
					return experiments.Holds
				}
				return experiments.Refuted
			}}},
	}
}

func fake(_ context.Context, t lab.Trial) (*lab.Result, error) {
	return &lab.Result{Trial: t, Side: lab.Predicted, Requests: []lab.Request{{End: time.Duration(t.Seed) * time.Millisecond}}}, nil
}

// always gives a simulator that asks for no costs.
func always(r lab.Runner) func(lab.Cost) lab.Runner { return func(lab.Cost) lab.Runner { return r } }

// What is charged is what lies beside the measurement, with the command of both.
func TestCharged(t *testing.T) {
	t.Chdir(t.TempDir())
	c, command, err := charged()
	require.NoError(t, err)
	assert.NotEmpty(t, c.Host.Name, "the reference host")
	assert.Empty(t, command)
	require.NoError(t, os.Mkdir("measured", 0o755))
	bench := filepath.Join("measured", "vm.bench")
	require.NoError(t, os.WriteFile(bench, []byte("side: measured\n"), 0o644))
	_, _, err = charged()
	require.ErrorContains(t, err, "vm.cost.json")
	require.NoError(t, os.WriteFile(filepath.Join("measured", "vm.cost.json"), []byte(`{"Nonsense": 1}`), 0o644))
	_, _, err = charged()
	require.ErrorContains(t, err, "gmplab run")
	require.NoError(t, os.WriteFile(filepath.Join("measured", "vm.cost.json"), []byte(`{"Made": "then"}`), 0o644))
	_, _, err = charged()
	require.ErrorContains(t, err, "no line says with which command")
	require.NoError(t, os.WriteFile(bench, []byte("side: measured\ncommand: gmplab run x\n"), 0o644))
	c, command, err = charged()
	require.NoError(t, err)
	assert.Equal(t, "then", c.Made)
	assert.Equal(t, "gmplab run x", command)
	require.NoError(t, os.WriteFile(bench, []byte("side: measured\ncost-sha256: 1234\ncommand: gmplab run x\n"), 0o644))
	_, _, err = charged()
	require.ErrorContains(t, err, "copy both from the same run")
}

// The lines that mark the result.
const (
	begin = "<!-- result:begin -->"
	end   = "<!-- result:end -->"
)

const readme = "# An example\n\n## Question\n\n## Predict first\n\n## Run\n\n## Result\n\n" + begin + "\n" + end + "\n\n## Exercise\n"

func TestRunWritesAndThenHolds(t *testing.T) {
	if testing.Short() {
		t.Skip("Run makes no prediction with -short")
	}
	t.Chdir(t.TempDir())
	for _, name := range Readmes {
		require.NoError(t, os.WriteFile(name, []byte(readme), 0o644))
	}
	*update = true
	Run(t, example(), always(fake))
	*update = false
	Run(t, example(), always(fake))

	claims, err := os.ReadFile(filepath.Join("testdata", "claims.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(claims), "E1: holds; holds\n")
	text, err := os.ReadFile("README.zh.md")
	require.NoError(t, err)
	assert.Contains(t, string(text), "预测与实测")
	assert.Contains(t, string(text), "## Exercise", "what stands behind the result stays")
}

// An experiment with a Timeline has the lines of its collections, and a picture in the language of each README.
func TestRunWritesATimeline(t *testing.T) {
	if testing.Short() {
		t.Skip("Run makes no prediction with -short")
	}
	t.Chdir(t.TempDir())
	for _, name := range Readmes {
		require.NoError(t, os.WriteFile(name, []byte(readme), 0o644))
	}
	e := example()
	e.Timeline = e.Points[0].Name
	collecting := func(ctx context.Context, trial lab.Trial) (*lab.Result, error) {
		r, err := fake(ctx, trial)
		r.GCs = []lab.GCCycle{{N: 1, At: 10 * time.Millisecond, Mark: time.Millisecond, HeapBegin: 4 << 20, HeapEnd: 4 << 20, Procs: 2}}
		return r, err
	}
	*update = true
	Run(t, e, always(collecting))
	Block(t, e, "README.md", "result", "something else")
	*update = false
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	assert.Contains(t, string(text), begin+"\nsomething else\n"+end)
	*update = true
	Run(t, e, always(collecting))
	*update = false
	Run(t, e, always(collecting))
	trace, err := os.ReadFile(filepath.Join("testdata", "predicted.gctrace"))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(trace), "gc 1 @0.010s"), string(trace))
	for i, picture := range []string{experiments.TimelineFile, experiments.TimelineZhFile} {
		assert.FileExists(t, picture)
		text, err := os.ReadFile(Readmes[i])
		require.NoError(t, err)
		assert.Contains(t, string(text), "("+picture+")")
	}
}

func TestSections(t *testing.T) {
	assert.NoError(t, checkSections(readme))
	assert.ErrorContains(t, checkSections("# x\n\n## Question\n\n## Run\n"), `"## Predict first" is missing`)
	assert.ErrorContains(t, checkSections("\n## Question\n\n## Run\n\n## Predict first\n\n## Result\n\n## Exercise\n"), `"## Run" is missing or out of order`)
}

func TestMarkers(t *testing.T) {
	got, err := between("a "+begin+" old "+end+" b", resultBlock, " new ")
	require.NoError(t, err)
	assert.Equal(t, "a "+begin+" new "+end+" b", got)
	for _, bad := range []string{"", begin, end, end + begin} {
		_, err := between(bad, resultBlock, "")
		assert.ErrorContains(t, err, "are missing")
	}
}

func TestStaleSaysHowToMend(t *testing.T) {
	assert.NoError(t, stale(example(), "f", "a\n", "a\n"))
	assert.EqualError(t, stale(example(), "f", "a\nb\n", "a\nc\n"),
		"f is not what the data say now; if that is meant, run: go test ./experiments/example -update\nline 2, committed: b\nline 2, now:       c")
}

func TestFirstDifference(t *testing.T) {
	line, a, b := firstDifference("x\ny\nz", "x\nY\nz")
	assert.Equal(t, []any{2, "y", "Y"}, []any{line, a, b})
	line, a, b = firstDifference("x", "x\ny")
	assert.Equal(t, []any{2, "(end of file)", "y"}, []any{line, a, b})
}

func TestOneMeasurement(t *testing.T) {
	t.Chdir(t.TempDir())
	name, err := measurement()
	require.NoError(t, err)
	assert.Empty(t, name)
	require.NoError(t, os.Mkdir("measured", 0o755))
	require.NoError(t, os.WriteFile("measured/a.bench", nil, 0o644))
	name, err = measurement()
	require.NoError(t, err)
	assert.Equal(t, "measured/a.bench", filepath.ToSlash(name))
	require.NoError(t, os.WriteFile("measured/b.bench", nil, 0o644))
	_, err = measurement()
	assert.ErrorContains(t, err, "holds 2 files")
}

func TestJudge(t *testing.T) {
	v := Judge(t, example(), Values{"only": {p50: 2}}, Values{"only": {p50: 0.5}})
	assert.Equal(t, experiments.Refuted, v["E1"].Predicted)
	assert.Equal(t, experiments.Holds, v["E1"].Measured)
	assert.Empty(t, Judge(t, example(), nil, Values{"only": {p50: 0.5}})["E1"].Predicted)
}
