package gort

import (
	"context"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// played runs programs side by side, each in one goroutine, to their end with the invariants on.
func played(tb testing.TB, knobs lab.Knobs, cost *lab.Cost, policy Policy, until time.Duration, programs ...[]Op) *Sched {
	s := New(cost, policy, knobs.Filled(max(cost.Cores, 1)), 1)
	v := Service{Seed: 1, Stop: time.Hour, To: time.Hour, Programs: []Program{{Class: -1}}, Classes: []Program{{}},
		Mutexes: 1, RWMutexes: 1, Conds: []int32{0}, Chans: []int{0}, Selects: [][]Case{{{Chan: 0}}, {{Chan: 0, Send: true}}}}
	for i, ops := range programs {
		v.Programs[0].Ops = append(v.Programs[0].Ops, Op{Do: Start, I: int32(i + 1), N: 1})
		ops = append(append([]Op{{Do: Begin}}, ops...), Op{Do: End}, Op{Do: Exit})
		v.Programs = append(v.Programs, Program{Ops: ops})
	}
	v.Programs[0].Ops = append(v.Programs[0].Ops, Op{Do: Started}, Op{Do: Exit})
	s.Check()
	s.Trace()
	s.Serve(v)
	require.NoError(tb, s.Loop(context.Background(), until, true))
	return s
}

func lasting(do OpKind, d time.Duration) Op {
	t := lab.Const(d)
	return Op{Do: do, Time: &t}
}

// asked counts how often the decision was made.
func (s *Sched) asked(w What) (n int) {
	for _, k := range s.marks {
		if k.What == w {
			n++
		}
	}
	return n
}

// Without signals a loop that calls nothing runs to its end before the world stops; with them it stops at once.
func TestStopTheWorldWaitsForLoopsWithoutSignals(t *testing.T) {
	for off, want := range map[bool]time.Duration{false: time.Millisecond, true: 20 * time.Millisecond} {
		s := played(t, lab.Knobs{GOMAXPROCS: 2, AsyncPreemptOff: off}, &lab.Cost{}, Go126(), time.Second,
			[]Op{lasting(CPU, time.Millisecond), {Do: Gomaxprocs, N: 1}},
			[]Op{lasting(CPU, 20*time.Millisecond)})
		var stop, start time.Duration
		for _, k := range s.marks {
			if k.What == tStopWorld {
				stop = k.At
			}
			if k.What == tStartWorld {
				start = k.At
			}
		}
		require.Positive(t, start)
		assert.InDelta(t, want.Seconds(), start.Seconds(), 0.00005+want.Seconds()/100, "asyncpreemptoff %v, stopped from %v", off, stop)
		require.Len(t, s.requests, 2)
	}
}

// Ps grow and shrink; a P that goes takes nothing with it, not even a timer.
func TestProcresizeKeepsAllWork(t *testing.T) {
	sleeper := []Op{lasting(Sleep, 3*time.Millisecond), lasting(CPU, time.Millisecond)}
	worker := []Op{lasting(CPU, 4*time.Millisecond), {Do: Yield}, lasting(CPU, time.Millisecond)}
	changer := []Op{lasting(CPU, time.Millisecond), {Do: Gomaxprocs, N: 1}, lasting(CPU, time.Millisecond), {Do: Gomaxprocs, N: 9},
		lasting(CPU, time.Millisecond), {Do: Gomaxprocs, N: 2}, {Do: Gomaxprocs, N: 2}}
	s := played(t, lab.Knobs{GOMAXPROCS: 4}, &lab.Cost{}, Go126(), time.Second, sleeper, worker, sleeper, worker, sleeper, worker, worker,
		changer, sleeper, changer, lockedFor(changer), []Op{lasting(CCall, 2*time.Millisecond), lasting(CSleep, time.Millisecond)})
	require.Len(t, s.requests, 12)
	assert.Len(t, s.allp, 2)
	assert.Greater(t, s.asked(tStopWorld), 5)
	same := played(t, lab.Knobs{GOMAXPROCS: 3}, &lab.Cost{}, Go126(), time.Second, []Op{{Do: Gomaxprocs, N: 3}})
	assert.Zero(t, same.asked(tStopWorld), "GOMAXPROCS with the number there is stops nothing")
	var longest time.Duration
	for _, q := range s.requests {
		longest = max(longest, q.End)
	}
	assert.Less(t, longest, 40*time.Millisecond, "somebody was forgotten until sysmon looked")
}

func lockedFor(ops []Op) []Op { return append([]Op{{Do: LockThread}}, ops...) }

// procresize gives a P with work the M that it had last, if that is idle.
func TestProcresizePrefersTheOldM(t *testing.T) {
	s := New(&lab.Cost{}, Go126(), lab.Knobs{GOMAXPROCS: 3}.Filled(3), 1)
	for range 3 {
		s.mput(s.allocm())
	}
	for pp := s.pidleget(); pp != nil; pp = s.pidleget() {
		pp.status = _Pgcstop
	}
	old := s.sched.midle.schedlink // not the one on top
	s.allp[1].oldm = old
	gp := s.malg(s.allm[0])
	s.runqput(s.allp[1], gp, false)
	runnable := s.procresize(s.allm[0], 3)
	require.Same(t, s.allp[1], runnable)
	assert.Same(t, old, runnable.m)
	assert.EqualValues(t, 2, s.sched.nmidle)
	assert.Same(t, s.allp[2], s.sched.pidle)
	assert.Equal(t, []uint32{1, 2}, s.coprimes)
}

// stopping is a process whose m0 stops the world, and whose second P runs a goroutine on another M.
func stopping() (s *Sched, mp, m2 *m) {
	s, mp = running(2)
	m2 = s.allocm()
	s.acquirep(m2, s.pidleget())
	s.execute(m2, s.malg(m2), false)
	return s, mp, m2
}

// untilBack runs the host until a thread waits for its next order.
func (s *Sched) untilBack(thread int32) {
	for at := int32(-1); at != thread; {
		e := s.q.Pop()
		s.host.Now = e.At
		at = s.host.Step(e)
	}
}

// Who waits for the world to stop asks again; a P handed off then stops; sysmon sleeps deep; and the start wakes it.
func TestWhileTheWorldStops(t *testing.T) {
	s, mp, m2 := stopping()
	require.False(t, s.stopTheWorldWithSema(mp))
	require.True(t, m2.curg.preempt)
	m2.curg.preempt = false // an M that was on its way has not heard
	s.untilBack(mp.thread)
	assert.False(t, s.stopWaited(mp))
	assert.True(t, m2.curg.preempt)
	s.sysmon.started = true
	s.sysmonStep()
	assert.True(t, s.sched.sysmonwait)
	s.sched.nmspinning = 1 // else an M that spins takes the P, and stops it
	s.handoffp(&s.sysmon.actor, s.releasep(m2))
	s.sched.nmspinning = 0
	assert.Equal(t, uint8(_Pgcstop), s.allp[1].status)
	require.True(t, s.stopWaited(mp))
	s.gfput(s.allp[1], m2.curg)
	s.startTheWorldWithSema(mp, 1)
	assert.False(t, s.sched.sysmonwait)
	assert.EqualValues(t, 1, s.sched.gFree.stack.size, "its free gs are not lost")
	assert.Equal(t, uint8(_Pdead), s.allp[:2][1].status)
}

// The P of a thread in a call stops at once.
func TestStopTheWorldTakesPsFromCalls(t *testing.T) {
	s, mp, m2 := stopping()
	s.entersyscall(m2)
	assert.True(t, s.stopTheWorldWithSema(mp))
	assert.Nil(t, m2.p)
	assert.EqualValues(t, 1, s.allp[1].syscalltick)
}

// A P that goes idle without timers leaves timerpMask, and comes back into it.
func TestTimerpMask(t *testing.T) {
	s, mp := running(3)
	s.pidleget()
	pp := s.pidleget()
	assert.True(t, s.timerpMask.read(pp.id))
	s.pidleput(pp)
	assert.False(t, s.timerpMask.read(pp.id))
	pp = s.pidleget()
	pp.timers.add(timer{when: 1, gp: mp.curg})
	s.pidleput(pp)
	assert.True(t, s.timerpMask.read(pp.id))
	assert.True(t, s.idlepMask.read(pp.id))
}

// A thread that enters a call while the world stops gives its P up, and counts it.
func TestEntersyscallWhileTheWorldStops(t *testing.T) {
	s := New(&lab.Cost{}, Go126(), lab.Knobs{GOMAXPROCS: 2}.Filled(2), 1)
	mp := s.allm[0]
	s.execute(mp, s.malg(mp), false)
	s.sched.gcwaiting, s.sched.stopwait, s.sched.stopping = true, 1, s.allocm()
	pp := mp.p
	s.entersyscall(mp)
	assert.Nil(t, mp.p)
	assert.Equal(t, uint8(_Pgcstop), pp.status)
	assert.EqualValues(t, 1, pp.syscalltick)
	assert.Zero(t, s.sched.stopwait)
}

// A goroutine that comes out of a call without a P counts that call when it runs again.
func TestExitsyscallNoPCountsTheCall(t *testing.T) {
	s := New(&lab.Cost{}, Go126(), lab.Knobs{GOMAXPROCS: 1}.Filled(1), 1)
	mp := s.allm[0]
	s.execute(mp, s.malg(mp), false)
	gp, pp := mp.curg, mp.p
	s.entersyscall(mp)
	s.takeP(mp)
	m2 := s.allocm()
	s.acquirep(m2, pp)
	assert.False(t, s.exitsyscall(mp))
	assert.EqualValues(t, 1, pp.syscalltick, "takeP")
	s.execute(m2, gp, false)
	assert.EqualValues(t, 2, pp.syscalltick)
	s.execute(m2, gp, false)
	assert.EqualValues(t, 2, pp.syscalltick)
}
