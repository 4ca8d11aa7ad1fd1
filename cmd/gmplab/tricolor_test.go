package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A lesson loses its object under its own barrier, in words and in the picture, and not under the one that Go ships.
func TestTricolor(t *testing.T) {
	c := newCall(t)
	require.Equal(t, statusOK, c.do("tricolor"), c.stderr.String())
	assert.Regexp(t, `(?m)^no-barrier +none +A pointer moves`, c.stdout.String())
	assert.Regexp(t, `(?m)^deletion-only +deletion `, c.stdout.String())

	out := filepath.Join(c.dir, "film.svg")
	c = newCall(t)
	require.Equal(t, statusOK, c.do("tricolor", "no-barrier", "-out", out), c.stderr.String())
	assert.Contains(t, c.stdout.String(), "C is lost.")
	assert.Contains(t, c.stderr.String(), "wrote "+out)
	svg, err := os.ReadFile(out)
	require.NoError(t, err)
	golden, err := os.ReadFile("../../sim/tricolor/testdata/no-barrier.svg")
	require.NoError(t, err)
	assert.Equal(t, string(golden), string(svg))

	c = newCall(t)
	require.Equal(t, statusOK, c.do("tricolor", "no-barrier", "-barrier", "hybrid"))
	assert.NotContains(t, c.stdout.String(), "C is lost.")
	c = newCall(t)
	require.Equal(t, statusOK, c.do("tricolor", "hybrid", "-barrier=none", "-zh"))
	assert.Contains(t, c.stdout.String(), "丢失")
}

func TestTricolorRefused(t *testing.T) {
	c := newCall(t)
	for _, r := range []struct {
		want string
		args []string
	}{
		{`unknown lesson "nothing"; there are: no-barrier, deletion-only, `, []string{"nothing"}},
		{"give hybrid, deletion, insertion, none", []string{"hybrid", "-barrier", "both"}},
		{"give a file that ends in .svg", []string{"hybrid", "-out", "film.png"}},
		{"no such file or directory; choose a folder that exists", []string{"hybrid", "-out", filepath.Join(c.dir, "none", "film.svg")}},
		{"are for one lesson; name it", []string{"-out", "film.svg"}},
		{"are for one lesson; name it", []string{"-barrier", "none"}},
		{"accepts at most 1 arg", []string{"hybrid", "no-barrier"}},
	} {
		c.stderr.Reset()
		c.stdout.Reset()
		assert.Equal(t, statusBad, c.do(append([]string{"tricolor"}, r.args...)...), r.args)
		assert.Contains(t, c.stderr.String(), r.want, r.args)
		assert.Empty(t, c.stdout.String(), "%v: nothing is shown of what is refused", r.args)
	}
}
