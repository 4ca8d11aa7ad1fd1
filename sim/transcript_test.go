package sim_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/serve"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write the transcripts and hashes in testdata instead of comparing them")

const (
	separator      = "----"
	transcriptMost = 80 // lines in a file
)

// A scenario is a transcript file: what it shows, the workload, and how much of the run to write down.
//
//	# cost: ideal | textbook      the machine: the zero Cost, or textbook(); with "4 cores" behind it on so many
//	# policy: Go113               another than Go126, of policies
//	# detail: spins, gfput        small decisions whose sentences contain one of these are shown, too; each must come up
//	# seed: 1                     of the run
//	# schedtrace: 10ms            GODEBUG=schedtrace
//	# hide: newproc, goexit0      functions whose decisions are left out
//	# show: 20 lines from "x"     a window: from the first line with x behind the window before; none: all
type scenario struct {
	comment, yaml, want string
	cost                lab.Cost
	policy              gort.Policy
	seed                uint64
	schedtrace          time.Duration
	hide, detail        []string
	windows             []window
}

type window struct {
	lines int
	from  string
}

// policies are those that a transcript may name.
var policies = map[string]func(*gort.Policy){
	"Go113":              func(p *gort.Policy) { *p = gort.Go113() },
	"SysmonSleep 100 µs": func(p *gort.Policy) { p.SysmonSleep = 100 * time.Microsecond },
	"Runnext off":        func(p *gort.Policy) { p.Runnext = false },
	"StealKeep 0":        func(p *gort.Policy) { p.StealKeep = 0 },
}

var directive = regexp.MustCompile(`(?m)^# (cost|policy|detail|seed|schedtrace|hide|show): (.+)$`)
var windowRule = regexp.MustCompile(`^(\d+) lines from "(.+)"$`)

func readScenario(t *testing.T, file string) scenario {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	head, want, _ := strings.Cut(string(text), separator+"\n")
	end := strings.Index(head, "workload:")
	require.Positive(t, end, "%s: no workload", file)
	sc := scenario{comment: head[:end], yaml: head[end:], want: want, seed: 1, policy: gort.Go126()}
	for _, m := range directive.FindAllStringSubmatch(sc.comment, -1) {
		switch m[1] {
		case "cost":
			name, cores, _ := strings.Cut(m[2], ", ")
			require.Contains(t, []string{"ideal", "textbook"}, name, file)
			if name == "textbook" {
				sc.cost = textbook()
			}
			if cores != "" {
				sc.cost.Cores, err = strconv.Atoi(strings.TrimSuffix(cores, " cores"))
				require.NoError(t, err, file)
			}
		case "policy":
			change := policies[m[2]]
			require.NotNil(t, change, "%s: the policy %q is unknown; add it to policies", file, m[2])
			change(&sc.policy)
		case "detail":
			sc.detail = strings.Split(m[2], ", ")
		case "seed":
			sc.seed, err = strconv.ParseUint(m[2], 10, 64)
			require.NoError(t, err)
		case "schedtrace":
			sc.schedtrace, err = time.ParseDuration(m[2])
			require.NoError(t, err)
		case "hide":
			sc.hide = strings.Split(m[2], ", ")
		case "show":
			w := windowRule.FindStringSubmatch(m[2])
			require.NotNil(t, w, "%s: %q; write it as: 20 lines from \"stealWork\"", file, m[2])
			n, err := strconv.Atoi(w[1])
			require.NoError(t, err)
			sc.windows = append(sc.windows, window{n, w[2]})
		}
	}
	return sc
}

// parse reads the scenario's workload and knobs as a workload file.
func (sc *scenario) parse(t *testing.T) lab.File {
	file := filepath.Join(t.TempDir(), "workload.yaml")
	require.NoError(t, os.WriteFile(file, []byte(sc.yaml), 0o600))
	f, err := lab.ParseFile(file)
	require.NoError(t, err)
	return f
}

// traced runs a trial to its end with every decision on record and the invariants on.
func traced(t testing.TB, cost lab.Cost, trial lab.Trial) (*gort.Sched, *lab.Result) {
	return (&scenario{cost: cost, policy: gort.Go126()}).traced(t, trial)
}

// traced does the same on the machine and under the policy of a scenario.
func (sc *scenario) traced(t testing.TB, trial lab.Trial) (*gort.Sched, *lab.Result) {
	cost := sc.cost
	require.NoError(t, trial.Validate())
	knobs := trial.Knobs.Filled(max(cost.Cores, 1))
	v, err := serve.Compile(&trial, knobs, &cost)
	require.NoError(t, err)
	s := gort.New(&cost, sc.policy, knobs, trial.Seed)
	s.SchedTrace(trial.SchedTrace)
	s.Check()
	s.Trace()
	if sc.detail != nil {
		s.Detail()
	}
	s.Serve(v)
	require.NoError(t, s.Loop(context.Background(), v.Stop, false))
	require.NoError(t, s.Loop(context.Background(), v.Stop+time.Minute, true))
	r := &lab.Result{Trial: trial, Side: lab.Predicted}
	s.Fill(r)
	require.NoError(t, little(r))
	return s, r
}

// transcript writes the windows of a record: a time, a column for each P, and one for what has no P.
func (sc *scenario) transcript(t *testing.T, marks []gort.Mark, ps int) string {
	marks = slices.DeleteFunc(slices.Clone(marks), func(k gort.Mark) bool {
		text := k.String()
		if k.What >= gort.FirstDetail {
			return !slices.ContainsFunc(sc.detail, func(d string) bool { return strings.Contains(text, d) })
		}
		word, _, _ := strings.Cut(text, " ")
		return slices.Contains(sc.hide, strings.TrimSuffix(word, ":"))
	})
	if sc.windows == nil {
		return sim.Transcript([][]gort.Mark{marks}, ps)
	}
	var windows [][]gort.Mark
	next := 0
	for _, w := range sc.windows {
		from := slices.IndexFunc(marks[next:], func(k gort.Mark) bool { return strings.Contains(k.String(), w.from) })
		require.GreaterOrEqual(t, from, 0, "no line with %q behind line %d of %d", w.from, next, len(marks))
		if from > 0 {
			windows = append(windows, nil) // left out
		}
		from += next
		next = min(from+w.lines, len(marks))
		windows = append(windows, marks[from:next])
	}
	if next < len(marks) {
		windows = append(windows, nil)
	}
	return sim.Transcript(windows, ps)
}

// TestTranscripts runs each scenario of testdata/transcripts and compares the decisions with those written down.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			sc := readScenario(t, file)
			require.Regexp(t, `^# [A-Za-z]`, sc.comment, "the file begins with a comment that says what it shows")
			f := sc.parse(t)
			s, r := sc.traced(t, lab.Trial{Workload: f.Workload, Knobs: f.Knobs, Seed: sc.seed, SchedTrace: sc.schedtrace})
			require.Zero(t, r.Dropped)
			got := sc.transcript(t, s.Marks(), f.Knobs.Filled(max(sc.cost.Cores, 1)).GOMAXPROCS)
			for _, d := range sc.detail {
				require.Contains(t, got, d, "the run no longer shows what the comment is about; choose another seed or workload")
			}
			if *rewrite {
				text := sc.comment + sc.yaml + separator + "\n" + got
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
				require.LessOrEqual(t, strings.Count(text, "\n"), transcriptMost, "show less of it")
				return
			}
			assert.Equal(t, sc.want, got, "the decisions have changed: inspect the diff, and find out in runtime/proc.go "+
				"which side is right; go test ./sim -run TestTranscripts -rewrite writes them anew, "+
				"but only commit a rewrite that you can explain")
		})
	}
}

// A mark that is written down names a function, and a transcript can differ.
func TestTranscriptSeesAChange(t *testing.T) {
	sc := readScenario(t, "testdata/transcripts/spawn-order.txt")
	f := sc.parse(t)
	s, _ := sc.traced(t, lab.Trial{Workload: f.Workload, Knobs: f.Knobs, Seed: sc.seed})
	marks := slices.Clone(s.Marks())
	require.Equal(t, sc.want, sc.transcript(t, marks, 1))
	i := slices.IndexFunc(marks, func(k gort.Mark) bool { return strings.HasPrefix(k.String(), "execute") })
	marks[i].G++
	require.NotEqual(t, sc.want, sc.transcript(t, marks, 1))
}
