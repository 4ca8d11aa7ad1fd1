package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/realrun"
	"github.com/gmplab/lab/realrun/observe"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

// traceCommand records what goroutines, Ps and threads do, for real and simulated, and compares the two.
func (a *app) traceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "Record every change of state, simulated or real; check and compare",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.traceRecord("predict", "Simulate one point and write its changes of state", "sim.trace.txt", a.tracePredict),
		a.traceRecord("measure", "Run one point for real and write its Go execution trace", "real.trace", a.traceMeasure),
		a.traceDiff(), a.traceCheck())
	return cmd
}

// traceRecord is trace predict and trace measure.
func (a *app) traceRecord(name, short, file string, record func(cmd *cobra.Command, e *experiments.Experiment, t lab.Trial, out, machine string) error) *cobra.Command {
	var workload, point, out, machine string
	var s uint64 = 1
	cmd := &cobra.Command{
		Use:               name + " NAME | -f FILE",
		Short:             short,
		ValidArgsFunction: a.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			es, err := a.selected(args, workload)
			if err != nil {
				return err
			}
			if len(es) > 1 {
				return errors.New("give one experiment; a trace is of one run")
			}
			t, p, err := es[0].Trial(point, experiments.Options{Seed: s})
			if err != nil {
				return err
			}
			if p.Predict != nil {
				return fmt.Errorf("-point %s: it is predicted with a policy of its own and never measured; its trace would be another program's, so choose another point", p.Name)
			}
			if info, err := os.Stat(out); out == "" || err == nil && info.IsDir() {
				return fmt.Errorf("-out %q is no file; give the name of one", out)
			}
			if err := record(cmd, es[0], t, out, machine); err != nil {
				return err
			}
			fmt.Fprintln(a.out, "wrote "+out)
			return nil
		},
	}
	cmd.Flags().StringVarP(&workload, "file", "f", "", "workload file to use instead of an experiment's name")
	cmd.Flags().StringVar(&point, "point", "", "the point to run; without it the first one")
	cmd.Flags().StringVar(&out, "out", file, "file to write")
	cmd.Flags().Var((*seed)(&s), "seed", "seed of the requests")
	if name == "predict" {
		addMachine(cmd, &machine)
	}
	return cmd
}

func (a *app) tracePredict(cmd *cobra.Command, e *experiments.Experiment, t lab.Trial, out, machine string) error {
	over, err := readMachine(machine, lab.Predicted)
	if err != nil {
		return err
	}
	cost, note, err := costToPredict(infers(e))
	if err != nil {
		return err
	}
	if cost, err = laidOver(cost, over, machine); err != nil {
		return err
	}
	trace, err := sim.Trace(cmd.Context(), cost, gort.Go126(), t)
	if err != nil {
		return err
	}
	for _, n := range append([]string{note}, cost.Assumed()...) {
		if n != "" {
			trace.Notes = append(trace.Notes, n)
			fmt.Fprintln(a.err, n)
		}
	}
	var b strings.Builder
	if err := trace.Write(&b); err != nil {
		return err
	}
	if err := a.save(cmd.Context(), out, b.String()); err != nil {
		return fmt.Errorf("-out %s: %w; choose a file that can be written", out, err)
	}
	return nil
}

func (a *app) traceMeasure(cmd *cobra.Command, e *experiments.Experiment, t lab.Trial, out, _ string) error {
	lib, err := a.library(cmd.Context(), infers(e))
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("the path of this program is unknown, which a trial starts again: %w", err)
	}
	_, err = a.measure(realrun.Setup{Library: lib, Self: self, Trace: out})(cmd.Context(), t)
	return err
}

// readTrace reads either kind of trace.
func readTrace(path string) (*lab.Trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; name a file that gmplab trace predict or measure, runtime/trace or go test -trace has written", err)
	}
	defer f.Close()
	b := bufio.NewReader(f)
	begin, _ := b.Peek(64)
	read := observe.ReadTrace
	if lab.IsTrace(begin) {
		read = func(r io.Reader) (*lab.Trace, error) { return lab.ReadTrace(r) }
	}
	t, err := read(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// traceCheck validates traces.
func (a *app) traceCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE…",
		Short: "Check that every change of state is one that the runtime makes",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			for _, path := range args {
				t, err := readTrace(path)
				if err != nil {
					return err
				}
				if err := lab.Validate(t.Moves); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				fmt.Fprintf(a.out, "%s: %d changes of state, all legal\n", path, len(t.Moves))
			}
			return nil
		},
	}
}

// traceDiff compares two traces.
func (a *app) traceDiff() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff SIM REAL",
		Short: "Compare where goroutines spent their time, how long they waited for a P and how long they ran",
		Args:  cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			var acts [2]lab.Activity
			var notes []string
			for i, path := range args {
				t, err := readTrace(path)
				if err != nil {
					return err
				}
				if err := lab.Validate(t.Moves); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				if want := []string{lab.Predicted, lab.Measured}[i]; t.Side != want {
					return fmt.Errorf("%s is %s; give the simulated trace first and the real one second", path, t.Side)
				}
				acts[i], notes = t.Activity(), append(notes, t.Notes...)
			}
			if err := a.printActivity(experiments.CompareActivity(acts[0], acts[1]), asJSON); err != nil || asJSON {
				return err
			}
			for _, n := range notes {
				fmt.Fprintln(a.out, "note: "+n)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the rows as JSON")
	return cmd
}

// printActivity prints the rows; those that differ by more than a tenth are marked.
func (a *app) printActivity(rows []experiments.ActivityRow, asJSON bool) error {
	if asJSON {
		b, err := json.MarshalIndent(rows, "", "  ")
		if err != nil {
			return fmt.Errorf("the rows cannot be written as JSON: %w", err)
		}
		_, err = fmt.Fprintln(a.out, string(b))
		return err
	}
	const far = 0.1
	var lines [][]string
	for _, r := range rows {
		mark := ""
		if r.Error == nil && r.Sim != r.Real || r.Error != nil && (*r.Error > far || *r.Error < -far) {
			mark = "*"
		}
		lines = append(lines, []string{r.Name, experiments.Quantity(r.Name, r.Sim), experiments.Quantity(r.Name, r.Real), experiments.ErrorText(r.Error), mark})
	}
	_, err := fmt.Fprint(a.out, table([]string{"quantity", "simulated", "real", "error", ""}, lines)+"* differs by more than 10 %\n")
	return err
}
