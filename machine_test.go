package lab

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parseMachineText(t *testing.T, text string) (Machine, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "m.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	m, err := ParseMachine(file)
	if err != nil {
		return m, &shortError{strings.ReplaceAll(err.Error(), file, "m.yaml")}
	}
	return m, nil
}

type shortError struct{ text string }

// Error gives the text.
func (e *shortError) Error() string { return e.text }

func TestParseMachine(t *testing.T) {
	m, err := parseMachineText(t, `
cores: 8
foreign:
  - {threads: 2}
  - {threads: 3, run: {dist: exp, mean: 1ms}, pause: 4ms}
smt: {threads: 2, speed: 0.6}
numa: {nodes: 2, wake: 2us, move: 100us}
`)
	require.NoError(t, err)
	assert.Equal(t, Machine{Cores: 8, Foreign: []Foreign{{Threads: 2}, {Threads: 3, Run: ExpDist(time.Millisecond), Pause: Const(4 * time.Millisecond)}},
		SMT: SMT{Threads: 2, Speed: 0.6}, NUMA: NUMA{Nodes: 2, Wake: 2 * time.Microsecond, Move: 100 * time.Microsecond}}, m)
	_, err = ParseMachine(filepath.Join(t.TempDir(), "none.yaml"))
	assert.ErrorContains(t, err, "name a readable machine file")
	_, err = ParseMachine(t.TempDir())
	assert.ErrorContains(t, err, "is a directory; name a machine file")
}

// Each refusal says where, what and what to do.
func TestImpossibleMachines(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "m.yaml:1: the file is empty; it must hold keys such as foreign, smt or numa (see docs/machine.md)",
		"[]":                       "m.yaml:1: is a list, but the file must hold keys such as foreign, smt or numa (see docs/machine.md)",
		"hyperthreads: 2":          `m.yaml:1: hyperthreads: unknown key; use one of ["cores" "foreign" "smt" "numa"]`,
		"cores: -1":                "m.yaml:1: cores: -1; give 0 to 1024",
		"cores: two":               `m.yaml:1: cores: is "two", but it must be a whole number`,
		"foreign:\n  - {run: 1ms}": "m.yaml:2: foreign[0].threads: 0; give 1 to 1024",
		"cores: 3\nsmt: {threads: 2, speed: 0.5}":                                        "m.yaml:1: cores: 3 CPUs do not make 1 node of cores with 2 hardware threads each; give a multiple of 2",
		"smt: {threads: 2, speed: 0.5}\ncores: 1":                                        "m.yaml:2: cores: 1 CPU does not make 1 node of cores with 2 hardware threads each; give a multiple of 2",
		"foreign:\n" + strings.Repeat("  - {threads: 1024}\n", 4) + "  - {threads: 1}\n": "m.yaml:6: foreign[4].threads: 4097 with those of the groups before; all groups together may have 4096",
		"a:\n" + strings.Repeat("- b\n", 40_000):                                         "m.yaml: 80002 YAML tokens; a machine file may hold 60000",
		"foreign: [{threads: 9999}]":                                                     "m.yaml:1: foreign[0].threads: 9999; give 1 to 1024",
		"foreign: [{threads: 1, pause: 1ms}]":                                            "m.yaml:1: foreign[0].run: 0s on average before each pause; give at least 10µs",
		"foreign: [{threads: 1, run: 1us, pause: 1ms}]":                                  "m.yaml:1: foreign[0].run: 1µs on average before each pause; give at least 10µs",
		"foreign: [{threads: 1, run: -1ms}]":                                             "m.yaml:1: foreign[0].run: a duration is negative; give 0 or more",
		"foreign: [{threads: 1, pause: {dist: uniform, min: 2ms, max: 1ms}}]":            "m.yaml:1: foreign[0].pause: max 1ms is below min 2ms; swap them",
		"smt: {threads: 9, speed: 0.5}":                                                  "m.yaml:1: smt.threads: 9; give 0 to 8",
		"smt:\n  threads: 2":                                                             "m.yaml:1: smt.speed: 0; give 0.1 to 1",
		"smt:\n  threads: 2\n  speed: 1.5":                                               "m.yaml:3: smt.speed: 1.5; give 0.1 to 1",
		"smt: {speed: 0.5}":                                                              "m.yaml:1: smt.speed: 0.5, but a core has one hardware thread; give smt.threads, or leave it out",
		"numa: {nodes: 65}":                                                              "m.yaml:1: numa.nodes: 65; give 0 to 64",
		"numa: {nodes: 2, wake: 1s}":                                                     "m.yaml:1: numa.wake: 1s; give 0 to 1ms",
		"numa: {nodes: 2, move: 1s}":                                                     "m.yaml:1: numa.move: 1s; give 0 to 100ms",
		"numa: {wake: 1us}":                                                              "m.yaml:1: numa.wake: 1µs, but there is one node; give numa.nodes, or leave it out",
		"numa: {move: 1us}":                                                              "m.yaml:1: numa.move: 1µs, but there is one node; give numa.nodes, or leave it out",
		"cores: 2\ncores: 4":                                                             "m.yaml:2: cores: given a second time, first on line 1; keep one",
		"cores: 1\n---\ncores: 2":                                                        "m.yaml:3: a second document (---); a machine file holds one",
		"smt: &a {threads: 2, speed: 1}":                                                 "m.yaml:1: an anchor (&) has no place here; write the value out",
	} {
		_, err := parseMachineText(t, text)
		assert.EqualError(t, err, want, text)
	}
}

// What fits no number of cores is seen when a machine is laid over costs.
func TestCostValidate(t *testing.T) {
	require.NoError(t, (&Cost{}).Validate(), "the machine of queueing theory")
	require.NoError(t, (&Cost{Cores: 2}).Validate())
	c := Cost{Cores: 2, Foreign: []Foreign{{Threads: 1}}}
	over, err := c.On(Machine{})
	require.NoError(t, err)
	assert.Equal(t, c, over, "nothing said, nothing changed")

	smt, numa := SMT{Threads: 2, Speed: 0.5}, NUMA{Nodes: 2}
	over, err = c.On(Machine{Cores: 8, SMT: smt, NUMA: numa})
	require.NoError(t, err)
	assert.Equal(t, Cost{Cores: 8, Foreign: c.Foreign, SMT: smt, NUMA: numa}, over)
	over, err = c.On(Machine{Foreign: []Foreign{}})
	require.NoError(t, err)
	assert.Empty(t, over.Foreign, "an empty list takes them away")
	assert.Len(t, c.Foreign, 1)

	_, err = c.On(Machine{SMT: smt, NUMA: numa})
	assert.EqualError(t, err, "cores: 2 CPUs do not make 2 nodes of cores with 2 hardware threads each; give a multiple of 4")
	for _, idle := range [][]time.Duration{{ShortIdle}, {0}, {5 * time.Millisecond, time.Millisecond}, {time.Millisecond, time.Millisecond}} {
		bad := Cost{Cores: 2}
		for _, d := range idle {
			bad.WakeRested = append(bad.WakeRested, Rested{Idle: d})
		}
		assert.ErrorContains(t, bad.Validate(), fmt.Sprintf("WakeRested[%d].Idle: %v; give more than", len(idle)-1, idle[len(idle)-1]))
	}
	require.NoError(t, (&Cost{WakeRested: []Rested{{Idle: ShortIdle + 1}, {Idle: time.Millisecond}}}).Validate())
	for _, m := range []Machine{{Foreign: c.Foreign}, {SMT: smt}, {NUMA: numa}} {
		_, err = Cost{}.On(m)
		assert.ErrorContains(t, err, "cores: 0, a core for each thread, leaves nothing to share; give the number of CPUs")
	}
	_, err = c.On(Machine{Foreign: []Foreign{{}}})
	assert.ErrorContains(t, err, "foreign[0].threads")
}

// A reader is told what of a prediction was assumed, and what of that nobody has verified.
func TestAssumed(t *testing.T) {
	c := Cost{Cores: 2, Host: Host{Cores: 2}}
	assert.Empty(t, c.Assumed())
	c.Foreign = []Foreign{{Threads: 1}, {Threads: 3, Run: ExpDist(time.Millisecond), Pause: Const(4 * time.Millisecond)}}
	assert.Equal(t, []string{"Foreign load: predicted beside 1 thread of other processes that never sleeps and 3 threads of other processes that each compute for exp(1ms) and sleep for 4ms by turns, as the file given with -machine says."}, c.Assumed())
	assert.Equal(t, []string{"Cores: predicted for 1 CPU with costs measured on 2; modelled, not verified on hardware."}, (&Cost{Cores: 1, Host: c.Host}).Assumed())
	c.Foreign, c.SMT, c.NUMA, c.Cores = nil, SMT{2, 0.6}, NUMA{2, 2000, 50_000}, 8
	for i, want := range []string{"Cores: predicted for 8 CPUs with costs measured on 2", "SMT: predicted with 2 hardware threads a core, each at 0.6 of its speed",
		"NUMA: predicted with 2 nodes, 2µs more for a wake-up from another node, 50µs of CPU for moving there"} {
		assert.Contains(t, c.Assumed()[i], want)
		assert.Contains(t, c.Assumed()[i], "modelled, not verified on hardware")
	}
}

// Costs without these fields are the same bytes as before there were any, so that their sums hold.
func TestCostWithoutMachineIsUnchanged(t *testing.T) {
	b, err := json.Marshal(Cost{})
	require.NoError(t, err)
	for _, name := range []string{"Foreign", "SMT", "NUMA"} {
		assert.NotContains(t, string(b), `"`+name+`"`)
	}
	c := Cost{Foreign: []Foreign{{Threads: 1, Run: ExpDist(time.Millisecond)}}, SMT: SMT{2, 0.5}, NUMA: NUMA{2, 1, 1}}
	b, err = json.Marshal(c)
	require.NoError(t, err)
	var back Cost
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, c, back)
}

// TestMachinePage compares the generated parts of docs/machine.md with the code; with -update it writes them.
func TestMachinePage(t *testing.T) {
	p := keyPage{comments: fieldComments(t), ranges: map[string]string{}}
	p.rows(reflect.TypeFor[Machine](), "")
	assert.NotContains(t, p.table.String(), "|  |", "each key says what it means")
	b, err := os.ReadFile("docs/examples/machines/two-nodes.yaml")
	require.NoError(t, err)
	_, err = ParseMachine("docs/examples/machines/two-nodes.yaml")
	require.NoError(t, err)
	generatedParts(t, "docs/machine.md", map[string]string{"keys": tableHead + p.table.String(), "example": "```yaml\n" + string(b) + "```\n"})
}
