// Package gort is a model of the scheduler of Go 1.26, under the runtime's own names: a reader who knows
// runtime/proc.go finds the same functions, one file per mechanism. findrunnable.go is its heart.
//
// A runtime function runs to its end at one instant of virtual time, as straight-line Go, and charges what it would
// have cost to the M that runs it; the M's thread then burns that CPU on a core of package host before the M goes on
// ("decide, then pay"). Where the gap itself matters — a thread that wakes up, spins, sleeps before it takes a runnext, a
// signal under way — there is an event for it.
//
// A goroutine runs a program of Ops, as data. Package serve writes them.
//
// The collector (mgc.go, mgcmark.go, mgcsweep.go, malloc.go) runs for workloads that use the heap, paced by package gopacer.
package gort

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/des"
	"github.com/gmplab/lab/sim/gopacer"
	"github.com/gmplab/lab/sim/host"
)

// payAt is how much CPU decisions may cost before it is paid: a later decision of the same M is then that much later.
const payAt = time.Microsecond

// The kinds of event of this package, after those of the host.
const evSignal = host.Kinds // a preemption signal reaches M Who

// Who owns a thread of the host.
const (
	ownNobody uint8 = iota // another process
	ownM                   // M number i
	ownSysmon              // sysmon
	ownSource              // the C thread of source number i
	ownHelper              // helper thread number i of the inference sessions
)

type owner struct {
	kind uint8
	i    int32
}

// A Sched is one simulated process: all that the runtime keeps in globals, and the machine below. Many can run side by
// side.
type Sched struct {
	host   *host.Host
	q      des.Queue
	cost   *lab.Cost
	price  prices
	policy Policy
	knobs  lab.Knobs

	sched    schedt
	allp     []*p
	allm     []*m
	owners   []owner
	coprimes []uint32

	idlepMask  pMask // the Ps on the idle list: one on its way to an M is not, and can be stolen from
	timerpMask pMask // the Ps that may have timers

	random lab.Stream
	infer  lab.Stream // service times
	kernel lab.Stream // latencies of sleeps, polls and signals
	sysmon sysmonState
	slab   []g
	alive  int // gs that are not dead

	collects bool // the workload uses the heap: there is a collector
	gcphase  uint8
	gcEpoch  uint32

	selections []*selection // free ones

	epoll      epoll
	netWaiters int32

	service
	record
	noProgress int
	err        error
	gcState
	lastSignal time.Duration // when preemptM sent the last one
}

// gcState is what the collector and the heap know.
type gcState struct {
	work       work
	controller gopacer.Controller
	limiter    gopacer.Limiter
	mheap      mheap
	objects    []object
	sets       []liveSet
	pools      []pool
	closure    int    // kind of the closures of go statements
	ringBytes  uint64 // of the arrays of live sets
	sweepg     *g
	forcegc    *g

	gcs   []lab.GCCycle
	stops []worldStop // for the collector
	gcCPU gcCPU
}

// record is what the run has produced.
type record struct {
	requests []lab.Request
	steals   []int32
	batches  []int32
	open     int // requests begun and not ended
	retakes  int
	calls    int
	events   int
	marks    []Mark
	marking  bool
	watch    watch
	checking bool

	recording bool
	recorded  []lab.Transition
	checks    uint32 // how many so far
	nmfreed   int    // threads that have ended with a locked goroutine
}

// prices are the Cost's nanoseconds as durations.
type prices struct {
	newproc, newg, stackNew, stackGrow, stackKiB, stackUse, goexit, swtch, steal, chanop, ready, mutex, spin, cgocall, syscall,
	exitSlow, timer, now, request, runCall, copyKiB, futexSleep, clone, sleepCPU, sleepIn, epollCPU, netpoll, pipeWrite,
	pipeRead, signalCPU, signalSend, coldSignalCPU, coldSignalSend, netWrite, netWriteKiB, netRead, netReadKiB, netAgain,
	sweepSpan, sweepFree, sweepPeer, markSetup, markG, stopWorld, sweepTerm, markTerm time.Duration
}

func pricesOf(c *lab.Cost) prices {
	ns := func(n lab.Nanos) time.Duration { return time.Duration(math.Round(n.P50)) }
	return prices{
		newproc: ns(c.Newproc), newg: ns(c.NewG), goexit: ns(c.Goexit), stackNew: ns(c.StackNew),
		stackGrow: ns(c.StackGrow), stackKiB: ns(c.StackKiB), stackUse: ns(c.StackUse), swtch: ns(c.Switch), steal: ns(c.Steal), chanop: ns(c.Chan),
		ready: ns(c.Ready), mutex: ns(c.Mutex), spin: ns(c.Spin), cgocall: ns(c.CgoCall), syscall: ns(c.Syscall),
		exitSlow: ns(c.ExitSlow), timer: ns(c.Timer), now: ns(c.Now),
		request: ns(c.Request), runCall: ns(c.RunCall), copyKiB: ns(c.CopyKiB), futexSleep: ns(c.FutexSleep),
		clone:    ns(c.Clone),
		sleepCPU: ns(c.SleepCPU), sleepIn: min(ns(c.SleepIn), ns(c.SleepCPU), ns(c.EpollCPU)), epollCPU: ns(c.EpollCPU), netpoll: ns(c.Netpoll), pipeWrite: ns(c.PipeWrite),
		pipeRead: ns(c.PipeRead), signalCPU: ns(c.SignalCPU), signalSend: ns(c.SignalSend), coldSignalCPU: ns(c.ColdSignalCPU), coldSignalSend: ns(c.ColdSignalSend),
		netWrite: ns(c.NetWrite), netWriteKiB: ns(c.NetWriteKiB), netRead: ns(c.NetRead), netReadKiB: ns(c.NetReadKiB), netAgain: ns(c.NetAgain),
		sweepSpan: ns(c.SweepSpan), sweepFree: ns(c.SweepFree), sweepPeer: ns(c.SweepPeer), markSetup: ns(c.MarkSetup), markG: ns(c.MarkG), stopWorld: ns(c.StopWorld),
		sweepTerm: ns(c.SweepTerm), markTerm: ns(c.MarkTerm),
	}
}

// New gives a process with GOMAXPROCS Ps, all idle but the first, on a machine of that cost. Knobs must be filled.
// The cost must outlive it.
func New(cost *lab.Cost, policy Policy, knobs lab.Knobs, seed uint64) *Sched {
	s := &Sched{cost: cost, price: pricesOf(cost), policy: policy, knobs: knobs,
		random: lab.NewStream(seed, "gort/cheaprand", 0), infer: lab.NewStream(seed, "gort/infer", 0),
		kernel: lab.NewStream(seed, "gort/kernel", 0), lastSignal: -time.Hour}
	s.host = host.New(cost, &s.q, seed)
	n := knobs.GOMAXPROCS
	for i := range n {
		s.allp = append(s.allp, &p{id: int32(i)})
	}
	s.reset(n)
	for i := range s.allp {
		s.timerpMask.set(int32(i))
	}
	for i := n - 1; i > 0; i-- {
		s.pidleput(s.allp[i])
	}
	s.startSysmon()
	m0 := s.allocm()
	for range int(math.Round(cost.Threads.P50)) - 1 - otherThreads { // m0 is there already
		s.mput(s.allocm())
	}
	m0.next = mSched
	s.acquirep(m0, s.allp[0])
	s.host.Wake(m0.thread, -1)
	s.sched.worldsema.value = 1
	return s
}

// reset finds the strides of randomOrder for n Ps, and makes room for them in the masks.
func (s *Sched) reset(n int) {
	s.idlepMask, s.timerpMask = s.idlepMask.resize(n), s.timerpMask.resize(n)
	s.coprimes = s.coprimes[:0]
	for i := range n {
		if gcd(i+1, n) == 1 {
			s.coprimes = append(s.coprimes, uint32(i+1))
		}
	}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// own adds a thread that belongs to an actor of ours.
func (s *Sched) own(thread int32, kind uint8, i int) int32 {
	for int(thread) >= len(s.owners) {
		s.owners = append(s.owners, owner{})
	}
	s.owners[thread] = owner{kind, int32(i)}
	return thread
}

// Loop runs events until the given time, or until no request is open and none can come if idle is set. It returns the
// first error of the model, or ctx's.
func (s *Sched) Loop(ctx context.Context, until time.Duration, idle bool) error {
	for s.q.Len() > 0 && s.err == nil {
		if s.events++; s.events&0xffff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if s.q.Next() > until {
			s.host.Now = until
			break
		}
		e := s.q.Pop()
		if e.At > s.host.Now {
			s.noProgress = 0
		}
		s.host.Now = e.At
		s.step(e)
		if s.checking && s.err == nil {
			s.err = s.check()
		}
		if idle && s.open == 0 && s.exhausted() {
			break
		}
	}
	if s.err != nil {
		return fmt.Errorf("gort: at %v, event %d: %w", s.host.Now, s.events, s.err)
	}
	return nil
}

// step is the only place that says what an event does.
func (s *Sched) step(e des.Event) {
	if e.Kind == evSignal {
		s.doSigPreempt(s.allm[e.Who])
		return
	}
	t := s.host.Step(e)
	if t < 0 {
		return
	}
	switch o := s.owners[t]; o.kind {
	case ownM:
		s.mstart(s.allm[o.i])
	case ownSysmon:
		s.sysmonStep()
	case ownSource:
		s.sourceStep(s.sources[o.i])
	case ownHelper:
		s.helperStep(&s.helpers[o.i])
	}
}

// throw records that the model is broken; the run ends.
func (s *Sched) throw(msg string) {
	if s.err == nil {
		s.err = fmt.Errorf("throw: %s", msg)
	}
}

// Now is the virtual time.
func (s *Sched) Now() time.Duration { return s.host.Now }

// Values are what was counted so far, under the names of runtime/metrics.
func (s *Sched) Values() map[string]float64 {
	return map[string]float64{
		"/sched/threads/total:threads": float64(s.Threads()),
		"/sched/retakes:count":         float64(s.retakes),
		"/cgo/go-to-c-calls:calls":     float64(s.calls),
		"/sched/gomaxprocs:threads":    float64(len(s.allp)),
	}
}

// HostSpeed is what one inference of lab.ProbeRows rows takes at the host's speed in this run, timed as realrun times it
// beside each trial; not ok without inference.
func (s *Sched) HostSpeed() (seconds float64, ok bool) {
	busy := s.cost.Cores
	if s.knobs.IntraOp > 1 {
		busy = 1
	}
	t := s.cost.Service(s.Model, s.knobs.IntraOp, busy)
	if t == nil {
		return 0, false
	}
	if t.Probe > 0 {
		return t.Probe * t.Factor(s.speed) / 1e9, true
	}
	inC := float64(t.At(lab.ProbeRows, lab.ProbeRows, 0.5)) * t.Factor(s.speed)
	return inC/1e9 + (s.price.runCall + s.price.cgocall).Seconds(), true
}

// Fill puts into a result the requests by the time they ended, the steals, the batches, the lines of schedtrace, and how many requests are open.
func (s *Sched) Fill(r *lab.Result) {
	slices.SortStableFunc(s.requests, func(a, b lab.Request) int { return cmp.Compare(a.End, b.End) })
	r.Requests, r.Steals, r.Batches, r.Dropped = s.requests, s.steals, s.batches, s.open
	r.GCs = s.gcs
	r.Sched = s.sysmon.trace.lines
}

// otherThreads are threads of the runtime that never run what a workload asks for: sysmon, the template thread of a cgo
// program, and the one to which os/signal locks its goroutine (runtime/signal_unix.go: ensureSigM).
const otherThreads = 3

// Threads counts the OS threads of the runtime.
func (s *Sched) Threads() int { return len(s.allm) - s.nmfreed + otherThreads }

// CPU is the CPU time that all threads have burnt so far, as the kernel counts it: with interrupts that took their cores, and
// with the way back from sleep, which is part of the latency of a wake-up.
func (s *Sched) CPU() time.Duration {
	sum := s.host.Backs()
	for t, o := range s.owners {
		if o.kind != ownNobody {
			sum += s.host.CPU(int32(t))
		}
	}
	return sum + time.Duration(s.cost.GapCPU.P50*float64(s.host.Stolen()))
}

// ForeignCPU is the CPU time that other processes have burnt so far, and whether there are any.
func (s *Sched) ForeignCPU() (cpu time.Duration, any bool) {
	cpu, n := s.host.Foreign()
	return cpu, n > 0
}

// Events tells how many events the run has taken.
func (s *Sched) Events() int { return s.events }
