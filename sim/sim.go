// Package sim predicts: its Runner turns a Trial into a Result by simulating the Go runtime (package gort) on a machine
// (package host) whose primitives cost what a calibration measured (lab.Cost). The same trial, cost and policy give the
// same bytes, on any number of Ps.
package sim

import (
	"context"
	"fmt"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/serve"
)

// Runner predicts trials on a machine of that cost under that policy. It fails for a trial that is not valid, for a model
// that the cost does not know, and with ctx's error when ctx is done.
func Runner(cost lab.Cost, policy gort.Policy) lab.Runner {
	return func(ctx context.Context, t lab.Trial) (*lab.Result, error) {
		s, service, err := process(&cost, policy, &t)
		if err != nil {
			return nil, err
		}
		if t.Traced {
			s.Record()
		}
		s.Serve(service)
		r := &lab.Result{Trial: t, Side: lab.Predicted, Host: cost.Host}
		rec, _ := ctx.Value(recordKey{}).(*Record)
		if rec != nil {
			rec.begin(s, &t, t.Knobs.Filled(max(cost.Cores, 1)).GOMAXPROCS, service.Names)
		}
		if err := run(ctx, s, &t.Workload, r); err != nil {
			return nil, err
		}
		if rec != nil {
			rec.requests = s.Requests()
		}
		s.Fill(r)
		if t.Traced {
			r.TimeSlices = traceOf(s, &t.Workload).Activity().Preempted
		}
		if v, ok := s.HostSpeed(); ok {
			r.Values["/host/inference:seconds"] = v
		}
		return r, nil
	}
}

// process gives the simulated process of a trial and what it is to serve.
func process(cost *lab.Cost, policy gort.Policy, t *lab.Trial) (*gort.Sched, gort.Service, error) {
	if err := t.Validate(); err != nil {
		return nil, gort.Service{}, err
	}
	if err := cost.Validate(); err != nil {
		return nil, gort.Service{}, fmt.Errorf("the machine to predict for: %w", err)
	}
	knobs := t.Knobs.Filled(max(cost.Cores, 1))
	service, err := serve.Compile(t, knobs, cost)
	if err != nil {
		return nil, service, err
	}
	s := gort.New(cost, policy, knobs, t.Seed)
	s.SchedTrace(t.SchedTrace)
	return s, service, nil
}

// Trace predicts one trial as Runner does, and gives every change of state of its goroutines, Ps and threads as well.
func Trace(ctx context.Context, cost lab.Cost, policy gort.Policy, t lab.Trial) (*lab.Trace, error) {
	s, service, err := process(&cost, policy, &t)
	if err != nil {
		return nil, err
	}
	s.Record()
	s.Serve(service)
	if err := run(ctx, s, &t.Workload, &lab.Result{Trial: t}); err != nil {
		return nil, err
	}
	return traceOf(s, &t.Workload), nil
}

// traceOf is what was recorded of a run.
func traceOf(s *gort.Sched, w *lab.Workload) *lab.Trace {
	trace := &lab.Trace{Side: lab.Predicted, Name: w.Name, Moves: s.Recorded(), From: w.Warmup}
	if w.Run > 0 {
		trace.To = w.Warmup + w.Run
	}
	return trace
}

// run lets the warm-up, the counted part and the rest pass.
func run(ctx context.Context, s *gort.Sched, w *lab.Workload, r *lab.Result) error {
	if w.Run == 0 {
		if err := s.Loop(ctx, w.Warmup+lab.OnceLimit, true); err != nil {
			return err
		}
		r.Values = s.Values()
		s.HeapValues(r.Values, gort.Reading{})
		r.Values["/cpu/used:cores"] = s.CPU().Seconds() / max(s.Now().Seconds(), 1e-9)
		if cpu, foreign := s.ForeignCPU(); foreign {
			r.Values["/host/foreign-cpu:cores"] = cpu.Seconds() / max(s.Now().Seconds(), 1e-9)
		}
		return nil
	}
	from, to := w.Warmup, w.Warmup+w.Run
	if err := s.Loop(ctx, from, false); err != nil {
		return err
	}
	cpu, heap := s.CPU(), s.Read()
	others, foreign := s.ForeignCPU()
	if err := s.Loop(ctx, to, false); err != nil {
		return err
	}
	r.Values = s.Values()
	s.HeapValues(r.Values, heap)
	r.Values["/cpu/used:cores"] = float64(s.CPU()-cpu) / float64(w.Run)
	if foreign {
		now, _ := s.ForeignCPU()
		r.Values["/host/foreign-cpu:cores"] = float64(now-others) / float64(w.Run)
	}
	return s.Loop(ctx, to+lab.DrainLimit, true)
}
