package gort

import (
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The generator's thread burns what the way to a sleep costs before each arrival that it waits for; the way back is a part of how late
// it comes, and counts.
func TestTheGeneratorPaysForItsSleep(t *testing.T) {
	s := newProcess(1, lab.Cost{Cores: 2, SleepCPU: lab.Nanos{P50: 20_000}, SleepIn: lab.Nanos{P50: 5000}, EpollCPU: lab.Nanos{P50: 20_000}})
	w := lab.Workload{Name: "one", Run: time.Hour, Classes: []lab.Class{{Name: "a", Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 100}}}}
	src := newSource(Source{Feeds: []Feed{{0, w.Due(0, 1)}}})
	src.thread = s.own(s.host.NewThread(), ownSource, 0)
	s.sources, s.Stop = []*source{src}, time.Second
	s.host.Wake(src.thread, -1)
	require.NoError(t, s.Loop(t.Context(), 25*time.Millisecond, false))
	assert.Equal(t, 3*5*us, s.host.CPU(src.thread), "for the arrivals at 10, 20 and 30 ms")
	assert.Equal(t, 2*15*us, s.host.Backs())
}

// The kernel counts the way back from a sleep where another thread ended it on an idle core (FutexBackIdle), and nothing for a thread that
// is new.
func TestTheWayBackCounts(t *testing.T) {
	nobody := &actor{thread: -1}
	for name, c := range map[string]struct {
		wake func(s *Sched)
		want time.Duration
	}{
		"parked": {func(s *Sched) { s.mput(s.allocm()); s.startm(nobody, s.pidleget(), false) }, 3 * us},
		"new":    {func(s *Sched) { s.newm(nobody, s.pidleget(), false) }, 0},
		"sysmon, woken": {func(s *Sched) {
			s.sysmon.thread, s.sched.sysmonwait = s.own(s.host.NewThread(), ownSysmon, 0), true
			s.wakeSysmon(nobody)
		}, 3 * us},
	} {
		cost := priced()
		cost.FutexBackIdle = lab.Nanos{P50: 3000}
		s := newProcess(2, cost)
		from := s.CPU()
		c.wake(s)
		assert.Equal(t, c.want, s.CPU()-from, name)
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
