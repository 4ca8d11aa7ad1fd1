package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Trial is one run of one workload under one setting. Every draw on either side derives from Seed.
type Trial struct {
	Workload Workload
	Knobs    Knobs
	Seed     uint64
	Traced   bool // every change of state is recorded: the Result has TimeSlices

	PacerTrace bool          // GODEBUG=gcpacertrace=1, for a workload that uses the heap: exact sizes, and what the pacer planned. Its lines are written while the world is stopped: some 20 µs each
	SchedTrace time.Duration // GODEBUG=schedtrace: a SchedTrace line so often; 0: none. It keeps sysmon from sleeping long
}

// A Runner turns a Trial into a Result: sim.Runner predicts, realrun.Runner measures. It returns an error for a Trial
// that does not validate, for a machine that cannot do it, and when ctx is done.
type Runner func(ctx context.Context, t Trial) (*Result, error)

// Limits that both sides keep.
const (
	ProbeRows  = 8                // rows of the inference that is timed after each run, to know the host's speed
	DrainLimit = 10 * time.Second // how long a run goes on after its counted part for requests that are still open
	OnceLimit  = 60 * time.Second // how long a run without a counted part may last
	MaxStack   = 1 << 20          // bytes of stack that a step may use; what a growth costs is calibrated up to 64 KiB
	QueueSize  = 1 << 16          // buffer of the batcher's queue
)

// Serve says how infer steps are served.
type Serve uint8

// The ways to serve an infer step.
const (
	Direct    Serve = iota // each goroutine calls the session itself
	Semaphore              // the same, but at most Permits at a time (a buffered channel)
	Batched                // goroutines hand their request to Workers workers, which run batches as Batcher decides
)

var serveNames = names{"direct", "semaphore", "batched"}

// Knobs are the settings that exist on both sides, under their Go names. The zero Knobs are Go's defaults, with direct
// serving on one intra-op thread.
type Knobs struct {
	GOMAXPROCS      int     `yaml:"GOMAXPROCS"`      // number of Ps, 1 to 1024; 0: one for each core
	GOGC            int     `yaml:"GOGC"`            // percent; 0: the default, 100; -1: off
	GOMEMLIMIT      int64   `yaml:"GOMEMLIMIT"`      // bytes; 0: none
	AsyncPreemptOff bool    `yaml:"asyncpreemptoff"` // GODEBUG=asyncpreemptoff=1: no preemption by signal
	Serve           Serve   `yaml:"serve"`           // how infer steps are served: direct, semaphore or batched
	Permits         int     `yaml:"permits"`         // semaphore: inferences at a time; 0: one for each core
	Batcher         Batcher `yaml:"batcher"`         // batched: the rule
	Workers         int     `yaml:"workers"`         // batched: goroutines that run batches, at most 1024; 0 means 1
	IntraOp         int     `yaml:"intra_op"`        // threads inside one inference, 1 to 64; 0 means 1
	IntraSpin       bool    `yaml:"intra_spin"`      // intra-op threads spin between inferences
	Backend         string  `yaml:"backend"`         // what serves infer steps: ort (also when empty)
}

// Backends lists what Knobs.Backend may name.
var Backends = []string{"ort"}

// Filled gives the knobs with every default written out for a host with that many cores.
func (k Knobs) Filled(cores int) Knobs {
	fill := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	fill(&k.GOMAXPROCS, cores)
	fill(&k.GOGC, 100)
	fill(&k.Permits, cores)
	fill(&k.Workers, 1)
	fill(&k.IntraOp, 1)
	fill(&k.Batcher.Max, 1)
	if k.Backend == "" {
		k.Backend = Backends[0]
	}
	return k
}

// Validate says what is impossible about the trial: which field, what it holds, what is allowed.
func (t *Trial) Validate() error {
	if err := t.Knobs.validate(); err != nil {
		return err
	}
	if t.SchedTrace != 0 && (t.SchedTrace < time.Millisecond || t.SchedTrace > time.Hour) {
		return fmt.Errorf("schedtrace: %v is not possible; use 1ms to 1h, or 0 for none", t.SchedTrace)
	}
	return t.Workload.validate()
}

// within is nil if lo ≤ v ≤ hi.
func within[T int | int64 | float64](where string, v, lo, hi T) error {
	if v >= lo && v <= hi {
		return nil
	}
	return fmt.Errorf("%s: %v is not possible; use %v to %v", where, v, lo, hi)
}

func (k *Knobs) validate() error {
	for _, err := range []error{
		within("knobs.GOMAXPROCS", k.GOMAXPROCS, 0, 1024),
		within("knobs.GOGC", k.GOGC, -1, 1_000_000),
		within("knobs.GOMEMLIMIT", k.GOMEMLIMIT, 0, 1<<60),
		within("knobs.permits", k.Permits, 0, 1<<20),
		within("knobs.workers", k.Workers, 0, 1024),
		within("knobs.intra_op", k.IntraOp, 0, 64),
		within("knobs.batcher.max", k.Batcher.Max, 0, 1024),
		within("knobs.batcher.wait in seconds", k.Batcher.Wait.Seconds(), 0, 60),
	} {
		if err != nil {
			return err
		}
	}
	if k.Backend != "" && !slices.Contains(Backends, k.Backend) {
		return fmt.Errorf("knobs.backend: %q is unknown; use one of %q", k.Backend, Backends)
	}
	if k.Serve > Batched {
		return fmt.Errorf("knobs.serve: %v; use one of %q", k.Serve, []string(serveNames))
	}
	return nil
}

func (w *Workload) validate() error {
	if w.Name == "" || strings.ContainsAny(w.Name, " /\\\t\n") {
		return fmt.Errorf("workload.name: %q; give one word without spaces or slashes", w.Name)
	}
	if len(w.Classes) == 0 {
		return fmt.Errorf("workload.classes: none given; a workload needs at least one class")
	}
	if w.Warmup < 0 || w.Run < 0 || w.Warmup+w.Run > time.Hour {
		return fmt.Errorf("workload.run: warmup %v and run %v; both must be 0 or more and at most 1h together", w.Warmup, w.Run)
	}
	for i, c := range w.Chans {
		if c.Name == "" || slices.ContainsFunc(w.Chans[:i], func(b Chan) bool { return b.Name == c.Name }) {
			return fmt.Errorf("workload.chans[%d].name: %q is empty or used twice; give each channel its own name", i, c.Name)
		}
		if err := within(fmt.Sprintf("workload.chans[%d].cap", i), c.Cap, 0, 1<<20); err != nil {
			return err
		}
	}
	if err := w.validateConns(); err != nil {
		return err
	}
	if err := w.validatePools(); err != nil {
		return err
	}
	begins := false
	for i := range w.Classes {
		if err := w.validateClass(i); err != nil {
			return err
		}
		begins = begins || w.Classes[i].Arrivals.Kind != Spawned
	}
	if !begins {
		return fmt.Errorf("workload.classes: no class has arrivals; set arrivals.kind of one to closed, poisson, every or once")
	}
	if err := w.validateSpawns(); err != nil {
		return err
	}
	return w.validateEnds()
}

func (w *Workload) validateClass(i int) error {
	c, where := &w.Classes[i], fmt.Sprintf("workload.classes[%d]", i)
	if c.Name == "" || slices.ContainsFunc(w.Classes[:i], func(b Class) bool { return b.Name == c.Name }) {
		return fmt.Errorf("%s.name: %q is empty or used twice; give each class its own name", where, c.Name)
	}
	a := &c.Arrivals
	var err error
	switch a.Kind {
	case Closed:
		err = within(where+".arrivals.clients", a.Clients, 1, 1<<20)
	case Poisson, Every:
		err = within(where+".arrivals.rate", a.Rate, 0.001, 10_000_000)
	case Once:
		err = within(where+".arrivals.count", a.Count, 1, 1<<24)
	}
	if err != nil {
		return err
	}
	if err := a.Think.validate(where + ".arrivals.think"); err != nil {
		return err
	}
	if w.Run == 0 && (a.Kind == Closed || a.Kind == Poisson || a.Kind == Every) {
		return fmt.Errorf("workload.run: 0, but class %q never ends by itself; give the length of the run", c.Name)
	}
	if len(c.Steps) == 0 {
		return fmt.Errorf("%s.steps: none given; a class needs at least one step", where)
	}
	for j := range c.Steps {
		if err := w.validateStep(&c.Steps[j], fmt.Sprintf("%s.steps[%d]", where, j)); err != nil {
			return err
		}
	}
	if err := validateThread(c, where); err != nil {
		return err
	}
	if err := validateGets(c.Steps, where); err != nil {
		return err
	}
	return validateLocks(c.Steps, where)
}

func (w *Workload) validateStep(s *Step, where string) error {
	if err := s.Time.validate(where + ".time"); err != nil {
		return err
	}
	isChan := func(c Chan) bool { return c.Name == s.Name }
	isClass := func(c Class) bool { return c.Name == s.Name }
	switch s.Do {
	case CPU:
		return within(where+".stack", s.Stack, 0, MaxStack)
	case Call, Syscall, Sleep, Wait, Yield, LockOSThread, UnlockOSThread:
	case Alloc, Store, Retain, Release, Get, Put, GC, SetGCPercent, SetMemoryLimit:
		return w.validateHeap(s, where)
	case Send, Recv:
		if !slices.ContainsFunc(w.Chans, isChan) {
			return fmt.Errorf("%s.name: channel %q is not in workload.chans; add it there", where, s.Name)
		}
	case Lock, Unlock, RLock, RUnlock:
		if s.Name == "" {
			return fmt.Errorf("%s.name: empty; a %v step needs a name", where, s.Do)
		}
	case Go:
		if !slices.ContainsFunc(w.Classes, isClass) {
			return fmt.Errorf("%s.name: class %q is not in workload.classes; add it there", where, s.Name)
		}
		return within(where+".count", s.Count, 0, 1<<20)
	case SetGOMAXPROCS:
		return within(where+".count", s.Count, 1, 1024)
	case NetWrite, NetRead:
		return w.validateNet(s, where)
	case Infer:
		if !slices.Contains(Models, s.Name) {
			return fmt.Errorf("%s.name: model %q is unknown; use one of %q", where, s.Name, Models)
		}
	default:
		return fmt.Errorf("%s.do: %q is unknown; use one of %q", where, s.Do, doNames.known())
	}
	return nil
}

// validateLocks refuses a class that would unlock what it does not hold, lock twice, or keep a lock for ever.
func validateLocks(steps []Step, where string) error {
	var held []Step
	for j, s := range steps {
		at := slices.IndexFunc(held, func(h Step) bool { return h.Name == s.Name })
		switch s.Do {
		case Lock, RLock:
			if at >= 0 {
				return fmt.Errorf("%s.steps[%d]: locks %q, which it holds already; unlock it first", where, j, s.Name)
			}
			held = append(held, s)
		case Unlock, RUnlock:
			if at < 0 {
				return fmt.Errorf("%s.steps[%d]: unlocks %q, which it does not hold; lock it first", where, j, s.Name)
			}
			if (held[at].Do == RLock) != (s.Do == RUnlock) {
				return fmt.Errorf("%s.steps[%d]: %v of %q, which it holds by %v; unlock goes with lock, runlock with rlock",
					where, j, s.Do, s.Name, held[at].Do)
			}
			held = slices.Delete(held, at, at+1)
		}
	}
	if len(held) > 0 {
		var names []string
		for _, h := range held {
			names = append(names, h.Name)
		}
		return fmt.Errorf("%s.steps: ends with %q locked; add an unlock step", where, names)
	}
	return nil
}

// validateThread refuses a class that locks its thread twice, unlocks what is not locked, or, being a client's, ends locked:
// the client goes on, and would lock it again and again.
func validateThread(c *Class, where string) error {
	locked := false
	for j, s := range c.Steps {
		if s.Do == LockOSThread && locked {
			return fmt.Errorf("%s.steps[%d]: locks its thread, which is locked already; unlock it first", where, j)
		}
		if s.Do == UnlockOSThread && !locked {
			return fmt.Errorf("%s.steps[%d]: unlocks its thread, which is not locked; lock it first", where, j)
		}
		if s.Do == LockOSThread || s.Do == UnlockOSThread {
			locked = s.Do == LockOSThread
		}
	}
	if locked && c.Arrivals.Kind == Closed {
		return fmt.Errorf("%s.steps: ends with its thread locked, and a closed client goes on; add an unlockosthread step", where)
	}
	return nil
}

// validateSpawns refuses classes that start each other in a circle: such a run would never end.
func (w *Workload) validateSpawns() error {
	state := make([]uint8, len(w.Classes)) // 0 new, 1 on the path, 2 done
	var visit func(i int) error
	visit = func(i int) error {
		state[i] = 1
		for _, s := range w.Classes[i].Steps {
			if s.Do != Go {
				continue
			}
			j := slices.IndexFunc(w.Classes, func(c Class) bool { return c.Name == s.Name })
			if state[j] == 1 {
				return fmt.Errorf("workload.classes[%d].steps: class %q starts %q, which leads back to it; break the circle",
					i, w.Classes[i].Name, s.Name)
			}
			if state[j] == 0 {
				if err := visit(j); err != nil {
					return err
				}
			}
		}
		state[i] = 2
		return nil
	}
	for i := range w.Classes {
		if state[i] == 0 {
			if err := visit(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// String gives the way's name as workload files write it.
func (s Serve) String() string { return serveNames.of(uint8(s)) }

// MarshalText writes the way's name.
func (s Serve) MarshalText() ([]byte, error) { return serveNames.marshal(uint8(s)) }

// UnmarshalText reads the way's name.
func (s *Serve) UnmarshalText(b []byte) error { return serveNames.unmarshal((*uint8)(s), b) }
