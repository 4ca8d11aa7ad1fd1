package sim_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Mechanisms that no step of a workload file reaches are shown by programs of gort's ops. Their transcripts lie in
// testdata/transcripts/ops: a comment, a line of dashes, the decisions.

// An opScenario runs programs side by side, each in one goroutine, started in order.
type opScenario struct {
	ps       int
	cost     lab.Cost
	hide     []string
	show     gort.Service // channels, locks and selects
	programs [][]gort.Op
}

func fixed(d time.Duration) *lab.Dist { t := lab.Const(d); return &t }

func cpu(us int) gort.Op {
	return gort.Op{Do: gort.CPU, Time: fixed(time.Duration(us) * time.Microsecond)}
}

func pause(us int) gort.Op {
	return gort.Op{Do: gort.Sleep, Time: fixed(time.Duration(us) * time.Microsecond)}
}

var opScenarios = map[string]opScenario{
	"cond-signal-and-broadcast": {ps: 1, hide: []string{"newproc", "goexit0", "sysmon", "netpoll"},
		show: gort.Service{Mutexes: 1, Conds: []int32{0}},
		programs: [][]gort.Op{
			{pause(10), {Do: gort.Lock}, {Do: gort.CondWait}, cpu(1), {Do: gort.Unlock}},
			{pause(20), {Do: gort.Lock}, {Do: gort.CondWait}, cpu(1), {Do: gort.Unlock}},
			{pause(30), {Do: gort.Lock}, {Do: gort.CondWait}, cpu(1), {Do: gort.Unlock}},
			{{Do: gort.CondSignal}, pause(100), {Do: gort.CondSignal}, pause(100), {Do: gort.Lock}, {Do: gort.CondBroadcast}, cpu(5), {Do: gort.Unlock}},
		}},
	"select-first-partner-wins": {ps: 1, hide: []string{"newproc", "goexit0", "sysmon", "netpoll"},
		show: gort.Service{Chans: []int{0, 0, 1}, Selects: [][]gort.Case{
			{{Chan: 0}, {Chan: 1, Send: true}, {Chan: 2}},
			{{Chan: 2, Send: true}, {Chan: 0, Send: true}}}},
		programs: [][]gort.Op{
			{{Do: gort.Select}, cpu(1), {Do: gort.Select}},
			{pause(10), {Do: gort.Recv, I: 1}, cpu(1), {Do: gort.Select, I: 1}, {Do: gort.Select, I: 1}},
			{pause(20), {Do: gort.Recv, I: 2}},
		}},
}

// run plays the scenario to its end, with the invariants on; every program must end.
func (sc *opScenario) run(t *testing.T) *gort.Sched {
	knobs := lab.Knobs{GOMAXPROCS: sc.ps}.Filled(max(sc.cost.Cores, 1))
	v := sc.show
	v.Seed, v.Stop, v.To = 1, time.Hour, time.Hour
	v.Classes = []gort.Program{{Ops: []gort.Op{{Do: gort.Exit}}}}
	v.Programs = []gort.Program{{Class: -1}}
	for i, ops := range sc.programs {
		v.Programs[0].Ops = append(v.Programs[0].Ops, gort.Op{Do: gort.Start, I: int32(i + 1), N: 1})
		ops = append(append([]gort.Op{{Do: gort.Begin}}, ops...), gort.Op{Do: gort.End}, gort.Op{Do: gort.Exit})
		v.Programs = append(v.Programs, gort.Program{Ops: ops})
	}
	v.Programs[0].Ops = append(v.Programs[0].Ops, gort.Op{Do: gort.Started}, gort.Op{Do: gort.Exit})
	s := gort.New(&sc.cost, gort.Go126(), knobs, 1)
	s.Check()
	s.Trace()
	s.Serve(v)
	require.NoError(t, s.Loop(context.Background(), time.Minute, true))
	r := &lab.Result{}
	s.Fill(r)
	require.Zero(t, r.Dropped, "programs that never end")
	require.Len(t, r.Requests, len(sc.programs))
	return s
}

// TestOpTranscripts runs each op scenario and compares the decisions with those written down.
func TestOpTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/ops/*.txt")
	require.NoError(t, err)
	require.Len(t, files, len(opScenarios))
	for name, sc := range opScenarios {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata/transcripts/ops", name+".txt")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			comment, want, _ := strings.Cut(string(text), separator+"\n")
			require.Regexp(t, `^# [A-Za-z]`, comment, "the file begins with a comment that says what it shows")
			got := (&scenario{hide: sc.hide}).transcript(t, sc.run(t).Marks(), sc.ps)
			if *rewrite {
				require.NoError(t, os.WriteFile(file, []byte(comment+separator+"\n"+got), 0o644))
				require.LessOrEqual(t, strings.Count(got, "\n"), transcriptMost, "show less of it")
				return
			}
			assert.Equal(t, want, got, "the decisions have changed; go test ./sim -run TestOpTranscripts -rewrite writes them anew, "+
				"but only commit a rewrite that you can explain")
		})
	}
}
