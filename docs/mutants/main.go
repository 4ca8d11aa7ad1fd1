// Command mutants breaks the simulator on purpose, one line at a time, and shows which test notices. A mutant that no test
// notices is a mechanism that nobody checks. Run it with make mutants; the list is mutants.txt, which says how to add one.
//
// Nothing in the tree changes: the go command gets the broken file by -overlay.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	atOnce  = 2                // mutants that are built and run at a time
	tooLong = 20 * time.Second // a mutant's tests that run for longer hang, and so they have noticed
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) > 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./docs/mutants [REGEXP]   (of names and files; all without it)")
		os.Exit(2)
	}
	pattern := ""
	if len(os.Args) == 2 {
		pattern = os.Args[1]
	}
	err := run(ctx, ".", pattern, os.Stdout)
	if err != nil && err != errSome {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

// errSome says that not all mutants were killed; the last line has counted them.
var errSome = errors.New("not all were killed")

// list is where the mutants are written down.
const list = "docs/mutants/mutants.txt"

// run tries the mutants of the project at root that the pattern selects. Each gets a line; the last line counts.
func run(ctx context.Context, root, pattern string, out io.Writer) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(root, list))
	if err != nil {
		return fmt.Errorf("%w; run it from the root of the project", err)
	}
	all, err := parse(string(text))
	if err != nil {
		return err
	}
	chosen, err := choose(all, pattern)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "gmplab-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	t := &tester{root: root, tmp: tmp, limit: tooLong}

	began := time.Now()
	packages := packagesOf(chosen)
	fmt.Fprintf(out, "%d mutants; first the tests of %d packages without one\n", len(chosen), len(packages))
	for _, p := range packages {
		if err := t.healthy(ctx, p, chosen); err != nil && ctx.Err() == nil {
			return err
		}
	}
	results := tryAll(ctx, t, chosen, out)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted after %d of %d mutants", len(results), len(chosen))
	}
	var bare []string
	if pattern == "" {
		if bare, err = withoutMutant(os.DirFS(root), all); err != nil {
			return err
		}
	}
	return summary(out, results, bare, time.Since(began))
}

// choose gives the mutants whose name or file the pattern matches.
func choose(all []mutant, pattern string) ([]mutant, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("the pattern that selects mutants: %w", err)
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(m mutant) bool { return !re.MatchString(m.name) && !re.MatchString(m.file) })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no mutant's name or file matches %q; the list is %s", pattern, list)
	}
	return chosen, nil
}

// tryAll tries the mutants, some at a time, and writes a line for each as soon as it is done.
func tryAll(ctx context.Context, t *tester, chosen []mutant, out io.Writer) (results []result) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := 0
	for range atOnce {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(chosen) || ctx.Err() != nil {
					return
				}
				r := t.try(ctx, chosen[i])
				mu.Lock()
				if ctx.Err() == nil {
					results = append(results, r)
					fmt.Fprintf(out, "[%*d/%d] %s\n", len(fmt.Sprint(len(chosen))), len(results), len(chosen), r)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return results
}

// summary says again what failed, and counts.
func summary(out io.Writer, results []result, bare []string, took time.Duration) error {
	var failed []string
	for _, r := range results {
		if r.problem != "" {
			failed = append(failed, r.String())
		}
	}
	for _, file := range bare {
		failed = append(failed, fmt.Sprintf("%s has no mutant; add one to %s with the test that notices it", file, list))
	}
	passed := len(results) + len(bare) - len(failed)
	if len(failed) > 0 {
		fmt.Fprintf(out, "\nnot killed:\n  %s\n", strings.Join(failed, "\n  "))
	}
	fmt.Fprintf(out, "\nall in %v\n%d passed, %d failed\n", took.Round(time.Second), passed, len(failed))
	if len(failed) > 0 {
		return errSome
	}
	return nil
}
