package lab

import (
	"fmt"
	"time"
)

// Of says whose state a Transition changes.
type Of uint8

// The three that have states.
const (
	G Of = iota // a goroutine
	P           // a P
	M           // a thread of the runtime
)

var ofNames = names{"g", "p", "m"}

// State is a state of a goroutine, a P or a thread, as Go's execution trace knows them.
type State uint8

// The states. A P that is in the hands of a thread is Running, even while its goroutine is in a call.
const (
	Undetermined State = iota // not seen yet: a trace begins in the middle
	NotExist
	Idle     // P: nobody has it; M: parked, or blocked in the kernel without a P
	Runnable // G: on a run queue
	Running
	Waiting   // G: for what the Reason says
	InSyscall // G: in a C or system call
)

var stateNames = names{"undetermined", "not-exist", "idle", "runnable", "running", "waiting", "syscall"}

// Reason says why a goroutine waits, or left its thread, in the words of Go's execution trace.
type Reason uint8

// The reasons that both sides know. Others are OtherReason.
const (
	NoReason Reason = iota
	ChanReceive
	ChanSend
	Select
	Sync // sync.Mutex, RWMutex, WaitGroup
	SyncCond
	Sleeping
	Network
	Preempted
	Gosched
	OtherReason
	GCAssist // waits for credit in a mark phase
)

var reasonNames = names{"-", "chan-receive", "chan-send", "select", "sync", "sync.Cond", "sleep", "network", "preempted", "runtime.Gosched", "other", "GC-assist"}

// A Transition is one change of state. The simulator records them, and a Go execution trace is read into the same.
type Transition struct {
	At     time.Duration // since the start of the trace
	Of     Of
	From   State
	To     State
	Reason Reason
	ID     int64 // of the goroutine, P or thread
	P      int32 // G: the P on which it runs or ran; M: the P that it has; -1: none
	M      int64 // G, P: the thread that runs or ran it; -1: none or not known

	Foreign bool // G: one of the runtime's own, or from before the trace; Activity leaves it out
}

// legal holds the moves that the runtime makes (runtime/runtime2.go: the comments on _Gidle … and _Pidle …).
var legal = map[Of][][2]State{
	G: {
		{NotExist, Runnable},  // newproc
		{NotExist, InSyscall}, // a callback from a thread that C made (needm)
		{Runnable, Running},   // execute
		{Running, Runnable},   // Gosched, preemption
		{Running, Waiting},    // gopark
		{Running, InSyscall},  // entersyscall
		{Running, NotExist},   // goexit0
		{Waiting, Runnable},   // ready
		{InSyscall, Running},  // exitsyscall with a P
		{InSyscall, Runnable}, // exitsyscall without one
		{InSyscall, NotExist}, // the end of a callback (dropm)
	},
	P: {
		{NotExist, Idle}, {NotExist, Running}, // procresize
		{Idle, Running}, // acquirep
		{Running, Idle}, // releasep, or taken from a thread in a call
		{Idle, NotExist}, {Running, NotExist},
	},
	M: {
		{NotExist, Running}, {NotExist, Idle}, // newm
		{Running, Idle}, {Idle, Running}, // stopm, startm
		{Running, NotExist}, {Idle, NotExist}, // mexit
	},
}

// A Validator checks Transitions, simulated or real, one after the other in the order of their times.
type Validator struct {
	last  time.Duration
	state map[who]State
	runs  map[int32]int64 // by P: the goroutine that runs on it
	on    map[int64]int32 // by running goroutine: its P
	has   map[int64]int64 // by thread: the P that it has
	owner map[int64]int64 // by P: the thread that has it
	n     int
}

type who struct {
	of Of
	id int64
}

// NewValidator begins with a world of which nothing is known.
func NewValidator() *Validator {
	return &Validator{state: map[who]State{}, runs: map[int32]int64{}, on: map[int64]int32{}, has: map[int64]int64{}, owner: map[int64]int64{}}
}

// Add takes the next Transition. The error names it and the rule that it breaks: times do not descend, each begins in the
// state where the one before ended, the move is one that the runtime makes, a P runs one goroutine at a time, a
// goroutine runs on one P at a time, and a thread has one P at a time and a P one thread.
func (v *Validator) Add(t Transition) error {
	v.n++
	bad := func(format string, args ...any) error {
		return fmt.Errorf("transition %d, %v: %s", v.n, t, fmt.Sprintf(format, args...))
	}
	if t.At < v.last {
		return bad("its time is before that of the one before, %v", v.last)
	}
	v.last = t.At
	w := who{t.Of, t.ID}
	was, seen := v.state[w]
	switch {
	case !seen && t.Of == G && t.From == Undetermined, !seen && t.Of != G:
	case !seen && t.From != NotExist:
		return bad("nothing was known of it before; a trace first says its state, or that it did not exist")
	case seen && was != t.From:
		return bad("it was %v before", was)
	}
	if t.From != Undetermined && !allowed(t) {
		return bad("the runtime makes no such move")
	}
	v.state[w] = t.To
	if t.To == NotExist {
		delete(v.state, w)
	}
	switch t.Of {
	case G:
		return v.goroutine(t, bad)
	case P:
		return v.processor(t, bad)
	}
	return v.thread(t, bad)
}

func allowed(t Transition) bool {
	for _, m := range legal[t.Of] {
		if m == [2]State{t.From, t.To} {
			return true
		}
	}
	return false
}

// goroutine keeps who runs where.
func (v *Validator) goroutine(t Transition, bad func(string, ...any) error) error {
	if p, running := v.on[t.ID]; running {
		delete(v.on, t.ID)
		delete(v.runs, p)
	}
	if t.To != Running || t.P < 0 {
		return nil
	}
	if g, taken := v.runs[t.P]; taken {
		return bad("P%d runs g%d already", t.P, g)
	}
	if p := (who{P, int64(t.P)}); v.state[p] == Idle {
		return bad("P%d is idle", t.P)
	}
	v.on[t.ID], v.runs[t.P] = t.P, t.ID
	return nil
}

// processor keeps which thread has which P.
func (v *Validator) processor(t Transition, bad func(string, ...any) error) error {
	if m, owned := v.owner[t.ID]; owned {
		delete(v.owner, t.ID)
		delete(v.has, m)
	}
	if t.To != Running {
		if g, runs := v.runs[int32(t.ID)]; runs {
			return bad("g%d runs on it", g)
		}
		return nil
	}
	if t.M < 0 {
		return nil
	}
	if p, has := v.has[t.M]; has {
		return bad("M%d has P%d already", t.M, p)
	}
	v.owner[t.ID], v.has[t.M] = t.M, t.ID
	return nil
}

// thread keeps parked threads from having a P.
func (v *Validator) thread(t Transition, bad func(string, ...any) error) error {
	if p, has := v.has[t.ID]; has && t.To != Running {
		return bad("it has P%d", p)
	}
	return nil
}

// Validate checks all Transitions of a trace and gives the first error.
func Validate(ts []Transition) error {
	v := NewValidator()
	for _, t := range ts {
		if err := v.Add(t); err != nil {
			return err
		}
	}
	return nil
}

// String writes the transition as a reader would: "1.2ms g7 running → waiting (chan-receive) on P0".
func (t Transition) String() string {
	s := fmt.Sprintf("%v %v%d %v → %v", t.At, t.Of, t.ID, t.From, t.To)
	if t.Reason != NoReason {
		s += fmt.Sprintf(" (%v)", t.Reason)
	}
	if t.Of == G && t.P >= 0 {
		s += fmt.Sprintf(" on P%d", t.P)
	}
	return s
}

// String gives the letter.
func (o Of) String() string { return ofNames.of(uint8(o)) }

// String gives the state's name as traces are written.
func (s State) String() string { return stateNames.of(uint8(s)) }

// String gives the reason's name as traces are written.
func (r Reason) String() string { return reasonNames.of(uint8(r)) }
