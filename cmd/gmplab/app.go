package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/all"
	"github.com/gmplab/lab/realrun"
	"github.com/gmplab/lab/realrun/calibrate"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

// An app is one call of the command, with what it reads, where it writes and who runs experiments.
type app struct {
	in       io.Reader
	out      io.Writer // results
	err      io.Writer // progress and errors
	list     []*experiments.Experiment
	predict  func(lab.Cost) lab.Runner
	measure  func(realrun.Setup) lab.Runner
	price    func(context.Context, calibrate.Options) (lab.Cost, error) // calibrates
	refresh  func(context.Context, calibrate.Options, *lab.Cost) error
	args     []string   // as typed
	writing  sync.Mutex // held while results are written
	differed bool       // a verdict is not the one claimed
}

// stopped is what a command says that a signal ended.
const stopped = "gmplab: stopped"

func newApp(in io.Reader, out, err io.Writer) *app {
	return &app{in: in, out: out, err: err, list: all.List, measure: realrun.Runner, price: calibrate.Run, refresh: calibrate.Refresh,
		predict: func(c lab.Cost) lab.Runner { return sim.Runner(c, gort.Go126()) }}
}

// run does what the arguments say and gives the exit status. An error is one line on a.err.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	a.args = args
	root.SetArgs(longFlags(args))
	err := root.ExecuteContext(ctx)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(a.err, stopped)
		return statusStopped
	case err != nil:
		fmt.Fprintln(a.err, "gmplab: "+strings.Join(strings.Fields(err.Error()), " "))
		return statusBad
	case a.differed:
		return statusDiffers
	}
	return statusOK
}

// root makes the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "gmplab",
		Short: "Predicts how a Go program behaves, runs it for real and compares",
		Long: "gmplab predicts how a Go program behaves with a simulator of the Go runtime, runs the very same workload for\n" +
			"real and compares the two. A flag may be written with one dash or with two.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return fmt.Errorf("unknown command %q%s; gmplab -help lists the commands", args[0], didYouMean(cmd.SuggestionsFor(args[0])))
		},
		SuggestionsMinimumDistance: 2,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) {
			return fmt.Errorf("%w; %s -help lists the flags", err, cmd.CommandPath())
		}
		return err
	})
	root.AddCommand(a.listCommand(), a.runCommand("run", "Predict, measure and compare", ""),
		a.runCommand("predict", "Predict with the simulator alone", lab.Predicted),
		a.runCommand("measure", "Run for real alone", lab.Measured),
		a.compareCommand(), a.accuracyCommand(), a.traceCommand(), a.godebugCommand(), a.tricolorCommand(), a.calibrateCommand(), a.setupCommand(), a.doctorCommand(), a.versionCommand(), a.trialCommand())
	return root
}

// didYouMean names what was probably meant; empty if nothing is near.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}

var oneDash = regexp.MustCompile(`^-[A-Za-z][A-Za-z-]+(=|$)`)

// longFlags turns -out, as Go programs write flags, into --out, as the flag library reads it. What follows -- is left
// alone, and so are numbers and flags of one letter.
func longFlags(args []string) []string {
	long := make([]string, len(args))
	for i, arg := range args {
		if arg == "--" {
			copy(long[i:], args[i:])
			break
		}
		if oneDash.MatchString(arg) {
			arg = "-" + arg
		}
		long[i] = arg
	}
	return long
}
