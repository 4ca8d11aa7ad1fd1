package gort

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

// A line holds what the scheduler's variables hold, and writing it takes sysmon's time.
func TestSchedtraceLine(t *testing.T) {
	s := newProcess(3, lab.Cost{PipeWrite: lab.Nanos{P50: 100}})
	s.SchedTrace(time.Millisecond)
	_, p1 := s.runs()
	s.runqput(p1, s.newG(_Grunnable), true)
	s.runqput(p1, s.newG(_Grunnable), false)
	s.runqput(p1, s.newG(_Grunnable), false)
	s.globrunqput(s.newG(_Grunnable))
	p1.schedtick = 7
	s.sched.needspinning = true
	s.sysmon.charge = 0
	s.schedtrace(5 * time.Millisecond)
	s.schedtrace(9 * time.Millisecond)
	line := lab.SchedTrace{Gomaxprocs: 3, Idleprocs: int(s.sched.npidle), Threads: s.Threads(), NeedSpinning: 1,
		Idlethreads: int(s.sched.nmidle), Runqueue: 1, Local: make([]int, 3), Schedticks: make([]int, 3)}
	line.Local[p1.id], line.Schedticks[p1.id] = 2, 7
	r := &lab.Result{}
	s.Fill(r)
	require.Len(t, r.Sched, 2)
	require.Equal(t, line, r.Sched[0], "runnext is not counted")
	line.At = 4 * time.Millisecond
	require.Equal(t, line, r.Sched[1])
	require.Equal(t, 2*32*100*time.Nanosecond, s.sysmon.charge, "20 pieces and 4 for each P")
}
