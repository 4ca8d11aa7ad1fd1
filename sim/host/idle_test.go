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
