package host

import (
	"testing"
	"time"

	"github.com/gmplab/lab/sim/des"
	"github.com/stretchr/testify/require"
)

// Where a thread is put and what it is owed, function by function. Each test holds against a mutant in
// docs/mutants/mutants.txt.

// Waking a thread costs its waker more where the thread's core is idle and has to be fetched from its idle state.
func TestWakeCosts(t *testing.T) {
	cost := plain(1)
	cost.FutexWake.P50, cost.FutexWakeBusy.P50 = 5000, 1500
	r := newRig(cost, 1, 2)
	require.Equal(t, 5*us, r.Wake(0, none))
	require.Equal(t, 1500*time.Nanosecond, r.Wake(1, none))
	require.Equal(t, 1500*time.Nanosecond, r.Wake(1, none), "it is not blocked")
}

// A new thread begins on an idle core, or on the one with the fewest threads.
func TestANewThreadTakesAnIdleCore(t *testing.T) {
	r := newRig(plain(3), 1, 3)
	r.Wake(0, none)
	start := func() int32 { // its number names core 0
		t := r.NewThread()
		r.Step(des.Event{Kind: evStart, Who: t})
		return r.threads[t].core
	}
	require.EqualValues(t, 1, start())
	r.NewThread()
	r.NewThread()
	require.EqualValues(t, 2, start())
	require.Equal(t, 3, r.Busy())
}

// What a thread is owed when it leaves is limited to a slice and a tick, and what it owes is forgotten. A credit is whole after it
// has joined the others.
func TestLag(t *testing.T) {
	r := newRig(plain(2), 1, 3)
	for i := range int32(3) {
		r.at0(i)
	}
	r.cores[0].cur, r.cores[0].vbase = 0, 0
	a, b := &r.threads[0], &r.threads[1]
	limit := r.slice + r.tickEvery
	for _, c := range []struct{ v, want time.Duration }{{0, 0}, {4 * ms, 0}, {-4 * ms, 2 * ms}, {-time.Second, limit}} {
		r.cores[0].queue, a.v, b.v = []int32{1}, 0, c.v
		r.leave(0, 1)
		require.Equal(t, c.want, b.lag, "it has run for %v more than the other", c.v)
	}

	// Credit: beside n others, each with the core's mean.
	r.cores[0].queue, a.v, r.threads[2].v = []int32{2}, 10*ms, 10*ms
	b.lag = 2 * ms
	r.place(0, 1)
	r.cores[0].queue = append(r.cores[0].queue, 1)
	require.Equal(t, 2*ms, r.mean(&r.cores[0])-b.v, "its credit counts with it in the mean")
	require.Equal(t, b.v+r.slice, b.deadline)

}

// Who has run ahead when he blocks is delayed: he counts in the mean, so that the next one to block keeps what he is owed, until
// it would be his turn. He is not selected a core for; what he owes then he owes still, and what he is owed is void.
func TestDelayedDequeue(t *testing.T) {
	rig := func() *rig { // thread 0 has blocked 2 ms ahead of thread 1, which runs now
		r := newRig(plain(2), 1, 3)
		for i := range int32(2) {
			r.threads[i] = thread{alarm: never, pending: never}
		}
		c := &r.cores[0]
		c.cur, c.queue, c.vbase = 0, []int32{1}, 0
		r.threads[0].v, r.threads[1].v = 12*ms, 10*ms
		r.threads[0].deadline, r.threads[1].deadline = 14*ms, 13*ms
		r.threads[0].blocked = true
		r.sleeps(0, 0)
		c.cur = none
		r.pickNext(0)
		require.EqualValues(t, 1, c.cur)
		require.True(t, r.threads[0].delayed)
		return r
	}
	r := rig()
	c := &r.cores[0]
	require.Equal(t, 11*ms, r.mean(c), "it counts")
	require.Equal(t, 1, r.nr(0), "and cannot be moved")
	r.threads[1].v = 10500 * us
	r.sleeps(0, 1)
	require.Equal(t, 750*us, r.threads[1].lag, "half of what the other has run more")
	c.cur = none
	r.pickNext(0)
	require.Empty(t, c.delayed, "the core goes idle")
	require.False(t, r.threads[0].delayed)
	require.Zero(t, r.threads[0].lag)

	r = rig()
	r.Wake(0, 1)
	require.EqualValues(t, 0, r.threads[0].core, "not core 1, which is idle")
	require.Equal(t, []int32{0}, r.cores[0].queue)
	require.Equal(t, 12*ms, r.threads[0].v, "it owes still")
	require.Equal(t, 14*ms, r.threads[0].deadline)

	r = rig()
	r.threads[1].v = 15 * ms
	r.Wake(0, 1)
	require.Equal(t, 15*ms, r.threads[0].v, "its credit is void")

	r = rig()
	r.threads[1].v, r.threads[1].deadline = 13*ms, 15*ms
	require.EqualValues(t, 1, r.pickRunnable(&r.cores[0]), "it would be its turn, and it leaves")
	require.Empty(t, r.cores[0].delayed)

	r = rig()
	r.Now = r.phase + 10*r.tickEvery + ms
	r.cores[0].began, r.threads[1].left, r.threads[0].ran = r.Now-2*ms, time.Hour, r.Now-2*ms
	r.Wake(0, none)
	require.EqualValues(t, 0, r.threads[0].core, "its debt has been paid, but not when the last tick came")
	r = rig()
	r.Now = r.phase + 10*r.tickEvery + ms
	r.cores[0].began, r.threads[1].left, r.threads[0].ran = r.Now-4*ms, time.Hour, r.Now-4*ms
	r.Wake(0, none)
	require.EqualValues(t, 1, r.threads[0].core, "it was, and it has left: any core will do")

	r = rig()
	r.threads[0].gen, r.threads[0].alarm = 7, 0
	r.alarm(des.Event{Who: 0, Gen: 7})
	require.EqualValues(t, 0, r.threads[0].core, "its sleep is over")
	require.False(t, r.threads[0].blocked)

	// Long after its debt was paid it does not count for a third one any more, which finds the second alone.
	r = rig()
	r.cores[1].cur = 1 // no core is idle
	r.threads[2] = thread{alarm: never, pending: never, blocked: true}
	r.Now = r.phase + 50*r.tickEvery
	r.cores[0].began, r.threads[1].left = 0, time.Hour
	r.Wake(2, none)
	require.Empty(t, r.cores[0].delayed)
	require.Equal(t, r.threads[1].v, r.threads[2].v)

	// One that has used up its slice gets a new deadline as it blocks.
	r = rig()
	r.threads[1].v, r.threads[1].deadline = 14*ms, 13*ms
	r.sleeps(0, 1)
	require.True(t, r.threads[1].delayed)
	require.Equal(t, 14*ms+r.slice, r.threads[1].deadline)
}

// The next thread is the one with the earliest deadline among those that have had no more than their share.
func TestPick(t *testing.T) {
	r := newRig(plain(1), 1, 4)
	c := &r.cores[0]
	c.queue = []int32{0, 1, 2, 3}
	set := func(t int32, v, deadline time.Duration) { r.threads[t].v, r.threads[t].deadline = v, deadline }
	set(0, 9*ms, 1*ms) // earliest, but has had too much
	set(1, 2*ms, 7*ms)
	set(2, 3*ms, 5*ms)
	set(3, 1*ms, 8*ms) // has had least
	require.EqualValues(t, 2, r.pick(c))
	set(2, 8*ms, 5*ms)
	require.EqualValues(t, 1, r.pick(c))
}

// A tick that comes in the middle of a slice leaves the thread its core.
func TestATickLeavesASlice(t *testing.T) {
	cost := plain(1)
	cost.Slice.P50 = 10e6
	r := newRig(cost, 1, 2)
	for i := range int32(2) {
		r.Wake(i, none)
	}
	ts := turns(r, 200*ms)
	require.Greater(t, len(ts), 10)
	for _, tn := range ts[2 : len(ts)-1] { // the first tick comes at any time
		require.Equal(t, 12*ms, tn.long, "10 ms end at the third tick")
	}
}

// Of the waiting threads the one that has not run for longest is moved: its cache is coldest.
func TestTheOneThatWaitedLongestMoves(t *testing.T) {
	r := newRig(plain(2), 1, 4)
	r.Now = time.Second
	r.cores[0].queue = []int32{0, 1, 2}
	r.threads[0].ran, r.threads[1].ran, r.threads[2].ran = 5*ms, 2*ms, time.Second-us
	require.EqualValues(t, 1, r.movable(0, false))
	r.threads[0].ran, r.threads[1].ran = time.Second-2*us, time.Second-3*us
	require.Equal(t, none, r.movable(0, false), "all are hot")
	require.EqualValues(t, 1, r.movable(0, true))
}

// A core pulls more often where that has found something, over about a thousand occasions.
func TestOddsOfPulls(t *testing.T) {
	lucky, unlucky := newNewidle(0), newNewidle(0)
	require.EqualValues(t, newidleSides/2, lucky.ratio, "as after a boot")
	for range 4 * newidleSides {
		lucky.count(1)
		unlucky.count(0)
	}
	require.Greater(t, lucky.ratio, uint32(newidleSides*9/10))
	require.Less(t, unlucky.ratio, uint32(newidleSides/10))
	require.EqualValues(t, newidleSides/4, newNewidle(0.25).ratio)
}

// A core's mean idle time moves by an eighth of the way at each idle time.
func TestMeanIdleTime(t *testing.T) {
	r := newRig(plain(1), 1, 1)
	c := &r.cores[0]
	c.avgIdle = 800 * us
	r.when(0, func() { c.avgIdle = 800 * us })
	r.order = func(t int32) { r.Block(t, 0) }
	r.when(400*us, func() { r.Wake(0, none) })
	r.until(ms)
	require.Equal(t, 750*us, c.avgIdle)
	r.when(time.Second, func() { r.Wake(0, none) })
	r.until(2 * time.Second)
	require.EqualValues(t, maxAvgIdle, c.avgIdle, "at most")
}

// A woken thread goes to its own core if that is idle, to the waker's if that is less loaded, and where both are busy to the
// core that it remembers, if that is idle: also while utilisation is so high that nobody looks for another one.
func TestTheCoreOfAWakeUp(t *testing.T) {
	busy := func(load ...int) *rig { // threads on each core
		r := newRig(plain(len(load)), 1, 1)
		for i, n := range load {
			c := &r.cores[i]
			c.util.value, c.util.since = utilOne, r.Now
			for k := range n {
				t := r.NewThread()
				r.threads[t].core = int32(i)
				if k == 0 {
					c.cur = t
				} else {
					c.queue = append(c.queue, t)
				}
			}
		}
		return r
	}
	on := func(r *rig, recent, waker int32) int32 {
		r.threads[0].core, r.threads[0].recent = 0, recent
		return r.selectCore(0, waker)
	}
	require.EqualValues(t, 0, on(busy(0, 1, 1), 2, 1), "its own is idle")
	require.EqualValues(t, 1, on(busy(2, 1, 1), 2, 1), "the waker's has fewer threads")
	require.EqualValues(t, 0, on(busy(1, 1, 1), 2, 1), "as many: its own")
	require.EqualValues(t, 2, on(busy(1, 1, 0), 2, 1), "the one that it remembers is idle")
	require.EqualValues(t, 0, on(busy(1, 1, 0), 0, 1), "nobody looks")
	r := busy(1, 1, 0)
	on(r, 2, 1)
	require.EqualValues(t, 0, r.threads[0].recent, "now it remembers where it came from")
}

// Threads are pulled from the core where most wait.
func TestBusiest(t *testing.T) {
	r := newRig(plain(4), 1, 6)
	require.Equal(t, none, r.busiestOf(0))
	r.cores[1].queue, r.cores[2].queue, r.cores[3].queue = []int32{0}, []int32{1, 2, 3}, []int32{4, 5}
	require.EqualValues(t, 2, r.busiestOf(0))
}
