package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/reference"
	"github.com/gmplab/lab/realrun"
	"github.com/gmplab/lab/realrun/calibrate"
	"github.com/gmplab/lab/realrun/ort"
)

// hasCgo tells whether this program can open the inference library at all. Opening none is how to ask: it does nothing.
func hasCgo() bool { return !errors.Is(ort.Open(ort.Library{}), ort.ErrNoCgo) }

// library finds the inference library, and fetches it where it is not there. Without need it only looks, and gives the
// zero Library where there is none.
func (a *app) library(ctx context.Context, need bool) (ort.Library, error) {
	if !hasCgo() {
		if need {
			return ort.Library{}, fmt.Errorf("inference cannot be measured: %w", ort.ErrNoCgo)
		}
		return ort.Library{}, nil
	}
	cache, err := ort.DefaultCache()
	if err != nil && os.Getenv(ort.EnvLibrary) == "" {
		if need {
			return ort.Library{}, err
		}
		return ort.Library{}, nil
	}
	lib, err := ort.Find(cache)
	switch {
	case err == nil:
		return lib, nil
	case !need:
		return ort.Library{}, nil
	case !errors.Is(err, ort.ErrNotFound):
		return ort.Library{}, err
	}
	return a.fetch(ctx, cache)
}

// fetch gets the inference library and shows how far it is.
func (a *app) fetch(ctx context.Context, cache string) (ort.Library, error) {
	p := newProgress(a.err)
	defer p.end()
	lib, err := ort.Fetch(ctx, cache, func(stage string, done, total int64) { p.show("library: "+stage, done, total, true) })
	if err != nil {
		return lib, err
	}
	p.say("library: %s is in %s", lib.Source, lib.Path)
	return lib, nil
}

// loaded gives the calibration of this machine from the cache.
func loaded() (lab.Cost, error) {
	cache, err := ort.DefaultCache()
	if err != nil {
		return lab.Cost{}, err
	}
	return calibrate.Load(cache)
}

// cost gives the calibration in the cache or, where there is none that fits, measures it and keeps it. One that was
// measured quickly fits a quick run only.
func (a *app) cost(ctx context.Context, lib ort.Library, needInfer, quick bool) (lab.Cost, error) {
	c, err := loaded()
	if err == nil && (!needInfer || len(c.Infer) > 0) && (quick || !c.Quick) {
		return c, nil
	}
	return a.calibrate(ctx, lib, quick)
}

// costToPredict gives the calibration in the cache or, where there is none that fits, that of the reference machine
// with a note that says so: predicting works everywhere.
func costToPredict(needInfer bool) (lab.Cost, string, error) {
	c, err := loaded()
	if err == nil && (!needInfer || len(c.Infer) > 0) {
		note := ""
		if c.Quick {
			note = "Predicted with a calibration that was measured quickly, for a quick run; run gmplab calibrate for a whole one."
		}
		return c, note, nil
	}
	c, err = reference.Cost()
	return c, fmt.Sprintf("Predicted with the costs of the reference machine %s, as this machine is not calibrated; run gmplab calibrate to predict this one.", c.Host.Name), err
}

// calibrate measures the costs of this machine and keeps them.
func (a *app) calibrate(ctx context.Context, lib ort.Library, quick bool) (lab.Cost, error) {
	p := newProgress(a.err)
	defer p.end()
	p.say("calibrating this machine, once; it takes up to 90 s and wants the machine for itself")
	self, err := os.Executable()
	if err != nil {
		return lab.Cost{}, fmt.Errorf("the path of this program is unknown, which each trial starts again: %w", err)
	}
	c, err := a.price(ctx, calibrate.Options{Library: lib, Quick: quick,
		Threads:  a.threads(realrun.Setup{Library: lib, Self: self}),
		Rest:     a.rest(realrun.Setup{Self: self}),
		Progress: func(done, total int, what string) { p.show("calibrate: "+what, int64(done), int64(total), false) }})
	if err != nil {
		return c, err
	}
	cache, err := ort.DefaultCache()
	if err != nil {
		p.say("the calibration is not kept: %v", err)
		return c, nil
	}
	path, err := calibrate.Save(cache, c)
	if err != nil {
		p.say("the calibration is not kept: %v", err)
		return c, nil
	}
	p.say("calibrated in %s: %s", c.Took, path)
	return c, nil
}

// refreshed measures again what wanders on this machine within minutes. The file in the cache stays as it is.
func (a *app) refreshed(ctx context.Context, lib ort.Library, c *lab.Cost) error {
	p := newProgress(a.err)
	defer p.end()
	return a.refresh(ctx, calibrate.Options{Library: lib,
		Progress: func(done, total int, what string) { p.show("before the run: "+what, int64(done), int64(total), false) }}, c)
}

// threads counts the OS threads of a trial's process with next to nothing to do: one request.
func (a *app) threads(setup realrun.Setup) func(context.Context) (float64, error) {
	step := lab.Step{Do: lab.Infer, Name: "mlp"}
	if setup.Library.Path == "" {
		step = lab.Step{Do: lab.CPU, Time: lab.Const(time.Microsecond)}
	}
	trial := lab.Trial{Workload: lab.Workload{Name: "rest", Classes: []lab.Class{{Name: "one",
		Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{step}}}}}
	measure := a.measure(setup)
	return func(ctx context.Context) (float64, error) {
		res, err := measure(ctx, trial)
		if err != nil {
			return 0, err
		}
		return res.Values["/sched/threads/total:threads"], nil
	}
}

// rest runs the trial that shows what collections cost in a trial's process.
func (a *app) rest(setup realrun.Setup) func(context.Context) (*lab.Result, error) {
	measure := a.measure(setup)
	return func(ctx context.Context) (*lab.Result, error) { return measure(ctx, calibrate.Resting()) }
}

// readMachine reads the file given with -machine, if one is.
func readMachine(file, side string) (lab.Machine, error) {
	switch {
	case file == "":
		return lab.Machine{}, nil
	case side == lab.Measured:
		return lab.Machine{}, fmt.Errorf("-machine %s is for a prediction, and -side %s predicts nothing; leave -machine out, or choose another side", file, side)
	}
	return lab.ParseMachine(file)
}

// laidOver lays what a file says over the costs of a calibration.
func laidOver(c lab.Cost, m lab.Machine, file string) (lab.Cost, error) {
	if file == "" {
		return c, nil
	}
	over, err := c.On(m)
	if err != nil {
		return c, fmt.Errorf("%s: %w", file, err)
	}
	return over, nil
}
