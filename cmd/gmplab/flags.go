package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

// flags are those of the commands that run or read experiments.
type flags struct {
	out, file, side string
	seed            uint64
	quick, json     bool
	machine         string
	trace
}

// add gives a command the flags that read and write results.
func (f *flags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.out, "out", "out", "folder of the results; each experiment has a folder of its own in it")
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "workload file to use instead of an experiment's name; docs/workload.md lists its keys")
	cmd.Flags().BoolVar(&f.json, "json", false, "print result.json instead of the table")
}

// addRun gives a command the flags that say how to run. With a side the command has no flag for it.
func (f *flags) addRun(cmd *cobra.Command, side string) {
	f.add(cmd)
	f.seed, f.side = 1, side
	cmd.Flags().Var((*seed)(&f.seed), "seed", "seed of the requests, the same on both sides")
	cmd.Flags().BoolVar(&f.quick, "quick", false, "shorter, with fewer repetitions")
	if side != lab.Measured {
		addMachine(cmd, &f.machine)
	}
	if side == "" {
		f.side = experiments.Both
		cmd.Flags().Var((*sideFlag)(&f.side), "side", "predicted, measured or both")
	}
}

// addMachine gives a command that predicts the flag that says on which machine.
func addMachine(cmd *cobra.Command, file *string) {
	cmd.Flags().Var((*fileFlag)(file), "machine", "machine `file`: other processes, SMT, NUMA or another number of cores to predict for (docs/machine.md)")
}

// fileFlag is a flag that holds the name of a file.
type fileFlag string

// String gives the name.
func (f *fileFlag) String() string { return string(*f) }

// Type names the kind of value for the help.
func (f *fileFlag) Type() string { return "file" }

// Set reads the name.
func (f *fileFlag) Set(text string) error {
	if text == "" {
		return errors.New("give the name of a file")
	}
	*f = fileFlag(text)
	return nil
}

// seed is a flag that holds a whole number of 0 or more.
type seed uint64

// String gives the number.
func (s *seed) String() string { return strconv.FormatUint(uint64(*s), 10) }

// Type names the kind of value for the help.
func (s *seed) Type() string { return "number" }

// Set reads the number.
func (s *seed) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return errors.New("give a whole number, 0 or more")
	}
	*s = seed(n)
	return nil
}

// sideFlag is a flag that holds one of experiments.Sides.
type sideFlag string

// String gives the side.
func (s *sideFlag) String() string { return string(*s) }

// Type names the kind of value for the help.
func (s *sideFlag) Type() string { return "side" }

// Set reads the side.
func (s *sideFlag) Set(text string) error {
	if !slices.Contains(experiments.Sides, text) {
		return fmt.Errorf("give %s", strings.Join(experiments.Sides, ", "))
	}
	*s = sideFlag(text)
	return nil
}
