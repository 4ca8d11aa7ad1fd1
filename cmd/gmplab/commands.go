package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/realrun"
	"github.com/gmplab/lab/realrun/calibrate"
	"github.com/gmplab/lab/realrun/ort"
)

// listCommand prints the experiments, one a line, the name first.
func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the experiments",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var rows [][]string
			for _, e := range a.list {
				rows = append(rows, []string{e.Name, e.Title, e.TitleZh})
			}
			_, err := fmt.Fprint(a.out, table(nil, rows))
			return err
		},
	}
}

// compareCommand reads the results of a former run and prints them again.
func (a *app) compareCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:               "compare NAME… | -f FILE",
		Short:             "Compare what a former run wrote",
		ValidArgsFunction: a.complete,
		RunE: func(_ *cobra.Command, args []string) error {
			es, err := a.selected(args, f.file)
			if err != nil {
				return err
			}
			for _, e := range es {
				o, err := experiments.Compare(e, f.out)
				if err != nil {
					return err
				}
				if err := a.print(o, f.json); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

// calibrateCommand measures the costs of this machine, whatever is in the cache.
func (a *app) calibrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "calibrate",
		Short: "Measure what the primitives cost on this machine",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lib, err := a.library(cmd.Context(), false)
			if err != nil {
				return err
			}
			if lib.Path == "" {
				fmt.Fprintln(a.err, "without the inference library its service times are not measured; run gmplab setup first to have them")
			}
			c, err := a.calibrate(cmd.Context(), lib, false)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, r := range calibrate.Describe(c) {
				rows = append(rows, []string{r.Name, r.Value, r.Unit, r.Spread})
			}
			_, err = fmt.Fprint(a.out, table([]string{"cost", "median", "unit", "spread"}, rows))
			return err
		},
	}
}

// setupCommand finds or fetches the inference library.
func (a *app) setupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Find or fetch the inference library",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lib, err := a.library(cmd.Context(), true)
			if err != nil {
				return err
			}
			if err := ort.Open(lib); err != nil {
				return err
			}
			version := ort.Version()
			if err := ort.Close(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "onnxruntime %s (%s): %s\n", version, lib.Source, lib.Path)
			return err
		},
	}
}

// versionCommand prints what was built.
func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			version, commit := "(devel)", ""
			if info, ok := debug.ReadBuildInfo(); ok {
				if info.Main.Version != "" {
					version = info.Main.Version
				}
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						commit = " commit " + s.Value[:min(12, len(s.Value))]
					}
				}
			}
			_, err := fmt.Fprintf(a.out, "gmplab %s%s %s %s/%s\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// trialCommand is the process that a real run starts for each trial; nobody types it.
func (a *app) trialCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "trial",
		Short:  "Run one trial from standard input to standard output",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return realrun.Child(cmd.Context(), a.in, a.out)
		},
	}
}
