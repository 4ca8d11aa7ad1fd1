package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/sim"
)

// What -steps prints if -limit does not say.
const (
	defaultLimit = 40
	mostSteps    = 200_000 // the state behind each is kept in memory
)

// trace are the flags that show one simulated run instead of measuring.
type trace struct {
	steps       bool
	why, point  string
	from, until time.Duration
	limit       int
}

// addTrace gives a command these flags.
func (t *trace) addTrace(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&t.steps, "steps", false, "simulate one repetition of one point and print each decision of the scheduler; nothing is measured")
	fs.StringVar(&t.why, "why", "", "simulate the same and say where the latency of one `request` went: its number, median, p99 or slowest")
	fs.StringVar(&t.point, "point", "", "with -steps and -why: the `point` (default the first)")
	fs.DurationVar(&t.from, "from", 0, "with -steps: print decisions from this time on")
	fs.DurationVar(&t.until, "until", 0, "with -steps: and before this time (default the end of the run)")
	fs.IntVar(&t.limit, "limit", defaultLimit, "with -steps: print at most so many decisions")
}

// traces tells whether one run is to be shown.
func (t *trace) traces() bool { return t.steps || t.why != "" }

// idle refuses flags that say how to show a run where none is shown.
func (t *trace) idle(cmd *cobra.Command) error {
	if cmd.Flags().Changed("why") {
		return errors.New("-why is empty; give a request's number, median, p99 or slowest")
	}
	for _, name := range []string{"point", "from", "until", "limit"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			if name == "point" {
				return errors.New("-point is for -steps and -why; give one of them with it")
			}
			return fmt.Errorf("-%s is for -steps; give -steps with it", name)
		}
	}
	return nil
}

// check refuses flags that do not go together.
func (f *flags) check(cmd *cobra.Command, es []*experiments.Experiment) error {
	which := "-steps"
	if f.why != "" {
		which = "-why"
	}
	changed := cmd.Flags().Changed
	switch {
	case f.steps && f.why != "":
		return errors.New("-steps and -why are two views of a run; give one of them")
	case f.json:
		return fmt.Errorf("%s prints text for readers; leave -json out", which)
	case f.side == lab.Measured:
		return fmt.Errorf("%s shows the simulator at work; leave -side %s out", which, f.side)
	case len(es) > 1:
		return fmt.Errorf("%s shows one run; name one experiment", which)
	case f.why != "" && (changed("from") || changed("until") || changed("limit")):
		return errors.New("-from, -until and -limit are for -steps; -why tells of one request from its beginning to its end")
	case f.from < 0 || f.until < 0:
		return errors.New("-from and -until are times since the start of the run; give 0 or more, such as 300ms")
	case changed("until") && f.until <= f.from:
		return fmt.Errorf("-until %v is not after -from %v; give a later time", f.until, f.from)
	case f.limit < 1 || f.limit > mostSteps:
		return fmt.Errorf("-limit %d: give 1 to %d, and choose the part of the run with -from and -until", f.limit, mostSteps)
	}
	return nil
}

// traced simulates one repetition of one point and prints what -steps or -why ask for. With -out it writes the same text
// to steps.txt or why.txt in the experiment's folder.
func (a *app) traced(cmd *cobra.Command, es []*experiments.Experiment, f *flags) error {
	if err := f.check(cmd, es); err != nil {
		return err
	}
	ctx, e := cmd.Context(), es[0]
	save := cmd.Flags().Changed("out")
	if save {
		if err := writable(f.out, e.Name); err != nil {
			return err
		}
	}
	text, err := a.tell(ctx, e, f)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(a.out, text); err != nil || !save {
		return err
	}
	file := filepath.Join(f.out, e.Name, "steps.txt")
	if !f.steps {
		file = filepath.Join(f.out, e.Name, "why.txt")
	}
	if err := a.save(ctx, file, text); err != nil {
		return fmt.Errorf("cannot write %s: %w; choose another folder", file, err)
	}
	_, err = fmt.Fprintf(a.err, "wrote %s\n", file)
	return err
}

// tell simulates the run and gives the text.
func (a *app) tell(ctx context.Context, e *experiments.Experiment, f *flags) (string, error) {
	o := experiments.Options{Seed: f.seed, Quick: f.quick, Side: lab.Predicted}
	trial, point, err := e.Trial(f.point, o)
	if err != nil {
		return "", err
	}
	note, err := a.prepare(ctx, e, &o, f.machine)
	if err != nil {
		return "", err
	}
	for _, n := range append([]string{note}, o.Cost.Assumed()...) {
		if n != "" {
			fmt.Fprintln(a.err, n)
		}
	}
	runner := o.Predict
	if point.Predict != nil {
		runner = point.Predict(o.Cost)
	}
	rec := &sim.Record{From: f.from, Until: f.until}
	if f.steps {
		rec.Limit = f.limit
	}
	if _, err := runner(rec.In(ctx), trial); err != nil {
		return "", fmt.Errorf("%s, point %s: %w", e.Name, point.Name, err)
	}
	if !rec.Filled() {
		return "", fmt.Errorf("%s, point %s: whoever predicts it keeps no record of its decisions; choose another point", e.Name, point.Name)
	}
	head := fmt.Sprintf("%s, point %s, seed %d: one simulated run with GOMAXPROCS=%d\n\n", e.Name, point.Name, f.seed, rec.Ps())
	if f.steps {
		return head + rec.Steps(a.width()), nil
	}
	story, err := rec.Story(f.why)
	if err != nil {
		return "", fmt.Errorf("%s, point %s: %w", e.Name, point.Name, err)
	}
	return head + story.Text(a.width()), nil
}

// width is how many columns the output has.
func (a *app) width() int {
	if f, ok := a.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return min(max(w, 60), 160)
		}
	}
	return 100
}

// save writes a file as a whole or not at all; a signal waits until that is done, or comes before it.
func (a *app) save(ctx context.Context, file, text string) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(file), ".gmplab-*")
	if err != nil {
		return err
	}
	_, err = t.WriteString(text)
	if err = errors.Join(err, t.Close(), os.Chmod(t.Name(), 0o644)); err == nil {
		err = os.Rename(t.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(t.Name()))
	}
	return nil
}

// examples shows the help's reader what these flags are for.
func examples(command, side string) string {
	if side == lab.Measured {
		return ""
	}
	return fmt.Sprintf("  gmplab %[1]s batching\n  gmplab %[1]s stealing -steps -point p2 -from 1ms   one simulated run, decision by decision\n"+
		"  gmplab %[1]s batching -why slowest                 where one request's latency went", command)
}
