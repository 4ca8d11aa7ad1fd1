package realrun

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/trace"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/observe"
)

// traced is launch, and reads the trace of a Traced trial.
func traced(ctx context.Context, s Setup, t lab.Trial) (*lab.Result, time.Duration, error) {
	if t.Traced && s.Trace == "" {
		dir, err := os.MkdirTemp("", "gmplab-trace-")
		if err != nil {
			return nil, 0, fmt.Errorf("realrun: there is no room for the execution trace: %w", err)
		}
		defer os.RemoveAll(dir)
		s.Trace = filepath.Join(dir, "trace")
	}
	res, used, err := launch(ctx, s, t)
	if err != nil || !t.Traced {
		return res, used, err
	}
	f, err := os.Open(s.Trace)
	if err != nil {
		return nil, 0, fmt.Errorf("realrun: the execution trace is not there: %w", err)
	}
	defer f.Close()
	trace, err := observe.ReadTrace(f)
	if err != nil {
		return nil, 0, fmt.Errorf("realrun: the trial of %q: %w", t.Workload.Name, err)
	}
	res.TimeSlices = trace.Activity().Preempted
	return res, used, nil
}

// A tracer records the execution trace of a trial's process; nil records nothing.
type tracer struct{ f *os.File }

// startTrace begins to record into a file, from before the trial is set up.
func startTrace(path string) (*tracer, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("realrun: the execution trace cannot be written: %w", err)
	}
	if err := trace.Start(f); err != nil {
		return nil, fmt.Errorf("realrun: the execution trace cannot be started: %w", err)
	}
	return &tracer{f}, nil
}

// mark notes in the trace that the counted part begins or ends.
func (t *tracer) mark(message string) {
	if t != nil {
		trace.Log(context.Background(), observe.LogCategory, message)
	}
}

// stop ends the recording.
func (t *tracer) stop() error {
	if t == nil {
		return nil
	}
	trace.Stop()
	if err := t.f.Close(); err != nil {
		return fmt.Errorf("realrun: the execution trace cannot be written: %w", err)
	}
	return nil
}

// partOf is where a file is written until it is whole.
func partOf(path string) string {
	if path == "" {
		return ""
	}
	return path + ".part"
}

// keep gives a whole file its name.
func keep(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Rename(partOf(path), path); err != nil {
		return fmt.Errorf("realrun: the execution trace cannot be kept: %w", err)
	}
	return nil
}

// drop removes what is left of a file that did not become whole.
func drop(path string) {
	if path != "" {
		_ = os.Remove(partOf(path))
	}
}
