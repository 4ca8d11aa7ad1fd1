package sim_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/serve"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorded runs a trial and keeps its trace.
func recorded(t testing.TB, cost lab.Cost, trial lab.Trial, rec *sim.Record) *lab.Result {
	t.Helper()
	r, err := sim.Runner(cost, gort.Go126())(rec.In(context.Background()), trial)
	require.NoError(t, err)
	require.True(t, rec.Filled())
	return r
}

// A trace changes nothing of what it traces.
func TestARecordChangesNothing(t *testing.T) {
	for _, trial := range specimens() {
		plain, err := sim.Runner(textbook(), gort.Go126())(context.Background(), trial)
		require.NoError(t, err)
		for _, rec := range []*sim.Record{{}, {Limit: 100}} {
			r := recorded(t, textbook(), trial, rec)
			require.Equal(t, string(canonical(plain)), string(canonical(r)), trial.Workload.Name)
		}
	}
}

// The parts of every request's story follow one another without a gap and add up to its latency, to the nanosecond.
func TestTheStoryAddsUp(t *testing.T) {
	trials := specimens()
	for seed := range uint64(30) {
		trials = append(trials, anyTrial(seed))
	}
	causes := map[string]bool{}
	for i, trial := range trials {
		for name, cost := range map[string]lab.Cost{"textbook": textbook(), "ideal": {Infer: textbook().Infer}} {
			rec := &sim.Record{}
			r := recorded(t, cost, trial, rec)
			n := 0
			for _, q := range r.Requests {
				if !trial.Workload.Classes[q.Class].Background {
					n++
				}
			}
			latency := map[time.Duration]int{}
			for k := 1; k <= n; k += 1 + n/200 {
				s, err := rec.Story(strconv.Itoa(k))
				require.NoError(t, err)
				require.Equal(t, n, s.Of)
				at := s.Request.Due
				for _, p := range s.Parts {
					require.Equal(t, at, p.From, "trial %d at %s cost, request %d: %q does not begin where the part before it ends", i, name, k, p.What)
					require.Greater(t, p.To, p.From)
					require.NotEmpty(t, p.What)
					require.NotContains(t, p.What, "not started", "trial %d, request %d", i, k)
					at = p.To
					causes[p.Cause] = true
				}
				require.Equal(t, s.Request.End, at, "trial %d at %s cost, request %d", i, name, k)
				latency[s.Request.End-s.Request.Due]++
				if k < 5 {
					sumsUp(t, s)
				}
			}
			if n > 0 {
				require.NotEmpty(t, latency)
			}
		}
	}
	for _, c := range []string{"arrival", "runnable", "running", "waiting", "in a call", "waiting for a core", "waking", "stopped by the host",
		"worker in a call", "worker waiting", "worker waiting for a core", "child running", "child runnable"} {
		assert.True(t, causes[c], "no part is %q", c)
	}
}

// Moments that the host takes from a core are not work.
func TestTheStoryKnowsTheHost(t *testing.T) {
	w := lab.Workload{Name: "gaps", Classes: []lab.Class{{Name: "computer", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1},
		Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(200 * time.Millisecond)}}}}}
	rec := &sim.Record{}
	recorded(t, textbook(), lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: 1}, rec)
	s, err := rec.Story("1")
	require.NoError(t, err)
	sum := byCause(s)
	require.InDelta(t, 220e6, float64(sum["running"]), 0.2e6, "1.1 ns a link, and what a switch and a preemption cost")
	require.Greater(t, sum["stopped by the host"], 500*time.Microsecond, "about 80 moments of 5 to 60 µs")
}

var line = regexp.MustCompile(`^ *([0-9.]+) +([0-9.]+)  \S`)

// sumsUp checks the sum as a reader would: the printed lines add up to the printed latency.
func sumsUp(t *testing.T, s *sim.Story) {
	var sum int64
	ns := func(text string) int64 {
		n, err := strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64)
		require.NoError(t, err)
		return n
	}
	for l := range strings.Lines(s.Text(100)) {
		if m := line.FindStringSubmatch(l); m != nil {
			require.Equal(t, sum, ns(m[1]), "%s", s.Text(100))
			sum += ns(m[2])
		}
	}
	require.EqualValues(t, s.Request.End-s.Request.Due, sum, "%s", s.Text(100))
}

// byCause sums the parts of a story.
func byCause(s *sim.Story) map[string]time.Duration {
	sum := map[string]time.Duration{}
	for _, p := range s.Parts {
		sum[p.Cause] += p.To - p.From
	}
	return sum
}

// At zero cost a request that only computes runs for exactly its work and is runnable for the rest.
func TestTheStoryKnowsTheWork(t *testing.T) {
	const work = 300 * time.Microsecond
	w := lab.Workload{Name: "md1", Run: 200 * time.Millisecond, Classes: []lab.Class{{Name: "request", Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(work)}},
		Arrivals: lab.Arrivals{Kind: lab.Poisson, Rate: 2500}}}}
	rec := &sim.Record{}
	r := recorded(t, lab.Cost{}, lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: 3}, rec)
	require.Greater(t, len(r.Requests), 300)
	waited := 0
	for k := range r.Requests {
		s, err := rec.Story(strconv.Itoa(k + 1))
		require.NoError(t, err)
		sum := byCause(s)
		require.Equal(t, work, sum["running"], "request %d", k+1)
		require.Equal(t, s.Request.End-s.Request.Due-work, sum["runnable"]+sum["arrival"])
		if sum["runnable"] > 0 {
			waited++
		}
	}
	require.Greater(t, waited, 100, "some have to queue")
}

// The story of a call that sysmon takes the P from, and of threads that outnumber the cores.
func TestTheStoryKnowsTheCores(t *testing.T) {
	cost := textbook()
	cost.GapRate = lab.Value{}
	w := lab.Workload{Name: "calls", Classes: []lab.Class{{Name: "caller", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 6},
		Steps: []lab.Step{{Do: lab.Call, Spin: true, Time: lab.Const(20 * time.Millisecond)}}}}}
	rec := &sim.Record{}
	recorded(t, cost, lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 2}, Seed: 1}, rec)
	s, err := rec.Story("slowest")
	require.NoError(t, err)
	sum := byCause(s)
	require.InDelta(t, 22e6, float64(sum["in a call"]), 0.1e6, "the call itself, 1.1 ns a link")
	require.Greater(t, sum["waiting for a core"], 20*time.Millisecond, "six threads, two cores")
	require.Regexp(t, `M\d waits for core [01], which .*M\d.* (has|share)`, s.Text(200))
}

// A call lasts as long as it lasts, and what follows it on the same P is not part of it.
func TestTheStoryKnowsCalls(t *testing.T) {
	w := lab.Workload{Name: "call", Classes: []lab.Class{{Name: "caller", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1},
		Steps: []lab.Step{{Do: lab.Call, Spin: true, Time: lab.Const(10 * time.Microsecond)}, {Do: lab.CPU, Time: lab.Const(300 * time.Microsecond)}}}}}
	rec := &sim.Record{}
	recorded(t, lab.Cost{}, lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: 1}, rec)
	s, err := rec.Story("1")
	require.NoError(t, err)
	sum := byCause(s)
	require.Equal(t, 10*time.Microsecond, sum["in a call"])
	require.Equal(t, 300*time.Microsecond, sum["running"])
}

// The story of goroutines that a full ring gives to the global queue.
func TestTheStoryKnowsTheQueues(t *testing.T) {
	w := lab.Workload{Name: "overflow", Classes: []lab.Class{
		{Name: "root", Background: true, Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{{Do: lab.Go, Name: "child", Count: 300}, {Do: lab.Wait}}},
		{Name: "child", Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(time.Microsecond)}}}}}
	rec := &sim.Record{}
	recorded(t, lab.Cost{}, lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: 1}, rec)
	over, behind := 0, 0
	for k := 1; k <= 300; k++ {
		s, err := rec.Story(strconv.Itoa(k))
		require.NoError(t, err)
		for _, p := range s.Parts {
			if p.What == "goes over with half of P0's full ring; is runnable in the global queue, until P0 takes it" {
				over++
			}
			if strings.HasPrefix(p.What, "is runnable in P0's queue, behind ") {
				behind++
			}
		}
	}
	require.Equal(t, 129, over+1, "half of the ring and the one for which there was no room; the first of them runs at once, at tick 0")
	require.Greater(t, behind, 150)
}

// replay is what a decision's sentence says about the state behind it.
var replay = []struct {
	sentence *regexp.Regexp
	holds    func(st gort.State, p *gort.PState, n []int32) bool
}{
	{regexp.MustCompile(`^newproc → runqput: the new g(\d+) goes into runnext`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.Next == n[0] }},
	{regexp.MustCompile(`^ready → runqput: g(\d+) goes into runnext`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.Next == n[0] }},
	{regexp.MustCompile(`^execute: g(\d+) runs on M(\d+)`), func(_ gort.State, p *gort.PState, n []int32) bool {
		return p.G == n[0] && p.M == n[1] && !p.Call && p.Next != n[0]
	}},
	{regexp.MustCompile(`^(?:goexit0|gopark|goschedImpl|goyield): g(\d+)`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.G == -1 && p.M >= 0 }},
	{regexp.MustCompile(`^entersyscall: g(\d+)`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.G == n[0] && p.Call }},
	{regexp.MustCompile(`^exitsyscall(?:, fast:| → exitsyscallTryGetP:) g(\d+)`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.G == n[0] && !p.Call }},
	{regexp.MustCompile(`^findRunnable → stealWork from P(\d+): took (\d+) of (\d+), oldest first`), func(st gort.State, p *gort.PState, n []int32) bool {
		return st.Ps[n[0]].Ring.N == n[2]-n[1] && p.Ring.N == n[1]-1
	}},
	{regexp.MustCompile(`^findRunnable → stealWork from P(\d+): its ring is empty, took its runnext g(\d+)`), func(st gort.State, p *gort.PState, n []int32) bool {
		v := st.Ps[n[0]]
		return v.Ring.N == 0 && v.Next == -1
	}},
	{regexp.MustCompile(`^findRunnable → globrunqgetbatch: took (\d+) of (\d+)`), func(st gort.State, p *gort.PState, n []int32) bool {
		return st.Global.N == n[1]-n[0] && p.Ring.N >= n[0]-1
	}},
	{regexp.MustCompile(`^sysmon → retake: g(\d+)`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.M == -1 && p.G == -1 }},
	{regexp.MustCompile(`^startm: wakes M(\d+)`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.M == n[0] && p.Coming }},
	{regexp.MustCompile(`^mstart → acquirep: M(\d+)`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.M == n[0] && !p.Coming }},
	{regexp.MustCompile(`^findRunnable → pidleput: M(\d+)`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.M == -1 }},
	{regexp.MustCompile(`^schedule → resetspinning: M(\d+)`), func(_ gort.State, p *gort.PState, n []int32) bool { return p.M == n[0] && !p.Spins }},
}

// The state that stands below a decision is the one that its sentence leads to.
func TestTheStateIsTheOneBehindTheDecision(t *testing.T) {
	seen := make([]int, len(replay))
	for _, trial := range specimens() {
		knobs, cost := trial.Knobs.Filled(2), textbook()
		v, err := serve.Compile(&trial, knobs, &cost)
		require.NoError(t, err)
		s := gort.New(&cost, gort.Go126(), knobs, trial.Seed)
		s.Watch(0, 0, 1<<20)
		s.Serve(v)
		require.NoError(t, s.Loop(context.Background(), v.Stop, false))
		marks, states := s.Marks(), s.States()
		require.Len(t, states, len(marks))
		for i, k := range marks {
			text := k.Long(&v.Names)
			if i+1 < len(marks) && strings.HasPrefix(marks[i+1].Long(&v.Names), "runqput → runqputslow") {
				continue // the decision goes on there
			}
			for j, r := range replay {
				m := r.sentence.FindStringSubmatch(text)
				if m == nil {
					continue
				}
				var n []int32
				for _, x := range m[1:] {
					v, err := strconv.Atoi(x)
					require.NoError(t, err)
					n = append(n, int32(v))
				}
				seen[j]++
				require.True(t, r.holds(states[i], &states[i].Ps[k.P], n), "%s, decision %d at %v, P%d: %s: %+v", trial.Workload.Name, i, k.At, k.P, text, states[i])
			}
		}
	}
	for j, r := range replay {
		assert.Positive(t, seen[j], "no decision reads %v", r.sentence)
	}
}

// withOverflow are the specimens and a fork that is larger than a ring.
func withOverflow() []lab.Trial {
	return append(specimens(), lab.Trial{Seed: 1, Knobs: lab.Knobs{GOMAXPROCS: 4}, Workload: lab.Workload{Name: "overflow", Run: time.Second, Classes: []lab.Class{
		{Name: "root", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 2}, Steps: []lab.Step{{Do: lab.Go, Name: "child", Count: 700}, {Do: lab.Wait}}},
		{Name: "child", Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(20 * time.Microsecond)}}}}}})
}

// Every kind of decision that the model makes is shown by the step view of some run.
func TestEveryDecisionIsShown(t *testing.T) {
	want := []string{"execute: ", "inherits the time slice", "newproc → runqput", "goexit0", "gopark: ", "ready → runqput", "calls Gosched", "is preempted",
		"runqput → runqputslow", "findRunnable → stealWork from P", "took its runnext", "every 61st → globrunqget", "globrunqgetbatch: took", "netpoll: ",
		"stealWork → runqgrab", "pidleput", "startm: wakes", "newm: ", "blocks until a descriptor", "sysmon: every P is idle", "work in its queue",
		"as no P is idle and no M spins", "entersyscall: ", "exitsyscall, fast", "exitsyscallTryGetP", "exitsyscallNoP", "checkTimers: ", "runSession: ",
		"wakep: nobody, an M spins", "wakep: nobody, no P is idle", "resetspinning", "spins to find work", "stealWork: nothing", "checkRunqsNoP",
		"stopm: ", "acquirep", "handoffp: there is work", "preemptone", "sends a signal", "doSigPreempt", "goyield", "netpollready", "injectglist",
		"begins a request", "has done its request", "the generator's thread writes arrival 1 "}
	var all strings.Builder
	for _, trial := range withOverflow() {
		for i := 0; i == 0 || i < 6 && !strings.Contains(all.String(), "goyield"); i++ { // which is rare
			rec := &sim.Record{Limit: 1 << 20}
			recorded(t, textbook(), trial, rec)
			all.WriteString(rec.Steps(1000))
			trial.Seed++
		}
	}
	for _, w := range want {
		assert.True(t, strings.Contains(all.String(), w), "no run shows %q", w)
	}
}

// Wherever a goroutine is runnable, a mark has said so: it is executed by the P that has it, or by the one that takes it at
// that moment.
func TestEveryMoveIsMarked(t *testing.T) {
	trials := withOverflow()
	kept, taken := 0, 0
	for _, trial := range trials {
		knobs, cost := trial.Knobs.Filled(2), textbook()
		v, err := serve.Compile(&trial, knobs, &cost)
		require.NoError(t, err)
		s := gort.New(&cost, gort.Go126(), knobs, trial.Seed)
		s.Detail()
		s.Serve(v)
		require.NoError(t, s.Loop(context.Background(), v.Stop, false))
		where := map[int32]int32{1: 0} // main is there from the start
		takes := gort.Mark{G: -1}
		for i, k := range s.Marks() {
			text := k.Long(&v.Names)
			switch k.Turn() {
			case gort.Born, gort.Runnable, gort.Woken:
				where[k.G] = k.P
			case gort.Runs:
				if !strings.HasPrefix(text, "execute") {
					break // it returns from a call
				}
				if p, ok := where[k.G]; ok && p == k.P {
					kept++
				} else {
					taken++
					require.True(t, takes.G == k.G && takes.P == k.P && takes.At == k.At, "%s, mark %d at %v: g%d was in the queue of P%d, P%d: %s", trial.Workload.Name, i, k.At, k.G, p, k.P, text)
				}
				delete(where, k.G)
			case gort.NoTurn, gort.Chosen:
				if strings.HasPrefix(text, "findRunnable") {
					takes = k
				}
			}
		}
	}
	require.Greater(t, kept, 1000)
	require.Greater(t, taken, 100)
}

func TestStoriesThatAreNotThere(t *testing.T) {
	rec := &sim.Record{}
	trial := specimens()[0]
	recorded(t, textbook(), trial, rec)
	s, err := rec.Story("1")
	require.NoError(t, err)
	for which, want := range map[string]string{
		"0":    fmt.Sprintf("there is no request 0: they are numbered 1 to %d by the time they were due", s.Of),
		"-3":   fmt.Sprintf("there is no request -3: they are numbered 1 to %d by the time they were due", s.Of),
		"9999": fmt.Sprintf("there is no request 9999: they are numbered 1 to %d by the time they were due", s.Of),
		"fast": fmt.Sprintf("-why \"fast\": give a request's number, 1 to %d, or median, p99 or slowest", s.Of),
	} {
		_, err := rec.Story(which)
		require.EqualError(t, err, want)
	}
	trial.Workload.Classes[0].Background = true
	rec = &sim.Record{}
	recorded(t, textbook(), trial, rec)
	_, err = rec.Story("slowest")
	require.EqualError(t, err, "no request that is observed has ended in this run; there is none to tell of")
}

// The requests that have names are those whose latency the metrics of the same names give.
func TestNamedStoriesAreTheMetrics(t *testing.T) {
	for _, trial := range specimens() {
		rec := &sim.Record{}
		r := recorded(t, textbook(), trial, rec)
		for name, metric := range map[string]string{"median": "/latency/p50:seconds", "p99": "/latency/p99:seconds"} {
			s, err := rec.Story(name)
			require.NoError(t, err)
			want, ok := lab.MetricNamed(metric).Of(r)
			require.True(t, ok)
			require.Equal(t, want, (s.Request.End - s.Request.Due).Seconds(), trial.Workload.Name)
		}
	}
}

// viewed are workloads whose step view and stories are written down.
const viewed = `# one goroutine starts three others and waits for them
workload:
  name: fork-join
  classes:
    - name: root
      arrivals: {kind: once, count: 1}
      steps:
        - {do: go, name: child, count: 3}
        - {do: cpu, time: 50us}
        - {do: call, time: 200us}
        - {do: wait}
    - name: child
      background: true
      arrivals: {kind: spawned}
      steps: [{do: cpu, time: 80us}]
knobs: {GOMAXPROCS: 2}
`

// TestViews compares the step view and the story of a small run with what is written down.
func TestViews(t *testing.T) {
	sc := scenario{yaml: viewed}
	f := sc.parse(t)
	trial := lab.Trial{Workload: f.Workload, Knobs: f.Knobs, Seed: 1}
	steps := &sim.Record{Limit: 1000}
	recorded(t, textbook(), trial, steps)
	why := &sim.Record{}
	recorded(t, textbook(), trial, why)
	s, err := why.Story("slowest")
	require.NoError(t, err)
	for file, got := range map[string]string{"testdata/steps.txt": steps.Steps(100), "testdata/why.txt": s.Text(100)} {
		if *rewrite {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			continue
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, "%s: inspect the diff; go test ./sim -run TestViews -rewrite writes it anew", file)
	}
}

// The step view keeps to its width, and to its part of the run.
func TestStepsKeepWithinBounds(t *testing.T) {
	for _, trial := range specimens() {
		for _, width := range []int{80, 100} {
			rec := &sim.Record{Limit: 400, From: 30 * time.Millisecond, Until: 200 * time.Millisecond}
			recorded(t, textbook(), trial, rec)
			for l := range strings.Lines(rec.Steps(width)) {
				if strings.Contains(l, "│") || width == 100 {
					require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(l, "\n")), width, l)
				}
			}
		}
	}
	trial := specimens()[0]
	all := &sim.Record{Limit: 1 << 20}
	recorded(t, textbook(), trial, all)
	require.Regexp(t, `\nThese are all \d+ decisions of the run, which ended at .*\.\n$`, all.Steps(200))
	some := &sim.Record{Limit: 10, From: 50 * time.Millisecond}
	recorded(t, textbook(), trial, some)
	require.Regexp(t, `\n10 of \d+ decisions of this part of the run, which ended at .*\. To see more: -limit 100, or -from 5\d\.\d+ms\.\n$`, some.Steps(200))
	require.Regexp(t, `(?m)^5\d\.\d+ms  P`, some.Steps(200))
	none := &sim.Record{Limit: 10, From: time.Hour}
	recorded(t, textbook(), trial, none)
	require.Contains(t, none.Steps(200), "There is no decision in this part of the run")
}
