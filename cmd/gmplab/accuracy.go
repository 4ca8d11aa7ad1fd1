package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/accuracy"
	"github.com/gmplab/lab/experiments/figure"
)

// accuracyFlags are those of gmplab accuracy.
type accuracyFlags struct {
	out      string
	random   int
	seed     uint64
	families []string
	quick    bool
	json     bool
}

// maxRandom is how many random cases one call draws: what its pictures can show.
const maxRandom = 100

// accuracyCommand scores predictions on cases that were used for nothing else.
func (a *app) accuracyCommand() *cobra.Command {
	f := accuracyFlags{seed: 1}
	cmd := &cobra.Command{
		Use:   "accuracy",
		Short: "Predict and measure a held-out suite, and say how large the errors are",
		Long: "accuracy predicts and measures cases that were used for nothing else, and says how large the errors are, beside what the measurement\n" +
			"itself is worth. What is stopped goes on where it was when the same command is given again.",
		Example: "  gmplab accuracy -quick\n" +
			"  gmplab accuracy -random 40 -seed 7     cases that nobody has chosen\n" +
			"  gmplab accuracy -families gc,c-calls",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cases, name, err := f.cases()
			if err != nil {
				return err
			}
			e := accuracy.Experiment(name, cases)
			if err := writable(f.out, e.Name); err != nil {
				return err
			}
			return a.accuracy(cmd.Context(), e, cases, &f)
		},
	}
	cmd.Flags().StringVar(&f.out, "out", "out", "folder of accuracy.json, accuracy.md and accuracy.svg")
	cmd.Flags().IntVar(&f.random, "random", 0, "draw so many cases instead of the suite's")
	cmd.Flags().Var((*seed)(&f.seed), "seed", "seed of the cases that are drawn, and of the requests")
	cmd.Flags().StringSliceVar(&f.families, "families", nil, "only these families: "+strings.Join(accuracy.Families, ", "))
	cmd.Flags().BoolVar(&f.quick, "quick", false, "shorter, with fewer repetitions")
	cmd.Flags().BoolVar(&f.json, "json", false, "print accuracy.json instead of the table")
	return cmd
}

// cases gives the cases that the flags ask for, and the name of the experiment that they make.
func (f *accuracyFlags) cases() (cases []accuracy.Case, name string, err error) {
	if f.random < 0 || f.random > maxRandom {
		return nil, "", fmt.Errorf("-random %d: give 1 to %d, or 0 for the suite", f.random, maxRandom)
	}
	cases, name = accuracy.Suite(), "accuracy"
	if f.random > 0 {
		cases, name = accuracy.Random(f.random, f.seed), "accuracy-random"
	}
	for _, family := range f.families {
		if !slices.Contains(accuracy.Families, family) {
			return nil, "", fmt.Errorf("-families %s: there is no such family; there are: %s", family, strings.Join(accuracy.Families, ", "))
		}
	}
	if len(f.families) > 0 {
		cases = slices.DeleteFunc(cases, func(c accuracy.Case) bool { return !slices.Contains(f.families, c.Family) })
	}
	if len(cases) == 0 {
		return nil, "", fmt.Errorf("no case is left of %s; choose other families", strings.Join(f.families, ", "))
	}
	return cases, name, accuracy.Check(cases)
}

// accuracy runs the cases, writes the score and prints it. While it measures it keeps a journal beside the results.
func (a *app) accuracy(ctx context.Context, e *experiments.Experiment, cases []accuracy.Case, f *accuracyFlags) error {
	o := experiments.Options{Seed: f.seed, Quick: f.quick, Command: "gmplab " + strings.Join(a.args, " ")}
	if err := a.prepareAccuracy(ctx, e, &o, filepath.Join(f.out, e.Name+".journal")); err != nil {
		return err
	}
	defer o.Journal.Close()
	p := newProgress(a.err)
	defer p.end()
	o.Progress = p.of(e.Name)
	outcome, err := experiments.Run(ctx, e, o)
	if err != nil {
		return err
	}
	p.end()
	score, err := accuracy.NewScore(cases, outcome)
	if err != nil {
		return err
	}
	text, err := score.JSON(outcome)
	if err != nil {
		return err
	}
	if err := errors.Join(a.save(ctx, filepath.Join(f.out, "accuracy.json"), string(text)),
		a.save(ctx, filepath.Join(f.out, "accuracy.md"), score.Markdown(outcome)),
		a.picture(ctx, score.Figure(outcome), filepath.Join(f.out, "accuracy"))); err != nil {
		return err
	}
	files, err := a.write(ctx, outcome, f.out)
	if err != nil {
		return err
	}
	for _, ext := range []string{"json", "md", "svg", "png"} {
		files = append(files, filepath.Join(f.out, "accuracy."+ext))
	}
	if err := o.Journal.Remove(); err != nil {
		return err
	}
	if f.json {
		_, err = a.out.Write(text)
		return err
	}
	rows := score.Rows()
	_, err = fmt.Fprintf(a.out, "%s\n%s\n\nwrote:\n  %s\n", table(rows[0], rows[1:]), strings.Join(score.Sentences(), "\n"), strings.Join(files, "\n  "))
	return err
}

// prepareAccuracy gets the runners, the journal and the costs: those of a run that was stopped, else the host's as it is now.
func (a *app) prepareAccuracy(ctx context.Context, e *experiments.Experiment, o *experiments.Options, name string) error {
	program, err := programSum()
	if err != nil {
		return err
	}
	o.Side = lab.Measured // which does not calibrate
	if _, err := a.prepare(ctx, e, o, ""); err != nil {
		return err
	}
	o.Side = experiments.Both
	if o.Journal, err = experiments.OpenJournal(name, e, *o, program); err != nil {
		return err
	}
	if o.Journal != nil {
		o.Journal.Resume(o)
		o.Predict = a.predict(o.Cost)
		return nil
	}
	if _, err := a.prepare(ctx, e, o, ""); err != nil {
		return err
	}
	o.Journal, err = experiments.NewJournal(name, e, *o, program)
	return err
}

// programSum is the SHA-256 of this program: what another build measured is not gone on with.
func programSum() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("the path of this program is unknown: %w", err)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("this program cannot read its own file: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("this program cannot read its own file: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// picture draws a scatter as SVG and PNG; a signal waits until that is done, or comes before it.
func (a *app) picture(ctx context.Context, f figure.Scatter, name string) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(figure.RenderScatter(f, name+".svg"), figure.RenderScatter(f, name+".png"))
}
