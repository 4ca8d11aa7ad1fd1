package main

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fidelity makes the page of notes.
func fidelity(root fs.FS) ([]byte, error) {
	notes, rooms, err := collect(root)
	return page(notes, rooms), err
}

// TestFidelityPage fails when a note changed and the page did not.
func TestFidelityPage(t *testing.T) {
	want, err := fidelity(os.DirFS("../.."))
	require.NoError(t, err)
	have, err := os.ReadFile("../fidelity.md")
	require.NoError(t, err, "run make docs")
	if string(have) != string(want) {
		t.Error("docs/fidelity.md is out of date; run make docs and commit what it wrote")
	}
}

const source = `// Package x models x. And more.
//
// SIMPLIFIED(gc): there is none,
// so far.
//
// Not part of it.
package x

// f does.
// SIMPLIFIED(sysmon): a.
// SIMPLIFIED(host): b
// goes on.
func f() {
	// SIMPLIFIED(host): inside.
	_ = 1
}

const (
	a = 1
	// SIMPLIFIED(host): the constant.
	b = 2
)
`

// TestNotes collects notes over several lines, in a file, a function and a declaration, and puts the collector first.
func TestNotes(t *testing.T) {
	page, err := fidelity(fstest.MapFS{
		"sim/x/x.go":      {Data: []byte(source)},
		"sim/x/x_test.go": {Data: []byte("package x\n// SIMPLIFIED(test): not of the model.\n")},
	})
	require.NoError(t, err)
	assert.Contains(t, string(page), "- [`sim/x`](../sim/x): Package x models x.\n")
	_, list, _ := strings.Cut(string(page), "\n\n## ")
	assert.Equal(t, `gc

- there is none, so far. ([sim/x/x.go](../sim/x/x.go))

## host

- b goes on. (`+"`f`"+` in [sim/x/x.go](../sim/x/x.go))
- inside. (`+"`f`"+` in [sim/x/x.go](../sim/x/x.go))
- the constant. (`+"`b`"+` in [sim/x/x.go](../sim/x/x.go))

## sysmon

- a. (`+"`f`"+` in [sim/x/x.go](../sim/x/x.go))
`, list)
}

// TestBadNotes refuses what would otherwise be left out without a word.
func TestBadNotes(t *testing.T) {
	for _, src := range []string{
		"package x\n// SIMPLIFIED: no mechanism.\n",
		"package x\n// SIMPLIFIED(x) no colon.\n",
		"package x\n// SIMPLIFIED(x):\n\nvar a int\n",
		"package x\n/* SIMPLIFIED(x): in a block. */\n",
	} {
		_, err := fidelity(fstest.MapFS{"sim/x.go": {Data: []byte(src)}})
		assert.ErrorContains(t, err, "sim/x.go", src)
	}
}
