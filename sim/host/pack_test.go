package host

import (
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packed runs a thread that computes for a share of every millisecond and then wakes others, which compute for a while each; all
// begin on core 1, which else is idle. It gives for each of them how often, of its last wake-ups, it ran on the waker's core.
func packed(t *testing.T, limit float64, share, work time.Duration, others int) []float64 {
	t.Helper()
	cost := plain(2)
	cost.Pack = lab.Value{P50: limit}
	r := newRig(cost, 1, 1+others)
	stayed, woken := make([]float64, others), make([]float64, others)
	turn := 0
	r.order = func(th int32) {
		if th > 0 {
			if r.Now > 300*ms && r.threads[th].left == 0 && r.threads[th].then == decide && turn%2 == 0 {
				woken[th-1]++
				if r.threads[th].core == r.threads[0].core {
					stayed[th-1]++
				}
			}
			r.Block(th, work)
			return
		}
		if turn++; turn%2 == 1 {
			r.Run(0, share)
			return
		}
		for i := range others {
			r.Wake(int32(i+1), 0)
		}
		r.Sleep(0, 0, (r.Now/ms+1)*ms)
	}
	for i := range others {
		r.threads[i+1].core = 1
	}
	r.Wake(0, none)
	r.until(600 * ms)
	for i := range stayed {
		require.Greater(t, woken[i], 100.0)
		stayed[i] /= woken[i]
	}
	return stayed
}

// While the waker's core has room, a woken thread stays there, though its own core is idle; when it has none, or is
// occupied by a third thread, or the kernel does not pack, it goes to the idle core.
func TestPacking(t *testing.T) {
	const limit = 0.66
	assert.Greater(t, packed(t, limit, 500*us, us, 1)[0], 0.99)
	assert.Less(t, packed(t, limit, 800*us, us, 1)[0], 0.01)
	assert.Less(t, packed(t, 0, 500*us, us, 1)[0], 0.01)
	two := packed(t, limit, 300*us, us, 2)
	assert.Greater(t, two[0], 0.99)
	assert.Less(t, two[1], 0.01)
}

// The woken thread's own utilisation counts, once, and moves with it.
func TestPackingCountsTheWokenThread(t *testing.T) {
	const limit = 0.66
	assert.Greater(t, packed(t, limit, 300*us, 250*us, 1)[0], 0.99, "0.55 in all")
	assert.Less(t, packed(t, limit, 400*us, 400*us, 1)[0], 0.2, "0.8 in all")
}

// What a core is used is what its threads are, wherever they came from.
func TestUtilisationMovesWithThreads(t *testing.T) {
	cost := plain(3)
	cost.Pack = lab.Value{P50: 0.66}
	r := newRig(cost, 1, 4)
	n := time.Duration(0)
	r.order = func(th int32) {
		n++
		r.Sleep(th, (100+n*37%700)*us, r.Now+(150+n*53%1900)*us)
	}
	for th := range int32(4) {
		r.Wake(th, none)
	}
	moved := 0
	for at := ms; at < 400*ms; at += ms {
		r.until(at)
		var threads [3]float64
		for i := range r.threads {
			threads[r.threads[i].core] += float64(r.threads[i].util.at(r.Now))
			if r.threads[i].core != int32(i)%3 {
				moved++
			}
		}
		for i := range r.cores {
			require.InDelta(t, threads[i], float64(r.cores[i].util.at(r.Now)), utilOne/200)
		}
	}
	require.Greater(t, moved, 100)
}
