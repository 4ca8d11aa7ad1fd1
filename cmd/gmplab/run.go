package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/realrun"
	"github.com/gmplab/lab/realrun/calibrate"
	"github.com/gmplab/lab/realrun/ort"
)

// runCommand is run, predict or measure; without a side it has a flag for it.
func (a *app) runCommand(name, short, side string) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:               name + " NAME… | -f FILE",
		Short:             short,
		Example:           examples(name, side),
		ValidArgsFunction: a.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			es, err := a.selected(args, f.file)
			if err != nil {
				return err
			}
			if f.traces() {
				return a.traced(cmd, es, &f)
			}
			if err := f.idle(cmd); err != nil {
				return err
			}
			for _, e := range es {
				if err := writable(f.out, e.Name); err != nil {
					return err
				}
			}
			for _, e := range es {
				if err := a.experiment(cmd.Context(), e, &f); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f.addRun(cmd, side)
	if side != lab.Measured {
		f.addTrace(cmd)
	}
	return cmd
}

// experiment runs one experiment, writes its files and prints what came out.
func (a *app) experiment(ctx context.Context, e *experiments.Experiment, f *flags) error {
	began := time.Now()
	o := experiments.Options{Seed: f.seed, Quick: f.quick, Side: f.side, Command: "gmplab " + strings.Join(a.args, " ")}
	note, err := a.prepare(ctx, e, &o, f.machine)
	if err != nil {
		return err
	}
	p := newProgress(a.err)
	defer p.end()
	if note != "" {
		p.say("%s", note)
	}
	o.Progress = p.of(e.Name)
	outcome, err := experiments.Run(ctx, e, o)
	if err != nil {
		return err
	}
	p.end()
	if note != "" {
		outcome.Notes = append(outcome.Notes, note)
	}
	files, err := a.write(ctx, outcome, f.out)
	if err != nil {
		return err
	}
	if err := a.print(outcome, f.json); err != nil {
		return err
	}
	to := a.out
	if f.json {
		to = a.err
	}
	fmt.Fprintf(to, "wrote in %s:\n", time.Since(began).Round(100*time.Millisecond))
	for _, name := range files {
		fmt.Fprintln(to, "  "+name)
	}
	return nil
}

// prepare gets what the side needs of this machine: the library, the calibration and the runners. It gives a note
// where the costs are not this machine's. What the file named machine says is laid over the costs.
func (a *app) prepare(ctx context.Context, e *experiments.Experiment, o *experiments.Options, machine string) (note string, err error) {
	var lib ort.Library
	over, err := readMachine(machine, o.Side)
	if err != nil {
		return "", err
	}
	if o.Side == experiments.Both && len(over.Foreign) > 0 {
		return "", fmt.Errorf("-machine %s: foreign load is for predictions; a measurement beside other processes counts as not clean, so use gmplab predict %s -machine %s",
			machine, e.Name, machine)
	}
	if o.Side != lab.Predicted {
		if lib, err = a.library(ctx, infers(e)); err != nil {
			return "", fmt.Errorf("%w; gmplab predict %s works without it", err, e.Name)
		}
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("the path of this program is unknown, which each trial starts again: %w", err)
		}
		o.Host = calibrate.Host(lib)
		o.Measure = a.measure(realrun.Setup{Library: lib, Self: self})
	}
	switch o.Side {
	case lab.Predicted:
		o.Cost, note, err = costToPredict(infers(e))
	case experiments.Both:
		if o.Cost, err = a.cost(ctx, lib, infers(e), o.Quick); err == nil {
			err = a.refreshed(ctx, lib, &o.Cost)
		}
	}
	if err != nil {
		return "", err
	}
	if o.Cost, err = laidOver(o.Cost, over, machine); err != nil {
		return "", err
	}
	if o.Side != lab.Measured {
		o.Predict = a.predict(o.Cost)
	}
	return note, nil
}

// write writes the files of an outcome, all or none; a signal waits until that is done, or comes before it.
func (a *app) write(ctx context.Context, o *experiments.Outcome, dir string) ([]string, error) {
	a.writing.Lock()
	defer a.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return o.Write(dir)
}

// writable refuses a folder in which the results could not be written, before any work is done. It makes nothing.
func writable(dir, name string) error {
	refuse := func(path string, err error) error {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return fmt.Errorf("-out %s: %s: %w; choose a folder that can be written", dir, path, err)
	}
	if dir == "" {
		return errors.New("-out is empty; give a folder")
	}
	path := filepath.Join(dir, name)
	for {
		info, err := os.Stat(path)
		if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) && path != filepath.Dir(path) {
			path = filepath.Dir(path)
			continue
		}
		if err != nil {
			return refuse(path, err)
		}
		if !info.IsDir() {
			return refuse(path, errors.New("is not a folder"))
		}
		break
	}
	f, err := os.CreateTemp(path, ".gmplab-*")
	if err != nil {
		return refuse(path, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
