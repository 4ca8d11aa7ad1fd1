package calibrate

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// In made-up stretches each object takes 100 ns, and each span 400 ns more, all of them while the first half of the live set is
// allocated anew; where a cycle has fewer stretches, it does not count.
func TestSweptBeside(t *testing.T) {
	start := time.Unix(0, 0)
	var list []stretch
	var ends []time.Time
	cpu, at := int64(0), start
	cycle := func(objects int, spans int) {
		ends = append(ends, at)
		for i := range objects / stretchLen {
			cpu += stretchLen * 100
			if i < churnLive/2/stretchLen {
				cpu += 400 * int64(spans) * stretchLen * 2 / churnLive
			}
			list = append(list, stretch{at, cpu})
			at = at.Add(time.Millisecond)
		}
	}
	list = append(list, stretch{at, cpu})
	at = at.Add(time.Second)
	cycle(churnLive, 0)
	for range 3 {
		cycle(churnLive, 2*churnLive/spanObjects)
	}
	cycle(churnLive/2, 0)
	ends = append(ends, at)
	each, garbage := sweptBeside(list, ends)
	require.Len(t, each, 3)
	for _, ns := range each {
		assert.InDelta(t, 400, ns, 1)
	}
	assert.InDelta(t, 0.5, garbage, 0.01)
	none, _ := sweptBeside(nil, nil)
	assert.Empty(t, none)
}

// Sweeping beside another P costs more than alone.
func TestSweepPeer(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("needs two cores")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	b := newBench(context.Background(), 0.5)
	for b.round = 0; b.round < 3 || b.round < 12 && b.cost().SweepPeer.P50 == 0; b.round++ { // other tests may run beside it
		require.NoError(t, b.sweepSpan())
		require.NoError(t, b.sweepPeer())
	}
	assert.Positive(t, b.cost().SweepPeer.P50)
	assert.Equal(t, -1, debug.SetGCPercent(-1), "the collector is off again")
}
