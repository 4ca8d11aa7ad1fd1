package host

import (
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/require"
)

func smt(cores, threads int, speed float64) lab.Cost {
	cost := plain(cores)
	cost.SMT = lab.SMT{Threads: threads, Speed: speed}
	return cost
}

// finished lets threads burn pieces of work and gives how many each has done.
func finished(r *rig, piece, end time.Duration, threads ...int32) []int {
	n := make([]int, len(r.threads))
	r.order = func(t int32) {
		n[t]++
		r.Run(t, piece)
	}
	for _, t := range threads {
		r.Wake(t, none)
		n[t] = -1 // the first order comes before any work
	}
	r.until(end)
	return n
}

// The hardware threads of a core get n times f done of what one does alone; a core of their own is as good as one alone. The
// kernel counts the time of all of it.
func TestSiblingsSlowEachOtherDown(t *testing.T) {
	const end, piece = time.Second, 100 * us
	alone := finished(newRig(smt(2, 2, 0.6), 1, 1), piece, end, 0)[0]
	require.InDelta(t, float64(end/piece), float64(alone), 1)
	for _, c := range []struct {
		threads int
		speed   float64
	}{{2, 0.6}, {2, 1}, {2, 0.1}, {4, 0.3}} {
		r := newRig(smt(c.threads, c.threads, c.speed), 1, c.threads)
		var all []int32
		for i := range c.threads {
			all = append(all, int32(i))
		}
		sum := 0
		for i, n := range finished(r, piece, end, all...) {
			require.InDelta(t, c.speed*float64(alone), float64(n), 3, "thread %d of %d at %v", i, c.threads, c.speed)
			require.Equal(t, end, r.CPU(int32(i)), "its time on a core")
			sum += n
		}
		require.InDelta(t, float64(c.threads)*c.speed, float64(sum)/float64(alone), 0.005)
	}
	r := newRig(smt(4, 2, 0.6), 1, 4)
	n := finished(r, piece, end, 0, 2)
	require.InDelta(t, float64(alone), float64(n[0]), 1, "core 0 and core 1 share nothing")
	require.InDelta(t, float64(alone), float64(n[2]), 1)
}

// A burst under way is lengthened by what is left of it while a sibling runs, and only by that.
func TestABurstMeetsASibling(t *testing.T) {
	for _, c := range []struct{ first, second time.Duration }{ // when each wakes up
		{0, 4 * ms}, {0, 0}, {time.Microsecond, 0}} {
		r := newRig(smt(2, 2, 0.5), 1, 2)
		ends := map[int32]time.Duration{}
		r.order = func(t int32) {
			if _, begun := ends[t]; begun {
				ends[t] = r.Now
				r.Block(t, 0)
				return
			}
			ends[t] = 0
			r.Run(t, map[int32]time.Duration{0: 10 * ms, 1: ms}[t])
		}
		wake := func(t int32) func() { return func() { r.Wake(t, none) } }
		if c.first == c.second {
			r.when(0, func() { r.Wake(0, none); r.Wake(1, none) })
		} else {
			r.when(c.first, wake(0))
			r.when(c.second, wake(1))
		}
		r.until(30 * ms)
		alone := max(c.first-c.second, 0) // of the second one's 1 ms
		require.Equal(t, c.second+2*ms-alone, ends[1], "the rest at half the speed")
		require.Equal(t, c.first+11*ms-alone, ends[0], "of 10 ms as much at half the speed")
		require.Equal(t, ends[0]-c.first, r.CPU(0))
		require.Equal(t, ends[1]-c.second, r.CPU(1))
	}
	// Cut in between: what is left is work and not time.
	r := newRig(smt(2, 2, 0.5), 1, 2)
	var rest time.Duration
	r.order = func(t int32) {
		if left := r.Rest(t); left > 0 {
			rest = left
		}
		r.Run(t, 10*ms)
	}
	r.when(0, func() { r.Wake(0, none); r.Wake(1, none) })
	r.when(4*ms, func() { r.Cut(0) })
	r.until(5 * ms)
	require.Equal(t, 8*ms, rest)
}

// A core that leaves its idle state does not slow its sibling down before it runs.
func TestWakingIsNotRunning(t *testing.T) {
	cost := smt(2, 2, 0.5)
	cost.WakeIdle = lab.Const(50 * us)
	r := newRig(cost, 1, 2)
	r.when(0, func() { r.Wake(0, none) })
	r.until(50 * us)
	r.when(100*us, func() { r.Wake(1, none) })
	r.until(150*us - 1)
	require.False(t, r.cores[0].slow)
	r.until(150 * us)
	require.True(t, r.cores[0].slow)
	require.True(t, r.cores[1].slow)
}

// occupied is a rig with thread 0 to place and other threads on those cores.
func occupied(cost lab.Cost, cores ...int32) *rig {
	r := newRig(cost, 1, 1)
	for _, ci := range cores {
		t := r.NewThread()
		r.threads[t].core = ci
		r.cores[ci].cur = t
	}
	return r
}

// A thread whose own CPU is busy goes to a wholly idle core if there is one, or else to an idle sibling of its own CPU, or
// else to any idle CPU. An idle CPU of its own it takes whoever runs beside it.
func TestAWholeCoreFirst(t *testing.T) {
	on := func(r *rig) int32 {
		r.threads[0].core, r.threads[0].recent = 0, 0
		return r.selectCore(0, none)
	}
	cost := smt(8, 2, 0.6)
	require.EqualValues(t, 0, on(occupied(cost, 1)), "its own is idle")
	require.EqualValues(t, 4, on(occupied(cost, 0, 2)), "CPU 1 and 3 are idle, but beside busy ones")
	require.EqualValues(t, 6, on(occupied(cost, 0, 3, 5)))
	require.EqualValues(t, 2, on(occupied(plain(8), 0, 1)), "without SMT the next one")

	r := occupied(cost, 0, 3, 4, 6)
	require.True(t, r.idleCores[0], "believed until it was looked for")
	require.EqualValues(t, 2, on(r), "no core is wholly idle: an idle CPU in front of a busy one")
	require.False(t, r.idleCores[0])
	require.EqualValues(t, 1, on(r), "now the sibling of its own comes first")
	r.cores[1].cur = 1
	require.EqualValues(t, 2, on(r), "or the next idle one")

	for _, half := range []bool{true, false} {
		r.cores[7].cur, r.cores[6].cur = 0, none
		if !half {
			r.cores[7].cur = none
		}
		r.wentIdle(6)
		require.Equal(t, !half, r.idleCores[0], "a core is idle if all of its CPUs are")
	}
	require.EqualValues(t, 6, on(r))

	r = occupied(cost, 0, 2)
	for i := range r.cores {
		r.cores[i].util.value = utilOne
	}
	require.EqualValues(t, 0, on(r), "nobody looks while the cores are used so much")
}

// A new thread begins on a core with no thread at all, if there is one.
func TestANewThreadTakesAWholeCore(t *testing.T) {
	cost := smt(8, 2, 0.6)
	require.EqualValues(t, 2, occupied(cost, 0).idlest(0))
	require.EqualValues(t, 4, occupied(cost, 0, 3).idlest(0))
	require.EqualValues(t, 1, occupied(cost, 0, 3, 4, 6).idlest(0), "an idle CPU all the same")
	r := occupied(cost, 0, 1, 2, 3, 4, 5, 6, 7)
	r.cores[0].queue = []int32{0}
	require.EqualValues(t, 1, r.idlest(0), "the fewest threads")
}

// A CPU that goes idle takes a thread that waits beside it, however hot; elsewhere only one that has cooled down.
func TestSiblingsShareTheirCaches(t *testing.T) {
	for _, c := range []struct {
		from  int32
		pulls bool
	}{{0, true}, {2, false}} {
		r := newRig(smt(4, 2, 0.6), 1, 5)
		r.Now = time.Second
		for i := range r.cores {
			r.cores[i].pullFrom = 0
		}
		r.cores[c.from].queue = append(r.cores[c.from].queue, 4)
		r.threads[4].core, r.threads[4].ran = c.from, r.Now-10*us
		pulled := false
		for range 30 {
			pulled = pulled || r.pullNewlyIdle(1)
		}
		require.Equal(t, c.pulls, pulled, "from CPU %d to CPU 1", c.from)
		if !c.pulls {
			r.threads[4].ran = 0
			for range 30 {
				pulled = pulled || r.pullNewlyIdle(1)
			}
			require.True(t, pulled, "when it is cold")
		}
	}
}
