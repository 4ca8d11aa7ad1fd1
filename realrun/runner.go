package realrun

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
	"github.com/gmplab/lab/realrun/ort"
)

// Setup is what the real run needs of this machine.
type Setup struct {
	Library ort.Library // the inference library; the zero Library where there is none
	Trace   string      // file for the execution trace of the trial; empty: none is recorded
	Self    string      // path of the program that is started once a trial with the argument "trial", to call Child
}

// setupLimit is how long a trial's process may take besides the run itself.
const setupLimit = 30 * time.Second

// Runner gives the runner that measures: it runs each trial in a fresh process, so that what Go reads at its start is
// the trial's, and tells in Values what the host did meanwhile. It fails for a trial that does not validate, for one
// that needs what this machine or program lacks (the error then wraps [ort.ErrNotFound] or [native.ErrNoC]), when the
// process fails or does not end in time, and when ctx is done, which kills the process.
func Runner(s Setup) lab.Runner {
	return func(ctx context.Context, t lab.Trial) (*lab.Result, error) {
		if s.Self == "" {
			return nil, errors.New("realrun: Setup.Self is empty: name the program that runs a trial")
		}
		if err := t.Validate(); err != nil {
			return nil, err
		}
		if err := check(&t, s.Library); err != nil {
			return nil, err
		}
		before, hostErr := readHostCPU()
		own, ownOK := cpuTime()
		res, used, err := traced(ctx, s, t)
		if err != nil {
			return nil, err
		}
		ownAfter, _ := cpuTime()
		after, err := readHostCPU()
		switch {
		case hostErr != nil || err != nil:
			res.Notes = append(res.Notes, fmt.Sprintf("/host/steal:ratio and /host/foreign-cpu:cores are absent: %v", errors.Join(hostErr, err)))
		case !ownOK:
			res.Notes = append(res.Notes, "/host/steal:ratio and /host/foreign-cpu:cores are absent: this system does not tell a process its CPU time")
		default:
			res.Values["/host/steal:ratio"], res.Values["/host/foreign-cpu:cores"] = noise(before, after, used+ownAfter-own)
		}
		return res, nil
	}
}

// check says what a valid trial needs that is not here.
func check(t *lab.Trial, lib ort.Library) error {
	w, arrivals := &t.Workload, 0.0
	for i := range w.Classes {
		c := &w.Classes[i]
		if c.Arrivals.Kind == lab.Poisson || c.Arrivals.Kind == lab.Every {
			arrivals += c.Arrivals.Rate * (w.Warmup + w.Run).Seconds()
		}
		if openLoop(&c.Arrivals, lab.Pipe) && native.Check() != nil {
			return fmt.Errorf("workload.classes[%d].arrivals.generator: pipe, the generator that is a C thread, is not here (%w); or use in-process", i, native.Check())
		}
		for j := range c.Steps {
			if err := checkStep(&c.Steps[j], lib); err != nil {
				return fmt.Errorf("workload.classes[%d].steps[%d]: %w", i, j, err)
			}
		}
	}
	if arrivals > maxArrivals {
		return fmt.Errorf("workload: %.0f open-loop requests are due over warmup and run; a real run takes at most %d, so lower a rate or the run", arrivals, maxArrivals)
	}
	return nil
}

func checkStep(s *lab.Step, lib ort.Library) error {
	switch {
	case s.Do == lab.Call && native.Check() != nil:
		return fmt.Errorf("a call step needs C: %w", native.Check())
	case s.Do == lab.Syscall:
		return checkSyscall()
	case s.Do == lab.Infer && lib.Path == "":
		return fmt.Errorf("an infer step needs the inference library: %w", ort.ErrNotFound)
	}
	return nil
}

// launch runs one trial in a process of its own and gives its Result and the CPU time that the process used.
func launch(ctx context.Context, s Setup, t lab.Trial) (*lab.Result, time.Duration, error) {
	input, err := json.Marshal(envelope{Trial: t, Library: s.Library, Trace: partOf(s.Trace)})
	if err != nil {
		return nil, 0, fmt.Errorf("realrun: the trial cannot be written down: %w", err)
	}
	limit := t.Workload.Warmup + t.Workload.Run + lab.DrainLimit + setupLimit
	if t.Workload.Run == 0 {
		limit += lab.OnceLimit
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(bounded, s.Self, "trial")
	killGroup(cmd)
	cmd.WaitDelay = time.Second
	cmd.Env = environment(os.Environ(), t.Knobs.Filled(runtime.NumCPU()), godebug(&t))
	cmd.Stdin = bytes.NewReader(input)
	said, err := openMessages(&t)
	if err != nil {
		return nil, 0, err
	}
	defer said.close()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said.head
	if said.file != nil {
		cmd.Stderr = said.file
	}
	err = cmd.Run()
	defer drop(s.Trace)
	lines, text, unread := said.read()
	switch {
	case ctx.Err() != nil:
		return nil, 0, fmt.Errorf("realrun: the trial of %q was given up: %w", t.Workload.Name, ctx.Err())
	case bounded.Err() != nil:
		return nil, 0, fmt.Errorf("realrun: the trial of %q did not end within %v and was killed: shorten the workload", t.Workload.Name, limit)
	case err != nil:
		return nil, 0, fmt.Errorf("realrun: the trial of %q failed: %s", t.Workload.Name, reason(text, out.Bytes(), err))
	}
	if err := keep(s.Trace); err != nil {
		return nil, 0, err
	}
	res, clock, d := &lab.Result{}, gcClock{}, gob.NewDecoder(&out)
	if err = d.Decode(res); err == nil {
		err = d.Decode(&clock)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("realrun: the trial of %q wrote no result (%w): %s must call realrun.Child for the argument \"trial\"", t.Workload.Name, err, s.Self)
	}
	if res.Values == nil {
		res.Values = map[string]float64{}
	}
	if unread != nil {
		res.Notes = append(res.Notes, fmt.Sprintf("What the runtime said about its collections cannot all be read: %v.", unread))
	}
	res.GCs, res.Sched = clock.place(lines.GCs), lines.Scheds
	res.Trial = t
	return res, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// settings are the variables that Go reads at its start.
var settings = []string{"GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG"}

// environment is env with Go's settings replaced by the knobs, which are filled, and by more settings of GODEBUG.
func environment(env []string, k lab.Knobs, debug []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(settings, name)
	})
	gogc := strconv.Itoa(k.GOGC)
	if k.GOGC < 0 {
		gogc = "off"
	}
	env = append(env, "GOMAXPROCS="+strconv.Itoa(k.GOMAXPROCS), "GOGC="+gogc)
	if k.GOMEMLIMIT > 0 {
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(k.GOMEMLIMIT, 10))
	}
	if k.AsyncPreemptOff {
		debug = append(debug, "asyncpreemptoff=1")
	}
	if len(debug) > 0 {
		env = append(env, "GODEBUG="+strings.Join(debug, ","))
	}
	return env
}

// head keeps the beginning of what is written to it: a failing Go program says first what is wrong, and then shows its
// goroutines.
type head struct{ text []byte }

// Write never fails; what is beyond the limit is dropped.
func (h *head) Write(b []byte) (int, error) {
	const limit = 64 << 10
	h.text = append(h.text, b[:min(len(b), limit-len(h.text))]...)
	return len(b), nil
}

// reason is the one line of a failed process's messages that says why, or how the process ended. A panic's is in crash, too,
// where no other line breaks into it.
func reason(messages, crash []byte, end error) string {
	last := ""
	for i, text := range [][]byte{crash, messages} {
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
				return line
			}
			if line != "" && i > 0 {
				last = line
			}
		}
	}
	if last == "" {
		return fmt.Sprintf("its process said nothing (%v)", end)
	}
	return last
}
