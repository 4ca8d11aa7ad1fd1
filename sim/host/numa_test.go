package host

import (
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/require"
)

func numa(cores, nodes int, wake, move time.Duration) lab.Cost {
	cost := plain(cores)
	cost.NUMA = lab.NUMA{Nodes: nodes, Wake: wake, Move: move}
	return cost
}

// trips lets two threads on those cores wake each other in turn, and counts.
func trips(cost lab.Cost, a, b int32, end time.Duration) (n int) {
	cost.WakeIdle = lab.Const(10 * us)
	r := newRig(cost, 1, 2)
	r.threads[0].core, r.threads[1].core = a, b
	r.order = func(t int32) {
		n++
		r.Wake(1-t, t)
		r.Block(t, 2*us)
	}
	r.Wake(0, none)
	r.until(end)
	return n / 2
}

// A ping-pong across nodes takes exactly twice the wake latency longer; inside a node distance costs nothing.
func TestPingPongAcrossNodes(t *testing.T) {
	const wake, each = 3 * us, 10 * us // of a round trip: two wake-ups; the waker burns its CPU meanwhile
	near := trips(numa(4, 2, wake, 0), 0, 1, time.Second)
	far := trips(numa(4, 2, wake, 0), 0, 2, time.Second)
	require.Equal(t, trips(plain(4), 0, 1, time.Second), near)
	require.InDelta(t, float64(time.Second/(2*each)), float64(near), 1)
	require.InDelta(t, float64(time.Second/(2*each+2*wake)), float64(far), 1)
}

// Whoever wakes a thread, the search for an idle core stays in the node of the target.
func TestTheSearchStaysInItsNode(t *testing.T) {
	on := func(r *rig, prev, recent, waker int32) int32 {
		r.threads[0].core, r.threads[0].recent = prev, recent
		return r.selectCore(0, waker)
	}
	two := numa(4, 2, 0, 0)
	require.EqualValues(t, 1, on(occupied(two, 0), 0, 0, none), "beside it")
	require.EqualValues(t, 0, on(occupied(two, 0, 1), 0, 0, none), "two idle ones on the other node")
	require.EqualValues(t, 2, on(occupied(plain(4), 0, 1), 0, 0, none), "without nodes it would go there")
	require.EqualValues(t, 3, on(occupied(two, 0, 1, 2), 3, 3, 0), "its own is idle")
	require.EqualValues(t, 1, on(occupied(two, 0, 1), 1, 3, none), "the one that it remembers is on the other node")
	r := occupied(two, 0, 2)
	r.cores[0].queue = []int32{1, 2}
	require.EqualValues(t, 3, on(r, 0, 0, 2), "the waker's node: its CPU has fewer threads, and an idle one beside it")
	for i := range r.cores[2:] {
		r.cores[2+i].util.value = utilOne
	}
	require.EqualValues(t, 2, on(r, 0, 0, 2), "that node is used too much to look")
}

// A thread that moves to another node burns Move once more, whoever moves it; one that stays or that never ran does not.
func TestMovingCosts(t *testing.T) {
	cpu := func(to int32, ran bool) time.Duration {
		r := newRig(numa(4, 2, 0, 40*us), 1, 1)
		r.order = func(t int32) { r.Block(t, 0) }
		if ran {
			r.threads[0].cpu = ms
		}
		r.enqueue(0, to, 0)
		r.until(ms)
		return r.CPU(0)
	}
	require.Equal(t, ms, cpu(1, true))
	require.Equal(t, ms+40*us, cpu(2, true))
	require.Zero(t, cpu(2, false))

	r := newRig(numa(4, 2, 0, 40*us), 1, 2)
	r.threads[1].core, r.threads[1].cpu, r.threads[1].ran = 3, ms, -time.Hour
	r.cores[3].queue = []int32{1}
	require.True(t, r.pull(0, 3, false))
	require.Equal(t, 40*us, r.threads[1].left)
}

// loaded is a rig with so many threads on each core, all cold.
func loaded(cost lab.Cost, load ...int) *rig {
	r := newRig(cost, 1, 0)
	r.Now = time.Second
	for i, n := range load {
		c := &r.cores[i]
		c.pullFrom = 100 * us
		for k := range n {
			t := r.NewThread()
			r.threads[t].core, r.threads[t].ran = int32(i), 0
			if k == 0 {
				c.cur = t
			} else {
				c.queue = append(c.queue, t)
			}
		}
	}
	return r
}

// pulledFrom is the core from which core 0 takes a thread when it goes idle; none: it takes none, however often it tries.
func pulledFrom(r *rig, avgIdle time.Duration) int32 {
	r.cores[0].avgIdle = avgIdle
	before := make([]int, len(r.cores))
	for i := range r.cores {
		before[i] = len(r.cores[i].queue)
	}
	for range 40 {
		if r.pullNewlyIdle(0) {
			for i := range r.cores {
				if len(r.cores[i].queue) < before[i] {
					return int32(i)
				}
			}
		}
	}
	return none
}

// A core that goes idle takes a thread of its own node before one of another, and goes there only if it expects to be idle for
// longer, and where more threads than CPUs are.
func TestTheOwnNodeFirst(t *testing.T) {
	two := numa(4, 2, 0, 0)
	require.EqualValues(t, 1, pulledFrom(loaded(two, 0, 2, 4, 4), ms), "of the own node, though more wait elsewhere")
	require.EqualValues(t, 2, pulledFrom(loaded(plain(4), 0, 2, 4, 3), ms), "without nodes from the busiest")
	require.EqualValues(t, 2, pulledFrom(loaded(two, 0, 1, 2, 1), ms), "three threads on two CPUs")
	require.Equal(t, none, pulledFrom(loaded(two, 0, 1, 2, 0), ms), "that node has an idle CPU of its own")
	require.EqualValues(t, 1, pulledFrom(loaded(two, 0, 2, 2, 1), 150*us))
	require.Equal(t, none, pulledFrom(loaded(two, 0, 1, 2, 1), 150*us), "the wider search is not worth it")
	require.Equal(t, none, pulledFrom(loaded(two, 0, 2, 1, 1), 50*us))
}

// The tick's balance keeps to the same order.
func TestBalanceAcrossNodes(t *testing.T) {
	two := numa(4, 2, 0, 0)
	r := loaded(two, 0, 2, 4, 4)
	require.True(t, r.pullWaiting(0))
	require.Empty(t, r.cores[1].queue)
	r = loaded(two, 0, 1, 2, 1)
	require.True(t, r.pullWaiting(0))
	require.Empty(t, r.cores[2].queue)
	require.False(t, loaded(two, 0, 1, 2, 0).pullWaiting(0), "that node helps itself")

	require.EqualValues(t, 3, loaded(two, 3, 3, 2, 1).leastAfar(0), "six threads beside three")
	require.EqualValues(t, 1, loaded(two, 2, 2, 2, 1).leastAfar(1), "four beside three: not worth a move")
	require.EqualValues(t, 1, loaded(numa(4, 2, 0, 0), 9, 9, 8, 8).leastAfar(1), "within 17 %")
	r = loaded(two, 3, 3, 1, 1)
	r.cores[2].nextBalance = r.jiffies() // a balance is due
	r.balanceBusy(0, r.jiffies())
	require.Equal(t, []int{2, 3, 2, 1}, []int{r.nr(0), r.nr(1), r.nr(2), r.nr(3)})
}

// A new thread stays in its creator's node while that is nearly idle, and then goes where most CPUs are.
func TestTheNodeOfANewThread(t *testing.T) {
	cost := numa(16, 2, 0, 0)
	require.EqualValues(t, 1, occupied(cost, 0).idlest(0), "one thread of 16 CPUs: the creator's node")
	require.EqualValues(t, 8, occupied(cost, 0, 1).idlest(0))
	require.EqualValues(t, 2, occupied(cost, 0, 1, 8, 9).idlest(0), "as many idle ones here")
	two := numa(4, 2, 0, 0)
	require.EqualValues(t, 2, loaded(two, 2, 2, 1, 2).idlest(0), "no CPU is idle: the fewest threads")
	require.EqualValues(t, 1, loaded(two, 2, 1, 2, 1).idlest(0), "as few here")
}
