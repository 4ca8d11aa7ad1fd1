package host

import (
	"slices"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/des"
	"github.com/stretchr/testify/assert"
)

// What waking a core costs the waker changes in the same way, up or down; a length for which it was not measured keeps what was before.
func TestARestedCoreCostsItsWaker(t *testing.T) {
	n := func(ns float64) lab.Nanos { return lab.Nanos{P50: ns} }
	cost := plain(1)
	cost.FutexWake = n(6000)
	cost.WakeRested = []lab.Rested{{Idle: ms, Wake: lab.Const(us), Call: n(10_000)}, {Idle: 5 * ms, Wake: lab.Const(us), Call: n(30_000)}, {Idle: 9 * ms, Wake: lab.Const(us)},
		{Idle: 11 * ms, Wake: lab.Const(us), Call: n(20_000)}}
	for _, c := range []struct{ idle, want time.Duration }{
		{20 * us, 6 * us}, {lab.ShortIdle, 6 * us}, {675 * us, 8 * us}, {ms, 10 * us}, {2 * ms, 15 * us}, {5 * ms, 30 * us}, {7 * ms, 30 * us}, {10 * ms, 25 * us}, {time.Second, 20 * us},
	} {
		r := newRig(cost, 1, 1)
		var blocked time.Duration
		r.order = func(t int32) {
			blocked = r.Now + ms
			r.Block(t, ms)
		}
		r.Wake(0, none)
		r.until(ms / 2)
		r.until(blocked + c.idle)
		assert.Equal(t, c.want, r.Wake(0, none), "idle for %v", c.idle)
	}
}

// The longer a core has been idle, the later it runs a woken thread: as measured at those lengths, in between in
// proportion, beyond them as at the last.
func TestARestedCoreWakesLater(t *testing.T) {
	cost := plain(1)
	cost.WakeIdle = lab.Const(10 * us)
	cost.WakeRested = []lab.Rested{{Idle: ms, Wake: lab.Const(20 * us)}, {Idle: 5 * ms, Wake: lab.Const(60 * us)}}
	for _, c := range []struct{ idle, want time.Duration }{
		{20 * us, 10 * us}, {lab.ShortIdle, 10 * us}, {675 * us, 15 * us}, {ms, 20 * us}, {2 * ms, 30 * us}, {5 * ms, 60 * us}, {time.Second, 60 * us},
	} {
		r := newRig(cost, 1, 1)
		var began []time.Duration
		r.order = func(t int32) {
			began = append(began, r.Now)
			r.Block(t, ms)
		}
		r.Wake(0, none)
		r.until(ms + 15*us)
		woken := began[0] + ms + c.idle
		r.until(woken)
		r.Wake(0, none)
		r.until(woken + ms)
		assert.Len(t, began, 2)
		assert.Equal(t, c.want, began[1]-woken, "idle for %v", c.idle)
	}
}

// An idle core stalls, whoever its thread is woken by: another thread, its alarm, or its creator. A busy core does not.
func TestAnIdleCoreStalls(t *testing.T) {
	cost := plain(1)
	cost.WakeIdle, cost.Stalls, cost.Stall = lab.Const(10*us), []float64{1}, lab.Const(5*ms)
	r := newRig(cost, 1, 2)
	var began []time.Duration
	sleeps := true
	r.order = func(t int32) {
		began = append(began, r.Now)
		if t == 0 && sleeps {
			sleeps = false
			r.Sleep(t, us, r.Now+3*ms)
			return
		}
		r.Block(t, ms)
	}
	r.when(ms, func() { r.Wake(0, none) })
	r.until(20 * ms)
	assert.Equal(t, []time.Duration{6*ms + 10*us, 6*ms + 10*us + 3*ms + 5*ms}, began, "woken, and by its alarm")
	r.Wake(0, none)
	r.until(r.Now + 5*ms + 20*us)
	began = nil
	r.Wake(1, none) // the other one runs
	r.until(r.Now + 20*ms)
	assert.Less(t, began[0], 27*ms)
	began = nil
	at := r.Now
	r.Spawn()
	r.until(at + 20*ms)
	assert.Equal(t, at+cost.CloneStart.Quantile(0.5)+5*ms, began[0], "spawned")
}

// A core that has been idle for a moment only does not stall; a sleep's lateness is no idleness.
func TestAMomentOfIdlenessIsTooShortToStall(t *testing.T) {
	cost := plain(1)
	cost.Stalls, cost.Stall = []float64{1}, lab.Const(5*ms)
	for idle, want := range map[time.Duration]time.Duration{lab.StallIdle - us: 0, lab.StallIdle: 5 * ms} {
		r := newRig(cost, 1, 1)
		r.Now = idle
		assert.Equal(t, want, r.stallOf(0, 0), "idle for %v", idle)

		r = newRig(cost, 1, 1)
		var began []time.Duration
		r.order = func(t int32) {
			if began = append(began, r.Now); len(began) == 1 {
				r.SleepLate(t, 0, idle+60*us, 60*us, 0)
				return
			}
			r.Block(t, 0)
		}
		r.Wake(0, none) // at once: the core has not been idle
		r.until(10 * ms)
		assert.Equal(t, []time.Duration{0, idle + 60*us + want}, began, "a sleep of %v", idle)
	}
}

// The odds are those of the second, whatever was drawn before: a host on which more cores wake has the same weather.
func TestTheWeatherIsThatOfTheSecond(t *testing.T) {
	cost := plain(1)
	cost.Stalls, cost.Stall = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, lab.Const(us)
	var seen [2][]float64
	for i := range seen {
		r := newRig(cost, 7, 1)
		for second := range 20 {
			r.Now = time.Duration(second)*time.Second + 500*ms
			for range 1 + 10*i {
				r.stallOf(0, 0)
			}
			seen[i] = append(seen[i], r.stalls.odds)
		}
	}
	assert.Equal(t, seen[0], seen[1])
	assert.Greater(t, len(slices.Compact(slices.Sorted(slices.Values(seen[0])))), 3)
}

// Who is roused on a core that was idle burns his way back in the latency; on a busy one before anything else, and on the waker's own
// core he costs the waker less.
func TestRouse(t *testing.T) {
	n := func(ns float64) lab.Nanos { return lab.Nanos{P50: ns} }
	cost := plain(2)
	cost.WakeIdle, cost.FutexWake, cost.FutexWakeBusy, cost.FutexWakeOwn, cost.FutexBack, cost.FutexBackIdle =
		lab.Const(20*us), n(9000), n(7000), n(3000), n(4000), n(11_000)
	r := newRig(cost, 1, 2)
	var asked []time.Duration
	r.order = func(t int32) { asked = append(asked, r.Now); r.Block(t, 0) }
	assert.Equal(t, 9*us, r.Rouse(0, none))
	r.until(ms)
	assert.Equal(t, []time.Duration{20 * us}, asked)
	assert.Equal(t, 11*us, r.Backs())
	assert.Zero(t, r.CPU(0))

	t0 := t
	cost.Cores = 1
	r, asked = newRig(cost, 1, 2), nil
	r.order = func(t int32) {
		if asked = append(asked, r.Now); len(asked) == 1 {
			assert.Equal(t0, 3*us, r.Rouse(1, 0), "its own core")
			r.Block(t, ms)
			return
		}
		r.Block(t, 0)
	}
	r.Wake(0, none)
	r.until(10 * ms)
	assert.Len(t, asked, 2)
	assert.Equal(t, 4*us, r.CPU(1), "the switch is a part of it")
	assert.Zero(t, r.Backs())
	assert.Equal(t, 7*us, New(&cost, &des.Queue{}, 1).wakeBusy)
	cost.FutexWakeOwn.P50 = 0
	assert.Equal(t, 7*us, New(&cost, &des.Queue{}, 1).wakeOwn, "of an older calibration")
}

// The way back from a sleep lies in its lateness on an idle core, and is burnt on a busy one; who is woken before has none.
func TestTheWayBackFromASleep(t *testing.T) {
	for name, c := range map[string]struct {
		wake         int32 // at 1 ms: 0 ends the sleep, 1 takes the core; none: nobody
		backs, burnt time.Duration
	}{"idle": {none, 20 * us, us}, "busy": {1, 0, 21 * us}, "woken": {0, 0, us}} {
		r, asked := newRig(plain(1), 1, 2), 0
		r.order = func(t int32) {
			asked++
			switch {
			case t == 1:
				r.Run(t, time.Hour)
			case asked == 1:
				r.SleepLate(t, us, 2*ms, 50*us, 20*us)
			default:
				r.Block(t, 0)
			}
		}
		r.Wake(0, none)
		r.until(ms)
		if c.wake != none {
			r.Wake(c.wake, none)
		}
		r.until(20 * ms)
		assert.Equal(t, c.backs, r.Backs(), name)
		assert.Equal(t, c.burnt, r.CPU(0), name)
	}
}

// In each second the odds are one of those measured.
func TestOddsOfStallsChange(t *testing.T) {
	cost := plain(1)
	cost.Stalls, cost.Stall = []float64{0, 0.5}, lab.Const(us)
	r := newRig(cost, 1, 1)
	var late, all [400]float64
	r.order = func(t int32) {
		second := int(r.Now / time.Second)
		all[second]++
		if r.Now%ms != 0 {
			late[second]++
		}
		r.Sleep(t, 0, (r.Now + ms).Truncate(ms))
	}
	r.Wake(0, none)
	r.until(400*time.Second - 1)
	var calm int
	for i := range all {
		share := late[i] / all[i]
		if share < 0.1 { // the first wake-up of a second was drawn in the one before
			calm++
			assert.Less(t, share, 0.002)
			continue
		}
		assert.InDelta(t, 0.5, share, 0.1)
	}
	assert.InDelta(t, 200, calm, 50)
}
