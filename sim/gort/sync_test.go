package gort

import (
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// running is a process of ps Ps whose m0 runs a goroutine.
func running(ps int) (*Sched, *m) {
	s := New(&lab.Cost{}, Go126(), lab.Knobs{GOMAXPROCS: ps}.Filled(ps), 1)
	mp := s.allm[0]
	s.execute(mp, s.malg(mp), false)
	return s, mp
}

// Locks of a thread are counted, and one more unlock does nothing.
func TestLockOSThreadNests(t *testing.T) {
	s, mp := running(1)
	gp := mp.curg
	s.dounlockOSThread(mp)
	assert.Zero(t, mp.lockedExt)
	s.dolockOSThread(mp)
	s.dolockOSThread(mp)
	s.dounlockOSThread(mp)
	assert.Same(t, gp, mp.lockedg)
	assert.Same(t, mp, gp.lockedm)
	s.dounlockOSThread(mp)
	assert.Nil(t, mp.lockedg)
	assert.Nil(t, gp.lockedm)
}

// A goroutine that ends locked takes its thread with it, unless that is m0.
func TestMexitEndsThreads(t *testing.T) {
	hermit := []Op{{Do: LockThread}, lasting(CPU, 50*time.Microsecond)}
	s := played(t, lab.Knobs{GOMAXPROCS: 1}, &lab.Cost{}, Go126(), time.Second, hermit, hermit, hermit)
	require.Equal(t, 3, s.asked(tMexit))
	assert.Equal(t, 2, s.nmfreed, "m0 stays")
	assert.Equal(t, len(s.allm)-2+otherThreads, s.Threads())
}

// A locked goroutine that a blocking netpoll finds ready runs on its own M.
func TestNetpollHandsOverToALockedM(t *testing.T) {
	s, mp := running(2)
	m2 := s.allocm()
	gp := s.malg(mp)
	gp.status, gp.lockedm = _Gwaiting, m2
	m2.lockedg, m2.next = gp, mLocked
	s.sched.nmidlelocked = 1
	s.netReady(gp)
	s.releasep(mp)
	mp.curg = nil
	assert.False(t, s.pollReturned(mp))
	require.NotNil(t, m2.nextp)
	assert.Nil(t, mp.p)
	assert.Zero(t, s.sched.nmidlelocked)
}

// The holder of the next ticket is woken although another one parked before it; one notified before it parks does not
// park; Broadcast leaves no ticket.
func TestNotifyList(t *testing.T) {
	s, mp := running(1)
	var l notifyList
	var gs []*g
	for _, ticket := range []time.Duration{1, 0, 2} {
		gp := s.malg(mp)
		gp.status, gp.left = _Gwaiting, ticket
		l.queue.pushBack(gp)
		gs = append(gs, gp)
		s.notifyListAdd(&l)
	}
	s.notifyListNotifyOne(mp, &l)
	assert.Equal(t, _Grunnable, gs[1].status)
	assert.Equal(t, _Gwaiting, gs[0].status)
	require.EqualValues(t, 2, l.queue.size)
	assert.Same(t, gs[0], l.queue.head)
	assert.True(t, s.notifyListWait(mp, &l, 0), "ticket 0 is notified")
	late := s.notifyListAdd(&l) // takes a ticket, and has not parked yet
	s.notifyListNotifyAll(mp, &l)
	assert.True(t, l.queue.empty())
	assert.True(t, s.notifyListWait(mp, &l, late), "so is the last one")
	s.notifyListNotifyOne(mp, &l)
	assert.Equal(t, l.wait, l.notify)
	assert.False(t, s.notifyListWait(mp, &l, s.notifyListAdd(&l)))
}

// A select that is done is on no queue.
func TestSelectLeavesTheQueues(t *testing.T) {
	s, mp := running(1)
	s.chans = []*hchan{makechan(0), makechan(0)}
	cases := []Case{{Chan: 0}, {Chan: 1, Send: true}, {Chan: 1}}
	gp := mp.curg
	require.Equal(t, opParkStay, s.selectgo(mp, cases))
	s.execute(mp, s.malg(mp), false)
	require.True(t, s.trysend(mp, s.chans[1], nil), "case 2")
	require.EqualValues(t, 2, gp.sel.won)
	require.False(t, s.trysend(mp, s.chans[0], nil), "the select is taken")
	s.gopark(mp, lab.Sync)
	s.execute(mp, gp, false)
	require.Equal(t, opDone, s.selectgo(mp, cases))
	for _, c := range s.chans {
		assert.True(t, c.recvq.empty() && c.sendq.empty())
	}
	assert.Len(t, s.selections, 1)
	assert.Nil(t, gp.sel)
}

// Of the cases that can go on, each is taken as often as the others.
func TestSelectIsRandom(t *testing.T) {
	s, mp := running(1)
	s.chans = []*hchan{makechan(1000), makechan(1000), makechan(0)}
	for range 1000 {
		require.Equal(t, opDone, s.selectgo(mp, []Case{{Chan: 0, Send: true}, {Chan: 1, Send: true}, {Chan: 2}}))
	}
	assert.Equal(t, 1000, s.chans[0].count+s.chans[1].count)
	assert.InDelta(t, 500, s.chans[0].count, 80, "five standard deviations")
}

// Mutexes keep the order of sync.RWMutex under load: a writer is alone, and a waiting writer keeps new readers out.
func TestRWMutexExcludes(t *testing.T) {
	reader := []Op{{Do: RLock}, lasting(Sleep, time.Millisecond), {Do: RUnlock}}
	writer := []Op{lasting(Sleep, 300*time.Microsecond), {Do: WLock}, lasting(Sleep, time.Millisecond), {Do: WUnlock}}
	late := append([]Op{lasting(Sleep, 600*time.Microsecond)}, reader...)
	s := played(t, lab.Knobs{GOMAXPROCS: 3}, &lab.Cost{}, Go126(), time.Second, reader, reader, writer, late, late, writer)
	var ends []time.Duration
	for _, q := range s.requests {
		ends = append(ends, q.End.Round(10*time.Microsecond))
	}
	ms := time.Millisecond
	assert.Equal(t, []time.Duration{ms, ms, 2 * ms, 3 * ms, 3 * ms, 4 * ms}, ends,
		"readers together, a writer, the readers that waited for it, the other writer")
}

// A writer waits for all readers that were there before it, not for the first of them.
func TestRWMutexWaitsForAllReaders(t *testing.T) {
	ms := time.Millisecond
	reader := func(d time.Duration) []Op { return []Op{{Do: RLock}, lasting(Sleep, d), {Do: RUnlock}} }
	writer := []Op{lasting(Sleep, ms/2), {Do: WLock}, lasting(Sleep, ms), {Do: WUnlock}}
	s := played(t, lab.Knobs{GOMAXPROCS: 3}, &lab.Cost{}, Go126(), time.Second, reader(ms), reader(3*ms), reader(2*ms), writer)
	require.Len(t, s.requests, 4)
	last := time.Duration(0)
	for _, q := range s.requests {
		last = max(last, q.End)
	}
	assert.InDelta(t, (4 * ms).Seconds(), last.Seconds(), 10e-6)
}

// A goroutine that a semaphore has woken passes if it was given a ticket, or if nobody has been faster; else it waits again.
func TestWokenBySemaphore(t *testing.T) {
	for _, c := range []struct {
		value, left uint32
		ticket      bool
		did         uint8
	}{{1, 0, false, opDone}, {0, 0, false, opParkStay}, {0, 0, true, opDone}, {1, 1, true, opDone}} {
		s, mp := running(1)
		gp := mp.curg
		gp.ticket = c.ticket
		sm := sema{value: c.value}
		require.Equal(t, c.did, s.woken(mp, &sm), "%+v", c)
		assert.Equal(t, c.left, sm.value, "%+v", c)
		assert.False(t, gp.ticket, "it is good for one pass")
		assert.Equal(t, c.did == opDone, sm.queue.empty())
	}
}

// A release that hands over gives the first waiter a ticket, and leaves no value for others.
func TestSemreleaseHandsOver(t *testing.T) {
	for _, handoff := range []bool{true, false} {
		s, mp := running(1)
		gp := s.malg(mp)
		gp.status = _Gwaiting
		var sm sema
		sm.queue.pushBack(gp)
		assert.Equal(t, handoff, s.semrelease(mp, &sm, handoff))
		assert.Equal(t, handoff, gp.ticket)
		assert.Equal(t, handoff, sm.value == 0)
	}
}
