package gort

import (
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The generator's thread burns what a sleep costs before each arrival that it waits for.
func TestTheGeneratorPaysForItsSleep(t *testing.T) {
	s := newProcess(1, lab.Cost{Cores: 2, SleepCPU: lab.Nanos{P50: 20_000}})
	src := &source{next: 10 * time.Millisecond}
	src.thread = s.own(s.host.NewThread(), ownSource, 0)
	s.sources, s.Stop = []*source{src}, time.Second
	s.host.Wake(src.thread, -1)
	require.NoError(t, s.Loop(t.Context(), 5*time.Millisecond, false))
	assert.Equal(t, 20*us, s.host.CPU(src.thread))
}

// A thread that was parked is back from its futex: the kernel counts the way back, which no burst of the thread has in it.
func TestTheWayBackFromAFutexCounts(t *testing.T) {
	for name, c := range map[string]struct {
		wake func(s *Sched)
		want time.Duration
	}{
		"parked":              {func(s *Sched) { mp := s.allm[0]; mp.next, mp.nextp = mPark, s.releasep(mp); s.mstart(mp) }, us},
		"sysmon, deep asleep": {func(s *Sched) { s.sysmon.deep = true; s.sysmonStep() }, us},
		"sysmon, in a nap":    {func(s *Sched) { s.sysmon.started = true; s.sysmonStep() }, 0},
	} {
		s := newProcess(1, priced())
		c.wake(s)
		assert.Equal(t, c.want, s.back, name)
		assert.GreaterOrEqual(t, s.CPU(), c.want, name)
	}
}

// Of what interrupts take from a busy core the kernel counts a share as its thread's CPU.
func TestInterruptsCountAsCPU(t *testing.T) {
	cost := lab.Cost{Cores: 1, GapRate: lab.Value{P50: 1000}, Gap: lab.Const(100 * us), GapCPU: lab.Value{P50: 0.5}}
	s := newProcess(1, cost)
	thread := s.own(s.host.NewThread(), ownHelper, 0)
	s.helpers = []helper{{actor: actor{thread: thread}}}
	s.host.Wake(thread, -1)
	s.host.Step(s.q.Pop())
	s.host.Run(thread, time.Hour)
	from := s.CPU()
	require.NoError(t, s.Loop(t.Context(), 10*time.Second, false))
	own, all := s.host.CPU(thread), s.CPU()-from
	assert.InDelta(t, 1/1.1, own.Seconds()/10, 0.01)
	assert.InDelta(t, 0.5, (all-own).Seconds()/(10-own.Seconds()), 0.02, "half of the rest")
}
