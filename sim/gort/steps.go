package gort

import (
	"fmt"
	"slices"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/host"
)

// The record behind the step view and the story of a request: small decisions that a transcript leaves out, every
// decision as a full sentence, and the state of Ps and queues behind it.

// FirstDetail is where the small decisions begin; a transcript has those of them that it asks for.
const FirstDetail What = 128

// The small decisions, which a run notes after Detail.
const (
	dMoved What = FirstDetail + iota // from one queue to the tail of another: a part of a decision
	dWakepSpins
	dWakepNoP
	dResetSpinning
	dSpin
	dNothing
	dCheckNoP
	dStopm
	dAcquire
	dHandoff
	dPreempt
	dSignal
	dGoyield
	dNetready
	dInject
	dBegin
	dEnd
	dWritten
	dGfput
	dGfget
	dPass
	dMutexSpin
	dAssisted
	dRunqdrain
	dScavenged
	dLast
)

// What handoffp did with the P.
const (
	handoffWork int32 = iota
	handoffSpin
	handoffPoll
	handoffIdle
	handoffMark
)

// Why retake took a P.
const (
	retakeWork int32 = iota
	retakeBusy
	retakeLong
)

// long are the sentences of the step view: with the path of functions, and with what a transcript has no room for. The
// arguments are those of sentences, then Left, the sum of A, B or B and Left where something was taken, and a reason.
//
//house:table
var long = [...]string{
	tExecute:       "execute: %[1]s runs on M%[3]d%[6]s",
	tNewproc:       "newproc → runqput: the new %[1]s goes %[6]s",
	tExit:          "goexit0: %[1]s ends",
	tPark:          "gopark: %[1]s waits %[6]s",
	tReady:         "ready → runqput: %[1]s goes %[6]s",
	tYield:         "goschedImpl: %[1]s %[6]s, goes to the tail of the global queue",
	tOverflow:      "runqput → runqputslow: the ring is full; its older half and %[1]s, %[2]d in all, go to the global queue",
	tSteal:         "findRunnable → stealWork from P%[2]d: took %[3]d of %[5]d, oldest first; runs the youngest, %[1]s",
	tStealNext:     "findRunnable → stealWork from P%[2]d: its ring is empty, took its runnext %[1]s",
	tGlobalTick:    "findRunnable at tick %[2]d, every 61st → globrunqget: %[1]s of the global queue comes first",
	tGlobal:        "findRunnable → globrunqgetbatch: took %[2]d of %[5]d, this P's share; runs %[1]s",
	tNetpoll:       "findRunnable → netpoll: %[2]d ready; runs %[1]s",
	tBackoff:       "findRunnable → stealWork → runqgrab: P%[2]d has only %[1]s, in runnext; sleeps 3µs to let it run there",
	tIdle:          "findRunnable → pidleput: M%[2]d found nothing, gives the P up",
	tStartm:        "startm: wakes M%[2]d for this P",
	tNewm:          "startm → newm: M%[2]d is a new thread for this P",
	tPoll:          "findRunnable → netpoll: M%[2]d blocks until a descriptor is ready or a timer is due",
	tDeep:          "sysmon: every P is idle; sleeps until one is used again or a timer is due",
	tSchedtrace:    "sysmon → schedtrace: writes a line; %[2]d Ps idle, %[3]d on the global queue",
	tRetake:        "sysmon → retake: %[1]s is still in its call; takes the P, %[6]s",
	tEnter:         "entersyscall: %[1]s makes a call and leaves the P where it is",
	tExitFast:      "exitsyscall, fast: %[1]s is back and has its P still",
	tExitSlow:      "exitsyscall → exitsyscallTryGetP: %[1]s is back; its P was taken, this one is free",
	tExitNoP:       "exitsyscall → exitsyscallNoP: %[1]s is back and no P is free; it goes to the global queue",
	tStopLocked:    "stoplockedm: M%[2]d waits for %[1]s, which is locked to it",
	tStartLocked:   "schedule → startlockedm: %[1]s is locked to M%[2]d, which gets this P",
	tMexit:         "mexit: M%[2]d ends, with the goroutine that was locked to it",
	tStopWorld:     "stopTheWorldWithSema: %[1]s stops %[2]d other Ps",
	tStartWorld:    "startTheWorldWithSema: %[1]s starts %[2]d Ps",
	tGcstop:        "gcstopm: the world stops; M%[2]d gives this P up and parks",
	tSelect:        "selectgo: %[1]s takes case %[2]d of %[3]d",
	tNewstack:      "newstack → copystack: %[1]s needs more stack than it has; gets %[2]d KiB, copies %[3]d bytes",
	tYieldStop:     "goschedImpl: %[1]s is preempted as the world stops, and stays in runnext",
	tWrite:         "FD.Write → write: %[1]s puts %[2]d bytes into %[6]s; the other end can read",
	tRead:          "FD.Read → read: %[1]s takes %[2]d bytes out of %[6]s",
	tGCStart:       "mallocgc → gcStart: %[1]s has switched the write barrier on; the heap is %[2]d MiB and shall be %[3]d MiB when all is marked",
	tGCEnd:         "gcMarkDone → gcMarkTermination: %[1]s has found all marked; the heap is %[2]d MiB, %[3]d MiB of it alive",
	tGCWorker:      "findRunnable → findRunnableGCWorker: %[1]s marks on this P, %[6]s",
	tAssist:        "mallocgc → gcAssistAlloc: %[1]s must mark for what it allocates: %[2]d KiB of scan work",
	tAssistPark:    "gcAssistAlloc → gcParkAssist: there is nothing left that %[1]s could mark, or it may not; it waits for the workers' credit",
	tForEachP:      "forEachP: %[1]s has a function run on the %[2]d other Ps, at their next safe point",
	tPoolMiss:      "sync.Pool.Get: there is no buffer for %[1]s; it allocates one",
	tAgain:         "%[6]s: EAGAIN for %[1]s, which will wait in the netpoller",
	tTimer:         "checkTimers: the timer of %[1]s is due",
	tHelpers:       "runSession: %[2]d helper threads share the inference of %[1]s",
	dMoved:         "%[1]s moves to the tail of another queue",
	dWakepSpins:    "wakep: nobody, an M spins already",
	dWakepNoP:      "wakep: nobody, no P is idle",
	dResetSpinning: "schedule → resetspinning: M%[2]d has found work (%[3]d still spin)",
	dSpin:          "findRunnable: M%[2]d spins to find work on other Ps (%[3]d spin)",
	dNothing:       "findRunnable → stealWork: nothing in %[2]d passes over the other Ps",
	dCheckNoP:      "findRunnable → checkRunqsNoP: M%[2]d sees work after all, takes an idle P and spins",
	dStopm:         "stopm: M%[2]d parks, %[3]d are idle",
	dAcquire:       "mstart → acquirep: M%[2]d is awake and has this P",
	dHandoff:       "handoffp: %[6]s",
	dPreempt:       "sysmon → retake → preemptone: %[1]s has had its P for at least %[2]dµs; %[6]s",
	dSignal:        "doSigPreempt: the signal has reached %[1]s, which yields at once",
	dGoyield:       "goyield: %[1]s hands its time slice over and goes to the tail of the ring",
	dNetready:      "netpollready: %[1]s has %[6]s",
	dInject:        "injectglist: %[2]d to the global queue, %[3]d to the ring",
	dBegin:         "%[1]s begins a request of class %[6]s",
	dEnd:           "%[1]s has done its request of class %[6]s",
	dGfput:         "gfput: gives %[2]d free gs to the global list, keeps %[3]d",
	dGfget:         "gfget: takes %[2]d free gs from the global list, leaves %[3]d",
	dPass:          "findRunnable → stealWork: pass %[2]d over the Ps, from P%[3]d on in strides of %[4]d",
	dMutexSpin:     "sync.Mutex.Lock → doSpin: %[1]s spins (%[2]d of 4) on a mutex that another one holds",
	dAssisted:      "gcAssistAlloc1: %[1]s has marked for now; its credit is %[3]d bytes",
	dRunqdrain:     "gcBgMarkWorker → runqdrain: %[1]s is asked to yield, and marks on; the ring's %[2]d go to the global queue",
	dScavenged:     "mheap.allocSpan → scavenge: %[1]s finds %[2]d KiB more mapped than the memory limit allows; it gives %[3]d KiB of free pages back",
	dWritten:       "the generator's thread writes arrival %[4]d of class %[6]s into the pipe",
}

// Names are the workload's names of what a run knows by number.
type Names struct{ Classes, Chans, Conns, Mutexes, RWMutexes []string }

// nameOf gives a name, or what and the number where there is none.
func nameOf(names []string, what string, i int32) string {
	if i >= 0 && int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s %d", what, i)
}

// Long is the decision as a full sentence, with the path of functions that led to it.
func (k Mark) Long(n *Names) string {
	text := ""
	if int(k.What) < len(long) {
		text = long[k.What]
	}
	if text == "" {
		return k.String()
	}
	of := k.A + k.Left
	if k.What == tSteal {
		of = k.B + k.Left
	}
	return fmt.Sprintf(text+"%[7]s", fmt.Sprintf("g%d", k.G), k.A, k.B, k.Left, of, k.Reason(n), "")
}

// Follows tells whether the decision is the end of the one before it: a wakep that wakes nobody.
func (k Mark) Follows() bool { return k.What == dWakepSpins || k.What == dWakepNoP }

// Reason says what a decision had to choose from and took; of a goroutine that parks, what it waits for.
func (k Mark) Reason(n *Names) string {
	pick := func(i int32, of ...string) string { return of[min(max(int(i), 0), len(of)-1)] }
	switch k.What {
	case tExecute:
		return pick(k.A, "", " and inherits the time slice")
	case tNewproc, tReady:
		where := pick(k.Left, "to the tail of the ring", "into runnext")
		if k.What == tReady && k.A >= 0 {
			where += fmt.Sprintf(", woken by g%d", k.A)
		}
		return where
	case tPark:
		return waitsFor(n, OpKind(k.A), k.B)
	case tYield:
		return pick(k.A, "calls Gosched", "is preempted")
	case tExitNoP:
		return "comes back from its call to no free P"
	case tRetake:
		return pick(k.A, "as there is work in its queue", "as no P is idle and no M spins", "as the call lasts for 10ms")
	case dHandoff:
		return pick(k.A, "there is work for the P; needs an M", "nobody spins and no P is idle; needs an M that looks for work",
			"this was the last P, and nobody polls; needs an M", "nothing to do for the P; it idles", "there is something to mark; needs an M")
	case tWrite, tRead:
		return nameOf(n.Conns, "connection", k.B)
	case tGCWorker:
		return pick(k.A-1, "dedicated", "for a fraction of its time", "as it has nothing else to do")
	case tAgain:
		return pick(k.A, "FD.Read → read from ", "FD.Write → write to ") + nameOf(n.Conns, "connection", k.B)
	case dNetready:
		return pick(k.A, "something to read", "room to write")
	case dPreempt:
		return pick(k.B, "asks it to yield at its next call of a function", "sends a signal")
	case dBegin, dEnd, dWritten:
		return nameOf(n.Classes, "number", k.A)
	}
	return ""
}

// waitsFor says what a goroutine waits for that parks in an op.
func waitsFor(n *Names, do OpKind, i int32) string {
	switch do {
	case Send:
		return "to send on " + nameOf(n.Chans, "channel", i)
	case Enqueue:
		return "for room in " + nameOf(n.Chans, "channel", i)
	case Recv:
		return "to receive from " + nameOf(n.Chans, "channel", i)
	case NetWrite:
		return "to write to " + nameOf(n.Conns, "connection", i)
	case NetRead:
		return "to read from " + nameOf(n.Conns, "connection", i)
	case Lock:
		return "for mutex " + nameOf(n.Mutexes, "number", i)
	case RLock, WLock:
		return "for RWMutex " + nameOf(n.RWMutexes, "number", i)
	case Wait:
		return "for the goroutines it started"
	case Await:
		return "for the worker's reply"
	case Sleep:
		return "for its sleep to end"
	case Think:
		return "for its think time to end"
	case Collect:
		return "for a first request"
	case Take:
		return "for more requests, or for the batcher's timer"
	case Read:
		return "for the pipe"
	case Generate:
		return "for the next arrival"
	}
	return waitsForGC(do, uint8(i))
}

// waitsForGC says what a goroutine waits for that parks in that state of the collector.
func waitsForGC(do OpKind, gcop uint8) string {
	switch do {
	case Alloc, Get, Put, GC, SetGCPercent, SetMemoryLimit, MarkWorker, Sweeper, ForceGC:
	default:
		return ""
	}
	switch {
	case gcop == gcopAssist:
		return "for credit of the mark workers, as it owes scan work"
	case gcop == gcopStartSema:
		return "for another goroutine, which begins a collection"
	case gcop == gcopGcsema || gcop == gcopPacer:
		return "for gcsema: a collection is under way"
	case gcop == gcopDone:
		return "for another goroutine, which ends the mark phase"
	case gcop == gcopWait || gcop == gcopSweep:
		return "for the mark phase to end"
	case gcop != gcopNone:
		return "for worldsema: somebody stops the world"
	case do == MarkWorker:
		return "until a P needs a mark worker"
	case do == Sweeper:
		return "for something to sweep"
	}
	return "for sysmon, which asks for a collection every two minutes"
}

// watch is what a run keeps beside the marks.
type watch struct {
	detail      bool // small decisions too
	states      bool
	from, until time.Duration // of the marks kept; 0: without end
	limit       int
	skipped     int
	ps          []PState
	starts      []int // of each snapshot in ps: the number of Ps may change
	global      []Queued
}

// Shown is how many goroutines of a queue a State names.
const Shown = 12

// Queued are the first goroutines of a queue, and how many it holds.
type Queued struct {
	N     int32
	First [Shown]int32
}

// A PState is a P behind a decision.
type PState struct {
	M, G, Next int32 // its thread, what that runs, and runnext; -1: none
	Call       bool  // G is in a call
	Spins      bool  // M spins
	Coming     bool  // M was woken for the P and does not have it yet
	Ring       Queued
}

// A State is all Ps and the global queue behind a decision.
type State struct {
	Ps     []PState
	Global Queued
}

// Detail records every decision from now on, the small ones included.
func (s *Sched) Detail() {
	s.marking, s.watch.detail = true, true
}

// Watch records the decisions made from one time on until another one (0: to the end), at most limit of them, and the
// state behind each; the others are counted.
func (s *Sched) Watch(from, until time.Duration, limit int) {
	s.Detail()
	s.watch.states, s.watch.from, s.watch.until, s.watch.limit = true, from, until, limit
}

// WatchThreads records from now on which thread is on which core of the machine below; Moves gives it.
func (s *Sched) WatchThreads() { s.host.Watch() }

// Moves are the moves of the threads recorded so far, in order.
func (s *Sched) Moves() []host.Move { return s.host.Moves() }

// GeneratorThread is the name of the thread that writes arrivals into the pipe.
const GeneratorThread = "the generator"

// ThreadNames are what the threads of the machine are to the process, by their numbers: M0, M1, sysmon and so on.
func (s *Sched) ThreadNames() []string {
	names := make([]string, len(s.owners))
	for t, o := range s.owners {
		switch o.kind {
		case ownNobody:
			names[t] = "another process"
		case ownM:
			names[t] = fmt.Sprintf("M%d", o.i)
		case ownSysmon:
			names[t] = "sysmon"
		case ownSource:
			names[t] = GeneratorThread
		case ownHelper:
			names[t] = fmt.Sprintf("helper %d", o.i)
		}
	}
	return names
}

// States are the states behind the Marks that Watch kept, one for each.
func (s *Sched) States() []State {
	states := make([]State, len(s.watch.global))
	for i := range states {
		end := len(s.watch.ps)
		if i+1 < len(states) {
			end = s.watch.starts[i+1]
		}
		states[i] = State{s.watch.ps[s.watch.starts[i]:end], s.watch.global[i]}
	}
	return states
}

// Requests are the requests that have ended so far, in that order; Fill brings them into another one.
func (s *Sched) Requests() []lab.Request { return slices.Clone(s.requests) }

// Skipped is how many decisions Watch left out because of its limit.
func (s *Sched) Skipped() int { return s.watch.skipped }

// wants tells whether a mark of that kind is kept now.
func (s *Sched) wants(w What) bool {
	v := &s.watch
	if w >= FirstDetail && !v.detail {
		return false
	}
	if !v.states {
		return true
	}
	if w == dMoved || s.host.Now < v.from || v.until > 0 && s.host.Now >= v.until {
		return false
	}
	if len(s.marks) >= v.limit {
		v.skipped++
		return false
	}
	return true
}

// left is what a decision left in the queue from which it took; where a goroutine was put, 1 for runnext; of an arrival,
// its number from 1; of a pass, its stride.
func (s *Sched) left(k *Mark) int32 {
	switch k.What {
	case tSteal:
		p2 := s.allp[k.A]
		return int32(p2.runqtail - p2.runqhead)
	case tGlobal:
		return s.sched.runq.size
	case tNewproc, tReady:
		return b2i(s.policy.Runnext && (k.What == tNewproc || k.B == 0))
	case dPass:
		return int32(s.allp[k.P].m.steal.step)
	case dWritten:
		return k.B + 1
	}
	return 0
}

// snapshot keeps the state behind the mark that was made last.
func (s *Sched) snapshot() {
	if !s.watch.states {
		return
	}
	s.watch.starts = append(s.watch.starts, len(s.watch.ps))
	for _, pp := range s.allp {
		s.watch.ps = append(s.watch.ps, s.state(pp))
	}
	q := Queued{N: s.sched.runq.size}
	for gp, i := s.sched.runq.head, 0; gp != nil && i < Shown; gp, i = gp.schedlink, i+1 {
		q.First[i] = gp.goid
	}
	s.watch.global = append(s.watch.global, q)
}

// settle takes the last snapshot anew where the decision goes on behind its mark.
func (s *Sched) settle() {
	if n := len(s.watch.global); n > 0 && n == len(s.marks) && s.marks[n-1].At == s.host.Now && s.watch.skipped == 0 {
		s.watch.global = s.watch.global[:n-1]
		s.watch.ps = s.watch.ps[:s.watch.starts[n-1]]
		s.watch.starts = s.watch.starts[:n-1]
		s.snapshot()
	}
}

func (s *Sched) state(pp *p) PState {
	v := PState{M: -1, G: -1, Next: goidOf(pp.runnext), Ring: Queued{N: int32(pp.runqtail - pp.runqhead)}}
	for i := range min(v.Ring.N, Shown) {
		v.Ring.First[i] = pp.runq[(pp.runqhead+uint32(i))%runqSize].goid
	}
	if mp := pp.m; mp != nil {
		v.M, v.G, v.Spins = mp.id, goidOf(mp.curg), mp.spinning
		v.Call = mp.curg != nil && mp.curg.status == _Gsyscall
		return v
	}
	for _, mp := range s.allm {
		if mp.nextp == pp {
			v.M, v.Spins, v.Coming = mp.id, mp.spinning, true
		}
	}
	return v
}

func goidOf(gp *g) int32 {
	if gp == nil {
		return -1
	}
	return gp.goid
}

// retakeReason says why retake takes a P.
func (s *Sched) retakeReason(pp *p) int32 {
	switch {
	case !runqempty(pp):
		return retakeWork
	case s.sched.nmspinning+s.sched.npidle == 0:
		return retakeBusy
	}
	return retakeLong
}
