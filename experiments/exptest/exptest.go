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
	"github.com/gmplab/lab/experiments/reference"
)

var update = flag.Bool("update", false, "write testdata/predicted.bench, testdata/claims.txt and the result in the READMEs anew")

// Seed is the seed of committed predictions.
const Seed = 1

// Readmes are the files that every experiment folder holds.
var Readmes = []string{"README.md", "README.zh.md"}

// The sections of a README, in order. A README in another language has the same ones, with a translation behind.
var sections = []string{"## Question", "## Predict first", "## Run", "## Result", "## Exercise"}

// resultBlock is the block of a README in which the result stands.
const resultBlock = "result"

// Run checks the experiment whose folder is the working directory: everything that Experiment.Validate checks, the
// sections of the READMEs, and that the prediction made by predict at the costs committed beside the measurement is the committed
// one byte for byte. With -short the prediction is not made again.
func Run(t *testing.T, e *experiments.Experiment, predict func(lab.Cost) lab.Runner) {
	require.NoError(t, e.Validate())
	t.Run("readme", func(t *testing.T) {
		for _, name := range Readmes {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			assert.NoError(t, checkSections(string(text)), name)
			_, err = between(string(text), resultBlock, "")
			assert.NoError(t, err, name)
		}
	})
	t.Run("prediction", func(t *testing.T) {
		if testing.Short() {
			t.Skip("predicting the whole experiment is left out with -short")
		}
		cost, command, err := charged()
		require.NoError(t, err)
		o, err := experiments.Run(context.Background(), e, experiments.Options{Seed: Seed, Side: lab.Predicted, Cost: cost, Predict: predict(cost), Command: command})
		require.NoError(t, err)
		bench, err := o.Bench(lab.Predicted)
		require.NoError(t, err)
		Golden(t, e, filepath.Join("testdata", experiments.PredictedFile), string(bench))
		Golden(t, e, filepath.Join("testdata", "claims.txt"), claims(o))
		if trace := o.GCTrace(lab.Predicted); trace != nil {
			Golden(t, e, filepath.Join("testdata", "predicted.gctrace"), string(trace))
		}
	})
	if t.Failed() {
		return // the result follows from what differs already
	}
	t.Run("result", func(t *testing.T) {
		measured, err := measurement()
		require.NoError(t, err)
		o, err := experiments.CompareFiles(e, filepath.Join("testdata", experiments.PredictedFile), measured)
		require.NoError(t, err)
		pictures := []string{figureFile}
		if o.HasTimeline() {
			pictures = append(pictures, experiments.TimelineFile, experiments.TimelineZhFile)
		}
		for _, name := range Readmes {
			zh := strings.Contains(name, ".zh.")
			show := fmt.Sprintf("![%s](%s)\n", e.Title, figureFile)
			if o.HasTimeline() {
				show += fmt.Sprintf("\n![%s](%s)\n", experiments.TimelineAlt, map[bool]string{false: experiments.TimelineFile, true: experiments.TimelineZhFile}[zh])
			}
			Block(t, e, name, resultBlock, show+"\n"+o.Markdown(3, zh))
		}
		if *update {
			dir := t.TempDir()
			_, err := o.Write(dir)
			require.NoError(t, err)
			for _, name := range pictures {
				require.NoError(t, copyFile(filepath.Join(dir, e.Name, name), name))
			}
		}
		for _, name := range pictures {
			assert.FileExists(t, name)
		}
	})
}

// Block compares what a README holds between the lines <!-- NAME:begin --> and <!-- NAME:end --> with text, or writes it
// there when -update is given.
func Block(t *testing.T, e *experiments.Experiment, readme, name, text string) {
	t.Helper()
	have, err := os.ReadFile(readme)
	require.NoError(t, err)
	want, err := between(string(have), name, "\n"+text+"\n")
	require.NoError(t, err, readme)
	Golden(t, e, readme, want)
}

// figureFile is drawn with -update, like the timelines; its bytes are not compared, for they may differ between kinds of machine.
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

// charged gives the costs that the prediction is charged, and the command that made both sides: those with which the committed
// measurement began. Where none is committed they are those of the reference host.
func charged() (c lab.Cost, command string, err error) {
	measured, err := measurement()
	if err != nil {
		return c, "", err
	}
	if measured == "" {
		c, err = reference.Cost()
		return c, "", err
	}
	name := strings.TrimSuffix(measured, ".bench") + "." + experiments.CostFile
	c, sum, err := reference.Read(name)
	if err != nil {
		return c, "", err
	}
	text, err := os.ReadFile(measured)
	if err != nil {
		return c, "", err
	}
	for line := range strings.Lines(string(text)) {
		if s, ok := strings.CutPrefix(line, "cost-sha256: "); ok && strings.TrimSpace(s) != sum {
			return c, "", fmt.Errorf("%s has the sum %s, but %s began with costs of the sum %s; copy both from the same run", name, sum, measured, strings.TrimSpace(s))
		}
		if s, ok := strings.CutPrefix(line, "command: "); ok {
			command = strings.TrimSpace(s)
		}
	}
	if command != "" {
		return c, command, nil
	}
	return c, "", fmt.Errorf("%s: no line says with which command it was made; measure again with gmplab run", measured)
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

// Golden compares text with a committed file of the experiment, or writes the file when -update is given.
func Golden(t *testing.T, e *experiments.Experiment, path, want string) {
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

// between gives text with what stands between the two lines that mark a block replaced.
func between(text, name, result string) (string, error) {
	begin, end := fmt.Sprintf("<!-- %s:begin -->", name), fmt.Sprintf("<!-- %s:end -->", name)
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
