package realrun

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
	"github.com/gmplab/lab/realrun/observe"
	"github.com/gmplab/lab/realrun/ort"
)

// An envelope is what a trial's process reads: the trial and what this machine adds to it.
type envelope struct {
	Trial   lab.Trial
	Library ort.Library
	Trace   string // file for the execution trace; empty: none
}

// Child is the body of the hidden sub-command `gmplab trial`: it reads one trial from in, runs it in this process and
// writes the Result to out, and what it knows of its collections, both in the format of [Runner]. It fails for input that is
// no trial, a trial that does not validate or cannot be done here, and when ctx is done. What Go says at a panic goes to out
// too, where it is a file: on standard error the lines of schedtrace break into it.
func Child(ctx context.Context, in io.Reader, out io.Writer) error {
	if f, ok := out.(*os.File); ok {
		_ = debug.SetCrashOutput(f, debug.CrashOptions{}) // without it a reason may be less clear
	}
	var e envelope
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return fmt.Errorf("realrun: standard input holds no trial (%w): this command is for gmplab's own use", err)
	}
	if err := e.Trial.Validate(); err != nil {
		return err
	}
	if err := check(&e.Trial, e.Library); err != nil {
		return err
	}
	res, clock, err := execute(ctx, e)
	if err != nil {
		return err
	}
	w := gob.NewEncoder(out)
	if err := errors.Join(w.Encode(res), w.Encode(clock)); err != nil {
		return fmt.Errorf("realrun: the result cannot be written: %w", err)
	}
	return nil
}

// A run is one trial under way in this process.
type run struct {
	trial     lab.Trial // its knobs filled
	tracer    *tracer
	classes   []class
	service   *service // nil without infer steps
	generator *native.Generator
	conns     []conn

	zero        time.Time     // of all times observed
	from, until time.Duration // the counted part
	open        atomic.Int64  // requests and closed clients that run, and sources
	sources     atomic.Int64  // goroutines that start requests
	idle        chan struct{} // closed when open is 0
	stopping    atomic.Bool   // no client or generator starts another request
	failed      chan struct{} // closed at the first failure
	failOnce    sync.Once
	failure     error
	patience    time.Duration // lab.DrainLimit

	beginOnce, endOnce    sync.Once
	firstUsage, lastUsage usage  // when the counted part begins and ends
	first, last           values // when it begins and ends
	resident              float64

	shards  []*record // by P, for requests without a client
	records []*record // all of them
}

// execute sets up, runs and takes down one trial that validates.
func execute(ctx context.Context, e envelope) (*lab.Result, gcClock, error) {
	tracer, err := startTrace(e.Trace)
	if err != nil {
		return nil, gcClock{}, err
	}
	r, err := newRun(e)
	if err != nil {
		return nil, gcClock{}, err
	}
	r.tracer = tracer
	runtime.GC()
	cycles, before := gcCount(), readMetrics()
	if err = r.start(); err != nil {
		r.close()
		return nil, gcClock{}, err
	}
	res, err := r.observe(ctx, before)
	clock := readGCClock(r.zero, cycles)
	if err == nil {
		err = tracer.stop()
		res.Trial = e.Trial
		res.Host.Library = libraryName(e.Library)
		if err == nil && r.service != nil && r.open.Load() == 0 {
			res.Values["/host/inference:seconds"], err = r.service.hostSpeed()
		}
	}
	r.close()
	return res, clock, err
}

// libraryName is what a Host tells about the library; empty if there is none.
func libraryName(lib ort.Library) string {
	if lib.Path == "" {
		return ""
	}
	if lib.Version == "" {
		lib.Version = ort.Version() // a library that the user named tells its version when it is open
	}
	return strings.Join(strings.Fields("ONNX Runtime "+lib.Version), " ") + " (" + lib.Source + ")"
}

// newRun prepares all that a trial needs before time zero.
func newRun(e envelope) (*run, error) {
	r := &run{trial: e.Trial, idle: make(chan struct{}), failed: make(chan struct{}), patience: lab.DrainLimit}
	r.trial.Knobs = e.Trial.Knobs.Filled(runtime.NumCPU())
	w := &r.trial.Workload
	r.classes = compile(w)
	r.from, r.until = w.Warmup, w.Warmup+w.Run
	if w.Run == 0 {
		r.until = math.MaxInt64
	}
	r.open.Store(1) // start
	for range runtime.GOMAXPROCS(0) {
		r.shards = append(r.shards, r.newRecord())
	}
	if err := r.openConns(); err != nil {
		return nil, err
	}
	infers, clients := false, 0
	for i := range r.classes {
		if c := &r.classes[i]; c.infers {
			infers = true
			clients += c.arrivals.Clients
		}
	}
	if !infers {
		return r, nil
	}
	var err error
	if r.service, err = newService(r, e.Library, clients); err != nil {
		r.closeConns()
	}
	return r, err
}

func (r *run) now() time.Duration { return time.Since(r.zero) }

// newRecord makes a record that the Result will include. Not for use after time zero.
func (r *run) newRecord() *record {
	l := &record{}
	l.grow()
	r.records = append(r.records, l)
	return l
}

func (r *run) openSource() {
	r.sources.Add(1)
	r.open.Add(1)
}

func (r *run) closeSource() {
	r.sources.Add(-1)
	r.leave()
}

// leave ends what open counted.
func (r *run) leave() {
	if r.open.Add(-1) == 0 {
		close(r.idle)
	}
}

// fail keeps the first failure, which ends the run.
func (r *run) fail(err error) {
	r.failOnce.Do(func() {
		r.failure = err
		close(r.failed)
	})
}

// observe follows the run to its end.
func (r *run) observe(ctx context.Context, before values) (*lab.Result, error) {
	counted := r.trial.Workload.Run > 0
	if err := r.wait(ctx, r.from, !counted); err != nil {
		return nil, err
	}
	r.beginCounted()
	limit := r.from + lab.OnceLimit
	if counted {
		limit = r.until
	}
	if err := r.wait(ctx, limit, !counted); err != nil {
		return nil, err
	}
	r.endCounted()
	res := &lab.Result{Side: lab.Measured, Host: ReadHost(), Values: r.last.since(before)}
	if counted && r.from > 0 {
		replace(res.Values, r.last.since(r.first), "/gc/", "/cpu/classes/gc/", "/sched/pauses/")
	}
	if cores, ok := r.firstUsage.cores(r.lastUsage); ok {
		res.Values["/cpu/used:cores"] = cores
	} else {
		res.Notes = append(res.Notes, "/cpu/used:cores is absent: this system does not tell a process its CPU time")
	}
	if r.resident > 0 {
		res.Values["/memory/rss:bytes"] = r.resident
	}
	if counted {
		note, err := r.drain(ctx)
		if err != nil {
			return nil, err
		}
		res.Notes = append(res.Notes, note...)
	} else if r.open.Load() > 0 {
		res.Notes = append(res.Notes, fmt.Sprintf("Requests were still open after %v; they are counted as dropped.", limit))
	}
	r.stopping.Store(true)
	res.Trial = r.trial
	merge(r.records, res)
	res.Dropped = int(r.open.Load() - r.sources.Load())
	return res, nil
}

// beginCounted reads what is to be read when the counted part begins, endCounted when it ends. The first to see that
// moment does it, a client or observe, which may be woken late on a busy machine.
func (r *run) beginCounted() {
	r.beginOnce.Do(func() {
		r.firstUsage, r.first = readUsage(r), readMetrics()
		r.tracer.mark(observe.LogFrom)
	})
}

func (r *run) endCounted() {
	r.endOnce.Do(func() {
		r.tracer.mark(observe.LogTo)
		r.lastUsage, r.last = readUsage(r), readMetrics()
		r.resident, _ = rss()
	})
}

// wait returns at a time of the run, or when the run is idle if asked to. It fails when the run fails or ctx is done.
func (r *run) wait(ctx context.Context, at time.Duration, orIdle bool) error {
	var idle chan struct{}
	if orIdle {
		idle = r.idle
	}
	timer := time.NewTimer(at - r.now())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-idle:
	case <-r.failed:
		return r.failure
	case <-ctx.Done():
		return fmt.Errorf("realrun: the trial was given up: %w", ctx.Err())
	}
	return nil
}

// drain waits for the requests that are open after the counted part, but not for ones that wait for each other.
func (r *run) drain(ctx context.Context) (notes []string, err error) {
	const look = 100 * time.Millisecond
	last := int64(-1)
	for end := r.now() + r.patience; r.now() < end; {
		if err := r.wait(ctx, r.now()+look, true); err != nil {
			return nil, err
		}
		open := r.open.Load()
		if open == 0 {
			return nil, nil
		}
		if open == last && r.stuck() { // not while requests end: a look stops them all
			return []string{"At the end all open requests waited for requests that no longer come; they are counted as dropped."}, nil
		}
		last = open
	}
	return []string{fmt.Sprintf("Requests were still open %v after the counted part; they are counted as dropped.", r.patience)}, nil
}

// close takes down what newRun and start set up. What a request that was cut off may still use is left to the end of
// the process.
func (r *run) close() {
	r.stopping.Store(true)
	if r.generator != nil {
		r.generator.Stop()
	}
	r.closeConns()
	if r.service == nil {
		return
	}
	select {
	case <-r.idle:
		r.service.close()
	default:
	}
}
