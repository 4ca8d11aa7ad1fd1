package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// GODEBUG=schedtrace=X (runtime/proc.go: schedtrace): sysmon writes a line about the scheduler every X, and for its sake does
// not fall into its deep sleep.
//
// SIMPLIFIED(schedtrace): sysmon does not hold sched.lock while it writes a line.

// schedtraceState says when sysmon writes.
type schedtraceState struct {
	every time.Duration // 0: never
	last  time.Duration
	start time.Duration // the first line
	lines []lab.SchedTrace
}

// The pieces of a line, each of which is a write of its own (runtime/print.go: gwrite).
const (
	schedtracePieces = 20 // without those of a P
	schedtraceOfP    = 4
)

// SchedTrace makes sysmon write a line each so often, the first when it looks for the first time. 0: none.
func (s *Sched) SchedTrace(every time.Duration) {
	s.sysmon.trace = schedtraceState{every: every, last: -every}
}

// schedtrace writes a line. The length of a ring is that without runnext.
func (s *Sched) schedtrace(now time.Duration) {
	sm := &s.sysmon
	if sm.trace.lines == nil {
		sm.trace.start = now
	}
	n := len(s.allp)
	of := make([]int, 2*n) // of each P
	for i, pp := range s.allp {
		of[i] = int(pp.runqtail - pp.runqhead)
		of[n+i] = int(pp.schedtick)
	}
	line := lab.SchedTrace{At: now - sm.trace.start, Gomaxprocs: n, Idleprocs: int(s.sched.npidle), Threads: s.Threads(),
		Spinning: int(s.sched.nmspinning), NeedSpinning: int(b2i(s.sched.needspinning)), Idlethreads: int(s.sched.nmidle),
		Runqueue: int(s.sched.runq.size), Local: of[:n:n], Schedticks: of[n:]}
	sm.trace.lines = append(sm.trace.lines, line)
	sm.charge += time.Duration(schedtracePieces+n*schedtraceOfP) * s.price.pipeWrite
	s.note(tSchedtrace, nil, nil, int32(line.Idleprocs), int32(line.Runqueue))
}
