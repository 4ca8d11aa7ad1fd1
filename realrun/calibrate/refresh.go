package calibrate

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gmplab/lab"
)

// Refresh measures everything in each of a few rounds, at least so far apart: spells of another speed that last a second or so,
// as when the hypervisor puts two cores on one, must not fill half of them.
const (
	refreshRounds = 8
	refreshPeriod = 1250 * time.Millisecond
)

// Refresh measures again, in some ten seconds, what wanders on a host within minutes: the limit from which on an idle core
// pulls a thread (IdlePull, IdlePullOdds), which is the kernel's memory of how long its searches took of late, what a wake-up
// of an idle core takes (WakeIdle, WakeRested, FutexWake, FutexSleep, FutexBackIdle) and how often it comes late (Stalls, Stall), how fast memory
// is marked (Marking, by which all of Mark changes), and the host's speed (Service.Speed), which the hypervisor and the
// neighbours on the same hardware set. A prediction is made for the state in which the host is. Options are those of Run; Quick
// and Threads are not used.
func Refresh(ctx context.Context, o Options, c *lab.Cost) error {
	return refresh(ctx, o, c, refreshRounds, refreshPeriod)
}

func refresh(ctx context.Context, o Options, c *lab.Cost, rounds int, period time.Duration) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	b := newBench(ctx, 1)
	probes := wandering()
	if len(c.Mark) > 0 {
		probes = append(probes, probe{"marking", (*bench).markAgain})
		defer debug.FreeOSMemory() // after the set is gone
	}
	if o.Library.Path != "" && len(c.Infer) > 0 {
		_, end, err := b.inferProbes(o.Library)
		if err != nil {
			return fmt.Errorf("calibrate: %w", err)
		}
		defer end()
		for _, t := range b.infer {
			what := fmt.Sprintf("inference, %d threads, %d at a time", t.intraOp, t.busy)
			probes = append(probes, probe{what, func(b *bench) error { return t.time(b, speedBatch) }})
		}
	}
	if len(probes) == 0 {
		return context.Cause(ctx) // nothing here is known to wander
	}
	began := time.Now()
	for b.round = range rounds {
		select {
		case <-time.After(time.Until(began.Add(time.Duration(b.round) * period))):
		case <-ctx.Done():
		}
		for i, p := range probes {
			if o.Progress != nil {
				o.Progress(b.round*len(probes)+i, rounds*len(probes), p.what)
			}
			err := context.Cause(ctx)
			if err == nil {
				err = p.run(b)
			}
			if err != nil {
				return fmt.Errorf("calibrate: stopped while measuring %s again: %w", p.what, err)
			}
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	b.update(c)
	return nil
}

// speedBatch is the index of lab.ProbeRows in batches.
var speedBatch = slices.Index(batches, lab.ProbeRows)

// update puts what Refresh measured into a calibration.
func (b *bench) update(c *lab.Cost) {
	if ns := b.dists["IdlePull"]; len(ns) > 1 {
		c.IdlePull = empirical(ns, quantiles, 0, 1)
	}
	if odds := b.nanos["IdlePullOdds"]; len(odds) > 0 {
		c.IdlePullOdds = lab.Value(nanosOf(odds))
	}
	if ns := b.dists["WakeIdle"]; len(ns) > 1 {
		fresh := (&bench{nanos: b.nanos, dists: b.dists}).cost()
		c.WakeIdle, c.WakeRested = fresh.WakeIdle, fresh.WakeRested
		c.FutexWake, c.FutexSleep, c.FutexBackIdle = fresh.FutexWake, fresh.FutexSleep, fresh.FutexBackIdle
	}
	if len(b.stallOdds) > 0 {
		fresh := (&bench{dists: b.dists, stallOdds: b.stallOdds}).cost()
		c.Stalls, c.Stall = fresh.Stalls, fresh.Stall
	}
	if x := b.slowdown(c); x > 0 {
		if c.Marking == 0 {
			c.Marking = 1
		}
		c.Marking *= x
		c.Mark = slices.Clone(c.Mark)
		for i := range c.Mark {
			m := &c.Mark[i].Time
			m.P10, m.P50, m.P90 = m.P10*x, m.P50*x, m.P90*x
		}
	}
	for _, t := range b.infer {
		s := c.Service("mlp", t.intraOp, t.busy)
		if s == nil || s.Busy != t.busy || s.Probe <= 0 || len(t.times[speedBatch]) == 0 {
			continue
		}
		s.Speed = nil
		for _, round := range t.times[speedBatch] {
			s.Speed = append(s.Speed, median(round)/s.Probe)
		}
		slices.Sort(s.Speed)
	}
	c.Refreshed = time.Now().Format(time.RFC3339)
}
