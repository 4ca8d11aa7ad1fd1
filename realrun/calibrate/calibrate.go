package calibrate

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/ort"
)

// rounds is how often every measurement is repeated over the whole time, in a hurry fewer times.
const rounds, quickRounds = 10, 5

// A calibration takes at most 90 s: after deadline no round begins but the first few.
const (
	deadline     = 70 * time.Second
	enoughRounds = 3
)

// A bench is one calibration under way.
type bench struct {
	ctx   context.Context
	scale float64              // length of everything; 1 is the real thing, tests take less
	round int                  // counts from 0
	nanos map[string][]float64 // by field of Cost: one value a round, nanoseconds
	dists map[string][]float64 // by field of Cost: the samples of all rounds, nanoseconds
	infer []*table
	tiny  table  // a model so small that the Go code around it shows
	most  int    // goroutines that have lived at a time
	held  []byte // what alloc allocates, so that it is not on the stack
	kept  unsafe.Pointer
	rest  func(context.Context) (float64, error)
	quick bool

	alloc1, mark1 map[objectKind][]float64 // the tables of one allocation and one mark, nanoseconds
	heaps         []lab.Heap
	stallOdds     []float64        // one a round
	live          []unsafe.Pointer // of markAgain, with what other memory it uses in between, and what marking takes without the set
	other         []byte
	base          float64
}

func newBench(ctx context.Context, scale float64) *bench {
	return &bench{ctx: ctx, scale: scale, nanos: map[string][]float64{}, dists: map[string][]float64{},
		alloc1: map[objectKind][]float64{}, mark1: map[objectKind][]float64{}}
}

// A probe measures one or a few fields once; every round runs each of them.
type probe struct {
	what string
	run  func(*bench) error
}

// Options say what to measure with. All may be zero.
type Options struct {
	Library ort.Library // the inference library; without it everything but the service times is measured
	Quick   bool        // fewer rounds, in half the time

	// Threads counts the OS threads of a trial's process that has just been set up; nil: those of this process count.
	Threads func(context.Context) (float64, error)

	// Rest runs Resting in a trial's process; nil: what collections cost there is not measured.
	Rest func(context.Context) (*lab.Result, error)

	// Progress is told what is being measured, and in the end what other processes used meanwhile: on a busy machine
	// the numbers are not those of the machine.
	Progress func(done, total int, what string)
}

// Run measures the costs of this machine. It takes at most 90 s and returns within a second when ctx is done, with its
// cause. Nothing else of this process should run: GOMAXPROCS, the garbage collector and threads are used for the
// measurements, and left as they were.
func Run(ctx context.Context, o Options) (lab.Cost, error) { return run(ctx, o, 1) }

func run(ctx context.Context, o Options, scale float64) (lab.Cost, error) {
	progress, lib := o.Progress, o.Library
	if progress == nil {
		progress = func(int, int, string) {}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	b := newBench(ctx, scale)
	b.rest, b.quick = o.Threads, o.Quick
	probes := slices.Concat(goProbes(), heapProbes(), gcProbes(), cgoProbes(), kernelProbes())
	if o.Rest != nil {
		probes = append(probes, probe{"collections of a trial", func(b *bench) error { return b.collections(o.Rest) }})
	}
	if lib.Path != "" {
		more, end, err := b.inferProbes(lib)
		if err != nil {
			return lab.Cost{}, fmt.Errorf("calibrate: %w", err)
		}
		defer end()
		probes = append(probes, more...)
	}
	if o.Threads == nil {
		b.add("Threads", threadsAtRest())
	} else {
		probes = append(probes, probe{"threads of a trial", (*bench).threads})
	}
	began, load := time.Now(), readLoad()
	n := max(2, int(rounds*min(1, 2*scale)))
	if o.Quick {
		n = min(n, quickRounds)
	}
	for b.round = range n {
		if b.round >= enoughRounds && time.Since(began) > deadline {
			break // a slow machine gets fewer rounds
		}
		runtime.GC() // what the last round left, outside the measurements
		for i, p := range probes {
			progress(b.round*len(probes)+i, n*len(probes), p.what)
			err := context.Cause(ctx)
			if err == nil {
				err = p.run(b)
			}
			if err != nil {
				return lab.Cost{}, fmt.Errorf("calibrate: stopped while measuring %s: %w", p.what, err)
			}
		}
	}
	c := b.cost()
	c.Quick = o.Quick
	c.Host, c.Made, c.Took = Host(lib), began.Format(time.RFC3339), time.Since(began).Round(time.Second/10).String()
	progress(n*len(probes), n*len(probes), load.since())
	return c, context.Cause(ctx)
}

// threadsAtRest counts the threads of the Go runtime once the library is set up and nothing runs. It means what it says
// in a process that has done nothing else, such as `gmplab calibrate`.
func threadsAtRest() float64 {
	runtime.GC() // a real run begins after one, too, and its workers have threads
	time.Sleep(20 * time.Millisecond)
	sample := []metrics.Sample{{Name: "/sched/threads/total:threads"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return float64(sample[0].Value.Uint64())
}

func (b *bench) threads() error {
	n, err := b.rest(b.ctx)
	b.add("Threads", n)
	return err
}

// patience is how long a probe goes on with its repetitions on a machine that is too busy to let it finish, so that a
// calibration ends, and can be stopped at once.
const patience = 300 * time.Millisecond

// add records the value of a Nanos or Value field in this round: the median of the repetitions ns.
func (b *bench) add(field string, ns ...float64) {
	if len(ns) > 0 {
		b.nanos[field] = append(b.nanos[field], median(ns))
	}
}

// pool adds samples, in nanoseconds, to those of a Dist field.
func (b *bench) pool(field string, ns ...float64) { b.dists[field] = append(b.dists[field], ns...) }

// rests are for how long the cores have been idle whose wake-up is measured for Cost.WakeRested.
var rests = []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond}

// rested is the name under which those samples are pooled.
func rested(idle time.Duration) string { return "WakeRested " + idle.String() }

// times scales a number of repetitions.
func (b *bench) times(n int) int { return max(2, int(float64(n)*b.scale)) }

// long scales a length of time.
func (b *bench) long(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)*b.scale), time.Millisecond)
}

// procs runs f with GOMAXPROCS set to n.
func procs(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}

// Numbers of quantiles, and where distributions end. Above it lie moments stolen by the host.
const (
	quantiles      = 33
	gapQuantiles   = 301 // its tail matters and is long
	stallQuantiles = 65
	distEnd        = 0.99
	cloneEnd       = 0.5
)

// cost makes the Cost of what was measured. The maps' keys are names of fields.
func (b *bench) cost() lab.Cost {
	c := lab.Cost{Cores: runtime.NumCPU(), Alloc: b.allocCosts(), Mark: b.markCosts(), Heap: b.heap()}
	c.Heap.Share = share(beside(), c.Heap) // the heap of this process has been large by now
	v := reflect.ValueOf(&c).Elem()
	for name, ns := range b.nanos {
		if strings.HasPrefix(name, "WakeRested ") {
			continue
		}
		f := v.FieldByName(name)
		f.Set(reflect.ValueOf(nanosOf(ns)).Convert(f.Type()))
	}
	positive(&c.AllocMark)
	positive(&c.AllocMarkKiB)
	for _, idle := range rests {
		if ns := b.dists[rested(idle)]; len(ns) > 0 {
			c.WakeRested = append(c.WakeRested, lab.Rested{Idle: idle, Wake: empirical(calm(ns), quantiles, 0, 1), Call: nanosOf(b.nanos[rested(idle)])})
		}
	}
	for name, ns := range b.dists {
		if strings.HasPrefix(name, "WakeRested ") {
			continue
		}
		var d lab.Dist
		switch name {
		case "CloneStart": // above lies the wait for a busy core, which the simulator makes itself
			d = empirical(ns, quantiles, 0, cloneEnd)
		case "Gap":
			d = empirical(ns, gapQuantiles, 0, 1)
		case "Stall":
			d = empirical(append(ns[:len(ns):len(ns)], ns[0]), stallQuantiles, 0, 1) // one is enough
		case "WakeIdle", "SleepOver", "EpollOver", "ArmLate":
			d = empirical(calm(ns), quantiles, 0, 1)
		default:
			d = empirical(ns, quantiles, 0, distEnd)
		}
		v.FieldByName(name).Set(reflect.ValueOf(d))
	}
	c.Stalls = slices.Sorted(slices.Values(b.stallOdds))
	if c.Slice.P50 == 0 && c.Tick.P50 > 0 { // one core, where it cannot be measured
		c.Slice = lab.Nanos(constant(assumedSlice(c.Tick.P50)))
	}
	for _, t := range b.infer {
		c.Infer = append(c.Infer, t.service(time.Duration(c.RunCall.P50+c.CgoCall.P50)))
	}
	return c
}
