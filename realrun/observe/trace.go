// Package observe reads what the Go runtime tells about a real run: its execution trace, as the Transitions that the
// simulator records too.
package observe

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/exp/trace"

	"github.com/gmplab/lab"
)

// The log messages by which a trial marks its counted part in an execution trace (runtime/trace.Log).
const (
	LogCategory = "gmplab"
	LogFrom     = "from"
	LogTo       = "to"
)

// goStates and procStates are the states of golang.org/x/exp/trace in ours.
var (
	goStates = map[trace.GoState]lab.State{trace.GoUndetermined: lab.Undetermined, trace.GoNotExist: lab.NotExist,
		trace.GoRunnable: lab.Runnable, trace.GoRunning: lab.Running, trace.GoWaiting: lab.Waiting, trace.GoSyscall: lab.InSyscall}
	procStates = map[trace.ProcState]lab.State{trace.ProcUndetermined: lab.Undetermined, trace.ProcNotExist: lab.NotExist,
		trace.ProcRunning: lab.Running, trace.ProcIdle: lab.Idle}
)

// reasons are the strings of runtime/traceruntime.go (traceBlockReasonStrings, traceGoStopReasonStrings).
var reasons = map[string]lab.Reason{"": lab.NoReason, "chan receive": lab.ChanReceive, "GC mark assist wait for work": lab.GCAssist, "chan send": lab.ChanSend,
	"select": lab.Select, "sync": lab.Sync, "sync.(*Cond).Wait": lab.SyncCond, "sleep": lab.Sleeping, "network": lab.Network,
	"preempted": lab.Preempted, "runtime.Gosched": lab.Gosched}

// ReadTrace reads a Go execution trace (runtime/trace, Go 1.22 and later) as Transitions, all of them, by time.
// Goroutines that existed before the trace began, and those of the runtime, are Foreign. It fails where the trace is damaged, and names the place.
func ReadTrace(r io.Reader) (*lab.Trace, error) {
	events, err := trace.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("this is no Go execution trace (%w); give a file of runtime/trace, go test -trace or gmplab trace measure", err)
	}
	t := &reader{Trace: lab.Trace{Side: lab.Measured}, system: map[trace.GoID]bool{}}
	for n := 1; ; n++ {
		ev, err := events.ReadEvent()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("event %d of the execution trace cannot be read (%w); record it again", n, err)
		}
		if n == 1 {
			t.zero = ev.Time()
		}
		t.event(&ev)
	}
	if len(t.Moves) == 0 {
		return nil, errors.New("the execution trace holds no change of state; record one of a program that does something")
	}
	return &t.Trace, nil
}

// reader turns events into Transitions.
type reader struct {
	lab.Trace
	zero   trace.Time
	last   time.Duration
	system map[trace.GoID]bool
}

func (t *reader) event(ev *trace.Event) {
	at := max(time.Duration(ev.Time().Sub(t.zero)), t.last) // events of different threads may swap within a clock tick
	t.last = at
	switch ev.Kind() {
	case trace.EventLog:
		if l := ev.Log(); l.Category == LogCategory {
			switch l.Message {
			case LogFrom:
				t.From = at
			case LogTo:
				t.To = at
			}
		}
	case trace.EventStateTransition:
		st := ev.StateTransition()
		switch st.Resource.Kind {
		case trace.ResourceGoroutine:
			t.goroutine(at, ev, &st)
		case trace.ResourceProc:
			from, to := st.Proc()
			if from == to {
				return // a new generation of the trace says it again
			}
			t.Moves = append(t.Moves, lab.Transition{At: at, Of: lab.P, ID: int64(st.Resource.Proc()), P: int32(st.Resource.Proc()),
				From: procStates[from], To: procStates[to], M: int64(ev.Thread())})
		}
	}
}

// goroutine adds a goroutine's change of state, and notes which goroutines belong to the runtime or were there before
// the program's: those the simulator does not have.
func (t *reader) goroutine(at time.Duration, ev *trace.Event, st *trace.StateTransition) {
	id := st.Resource.Goroutine()
	from, to := st.Goroutine()
	if from == to {
		return // a new generation of the trace says it again
	}
	if from == trace.GoUndetermined || from == trace.GoNotExist {
		t.system[id] = from == trace.GoUndetermined || ofRuntime(st.Stack)
	}
	m := lab.Transition{At: at, Of: lab.G, ID: int64(id), From: goStates[from], To: goStates[to], P: -1, M: -1}
	if from.Executing() || to.Executing() {
		m.M = int64(ev.Thread())
		if p := ev.Proc(); p != trace.NoProc {
			m.P = int32(p)
		}
	}
	if why, known := reasons[st.Reason]; known {
		m.Reason = why
	} else {
		m.Reason = lab.OtherReason
	}
	m.Foreign = t.system[id]
	t.Moves = append(t.Moves, m)
}

// ofRuntime tells whether a new goroutine runs a function of the runtime: its stack is that function alone.
func ofRuntime(stack trace.Stack) bool {
	for f := range stack.Frames() {
		return strings.HasPrefix(f.Func, "runtime.") || strings.HasPrefix(f.Func, "runtime/")
	}
	return false
}
