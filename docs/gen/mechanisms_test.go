package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMechanismsPage fails when the list names what is not there, and when the page is not what the list says.
func TestMechanismsPage(t *testing.T) {
	root := os.DirFS("../..")
	notes, _, err := collect(root)
	require.NoError(t, err)
	want, err := mechanisms(root, notes)
	require.NoError(t, err)
	have, err := os.ReadFile("../mechanisms.md")
	require.NoError(t, err, "run make docs")
	if string(have) != string(want) {
		t.Error("docs/mechanisms.md is out of date; run make docs and commit what it wrote")
	}
}

// TestMechanismsAreInTheRuntime fails when the Go tree has not, or no longer, a function that the list names.
func TestMechanismsAreInTheRuntime(t *testing.T) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	src := os.DirFS(filepath.Join(strings.TrimSpace(string(out)), "src"))
	text, err := os.ReadFile("mechanisms.txt")
	require.NoError(t, err)
	all, err := readMechanisms(string(text))
	require.NoError(t, err)
	require.Greater(t, len(all), 30)
	for _, m := range all {
		for _, p := range m.runtime {
			assert.Empty(t, p.missing(src), "%s: the runtime has changed there", m.name)
			assert.NotEmpty(t, p.functions, m.name)
		}
	}
}

// project is a small one in which everything is as it should be.
func project() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		mechanismList:                file("mechanism: A\nmodel: a.go f g\nruntime: runtime/a.go f\ntranscript: show\nnote: a\nmutants: a/*\n"),
		mutantList:                   file("mutant: a/x\ntest: ./sim TestX|TestY\nmutant: b/y\ntest: ./sim TestZ\n"),
		modelDir + "/a.go":           file("package gort\nfunc f() {}\nfunc (s *S) g() {}\n"),
		modelDir + "/check.go":       file("package gort\n"),
		transcriptDir + "/show.txt":  file("# it"),
		modelDir + "/a_test.go":      file("package gort\n"),
		transcriptDir + "/ops/.keep": file(""),
	}
}

func TestMechanismRow(t *testing.T) {
	page, err := mechanisms(project(), []note{{mechanism: "a"}})
	require.NoError(t, err)
	assert.Contains(t, string(page), "\n| A | [a.go](../sim/gort/a.go): `f`, `g` | runtime/a.go: `f` | [show](../sim/testdata/transcripts/show.txt) | "+
		"[a](fidelity.md#a) | `a/x`: TestX or TestY |\n")
}

// TestMechanismsRefuse: whatever goes is missed.
func TestMechanismsRefuse(t *testing.T) {
	entry := string(project()[mechanismList].Data)
	for want, change := range map[string]func(fstest.MapFS){
		"transcript show is not there": func(p fstest.MapFS) { delete(p, transcriptDir+"/show.txt") },
		"sim/gort/a.go is not there":   func(p fstest.MapFS) { delete(p, modelDir+"/a.go") },
		"sim/gort/a.go g is not there": func(p fstest.MapFS) { p[modelDir+"/a.go"].Data = []byte("package gort\nfunc f() {}\n") },
		"mutant a/* is not there":      func(p fstest.MapFS) { p[mutantList].Data = []byte("mutant: b/y\ntest: ./sim TestZ\n") },
		"note b is not there":          func(p fstest.MapFS) { p[mechanismList].Data = []byte(strings.Replace(entry, "note: a", "note: b", 1)) },
		"lacks a model": func(p fstest.MapFS) {
			p[mechanismList].Data = []byte(strings.Replace(entry, "transcript: show\n", "", 1))
		},
		`key "color" is unknown`:             func(p fstest.MapFS) { p[mechanismList].Data = []byte(entry + "color: red\n") },
		"begin with mechanism":               func(p fstest.MapFS) { p[mechanismList].Data = []byte("model: a.go f\n") },
		"more.txt: no mechanism":             func(p fstest.MapFS) { p[transcriptDir+"/more.txt"] = &fstest.MapFile{} },
		"ops/more.txt: no mechanism":         func(p fstest.MapFS) { p[transcriptDir+"/ops/more.txt"] = &fstest.MapFile{} },
		"sim/gort/b.go: no mechanism":        func(p fstest.MapFS) { p[modelDir+"/b.go"] = &fstest.MapFile{Data: []byte("package gort\n")} },
		mutantList + ": file does not exist": func(p fstest.MapFS) { delete(p, mutantList) },
	} {
		p := project()
		change(p)
		_, err := mechanisms(fs.FS(p), []note{{mechanism: "a"}})
		assert.ErrorContains(t, err, want, want)
	}
}
