package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A tester tries mutants: in which tree, with its files where, and for how long the tests of one may run.
type tester struct {
	root, tmp string
	limit     time.Duration
}

// A result says how a mutant ended: the test that killed it, or the problem.
type result struct {
	mutant  mutant
	killer  string
	hung    bool // the killer did not end in time
	took    time.Duration
	problem string
}

func (r result) String() string {
	m := &r.mutant
	if r.problem != "" {
		return "FAILED  " + m.name + ": " + r.problem
	}
	how := ""
	if r.hung {
		how = " (by time-out)"
	}
	return fmt.Sprintf("killed  %-46s by %s %s%s  %.1fs", m.name, m.pkg, r.killer, how, r.took.Seconds())
}

// healthy runs the tests of a package that the mutants need, without a mutant: if they fail by themselves, they say nothing.
func (t *tester) healthy(ctx context.Context, pkg string, all []mutant) error {
	var patterns []string
	seen := map[string]bool{}
	for _, m := range all {
		if m.pkg == pkg && !seen[m.tests] {
			seen[m.tests] = true
			patterns = append(patterns, m.tests)
		}
	}
	bin, err := t.build(ctx, pkg, "healthy", nil)
	if err != nil {
		return err
	}
	o, err := t.test(ctx, bin, pkg, strings.Join(patterns, "|"))
	os.Remove(bin)
	if err == nil && o.failed != "" {
		err = fmt.Errorf("%s of %s fails without any mutant, so it would kill them all; make it pass first", o.failed, pkg)
	}
	return err
}

// try builds the tests with the mutant in place and runs them.
func (t *tester) try(ctx context.Context, m mutant) result {
	began := time.Now()
	r := result{mutant: m}
	o, err := t.outcomeOf(ctx, &m)
	r.took = time.Since(began)
	switch {
	case err != nil:
		r.problem = err.Error()
	case o.ran == 0:
		r.problem = fmt.Sprintf("no test of %s matches %q; correct its test", m.pkg, m.tests)
	case o.failed == "":
		r.problem = fmt.Sprintf("SURVIVED: no test of %s that matches %q notices this: %s Write a test that does.", m.pkg, m.tests, m.breaks)
	default:
		r.killer, r.hung = o.failed, o.hung
	}
	return r
}

func (t *tester) outcomeOf(ctx context.Context, m *mutant) (outcome, error) {
	file := filepath.Join(t.root, filepath.FromSlash(m.file))
	src, err := os.ReadFile(file)
	if err != nil {
		return outcome{}, err
	}
	broken, err := m.apply(string(src))
	if err != nil {
		return outcome{}, err
	}
	base := strings.ReplaceAll(m.name, "/", "-")
	replacement := filepath.Join(t.tmp, base+".go")
	if err := os.WriteFile(replacement, []byte(broken), 0o600); err != nil {
		return outcome{}, err
	}
	bin, err := t.build(ctx, m.pkg, base, map[string]string{file: replacement})
	if err != nil {
		return outcome{}, fmt.Errorf("it does not compile, so it shows nothing; write its with anew: %w", err)
	}
	defer os.Remove(bin)
	return t.test(ctx, bin, m.pkg, m.tests)
}

// build makes the test binary of a package with some files replaced. The binary is run by us and not by go test, so that
// an interrupt ends it.
func (t *tester) build(ctx context.Context, pkg, name string, replace map[string]string) (bin string, err error) {
	bin = filepath.Join(t.tmp, name+"-"+strings.Trim(strings.ReplaceAll(pkg, "/", "-"), ".-")+".test.exe") // .exe for Windows
	overlay := filepath.Join(t.tmp, name+".json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", bin, pkg)
	cmd.Dir = t.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go test -c %s: %w\n%s", pkg, err, bytes.TrimSpace(out))
	}
	return bin, nil
}

// An outcome is what a run of tests said.
type outcome struct {
	ran    int
	failed string // the first test that failed; empty: none
	hung   bool
}

// test runs the tests of a binary that match, in the package's folder, as go test does.
func (t *tester) test(ctx context.Context, bin, pkg, tests string) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*t.limit) // if it does not even answer to its own time-out
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "-test.v", "-test.failfast", "-test.paniconexit0", "-test.run", tests,
		"-test.timeout", t.limit.String())
	cmd.Dir = filepath.Join(t.root, filepath.FromSlash(pkg))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return outcome{}, fmt.Errorf("the tests of %s do not start: %w", pkg, err)
	}
	return read(string(out), err != nil), nil
}

var (
	runs  = regexp.MustCompile(`(?m)^=== RUN +(\S+)$`)
	fails = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+) \(`)
	hangs = regexp.MustCompile(`(?m)^panic: test timed out after`)
)

// read finds in the output of go test -v how many tests ran and which failed first: the first that says so, the innermost of
// those that contain it; or, where the process died, the last that began.
func read(text string, failed bool) (o outcome) {
	began := runs.FindAllStringSubmatch(text, -1)
	o.ran = len(began)
	if !failed {
		return o
	}
	o.hung = hangs.MatchString(text)
	for _, m := range fails.FindAllStringSubmatch(text, -1) {
		if o.failed == "" || strings.HasPrefix(m[1], o.failed+"/") {
			o.failed = m[1]
		}
	}
	if o.failed == "" && o.ran > 0 {
		o.failed = began[o.ran-1][1]
	}
	if o.failed == "" {
		o.failed = "the test binary, before its first test"
	}
	return o
}
