package lab

import (
	"slices"
	"time"
)

// A Trace is what was recorded of one run: every change of state, and which part of it counts.
type Trace struct {
	Side     string        // Predicted or Measured
	Name     string        // of the workload
	From, To time.Duration // the part that counts; To 0: to the end
	Moves    []Transition  // by time
	Notes    []string      // what the reader of the numbers must know
}

// An Activity is what a Trace says about a program: where its goroutines spent their time, how long they waited for a P,
// how long they ran at a time. It is computed in the same way for a simulated run and a real one.
type Activity struct {
	Span      time.Duration            // length of the counted part
	Running   time.Duration            // summed over goroutines, as are the next three
	Runnable  time.Duration            // ready, but nobody runs it
	InCall    time.Duration            // in a C or system call
	Waiting   map[Reason]time.Duration // by what it waits for
	Latency   []time.Duration          // from runnable to running, ascending
	Slices    []time.Duration          // running at a stretch, calls included as long as the goroutine kept its P, ascending
	Preempted []time.Duration          // those of the slices that a preemption ended, ascending
	Starts    int                      // how often a goroutine that was runnable began to run
	Moves     int                      // how often that was on another P than it ran on before
	PsBusy    time.Duration            // summed over Ps: in the hands of a thread
}

// goroutine is what is known of one while its Transitions pass.
type tracked struct {
	state  State
	reason Reason
	since  time.Duration // in this state
	began  time.Duration // of the slice; -1: none
	p      int32         // where it ran last
}

// Activity computes what the trace says about its counted part.
func (t *Trace) Activity() Activity {
	a := Activity{Waiting: map[Reason]time.Duration{}}
	to := t.To
	if n := len(t.Moves); to == 0 && n > 0 {
		to = t.Moves[n-1].At
	}
	a.Span = to - t.From
	gs, ps := map[int64]*tracked{}, map[int64]time.Duration{}
	inside := func(since, at time.Duration) time.Duration { return max(0, min(at, to)-max(since, t.From)) }
	for _, m := range t.Moves {
		switch m.Of {
		case P:
			if since, busy := ps[m.ID]; busy && m.To != Running {
				a.PsBusy += inside(since, m.At)
				delete(ps, m.ID)
			} else if !busy && m.To == Running {
				ps[m.ID] = m.At
			}
		case G:
			if m.Foreign {
				continue
			}
			g := gs[m.ID]
			if g == nil {
				g = &tracked{p: -1, began: -1}
				gs[m.ID] = g
			}
			a.spend(g, inside(g.since, m.At))
			a.move(g, m, m.At >= t.From && m.At <= to)
			if m.To == NotExist {
				delete(gs, m.ID)
			}
		}
	}
	for _, g := range gs {
		a.spend(g, inside(g.since, to))
	}
	for _, since := range ps {
		a.PsBusy += inside(since, to)
	}
	slices.Sort(a.Latency)
	slices.Sort(a.Slices)
	slices.Sort(a.Preempted)
	return a
}

// spend adds the time that a goroutine was in its state.
func (a *Activity) spend(g *tracked, d time.Duration) {
	switch g.state {
	case Running:
		a.Running += d
	case Runnable:
		a.Runnable += d
	case InSyscall:
		a.InCall += d
	case Waiting:
		a.Waiting[g.reason] += d
	}
}

// move takes a goroutine to its next state. counts: that is in the counted part.
func (a *Activity) move(g *tracked, m Transition, counts bool) {
	if m.To == Running && m.From == Runnable && counts {
		a.Starts++
		a.Latency = append(a.Latency, m.At-g.since)
		if g.p >= 0 && m.P >= 0 && g.p != m.P {
			a.Moves++
		}
	}
	if m.To == Running {
		if g.began < 0 {
			g.began = m.At
		}
		if m.P >= 0 {
			g.p = m.P
		}
	} else if m.To != InSyscall && g.began >= 0 {
		if counts {
			a.Slices = append(a.Slices, m.At-g.began)
			if m.To == Runnable && m.Reason == Preempted {
				a.Preempted = append(a.Preempted, m.At-g.began)
			}
		}
		g.began = -1
	}
	g.state, g.reason, g.since = m.To, m.Reason, m.At
}
