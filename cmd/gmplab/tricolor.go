package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"github.com/gmplab/lab/sim/tricolor"
)

// barriers are those that a film can be shown with.
var barriers = []tricolor.Barrier{tricolor.Hybrid, tricolor.Deletion, tricolor.Insertion, tricolor.None}

// barrierFlag is a flag that holds one of barriers; nil until it is given.
type barrierFlag struct{ barrier *tricolor.Barrier }

// String gives the barrier's name.
func (b *barrierFlag) String() string {
	if b.barrier == nil {
		return ""
	}
	return b.barrier.String()
}

// Type names the kind of value for the help.
func (b *barrierFlag) Type() string { return "barrier" }

// Set reads the barrier's name.
func (b *barrierFlag) Set(text string) error {
	var names []string
	for _, v := range barriers {
		if v.String() == text {
			b.barrier = &v
			return nil
		}
		names = append(names, v.String())
	}
	return fmt.Errorf("give %s", strings.Join(names, ", "))
}

// lesson finds one by its name.
func lesson(name string) (tricolor.Lesson, error) {
	var names []string
	for _, l := range tricolor.Lessons() {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return tricolor.Lesson{}, fmt.Errorf("unknown lesson %q; there are: %s", name, strings.Join(names, ", "))
}

// tricolorCommand shows a lesson of sim/tricolor as a list of steps, and writes its strip of frames.
func (a *app) tricolorCommand() *cobra.Command {
	var zh bool
	var out string
	var barrier barrierFlag
	cmd := &cobra.Command{
		Use:   "tricolor [LESSON]",
		Short: "Show how a small heap is marked, step by step, with and without the write barrier",
		Example: "  gmplab tricolor                                  the lessons\n" +
			"  gmplab tricolor no-barrier\n" +
			"  gmplab tricolor no-barrier -barrier deletion -out film.svg",
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, l := range tricolor.Lessons() {
				names = append(names, l.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			lang := tricolor.English
			if zh {
				lang = tricolor.Chinese
			}
			if len(args) == 0 {
				if out != "" || barrier.barrier != nil {
					return errors.New("-out and -barrier are for one lesson; name it")
				}
				return a.lessons(lang)
			}
			l, err := lesson(args[0])
			if err != nil {
				return err
			}
			if barrier.barrier != nil {
				l.Rules.Barrier = *barrier.barrier
			}
			return a.film(&l, lang, out)
		},
	}
	cmd.Flags().BoolVar(&zh, "zh", false, "in Chinese")
	cmd.Flags().Var(&barrier, "barrier", "hybrid, deletion, insertion or none, instead of the lesson's own")
	cmd.Flags().StringVar(&out, "out", "", "SVG `file` to write the strip of frames to")
	return cmd
}

// lessons lists them with the barriers under which they are shown.
func (a *app) lessons(lang tricolor.Lang) error {
	var rows [][]string
	for _, l := range tricolor.Lessons() {
		rows = append(rows, []string{l.Name, l.Rules.Barrier.String(), l.TitleIn(lang)})
	}
	_, err := fmt.Fprint(a.out, table(nil, rows))
	return err
}

// film prints the steps of a lesson and, with a file's name, writes its strip.
func (a *app) film(l *tricolor.Lesson, lang tricolor.Lang, out string) error {
	if out != "" && strings.ToLower(filepath.Ext(out)) != ".svg" {
		return fmt.Errorf("-out %s: give a file that ends in .svg", out)
	}
	c, err := l.Case()
	if err != nil {
		return err
	}
	f, err := tricolor.Shoot(&c, l.Rules)
	if err != nil {
		return err
	}
	if out != "" {
		if err := maybe.WriteFile(out, f.SVG(l.TitleIn(lang), lang), 0o644); err != nil {
			if p := (*fs.PathError)(nil); errors.As(err, &p) {
				err = p.Err
			}
			return fmt.Errorf("-out %s: %w; choose a folder that exists and can be written to", out, err)
		}
		fmt.Fprintln(a.err, "wrote "+out)
	}
	_, err = fmt.Fprintln(a.out, strings.Join(f.Steps(lang), "\n"))
	return err
}
