package host

import (
	"testing"
	"time"

	"github.com/gmplab/lab"
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
	r.Wake(0, none)
	r.until(20 * ms)
	assert.Equal(t, []time.Duration{5*ms + 10*us, 5*ms + 10*us + 3*ms + 5*ms}, began, "woken, and by its alarm")
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
