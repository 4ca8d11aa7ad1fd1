package gort

import (
	"slices"
	"testing"
	"time"

	"github.com/gmplab/lab/sim/gopacer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// collecting is a process on one P whose M0 runs a goroutine that is in that state of the collector.
func collecting(gcop uint8) (*Sched, *m, *g) {
	s := heapOf(1, []Object{{Bytes: 1024}})
	mp, gp := s.allm[0], s.newG(_Grunning)
	mp.curg, gp.m, gp.gcop = gp, mp, gcop
	return s, mp, gp
}

// A collection voids the credit that a goroutine has from the one before.
func TestCreditIsOfOneCycle(t *testing.T) {
	s, mp, gp := collecting(gcopStop)
	gp.gcAssistBytes = 1 << 20
	s.gcStart(mp, gp)
	require.NoError(t, s.err)
	require.Equal(t, gcopStopped, gp.gcop)
	assert.NotEqual(t, gp.gcEpoch, s.gcEpoch)
	gp.gcop = gcopNone
	s.mallocgc(mp, gp, &s.objects[0], 1)
	assert.LessOrEqual(t, gp.gcAssistBytes, int64(0))
}

// Nobody ends a mark phase in which somebody marks, or something is left to.
func TestMarkDoneOnlyWhenItIs(t *testing.T) {
	for _, c := range []struct {
		phase  uint8
		active int32
		left   pool2
		ends   bool
	}{{_GCmark, 0, pool2{}, true}, {_GCmark, 1, pool2{}, false}, {_GCmark, 0, pool2{left: us}, false}, {_GCoff, 0, pool2{}, false}} {
		s, mp, gp := collecting(gcopDoneSema)
		s.gcphase, s.work.active, s.work.heap = c.phase, c.active, c.left
		s.work.markDoneSema.value, s.sched.worldsema.value = 0, 1
		s.gcMarkDone(mp, gp)
		if c.ends {
			assert.Equal(t, gcopDoneWorld, gp.gcop, "%+v", c)
		} else {
			assert.Equal(t, gcopNone, gp.gcop, "%+v", c)
			assert.Equal(t, int32(1), int32(s.work.markDoneSema.value), "%+v", c)
		}
	}
}

// Who has waited for startSema looks at the trigger again: somebody may have begun a collection meanwhile.
func TestTriggerIsTestedAgain(t *testing.T) {
	s, mp, gp := collecting(gcopGcsema)
	s.work.startSema.value = 0
	s.gcStart(mp, gp)
	assert.Equal(t, gcopNone, gp.gcop, "the heap is far from its trigger")
	assert.Equal(t, int32(1), int32(s.work.startSema.value))
	s, mp, gp = collecting(gcopGcsema)
	s.controller.HeapLive = 64 << 20
	s.gcStart(mp, gp)
	assert.Equal(t, gcopWorldsema, gp.gcop)
}

// An idle worker leaves when its P has work, a fractional one when its P has had its share.
func TestWorkerLeaves(t *testing.T) {
	s, mp, gp := collecting(gcopNone)
	mp.p.gcMarkWorkerMode = gopacer.MarkWorkerIdleMode
	assert.False(t, s.workerLeaves(mp, gp))
	s.runqput(mp.p, s.newG(_Grunnable), false)
	assert.True(t, s.workerLeaves(mp, gp))
	mp.p.gcMarkWorkerMode = gopacer.MarkWorkerFractionalMode
	s.controller.FractionalUtilizationGoal, s.host.Now, gp.since = 0.25, 1000*us, 800*us
	assert.False(t, s.workerLeaves(mp, gp), "200 of 1,000 µs")
	gp.since = 690 * us
	assert.True(t, s.workerLeaves(mp, gp), "310")
}

// A dedicated worker goes on though it is asked to yield, but for stopping the world and for forEachP.
func TestWorkerStopsForSafePoints(t *testing.T) {
	s, mp, gp := collecting(gcopNone)
	mp.p.gcMarkWorkerMode, gp.op, gp.preempt = gopacer.MarkWorkerDedicatedMode, 1, true
	s.work.heap = pool2{left: us, bytes: 1000}
	assert.Positive(t, s.workerGoesOn(mp, gp))
	s.sched.gcwaiting = true
	assert.Zero(t, s.workerGoesOn(mp, gp))
	s.sched.gcwaiting, mp.p.runSafePointFn = false, true
	assert.Zero(t, s.workerGoesOn(mp, gp))
}

// forEachP does not wait for a call: it takes the P.
func TestSafePointOfACall(t *testing.T) {
	s := heapOf(2, []Object{{Bytes: 1024}})
	mp, caller := s.allm[0], s.allocm()
	mp.curg = s.newG(_Grunning)
	s.acquirep(caller, s.pidleget())
	caller.curg, caller.next = s.newG(_Gsyscall), mSyscall
	pp := caller.p
	assert.Equal(t, opBusy, s.forEachP(mp))
	assert.Nil(t, caller.p)
	assert.True(t, slices.ContainsFunc(s.allm, func(m2 *m) bool { return m2.nextp == pp }), "another thread has it run there")
}

// forEachP holds sched.lock until it has sent its signals.
func TestForEachPHoldsSchedLock(t *testing.T) {
	cost := priced()
	cost.SignalSend.P50 = 3000
	s := newProcess(2, cost)
	mp := s.allm[0]
	gp := s.newG(_Grunning)
	mp.curg, gp.m, mp.charge = gp, mp, us
	s.runs()
	s.forEachP(mp)
	assert.Equal(t, s.host.Now+4*us, s.sched.locked)

	s = newProcess(3, cost)
	mp, gp = s.allm[0], s.newG(_Grunning)
	mp.curg, gp.m, mp.charge = gp, mp, us
	s.inCall()
	s.runs()
	s.forEachP(mp)
	assert.Equal(t, s.host.Now+4*us, s.sched.locked, "not while it hands over the P of a call")
}

// What is made while a cycle marks counts as marked.
func TestAllocatesBlack(t *testing.T) {
	s, mp, _ := collecting(gcopNone)
	s.made(mp.p, &s.objects[0], 3)
	assert.Zero(t, s.work.bytesMarked)
	s.gcphase = _GCmark
	s.made(mp.p, &s.objects[0], 3)
	assert.Equal(t, uint64(3*1024), s.work.bytesMarked)
}

// assisting is a goroutine that owes more than is left, which is marked in two pieces, while somebody else marks, too.
func assisting(t *testing.T) (*Sched, *m, *g) {
	s := heapOf(2, []Object{{Bytes: 1024}})
	mp, w, c := s.allm[0], &s.work, &s.controller
	gp := s.newG(_Grunning)
	s.acquirep(mp, s.allp[1])
	mp.curg, gp.m = gp, mp
	gp.gcop, gp.gcAssistBytes = gcopAssist, -1024
	s.gcphase, c.BlackenEnabled, c.AssistWorkPerByte, c.AssistBytesPerWork = _GCmark, true, 1e9, 1e-9
	w.roots, w.heap, w.active = pool2{}, pool2{2 * drainAtOnce, 1e9}, 1
	require.Equal(t, opBusy, s.gcAssistAlloc(mp, gp))
	require.Equal(t, drainAtOnce, w.heap.left)
	s.drained(mp, 0)
	return s, mp, gp
}

// An assist that owes more than is left claims a little of it at a time, so that others mark as well, and goes on while there is
// some. It parks when there is none.
func TestAssistLeavesSomeForOthers(t *testing.T) {
	s, mp, gp := assisting(t)
	w := &s.work
	require.Equal(t, opDone, s.gcAssistAlloc(mp, gp))
	require.Equal(t, gcopAssist, gp.gcop, "it goes on")
	require.Equal(t, opBusy, s.gcAssistAlloc(mp, gp))
	require.Zero(t, w.heap.left)
	s.drained(mp, 0)
	require.True(t, w.assistQueue.empty())
	s.gcAssistAlloc(mp, gp)
	require.Same(t, gp, w.assistQueue.head, "nothing is left")
}

// Where the limiter ends an assist, it parks for what it owes (gcAssistAlloc); only one that would begin goes free.
func TestLimitedAssistParks(t *testing.T) {
	s, mp, gp := assisting(t)
	s.limiter.AddAssistTime(2 * int64(time.Minute))
	s.limiter.Update(int64(time.Minute))
	require.True(t, s.limiter.Limiting())
	s.gcAssistAlloc(mp, gp)
	require.Same(t, gp, s.work.assistQueue.head)
	gp.gcop = gcopAssist
	require.Equal(t, opDone, s.gcAssistAlloc(mp, gp))
	require.Equal(t, gcopNone, gp.gcop)
}

// Seven objects of 1,152 bytes leave 128 bytes of their page unused, the living as the dead: half of the objects are dead, and so are
// half of the spans.
func TestSweepingKnowsTheEndsOfSpans(t *testing.T) {
	s := newProcess(1, priced())
	s.sweepg = s.newG(_Grunnable)
	h, c := &s.mheap, &s.controller
	h.spans, h.pagesInUse = 700, 700
	c.TotalAlloc, s.work.bytesMarked = 1000+700*7*1152, 350*7*1152
	c.TotalFree = 1000
	s.gcSweep(s.allm[0])
	require.EqualValues(t, 350, h.garbage)
	require.EqualValues(t, 350, h.garbageIn)
	require.EqualValues(t, 350*7*1152, h.freeing)

	c.TotalFree = c.TotalAlloc // an empty heap
	s.gcSweep(s.allm[0])
	require.Zero(t, h.garbage)
	require.Zero(t, h.garbageIn)
}
