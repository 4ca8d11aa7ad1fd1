package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

// selected gives the experiments that the arguments name, or the one that a workload file makes.
func (a *app) selected(names []string, file string) ([]*experiments.Experiment, error) {
	if file != "" {
		if len(names) > 0 {
			return nil, errors.New("give names or -f FILE, not both")
		}
		e, err := fromFile(file)
		if err != nil {
			return nil, err
		}
		return []*experiments.Experiment{e}, nil
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("name an experiment or give -f FILE; there are: %s", strings.Join(a.names(), ", "))
	}
	var es []*experiments.Experiment
	for _, name := range names {
		i := slices.IndexFunc(a.list, func(e *experiments.Experiment) bool { return e.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown experiment %q%s; there are: %s", name, didYouMean(a.near(name)), strings.Join(a.names(), ", "))
		}
		if !slices.Contains(es, a.list[i]) {
			es = append(es, a.list[i])
		}
	}
	return es, nil
}

// names lists the experiments.
func (a *app) names() []string {
	var names []string
	for _, e := range a.list {
		names = append(names, e.Name)
	}
	return names
}

// near lists the experiments whose names are like the one given, by the rule for commands.
func (a *app) near(name string) []string {
	c := cobra.Command{SuggestionsMinimumDistance: 2}
	for _, n := range a.names() {
		c.AddCommand(&cobra.Command{Use: n, Run: func(*cobra.Command, []string) {}})
	}
	return c.SuggestionsFor(name)
}

// complete offers the experiments' names to the shell.
func (a *app) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return a.names(), cobra.ShellCompDirectiveNoFileComp
}

// Repetitions of the points of a workload file. The range of six runs holds the median with a probability of 97 %.
const (
	fileReps      = 6
	fileQuickReps = 3
)

// fromFile makes an experiment out of a workload file. It shows every metric and judges none.
func fromFile(name string) (*experiments.Experiment, error) {
	f, err := lab.ParseFile(name)
	if err != nil {
		return nil, err
	}
	w := f.Workload
	e := &experiments.Experiment{Name: w.Name, Title: w.Name + " from " + filepath.Base(name), TitleZh: filepath.Base(name) + " 中的 " + w.Name,
		Question: "What do the metrics of this workload come to at each point?", Reps: fileReps, QuickReps: fileQuickReps}
	if len(f.Points) == 0 {
		f.Points = []lab.NamedKnobs{{Name: "base", Knobs: f.Knobs}}
	}
	for _, p := range f.Points {
		e.Points = append(e.Points, experiments.Point{Name: p.Name, Workload: w, Knobs: p.Knobs})
	}
	for _, m := range lab.Metrics {
		e.Checks = append(e.Checks, experiments.Check{Metric: m.Name})
	}
	return e, e.Validate()
}

// infers tells whether an experiment needs the inference library to be measured.
func infers(e *experiments.Experiment) bool {
	return slices.ContainsFunc(e.Points, func(p experiments.Point) bool {
		return p.Predict == nil && slices.ContainsFunc(p.Workload.Classes, func(c lab.Class) bool {
			return slices.ContainsFunc(c.Steps, func(s lab.Step) bool { return s.Do == lab.Infer })
		})
	})
}
