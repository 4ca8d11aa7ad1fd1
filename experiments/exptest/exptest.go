// Package exptest is the test that every experiment folder calls in three lines. It holds the prediction to the bytes
// committed in testdata/predicted.bench, the verdicts on the predicted side to testdata/claims.txt, and the result in
// the two READMEs to the committed data. go test ./experiments/NAME -update writes them anew, and draws figure.svg.
package exptest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

var update = flag.Bool("update", false, "write testdata/predicted.bench, testdata/claims.txt and the result in the READMEs anew")

// Seed is the seed of committed predictions.
const Seed = 1

// Readmes are the files that every experiment folder holds.
var Readmes = []string{"README.md", "README.zh.md"}

// The sections of a README, in order. A README in another language has the same ones, with a translation behind.
var sections = []string{"## Question", "## Predict first", "## Run", "## Result", "## Exercise"}

// The result of a README stands between these two lines.
const (
	begin = "<!-- result:begin -->"
	end   = "<!-- result:end -->"
)

// Run checks the experiment whose folder is the working directory: everything that Experiment.Validate checks, the
// sections of the READMEs, and that the prediction at cost, made by predict, is the committed one byte for byte. With
// -short the prediction is not made again.
func Run(t *testing.T, e *experiments.Experiment, cost lab.Cost, predict lab.Runner) {
	require.NoError(t, e.Validate())
	t.Run("readme", func(t *testing.T) {
		for _, name := range Readmes {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			assert.NoError(t, checkSections(string(text)), name)
			_, err = between(string(text), "")
			assert.NoError(t, err, name)
		}
	})
	t.Run("prediction", func(t *testing.T) {
		if testing.Short() {
			t.Skip("predicting the whole experiment is left out with -short")
		}
		o, err := experiments.Run(context.Background(), e, experiments.Options{Seed: Seed, Side: lab.Predicted, Cost: cost, Predict: predict})
		require.NoError(t, err)
		bench, err := o.Bench(lab.Predicted)
		require.NoError(t, err)
		golden(t, e, filepath.Join("testdata", experiments.PredictedFile), string(bench))
		golden(t, e, filepath.Join("testdata", "claims.txt"), claims(o))
	})
	if t.Failed() {
		return // the result follows from what differs already
	}
	t.Run("result", func(t *testing.T) {
		measured, err := measurement()
		require.NoError(t, err)
		o, err := experiments.CompareFiles(e, filepath.Join("testdata", experiments.PredictedFile), measured)
		require.NoError(t, err)
		for _, name := range Readmes {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			want, err := between(string(text), fmt.Sprintf("\n![%s](%s)\n\n%s\n", e.Title, figureFile, o.Markdown(3, strings.Contains(name, ".zh."))))
			require.NoError(t, err)
			golden(t, e, name, want)
		}
		if *update {
			dir := t.TempDir()
			_, err := o.Write(dir)
			require.NoError(t, err)
			require.NoError(t, copyFile(filepath.Join(dir, e.Name, figureFile), figureFile))
		}
		assert.FileExists(t, figureFile)
	})
}

// figureFile is drawn with -update; its bytes are not compared, for they may differ between kinds of machine.
const figureFile = "figure.svg"

// measurement gives the name of the one file in measured/; empty if none is committed yet.
func measurement() (string, error) {
	files, err := filepath.Glob(filepath.Join("measured", "*.bench"))
	if err != nil || len(files) == 0 {
		return "", err
	}
	if len(files) > 1 {
		return "", fmt.Errorf("measured/ holds %d files, but the READMEs show one; keep the one from the host of the reference costs", len(files))
	}
	return files[0], nil
}

// claims is testdata/claims.txt: one line a claim.
func claims(o *experiments.Outcome) string {
	var b strings.Builder
	b.WriteString("# claim, verdict on the predicted side, verdict expected of the run for real\n")
	for _, v := range o.Verdicts {
		p := string(v.Predicted)
		if p == "" {
			p = "needs both sides"
		}
		fmt.Fprintf(&b, "%s: %s; %s\n", v.ID, p, v.Expect)
	}
	return b.String()
}

// golden compares text with a committed file, or writes the file when -update is given.
func golden(t *testing.T, e *experiments.Experiment, path, want string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.NoError(t, stale(e, path, string(have), want))
}

// stale says where a committed file differs from what the data say now, and how to write it anew.
func stale(e *experiments.Experiment, path, have, want string) error {
	if have == want {
		return nil
	}
	line, was, is := firstDifference(have, want)
	return fmt.Errorf("%s is not what the data say now; if that is meant, run: go test ./experiments/%s -update\nline %d, committed: %s\nline %d, now:       %s",
		path, e.Name, line, was, line, is)
}

// firstDifference gives the first line, counted from 1, in which two texts differ.
func firstDifference(a, b string) (line int, inA, inB string) {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(x), len(y)) {
		inA, inB = "(end of file)", "(end of file)"
		if i < len(x) {
			inA = x[i]
		}
		if i < len(y) {
			inB = y[i]
		}
		if inA != inB {
			return i + 1, inA, inB
		}
	}
	return 0, "", ""
}

// checkSections says which section is missing or out of order.
func checkSections(text string) error {
	at := 0
	for _, s := range sections {
		i := strings.Index(text[at:], "\n"+s)
		if i < 0 {
			return fmt.Errorf("section %q is missing or out of order; the sections are %q", s, sections)
		}
		at += i + 1
	}
	return nil
}

// between gives text with what stands between the two markers replaced.
func between(text, result string) (string, error) {
	i, j := strings.Index(text, begin), strings.Index(text, end)
	if i < 0 || j < i {
		return "", fmt.Errorf("the lines %s and %s are missing", begin, end)
	}
	return text[:i+len(begin)] + result + text[j:], nil
}

// copyFile copies one file.
func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
