package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

// godebugCommand prints what GODEBUG makes the runtime print, of either side, and reads it from any Go program.
func (a *app) godebugCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "godebug",
		Short: "Print the lines of gctrace, gcpacertrace and schedtrace, simulated or real; read them",
		Example: "  gmplab godebug predict -f my.yaml\n" +
			"  gmplab godebug predict -f my.yaml -GODEBUG gctrace=1,gcpacertrace=1,schedtrace=10\n" +
			"  GODEBUG=gctrace=1 ./server 2>&1 | gmplab godebug table -",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.godebugRun("predict", "Simulate one point and print its lines", lab.Predicted),
		a.godebugRun("measure", "Run one point for real and print its lines", lab.Measured), a.godebugTable())
	return cmd
}

// godebugRun is godebug predict and godebug measure.
func (a *app) godebugRun(name, short, side string) *cobra.Command {
	f := flags{seed: 1, side: side}
	set := godebugFlag{text: "gctrace=1", GODEBUG: lab.GODEBUG{Gctrace: true}}
	cmd := &cobra.Command{
		Use:               name + " NAME | -f FILE",
		Short:             short,
		ValidArgsFunction: a.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			es, err := a.selected(args, f.file)
			if err != nil {
				return err
			}
			if len(es) > 1 {
				return errors.New("give one experiment; the lines are of one run")
			}
			r, err := a.godebugResult(cmd.Context(), es[0], &f, set.every)
			if err != nil {
				return err
			}
			lines := set.Append(nil, r.GCs, r.Sched)
			if len(lines) == 0 {
				fmt.Fprintf(a.err, "no line: nothing that %s tells of came up in this run\n", set.text)
			}
			_, err = a.out.Write(lines)
			return err
		},
	}
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "workload file to use instead of an experiment's name")
	cmd.Flags().StringVar(&f.point, "point", "", "the `point` to run (default the first)")
	cmd.Flags().Var((*seed)(&f.seed), "seed", "seed of the requests")
	cmd.Flags().Var(&set, "GODEBUG", "the lines that are wanted, as the runtime reads them: gctrace=1, gcpacertrace=1, schedtrace=MILLISECONDS, with commas")
	if side == lab.Predicted {
		addMachine(cmd, &f.machine)
	}
	return cmd
}

// godebugResult runs one repetition of one point.
func (a *app) godebugResult(ctx context.Context, e *experiments.Experiment, f *flags, every time.Duration) (*lab.Result, error) {
	o := experiments.Options{Seed: f.seed, Side: f.side}
	trial, point, err := e.Trial(f.point, o)
	if err != nil {
		return nil, err
	}
	if point.Predict != nil && f.side == lab.Measured {
		return nil, fmt.Errorf("-point %s: it is predicted with a policy of its own and never measured; choose another point", point.Name)
	}
	trial.SchedTrace = every
	note, err := a.prepare(ctx, e, &o, f.machine)
	if err != nil {
		return nil, err
	}
	runner := o.Measure
	if f.side == lab.Predicted {
		for _, n := range append([]string{note}, o.Cost.Assumed()...) {
			if n != "" {
				fmt.Fprintln(a.err, n)
			}
		}
		runner = o.Predict
		if point.Predict != nil {
			runner = point.Predict(o.Cost)
		}
	}
	r, err := runner(ctx, trial)
	if err != nil {
		return nil, fmt.Errorf("%s, point %s: %w", e.Name, point.Name, err)
	}
	return r, nil
}

// godebugFlag is a flag that is written as the runtime reads GODEBUG.
type godebugFlag struct {
	lab.GODEBUG
	every time.Duration
	text  string
}

// String gives the settings.
func (g *godebugFlag) String() string { return g.text }

// Type names the kind of value for the help.
func (g *godebugFlag) Type() string { return "settings" }

// Set reads the settings.
func (g *godebugFlag) Set(text string) error {
	*g = godebugFlag{text: text}
	for setting := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(setting, "=")
		n, err := strconv.Atoi(value)
		switch {
		case name == "schedtrace" && (err != nil || n < 0 || n > int(time.Hour/time.Millisecond)):
			return fmt.Errorf("schedtrace=%s: give milliseconds, 0 for no lines to %d", value, int(time.Hour/time.Millisecond))
		case name == "schedtrace":
			g.every, g.Schedtrace = time.Duration(n)*time.Millisecond, n > 0
		case name != "gctrace" && name != "gcpacertrace":
			return fmt.Errorf("%q is unknown; give gctrace=1, gcpacertrace=1 or schedtrace=MILLISECONDS, with commas between them", name)
		case value != "0" && value != "1":
			return fmt.Errorf("%s=%s: give 0 or 1", name, value)
		case name == "gctrace":
			g.Gctrace = n == 1
		default:
			g.Gcpacertrace = n == 1
		}
	}
	return nil
}

// godebugTable reads lines and prints them for readers.
func (a *app) godebugTable() *cobra.Command {
	return &cobra.Command{
		Use:   "table FILE | -",
		Short: "Print the collections in a program's standard error, simulated or of any Go 1.26 program, as a table",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			in, name := a.in, "standard input"
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return fmt.Errorf("%w; name a file that holds what a program wrote to standard error, or - for standard input", err)
				}
				defer f.Close()
				in, name = io.Reader(f), args[0]
			}
			l, err := lab.ParseGODEBUG(in)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if len(l.GCs) == 0 && len(l.Scheds) == 0 {
				return fmt.Errorf("%s: no line of gctrace, gcpacertrace or schedtrace; run the program with GODEBUG=gctrace=1 and keep its standard error", name)
			}
			_, err = fmt.Fprint(a.out, cyclesText(l.GCs)+schedsText(l.Scheds))
			return err
		},
	}
}

// size and span write bytes and times with three digits.
func size(bytes uint64) string { return experiments.Quantity(":bytes", float64(bytes)) }

func span(d time.Duration) string { return experiments.Quantity(":seconds", d.Seconds()) }

// cyclesText is a row for each cycle, and what they come to.
func cyclesText(gcs []lab.GCCycle) string {
	if len(gcs) == 0 {
		return ""
	}
	var rows [][]string
	for i := range gcs {
		c := &gcs[i]
		trigger, goal, why := c.HeapBegin, size(c.Goal), ""
		if c.Goal > 1<<60 {
			goal = "none" // GOGC=off
		}
		if c.Paced {
			trigger = c.Trigger
		}
		switch {
		case c.Forced:
			why = "runtime.GC"
		case c.Timed:
			why = "two minutes"
		}
		rows = append(rows, []string{strconv.Itoa(c.N), fmt.Sprintf("%.3f s", c.At.Seconds()), size(trigger), goal, size(c.HeapEnd), size(c.HeapMarked), span(c.Mark),
			span(c.AssistCPU), span(c.WorkerCPU), span(c.IdleCPU), span(c.StopSweep), span(c.StopMark), why})
	}
	return table([]string{"gc", "at", "trigger", "goal", "peak", "live", "mark", "assists", "workers", "idle", "stop 1", "stop 2", ""}, rows) +
		"\n" + summary(gcs)
}

// summary says what the cycles come to. The share of the CPU counts from the first one's beginning to the last one's.
func summary(gcs []lab.GCCycle) string {
	var periods, stops []time.Duration
	var cpu, all time.Duration
	forced, peak := 0, uint64(0)
	for i := range gcs {
		c := &gcs[i]
		if c.Forced {
			forced++
		}
		peak = max(peak, c.HeapEnd)
		stops = append(stops, c.StopSweep, c.StopMark)
		if i+1 < len(gcs) {
			period := gcs[i+1].At - c.At
			periods = append(periods, period)
			all += period * time.Duration(c.Procs)
			cpu += c.StopSweepCPU + c.AssistCPU + c.WorkerCPU + c.StopMarkCPU
		}
	}
	last := gcs[len(gcs)-1]
	text := fmt.Sprintf("Collections: %d, by runtime.GC %d; heap peak %s.\n", len(gcs), forced, size(peak))
	if last.N == 0 {
		return text + "When they were and how long they took is in the lines of gctrace=1, which are not there.\n"
	}
	if all > 0 {
		text += fmt.Sprintf("Median period %s; collections took %.1f %% of the CPU between the first and the last, idle workers left out.\n",
			span(median(periods)), 100*cpu.Seconds()/all.Seconds())
	}
	return text + fmt.Sprintf("Of the CPU since the process began they took %d %%. Median stop of the world %s, longest %s.\n",
		last.CPU, span(median(stops)), span(slices.Max(stops)))
}

// median is the mean of the two in the middle where the number is even.
func median(ds []time.Duration) time.Duration {
	ds = slices.Sorted(slices.Values(ds))
	n := len(ds)
	return (ds[(n-1)/2] + ds[n/2]) / 2
}

// schedsText says what the lines of schedtrace come to.
func schedsText(scheds []lab.SchedTrace) string {
	if len(scheds) == 0 {
		return ""
	}
	var idle, global, local, spinning float64
	threads := 0
	for i := range scheds {
		s := &scheds[i]
		idle += float64(s.Idleprocs)
		global += float64(s.Runqueue)
		spinning += float64(s.Spinning)
		for _, n := range s.Local {
			local += float64(n)
		}
		threads = max(threads, s.Threads)
	}
	n, last := float64(len(scheds)), scheds[len(scheds)-1]
	return fmt.Sprintf("%d lines of schedtrace over %s: on average %.2f of %d Ps idle, %.2f threads spinning, %.2f goroutines on the global queue and %.2f on "+
		"rings; at most %d threads.\n", len(scheds), span(last.At), idle/n, last.Gomaxprocs, spinning/n, global/n, local/n, threads)
}
