package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gmplab/lab/realrun/calibrate"
	"github.com/gmplab/lab/realrun/native"
	"github.com/gmplab/lab/realrun/ort"
)

// A finding is one line of the doctor's report.
type finding struct {
	what, found string
	todo        string // what to do about it; empty: nothing is missing
}

// doctorCommand reports what this machine has, what is missing and what to do about it. It never fails: it is a report.
func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Report what this machine has and what is missing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			fs := []finding{goTool(ctx), cCompiler(ctx), npm(ctx), cgo()}
			fs = append(fs, library()...)
			fs = append(fs, finding{what: "cores", found: strconv.Itoa(runtime.NumCPU())},
				finding{what: "GOMAXPROCS", found: fmt.Sprintf("%d by default", runtime.GOMAXPROCS(0))},
				cgroupLimit("/"), calibration())
			fs = append(fs, noise(ctx)...)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var rows [][]string
			missing := 0
			for _, f := range fs {
				state := "ok"
				if f.todo != "" {
					state = "missing"
					missing++
				}
				rows = append(rows, []string{state, f.what, f.found})
			}
			fmt.Fprint(a.out, table(nil, rows))
			for _, f := range fs {
				if f.todo != "" {
					fmt.Fprintf(a.out, "to do: %s: %s\n", f.what, f.todo)
				}
			}
			if missing == 0 {
				fmt.Fprintln(a.out, "nothing is missing")
			}
			return nil
		},
	}
}

// firstLine is the first line that a program prints; ok is false where it is not there or fails.
func firstLine(ctx context.Context, name string, args ...string) (line string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	b, err := cmd.Output()
	line, _, _ = strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line, err == nil
}

func goTool(ctx context.Context) finding {
	f := finding{what: "Go", found: "this program was built with " + runtime.Version()}
	if line, ok := firstLine(ctx, "go", "version"); ok {
		f.found += "; " + line
	} else {
		f.todo = "the go command is not on the PATH; install Go to build and test"
	}
	return f
}

func cCompiler(ctx context.Context) finding {
	names := []string{"cc", "gcc", "clang"}
	if cc := strings.Fields(os.Getenv("CC")); len(cc) > 0 {
		names = cc[:1]
	}
	for _, name := range names {
		if line, ok := firstLine(ctx, name, "--version"); ok {
			return finding{what: "C compiler", found: name + ": " + line}
		}
	}
	return finding{"C compiler", "none of " + strings.Join(names, ", "), "install gcc or clang, or name one in CC; without it inference cannot be measured"}
}

func npm(ctx context.Context) finding {
	if line, ok := firstLine(ctx, "npm", "--version"); ok {
		return finding{what: "npm", found: line}
	}
	f := finding{what: "npm", found: "not on the PATH"}
	cache, err := ort.DefaultCache()
	if _, findErr := ort.Find(cache); err != nil || findErr != nil {
		f.todo = "install npm, which fetches the inference library, or name a library in " + ort.EnvLibrary
	} else {
		f.found += ", and not needed: the library is there"
	}
	return f
}

func cgo() finding {
	if !hasCgo() {
		return finding{"cgo", "off", ort.ErrNoCgo.Error()}
	}
	if err := native.Check(); err != nil {
		return finding{"cgo", "on, but call steps and the pipe generator are not here", err.Error()}
	}
	return finding{what: "cgo", found: "on"}
}

// library reports the inference library: version, path, providers.
func library() []finding {
	cache, err := ort.DefaultCache()
	if err != nil {
		return []finding{{"library", "none", err.Error()}}
	}
	lib, err := ort.Find(cache)
	switch {
	case errors.Is(err, ort.ErrNotFound):
		return []finding{{"library", "none", "run gmplab setup; without it only workloads with infer steps cannot be measured"}}
	case err != nil:
		return []finding{{"library", "none", err.Error()}}
	}
	at := fmt.Sprintf("%s (%s)", lib.Path, lib.Source)
	if err := ort.Open(lib); err != nil {
		if !hasCgo() {
			return []finding{{what: "library", found: "onnxruntime " + lib.Version + ", not opened without cgo: " + at}}
		}
		return []finding{{"library", at, err.Error()}}
	}
	fs := []finding{{what: "library", found: "onnxruntime " + ort.Version() + ", " + at},
		{what: "providers", found: strings.Join(ort.Providers(), ", ")}}
	if err := ort.Close(); err != nil {
		fs[0].todo = err.Error()
	}
	return fs
}

// cgroupLimit reports how much CPU the control groups of this process grant, version 2 or 1; root is / but in tests.
func cgroupLimit(root string) finding {
	f := finding{what: "cgroup CPU limit", found: "none"}
	limit := 0.0
	lower := func(quota, period string) {
		q, errQ := strconv.ParseFloat(strings.TrimSpace(quota), 64)
		p, errP := strconv.ParseFloat(strings.TrimSpace(period), 64)
		if errQ == nil && errP == nil && q > 0 && p > 0 && (limit == 0 || q/p < limit) {
			limit = q / p
		}
	}
	base := filepath.Join(root, "sys/fs/cgroup")
	groups, _ := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for dir := filepath.Clean("/" + parts[2]); ; dir = filepath.Dir(dir) { // a group's limit binds those in it
			if b, err := os.ReadFile(filepath.Join(base, dir, "cpu.max")); err == nil && parts[1] == "" {
				quota, period, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
				lower(quota, period)
			}
			if strings.Contains(","+parts[1]+",", ",cpu,") {
				quota, _ := os.ReadFile(filepath.Join(base, parts[1], dir, "cpu.cfs_quota_us"))
				period, _ := os.ReadFile(filepath.Join(base, parts[1], dir, "cpu.cfs_period_us"))
				lower(string(quota), string(period))
			}
			if dir == "/" {
				break
			}
		}
	}
	if limit > 0 {
		f.found = fmt.Sprintf("%.3g cores", limit)
	}
	return f
}

// calibration reports the calibration of this machine in the cache.
func calibration() finding {
	const todo = "run gmplab calibrate; gmplab run does it when it needs it, and gmplab predict uses the reference machine's costs"
	c, err := loaded()
	if err != nil {
		return finding{"calibration", err.Error(), todo}
	}
	cache, err := ort.DefaultCache()
	if err != nil {
		return finding{"calibration", err.Error(), todo}
	}
	age := "of unknown age"
	if made, err := time.Parse(time.RFC3339, c.Made); err == nil {
		age = time.Since(made).Round(time.Minute).String() + " old"
	}
	f := finding{what: "calibration", found: fmt.Sprintf("%s, took %s, in %s", age, c.Took, filepath.Join(cache, "calibration"))}
	if missing := calibrate.Missing(c); len(missing) > 0 {
		f.found += "; not measured: " + strings.Join(missing, ", ")
	}
	return f
}
