package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

// Every mutant of the list still fits the code: its text occurs once. make mutants shows whether a test notices it.
func TestEveryMutantApplies(t *testing.T) {
	text, err := os.ReadFile("mutants.txt")
	require.NoError(t, err)
	all, err := parse(string(text))
	require.NoError(t, err)
	require.Greater(t, len(all), 100)
	for _, m := range all {
		src, err := os.ReadFile(filepath.Join("..", "..", m.file))
		require.NoError(t, err)
		if _, err := m.apply(string(src)); err != nil {
			t.Error(err)
		}
		require.NotContains(t, m.tests, "TestDeterminism", "%s: a golden sees every change and explains none", m.name)
	}
}

const one = `mutant: a
breaks: It adds one.
file: x.go
find: return n
with: return n + 1
test: . TestX
`

func TestParse(t *testing.T) {
	all, err := parse("# comment\n\n" + one)
	require.NoError(t, err)
	require.Equal(t, []mutant{{name: "a", line: 3, file: "x.go", find: []string{"return n"}, with: []string{"return n + 1"},
		pkg: ".", tests: "TestX", breaks: "It adds one."}}, all)
	for text, want := range map[string]string{
		"find: x":                             "mutants.txt:1: find comes before the first mutant",
		one + one:                             "mutants.txt:7: the name \"a\" is empty or taken",
		one + "file: y.go":                    "mutants.txt:7: file is unknown or given twice",
		one + "colour: red":                   "mutants.txt:7: colour is unknown or given twice",
		one + "what":                          "mutants.txt:7: \"what\" is no entry",
		"mutant: a\nfile: x.go":               "mutants.txt:1: mutant a has no breaks",
		strings.Replace(one, " TestX", "", 1): "mutant a has no test",
	} {
		_, err := parse(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestApply(t *testing.T) {
	m := mutant{name: "a", file: "x.go", find: []string{"if x {", "return n"}, with: []string{"if y {", "return n"}}
	got, err := m.apply("f\n\tif x {\n\t\treturn n\n\t}\n")
	require.NoError(t, err)
	require.Equal(t, "f\n\tif y {\nreturn n\n\t}\n", got)
	_, err = m.apply("f\n")
	require.ErrorContains(t, err, "occurs 0 times in x.go")
	_, err = m.apply("if x {\nreturn n\nif x {\nreturn n\n")
	require.ErrorContains(t, err, "occurs 2 times")
	m.with = m.find
	_, err = m.apply("if x {\nreturn n\n")
	require.ErrorContains(t, err, "changes nothing")
}

func TestRead(t *testing.T) {
	for text, want := range map[string]outcome{
		"=== RUN   TestA\n--- FAIL: TestA (0.00s)\nFAIL\n": {ran: 1, failed: "TestA"},
		"=== RUN   TestA\n=== RUN   TestA/b\n=== RUN   TestA/c\n--- FAIL: TestA (0.00s)\n    --- PASS: TestA/b (0.00s)\n    --- FAIL: TestA/c (0.00s)\n": {ran: 3, failed: "TestA/c"},
		"=== RUN   TestA\n=== RUN   TestB\nfatal error: all goroutines are asleep - deadlock!\n":                                                         {ran: 2, failed: "TestB"},
		"=== RUN   TestA\npanic: test timed out after 30s\n":                                                                                             {ran: 1, failed: "TestA", hung: true},
		"panic: in a variable\n": {failed: "the test binary, before its first test"},
	} {
		require.Equal(t, want, read(text, true), text)
	}
	require.Equal(t, outcome{ran: 1}, read("=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n", false))
}

func TestFilesWithoutMutant(t *testing.T) {
	root := fstest.MapFS{
		"sim/gort/a.go":        {Data: []byte("package gort\nfunc a() {}")},
		"sim/gort/b.go":        {Data: []byte("package gort\nfunc b() {}")},
		"sim/gort/types.go":    {Data: []byte("package gort\ntype x int")},
		"sim/gort/a_test.go":   {Data: []byte("package gort\nfunc c() {}")},
		"sim/gort/check.go":    {Data: []byte("package gort\nfunc c() {}")},
		"realrun/something.go": {Data: []byte("package realrun\nfunc c() {}")},
	}
	bare, err := withoutMutant(root, []mutant{{file: "sim/gort/a.go"}})
	require.NoError(t, err)
	require.Equal(t, []string{"sim/gort/b.go"}, bare)
}

// project writes a module with one function and a test of it, and a list of mutants.
func project(t *testing.T, mutants string) (root string) {
	t.Helper()
	root = t.TempDir()
	for file, text := range map[string]string{
		"go.mod":    "module example.com/x\n\ngo 1.26\n",
		"x.go":      "package x\n\nfunc add(a, b int) int { return a + b }\n",
		"x_test.go": "package x\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tt.Run(\"one\", func(t *testing.T) {\n\t\tif add(2, 1) != 3 {\n\t\t\tt.Error(\"wrong\")\n\t\t}\n\t})\n}\n",
		list:        mutants,
	} {
		file = filepath.Join(root, filepath.FromSlash(file))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	return root
}

func entryOf(name, with, tests string) string {
	return "mutant: " + name + "\nbreaks: It is wrong.\nfile: x.go\nfind: return a + b\nwith: " + with + "\ntest: . " + tests + "\n"
}

// The whole of it on a small module: killed, killed by time-out, survived, does not compile, no test.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds test binaries")
	}
	var out strings.Builder
	root := project(t, entryOf("minus", "return a - b", "TestAdd"))
	require.NoError(t, run(t.Context(), root, "", &out))
	require.Regexp(t, `(?m)^\[1/1\] killed  minus +by \. TestAdd/one `, out.String())
	require.True(t, strings.HasSuffix(out.String(), "\n1 passed, 0 failed\n"), out.String())

	out.Reset()
	root = project(t, entryOf("minus", "return a - b", "TestAdd")+entryOf("same", "return b + a", "TestAdd")+
		entryOf("broken", "return c", "TestAdd")+entryOf("untested", "return a - b", "TestOther"))
	require.ErrorIs(t, run(t.Context(), root, "", &out), errSome)
	require.Contains(t, out.String(), "FAILED  same: SURVIVED")
	require.Contains(t, out.String(), "FAILED  broken: it does not compile")
	require.Contains(t, out.String(), `FAILED  untested: no test of . matches "TestOther"`)
	require.True(t, strings.HasSuffix(out.String(), "\n1 passed, 3 failed\n"), out.String())

	require.ErrorContains(t, run(t.Context(), root, "nothing", &out), "no mutant's name or file matches")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, run(ctx, root, "", &out), "interrupted")
}

// Tests that fail by themselves are not counted as killers, and a mutant that hangs is killed by time-out.
func TestHealthyAndHanging(t *testing.T) {
	if testing.Short() {
		t.Skip("builds test binaries")
	}
	root := project(t, entryOf("hangs", "for {}", "TestAdd"))
	all, err := parse(entryOf("hangs", "for {}", "TestAdd"))
	require.NoError(t, err)
	tr := &tester{root: root, tmp: t.TempDir(), limit: time.Second}
	r := tr.try(t.Context(), all[0])
	require.Empty(t, r.problem)
	require.True(t, r.hung)
	require.Contains(t, r.String(), "(by time-out)")

	require.NoError(t, os.WriteFile(filepath.Join(root, "x.go"), []byte("package x\n\nfunc add(a, b int) int { return a - b }\n"), 0o644))
	require.ErrorContains(t, tr.healthy(t.Context(), ".", all), "TestAdd/one of . fails without any mutant")
}
