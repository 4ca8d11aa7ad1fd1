package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const smallFile = `workload:
  name: small
  run: 1s
  classes:
    - name: a
      arrivals: {kind: closed, clients: 2}
      steps:
        - {do: cpu, time: 50us}
`

func TestParseFileExamples(t *testing.T) {
	names, err := filepath.Glob("docs/examples/*.yaml")
	require.NoError(t, err)
	require.Len(t, names, 7)
	points := 0
	for _, name := range names {
		f, err := ParseFile(name)
		require.NoError(t, err)
		assert.NotEmpty(t, f.Workload.Classes, name)
		points += len(f.Points)
		for _, p := range f.Points {
			assert.NoError(t, (&Trial{Workload: f.Workload, Knobs: p.Knobs}).Validate(), "%s, point %s", name, p.Name)
		}
	}
	assert.Positive(t, points, "points are optional, and some example shows them")
}

func TestParseFileReadsEveryKind(t *testing.T) {
	f, err := parseWorkload("my.yaml", []byte(`
points: # before knobs on purpose
  - name: p1
    batcher: {wait: 2ms}
  - {name: p2, GOMAXPROCS: 4, serve: direct, intra_spin: false}
knobs:
  GOMAXPROCS: 2
  serve: batched
  intra_spin: true
  batcher: {max: 8, wait: 1ms}
workload:
  name: "all"
  warmup: 0
  run: 1.5s
  chans: [{name: c, cap: 3}]
  classes:
  - name: a
    arrivals:
      kind: poisson
      rate: 1.5e2
      generator: in-process
    steps:
    - {do: cpu, time: 50us, calls: true}
    - {do: sleep, time: {dist: exp, mean: 1ms}}
    - {do: sleep, time: {dist: uniform, min: 1us, max: 2us}}
    - {do: sleep, time: {dist: empirical, quantiles: [1us, 2us, 4us]}}
    - {do: alloc, bytes: 64, pointers: 1}
    - {do: go, name: b, count: 3}
  - name: b
    background: true
    steps: [{do: send, name: c}]
`))
	require.NoError(t, err)
	want := File{
		Workload: Workload{
			Name: "all", Run: 1500 * time.Millisecond, Chans: []Chan{{"c", 3}},
			Classes: []Class{
				{Name: "a", Arrivals: Arrivals{Kind: Poisson, Rate: 150, Generator: InProcess}, Steps: []Step{
					{Do: CPU, Time: Const(50 * time.Microsecond), Calls: true},
					{Do: Sleep, Time: ExpDist(time.Millisecond)},
					{Do: Sleep, Time: Dist{Kind: Uniform, Min: 1000, Max: 2000}},
					{Do: Sleep, Time: Dist{Kind: Empirical, Quantiles: []time.Duration{1000, 2000, 4000}}},
					{Do: Alloc, Bytes: 64, Pointers: 1},
					{Do: Go, Name: "b", Count: 3},
				}},
				{Name: "b", Background: true, Steps: []Step{{Do: Send, Name: "c"}}},
			},
		},
		Knobs: Knobs{GOMAXPROCS: 2, Serve: Batched, IntraSpin: true, Batcher: Batcher{8, time.Millisecond}},
		Points: []NamedKnobs{
			{"p1", Knobs{GOMAXPROCS: 2, Serve: Batched, IntraSpin: true, Batcher: Batcher{8, 2 * time.Millisecond}}},
			{"p2", Knobs{GOMAXPROCS: 4, Serve: Direct, Batcher: Batcher{8, time.Millisecond}}},
		},
	}
	assert.Equal(t, want, f)
}

// badFiles are files that must be refused, each with the whole error.
var badFiles = []struct{ name, text, want string }{
	{"empty", "", `my.yaml:1: the file is empty; it must hold the key workload (see docs/workload.md)`},
	{"only a comment", "# nothing\n", `my.yaml:1: the file is empty; it must hold the key workload (see docs/workload.md)`},
	{"a word", "hello\n", `my.yaml:1: is "hello", but the file must hold the key workload (see docs/workload.md)`},
	{"no workload", "knobs: {GOMAXPROCS: 2}\n", `my.yaml:1: workload: missing; the file must hold it (see docs/workload.md)`},
	{"empty workload", "knobs:\nworkload:\n", `my.yaml:2: workload.name: ""; give at most 64 lower-case letters, digits and single dashes`},
	{"unknown top key", "workloads: {}\n", `my.yaml:1: workloads: unknown key; use one of ["workload" "knobs" "points"]`},
	{"unknown key", smallFile + "      thinking: 1\n",
		`my.yaml:9: workload.classes[0].thinking: unknown key; use one of ["name" "arrivals" "steps" "background"]`},
	{"unknown knob of a point", smallFile + "points:\n- {name: a, gomaxprocs: 2}\n",
		`my.yaml:10: points[0].gomaxprocs: unknown key; use one of ["name" "GOMAXPROCS" "GOGC" "GOMEMLIMIT" "asyncpreemptoff" "serve" "permits" "batcher" "workers" "intra_op" "intra_spin" "backend"]`},
	{"unknown step", strings.Replace(smallFile, "do: cpu", "do: cpuu", 1),
		`my.yaml:8: workload.classes[0].steps[0].do: unknown value "cpuu"; use one of ["cpu" "alloc" "retain" "release" "call" "syscall" "sleep" "send" "recv" "lock" "unlock" "go" "wait" "yield" "infer" "rlock" "runlock" "lockosthread" "unlockosthread" "gomaxprocs" "netwrite" "netread" "get" "put" "store" "gc" "setgcpercent" "setmemorylimit"]`},
	{"no step", strings.Replace(smallFile, "do: cpu, ", "", 1), `my.yaml:8: workload.classes[0].steps[0].do: "" is unknown; use one of ["cpu" "alloc" "retain" "release" "call" "syscall" "sleep" "send" "recv" "lock" "unlock" "go" "wait" "yield" "infer" "rlock" "runlock" "lockosthread" "unlockosthread" "gomaxprocs" "netwrite" "netread" "get" "put" "store" "gc" "setgcpercent" "setmemorylimit"]`},
	{"unknown arrivals", strings.Replace(smallFile, "closed", "open", 1),
		`my.yaml:6: workload.classes[0].arrivals.kind: unknown value "open"; use one of ["spawned" "closed" "poisson" "every" "once"]`},
	{"unknown serve", smallFile + "knobs:\n  serve: fast\n",
		`my.yaml:10: knobs.serve: unknown value "fast"; use one of ["direct" "semaphore" "batched"]`},
	{"unknown family", strings.Replace(smallFile, "50us", "{dist: gamma}", 1),
		`my.yaml:8: workload.classes[0].steps[0].time.dist: unknown value "gamma"; use one of ["fixed" "exp" "lognormal" "uniform" "empirical"]`},
	{"duration without unit", strings.Replace(smallFile, "50us", "50", 1),
		`my.yaml:8: workload.classes[0].steps[0].time: is "50", but it must be a duration with its unit, such as 50us, 1.5ms or 2s`},
	{"duration as a list", strings.Replace(smallFile, "run: 1s", "run: [1s]", 1),
		`my.yaml:3: workload.run: is a list, but it must be a duration with its unit, such as 50us, 1.5ms or 2s`},
	{"empty duration", strings.Replace(smallFile, "run: 1s", "run:", 1),
		`my.yaml:3: workload.run: is empty, but it must be a duration with its unit, such as 50us, 1.5ms or 2s`},
	{"negative duration", strings.Replace(smallFile, "50us", "-50us", 1),
		`my.yaml:8: workload.classes[0].steps[0].time: a duration is negative; give 0 or more`},
	{"word for a number", strings.Replace(smallFile, "clients: 2", "clients: two", 1),
		`my.yaml:6: workload.classes[0].arrivals.clients: is "two", but it must be a whole number`},
	{"fraction for a whole number", strings.Replace(smallFile, "clients: 2", "clients: 2.5", 1),
		`my.yaml:6: workload.classes[0].arrivals.clients: is "2.5", but it must be a whole number`},
	{"number too large", strings.Replace(smallFile, "clients: 2", "clients: 99999999999999999999", 1),
		`my.yaml:6: workload.classes[0].arrivals.clients: is "99999999999999999999", but it must be a whole number`},
	{"octal", strings.Replace(smallFile, "clients: 2", "clients: 010", 1),
		`my.yaml:6: an octal number has no place here; write it in decimal`},
	{"not a number", strings.Replace(smallFile, "kind: closed, clients: 2", "kind: poisson, rate: .nan", 1),
		`my.yaml:6: workload.classes[0].arrivals.rate: is ".nan", but it must be a number`},
	{"word for a truth value", smallFile + "      background: yes\n",
		`my.yaml:9: workload.classes[0].background: is "yes", but it must be true or false`},
	{"number for a name", strings.Replace(smallFile, "name: small", "name: 12", 1),
		`my.yaml:2: workload.name: is "12", but it must be text (in quotes where YAML would read it as something else)`},
	{"mapping for a word", strings.Replace(smallFile, "kind: closed", "kind: {a: b}", 1),
		`my.yaml:6: workload.classes[0].arrivals.kind: holds keys, but it must be one word`},
	{"word for a list", strings.Replace(smallFile, "run: 1s", "chans: c", 1),
		`my.yaml:3: workload.chans: is "c", but it must be a list`},
	{"list for keys", smallFile + "knobs: [1, 2]\n", `my.yaml:9: knobs: is a list, but it must hold keys, each with a value`},
	{"no rate", strings.Replace(smallFile, "kind: closed, clients: 2", "kind: poisson", 1),
		`my.yaml:6: workload.classes[0].arrivals.rate: 0 is not possible; use 0.001 to 1e+07`},
	{"impossible rate", strings.Replace(smallFile, "{kind: closed, clients: 2}", "\n        kind: poisson\n        rate: -3", 1),
		`my.yaml:8: workload.classes[0].arrivals.rate: -3 is not possible; use 0.001 to 1e+07`},
	{"impossible knob", smallFile + "knobs:\n  GOMAXPROCS: 2\n  batcher:\n    wait: 2h\n",
		`my.yaml:12: knobs.batcher.wait in seconds: 7200 is not possible; use 0 to 60`},
	{"impossible knob of a point", smallFile + "points:\n- name: a\n- name: b\n  GOMAXPROCS: 5000\n",
		`my.yaml:12: points[1].GOMAXPROCS: 5000 is not possible; use 0 to 1024`},
	{"unknown channel", strings.Replace(smallFile, "do: cpu, time: 50us", "do: send, name: c", 1),
		`my.yaml:8: workload.classes[0].steps[0].name: channel "c" is not in workload.chans; add it there`},
	{"point without a name", smallFile + "points:\n- {GOMAXPROCS: 2}\n",
		`my.yaml:10: points[0].name: ""; give at most 64 lower-case letters, digits and single dashes`},
	{"two points of one name", smallFile + "points:\n- name: a\n- name: a\n",
		`my.yaml:11: points[1].name: "a" is used twice; give each point its own name`},
	{"duplicate key", smallFile + "  run: 2s\n", `my.yaml:9: workload.run: given a second time, first on line 3; keep one`},
	{"duplicate key in braces", strings.Replace(smallFile, "time: 50us", "time: 50us, time: 60us", 1),
		`my.yaml:8: workload.classes[0].steps[0].time: given a second time, first on line 8; keep one`},
	{"name that leaves the folder", strings.Replace(smallFile, "name: small", "name: ..", 1),
		`my.yaml:2: workload.name: ".."; give at most 64 lower-case letters, digits and single dashes`},
	{"name with a control character", strings.Replace(smallFile, "name: small", `name: "a\u0001b"`, 1),
		`my.yaml:2: workload.name: "a\x01b"; give at most 64 lower-case letters, digits and single dashes`},
	{"anchor", strings.Replace(smallFile, "50us", "&t 50us", 1), `my.yaml:8: an anchor (&) has no place here; write the value out`},
	{"alias bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", `my.yaml:1: an anchor (&) has no place here; write the value out`},
	{"alias", "workload: *a\n", `my.yaml:1: an alias (*) has no place here; write the value out`},
	{"merge key", "workload:\n  <<: {}\n", `my.yaml:2: a merge key (<<) has no place here; write the keys out`},
	{"tag", "workload: !!map {}\n", `my.yaml:1: a tag (!) has no place here; write the plain value`},
	{"complex key", "? a\n: b\n", `my.yaml:1: a complex key (?) has no place here; use one of the keys in docs/workload.md`},
	{"block of text", "workload: |\n  a\n", `my.yaml:1: a block of text (|) has no place here; write the value on one line`},
	{"two documents", smallFile + "---\n" + smallFile, `my.yaml:10: a second document (---); a workload file holds one`},
	{"open bracket", "workload: [1,\nknobs: 2\n", `my.yaml:1: not valid YAML: sequence end token ']' not found; check the indentation, brackets and quotes there`},
	{"tab", "workload:\n\tname: a\n", `my.yaml:2: not valid YAML: found character ' ' that cannot start any token; check the indentation, brackets and quotes there`},
	{"not UTF-8", "workload:\n  name: \xff\n", `my.yaml:2: not text in UTF-8; save the file as UTF-8`},
	{"binary", "workload:\n  name: a\x00b\n", `my.yaml:2: not text in UTF-8; save the file as UTF-8`},
	{"deep in brackets", "workload: " + strings.Repeat("[", 100), `my.yaml:1: nested more than 32 deep; a workload file needs at most 8 levels`},
	{"deep in dashes", strings.Repeat("- ", 100) + "a", `my.yaml:1: nested more than 32 deep; a workload file needs at most 8 levels`},
	{"too many entries", smallFile + "  chans:\n" + strings.Repeat("  - {}\n", 5001), `my.yaml:9: workload.chans: 5001 entries; give at most 5000`},
	{"too many tokens", "a:\n" + strings.Repeat("- b\n", 40_000), `my.yaml: 80002 YAML tokens; a workload file may hold 60000`},
	{"too large", "# " + strings.Repeat("x", 1<<20), `my.yaml: larger than 1 MiB; a workload file must be smaller`},
}

// badSteps are lists of steps that must be refused, in a class with these arrivals.
var badSteps = []struct{ arrivals, steps, want string }{
	{"closed, clients: 2", "{do: rlock}", `steps[0].name: empty; a rlock step needs a name`},
	{"closed, clients: 2", "{do: rlock, name: t}", `steps: ends with ["t"] locked; add an unlock step`},
	{"closed, clients: 2", "{do: runlock, name: t}", `steps[0]: unlocks "t", which it does not hold; lock it first`},
	{"closed, clients: 2", "{do: rlock, name: t}, {do: rlock, name: t}", `steps[1]: locks "t", which it holds already; unlock it first`},
	{"closed, clients: 2", "{do: rlock, name: t}, {do: lock, name: t}", `steps[1]: locks "t", which it holds already; unlock it first`},
	{"closed, clients: 2", "{do: rlock, name: t}, {do: unlock, name: t}",
		`steps[1]: unlock of "t", which it holds by rlock; unlock goes with lock, runlock with rlock`},
	{"closed, clients: 2", "{do: lock, name: t}, {do: runlock, name: t}",
		`steps[1]: runlock of "t", which it holds by lock; unlock goes with lock, runlock with rlock`},
	{"once, count: 2", "{do: lockosthread}, {do: lockosthread}", `steps[1]: locks its thread, which is locked already; unlock it first`},
	{"once, count: 2", "{do: unlockosthread}", `steps[0]: unlocks its thread, which is not locked; lock it first`},
	{"closed, clients: 2", "{do: lockosthread}",
		`steps: ends with its thread locked, and a closed client goes on; add an unlockosthread step`},
	{"once, count: 2", "{do: cpu, stack: -1}", `steps[0].stack: -1 is not possible; use 0 to 1048576`},
	{"once, count: 2", "{do: cpu, stack: 1048577}", `steps[0].stack: 1048577 is not possible; use 0 to 1048576`},
	{"once, count: 2", "{do: gomaxprocs}", `steps[0].count: 0 is not possible; use 1 to 1024`},
	{"once, count: 2", "{do: gomaxprocs, count: 1025}", `steps[0].count: 1025 is not possible; use 1 to 1024`},
}

// badConns are connections and the steps of a class on them that must be refused.
var badConns = []struct{ conns, steps, want string }{
	{"{name: c}", "{do: netwrite, name: c, bytes: 1}", `conns[0]: connection "c" is written, but nobody reads from it; add a netread step`},
	{"{name: c}", "{do: netread, name: c, bytes: 1}", `conns[0]: connection "c" is read, but nobody writes to it; add a netwrite step`},
	{"{name: reply}", "{do: netwrite, name: replly, bytes: 1}, {do: netread, name: reply, bytes: 1}",
		`classes[0].steps[0].name: connection "replly" is not in workload.conns; add it there`},
	{"{name: d}", "{do: netread, name: c, bytes: 1}", `classes[0].steps[0].name: connection "c" is not in workload.conns; add it there`},
	{"{name: d}", "{do: netwrite, bytes: 1}", `classes[0].steps[0].name: connection "" is not in workload.conns; add it there`},
	{"{name: c}", "{do: netwrite, name: c}, {do: netread, name: c, bytes: 1}", `classes[0].steps[0].bytes: 0 is not possible; use 1 to 1048576`},
	{"{name: c}", "{do: netwrite, name: c, bytes: 1}, {do: netread, name: c, bytes: 1048577}",
		`classes[0].steps[1].bytes: 1048577 is not possible; use 1 to 1048576`},
	{"{buffer: 200000}", "{do: yield}", `conns[0].name: "" is empty or used twice; give each connection its own name`},
	{"{name: c}, {name: c}", "{do: yield}", `conns[1].name: "c" is empty or used twice; give each connection its own name`},
	{"{name: c, buffer: 163839}", "{do: yield}", `conns[0].buffer: 163839 is not possible; use 163840 to 491520, or 0 for the kernel's own`},
	{"{name: c, buffer: 491521}", "{do: yield}", `conns[0].buffer: 491521 is not possible; use 163840 to 491520, or 0 for the kernel's own`},
	{"{name: c, buffer: -1}", "{do: yield}", `conns[0].buffer: -1 is not possible; use 163840 to 491520, or 0 for the kernel's own`},
	{"{name: c, cap: 3}", "{do: yield}", `conns[0].cap: unknown key; use one of ["name" "buffer"]`},
}

func TestParseFileRefusesConns(t *testing.T) {
	const file = "workload: {name: small, run: 1s, conns: [%s], classes: [{name: a, arrivals: {kind: once, count: 2}, steps: [%s]}]}"
	for _, c := range badConns {
		_, err := parseWorkload("my.yaml", fmt.Appendf(nil, file, c.conns, c.steps))
		if assert.Error(t, err, c.want) {
			assert.Equal(t, "my.yaml:1: workload."+c.want, err.Error())
		}
	}
	f, err := parseWorkload("my.yaml", fmt.Appendf(nil, file, "{name: c}, {name: d, buffer: 163840}, {name: unused}",
		"{do: netwrite, name: c, bytes: 1}, {do: netread, name: c, bytes: 1048576}, {do: netread, name: d, bytes: 7}, {do: netwrite, name: d, bytes: 7}"))
	require.NoError(t, err)
	assert.EqualValues(t, ConnBufferDefault, f.Workload.Conns[0].Size())
	assert.EqualValues(t, 163840, f.Workload.Conns[1].Size())
}

func TestParseFileRefusesSteps(t *testing.T) {
	const file = "workload: {name: small, run: 1s, classes: [{name: a, arrivals: {kind: %s}, steps: [%s]}]}"
	for _, c := range badSteps {
		_, err := parseWorkload("my.yaml", fmt.Appendf(nil, file, c.arrivals, c.steps))
		if assert.Error(t, err, c.steps) {
			assert.Equal(t, "my.yaml:1: workload.classes[0]."+c.want, err.Error(), c.steps)
		}
	}
	_, err := parseWorkload("my.yaml", fmt.Appendf(nil, file, "once, count: 2",
		"{do: rlock, name: t}, {do: runlock, name: t}, {do: lock, name: t}, {do: unlock, name: t}, {do: gomaxprocs, count: 2}, "+
			"{do: lockosthread}, {do: unlockosthread}, {do: lockosthread}"))
	require.NoError(t, err)
}

func TestParseFileRefuses(t *testing.T) {
	for _, c := range badFiles {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Now()
			_, err := parseWorkload("my.yaml", []byte(c.text))
			require.Error(t, err)
			assert.Equal(t, c.want, err.Error())
			assert.Less(t, time.Since(begin), 10*time.Second)
		})
	}
}

func TestParseFileNeedsAFile(t *testing.T) {
	dir := t.TempDir()
	missing, big := filepath.Join(dir, "none.yaml"), filepath.Join(dir, "big.yaml")
	require.NoError(t, os.WriteFile(big, make([]byte, 2<<20), 0o600))
	for name, want := range map[string]string{
		dir:         dir + ": is a directory; name a workload file",
		missing:     missing + ": no such file or directory; name a readable workload file",
		big:         big + ": larger than 1 MiB; a workload file must be smaller",
		os.DevNull:  os.DevNull + ": is not a regular file; name a workload file",
		"bad\x00nm": "bad\x00nm: invalid argument; name a readable workload file",
	} {
		_, err := ParseFile(name)
		require.Error(t, err)
		assert.Equal(t, want, err.Error())
	}
}

// Files that are legal YAML but cost the parser as much as the limits allow must not take long.
func TestParseFileIsNotSlow(t *testing.T) {
	var keys strings.Builder
	for i := range 15_000 {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	for name, text := range map[string]string{
		"keys":   keys.String(),
		"spaces": "a:" + strings.Repeat(" ", 1_000_000) + "b",
		"lines":  strings.Repeat("\n", 1_000_000) + "a: b",
		"indent": indented(1200),
		"quote":  `a: "` + strings.Repeat(`\x`, 500_000),
		"colons": strings.Repeat("a:", 400_000),
		"string": "a: " + strings.Repeat("x y\n  ", 150_000),
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, err := parseWorkload("my.yaml", []byte(text))
			require.Error(t, err)
			assert.Less(t, time.Since(begin), 20*time.Second)
			t.Log(time.Since(begin))
		})
	}
}

// indented is a mapping as deep as n.
func indented(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// FuzzParse holds that no text panics or hangs, that an error is one line that names the file, and that what is
// accepted validates.
func FuzzParse(f *testing.F) {
	for _, c := range badFiles {
		if len(c.text) < 4096 {
			f.Add(c.text)
		}
	}
	f.Add(smallFile)
	for _, name := range []string{"docs/examples/batching.yaml", "docs/examples/gc.yaml", "docs/examples/pipeline.yaml", "docs/examples/sockets.yaml"} {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		late := time.AfterFunc(20*time.Second, func() { panic(fmt.Sprintf("no answer after 20 s for %q", text)) })
		file, err := parseWorkload("my.yaml", []byte(text))
		late.Stop()
		if err != nil {
			assert.True(t, strings.HasPrefix(err.Error(), "my.yaml:"), err)
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		assert.NoError(t, (&Trial{Workload: file.Workload, Knobs: file.Knobs}).Validate())
		for _, p := range file.Points {
			assert.NoError(t, (&Trial{Workload: file.Workload, Knobs: p.Knobs}).Validate())
		}
	})
}
