package host

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// at0 makes core 0 the only one that a thread remembers.
func (r *rig) at0(t int32) { r.threads[t].core, r.threads[t].recent = 0, 0 }

// kicks lets four threads begin on core 0, and one that gets to core 1 block there after a while. It gives the ticks at
// which core 1 got a thread.
func kicks(t *testing.T, stay time.Duration) (at []int64) {
	r := newRig(plain(2), 1, 4)
	var since time.Duration
	r.order = func(t int32) {
		if r.threads[t].core == 1 && r.Now-since >= stay {
			r.Block(t, 0)
			return
		}
		r.Run(t, 50*us)
	}
	r.after = func(_, now time.Duration) {
		// Whoever wakes here finds its core by utilisation alone; the dice of cores that go idle are not asked.
		r.cores[1].avgIdle = r.cores[1].pullFrom - 1
		if r.cores[1].cur != none && since == 0 {
			since = r.Now
			at = append(at, r.jiffies())
		}
		if r.cores[1].cur == none {
			since = 0
		}
	}
	r.when(0, func() {
		for i := range r.cores {
			r.cores[i].util.value = utilOne
			r.cores[i].pullFrom = 2 * maxAvgIdle
		}
		for i := range r.threads {
			r.at0(int32(i))
			r.Wake(int32(i), none)
		}
	})
	r.until(80 * ms)
	require.GreaterOrEqual(t, len(at), 2)
	return at
}

// After a pull the next one is seven ticks away (16 times 2 ms, less a tick) if the core that pulled had no tick of its own
// in between: nohz.next_balance is that of a busy core, and nobody looks it up again.
func TestAPullPutsOffTheNext(t *testing.T) {
	at := kicks(t, ms)
	require.EqualValues(t, 7, at[1]-at[0], "%v", at)
}

// A core that had a tick of its own stops it anew when it goes idle: the first tick of the other core looks the time of the
// next balance up, the second one balances.
func TestATickLooksTheNextBalanceUp(t *testing.T) {
	at := kicks(t, 5*ms)
	require.EqualValues(t, 3, at[1]-at[0], "%v", at)
}

// Two threads that take turns on a core are both hot at each tick: the idle core gets one at its third try.
func TestHotThreadsMoveAtTheThirdTick(t *testing.T) {
	r := newRig(plain(2), 1, 2)
	moved := int64(0)
	r.after = func(_, _ time.Duration) {
		if r.cores[1].cur != none && moved == 0 {
			moved = r.jiffies()
		}
	}
	r.when(0, func() {
		r.cores[0].util.value, r.cores[1].util.value = utilOne, utilOne
		r.at0(0)
		r.at0(1)
		r.threads[1].ran = 0 // hot from the start, as one that just blocked
		r.Wake(0, none)
		r.Wake(1, none)
	})
	r.until(40 * ms)
	first := int64(1)
	if r.phase < 500*us {
		first = 2 // the one that waits is hot as long as its cache, not at any tick
	}
	require.GreaterOrEqual(t, moved, first+2)
	require.LessOrEqual(t, moved, int64(4))
}

// Busy cores are evened out when it is time for the one with the fewest threads: every seven ticks.
func TestBusyCoresAreEvenedOutRarely(t *testing.T) {
	r := newRig(plain(2), 1, 4)
	moved, next := int64(0), int64(0)
	r.after = func(_, _ time.Duration) {
		if moved == 0 && r.nr(1) == 2 {
			moved, next = r.jiffies(), r.cores[1].nextBalance
		}
	}
	r.when(0, func() {
		r.cores[0].util.value, r.cores[1].util.value = utilOne, utilOne
		r.cores[1].nextBalance = 5
		for i := range int32(3) {
			r.at0(i)
		}
		r.Wake(3, none) // on core 1
		for i := range int32(3) {
			r.Wake(i, none)
		}
	})
	r.until(80 * ms)
	require.EqualValues(t, 5, moved)
	require.EqualValues(t, 12, next)
}

// The interrupt that ends a sleep costs a busy core more than the sleeper's own CPU.
func TestAlarmOnABusyCore(t *testing.T) {
	slept := func(busy bool) time.Duration {
		cost := plain(1)
		cost.SleepBusy.P50, cost.SleepCPU.P50, cost.SwitchIn.P50 = 24e3, 14e3, 1e3
		r := newRig(cost, 1, 2)
		done := false
		r.order = func(t int32) {
			switch {
			case t == 1:
				r.Run(t, time.Hour)
			case !done:
				done = true
				r.Sleep(t, 0, 300*us)
			default:
				r.Block(t, 0)
			}
		}
		r.when(0, func() { r.Wake(0, none) })
		if busy {
			r.when(100*us, func() { r.Wake(1, none) })
		}
		r.until(50 * ms)
		return r.CPU(0)
	}
	require.Equal(t, 8*us+us, slept(true), "what is left of SleepBusy, and one switch")
	require.Zero(t, slept(false))
}

// One thread more than another core is passed on after some balances, and back, so that nobody keeps a core. Ticks and balances
// are in step: one of three threads may be always among those that share, as measured runs show, too.
func TestBusyCoresPassAThreadOn(t *testing.T) {
	for _, n := range []int{3, 5} {
		r := newRig(plain(2), 1, n)
		for i := range n {
			r.Wake(int32(i), none)
		}
		const end = 20 * time.Second
		r.until(end)
		for i := range n {
			require.InDelta(t, 2/float64(n), r.CPU(int32(i)).Seconds()/end.Seconds(), map[int]float64{3: 0.15, 5: 0.01}[n], "thread %d of %d on two cores", i, n)
		}
	}
}

// But not at the first balance, and not twice as often.
func TestOneMoreIsNotPassedOnAtOnce(t *testing.T) {
	r := loaded(plain(2), 2, 1)
	due := func() []int {
		r.cores[1].nextBalance = r.jiffies()
		r.balanceBusy(0, r.jiffies())
		return []int{r.nr(0), r.nr(1)}
	}
	require.Equal(t, []int{2, 1}, due())
	require.Equal(t, []int{1, 2}, due(), "one balance has failed")
	require.Zero(t, r.cores[1].failed)
	require.Equal(t, []int{1, 2}, due(), "core 0 has no more to give")
}
