package gort

import (
	"context"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// StealRandom off goes over the others in turn; on, it visits each once too.
func TestStealRandomOrder(t *testing.T) {
	for _, random := range []bool{true, false} {
		p := Go126()
		p.StealRandom = random
		s := New(&lab.Cost{}, p, lab.Knobs{GOMAXPROCS: 6}.Filled(6), 1)
		s.releasep(s.allm[0])
		s.acquirep(s.allm[0], s.allp[4])
		starts := map[uint32]bool{}
		for range 50 {
			s.randomOrder(s.allm[0])
			seen, order := map[uint32]bool{}, []uint32{}
			st := s.allm[0].steal
			for range 6 {
				seen[st.pos] = true
				order = append(order, st.pos)
				st.pos = (st.pos + st.step) % 6
			}
			require.Len(t, seen, 6)
			starts[order[0]] = true
			if !random {
				require.Equal(t, []uint32{5, 0, 1, 2, 3, 4}, order)
			}
		}
		assert.Equal(t, random, len(starts) == 6)
	}
}

func TestSpinLimit(t *testing.T) {
	for limit, want := range map[int32]int32{0: 100, 1: 6, 2: 3, 6: 1, 100: 1} {
		p := Go126()
		p.SpinLimit = limit
		s := New(&lab.Cost{}, p, lab.Knobs{GOMAXPROCS: 8}.Filled(8), 1)
		s.sched.npidle = 2 // six are busy
		for s.maySpin() && s.sched.nmspinning < 100 {
			s.sched.nmspinning++
		}
		assert.Equal(t, want, s.sched.nmspinning, "SpinLimit %d", limit)
	}
}

// While one goroutine starts many, as many Ms spin at once as WakeLimit says.
func TestWakeLimit(t *testing.T) {
	for limit, want := range map[int32]int32{0: 0, 1: 1, 3: 3} {
		p := Go126()
		p.WakeLimit = limit
		s := New(&lab.Cost{Steal: lab.Nanos{P50: 1000}}, p, lab.Knobs{GOMAXPROCS: 8}.Filled(8), 1)
		s.Serve(Service{Stop: time.Hour, To: time.Hour, Classes: []Program{{}}, Programs: []Program{
			{Class: -1, Ops: []Op{{Do: Start, I: 1, N: 8}, {Do: Started}, lasting(CPU, 5*time.Millisecond), {Do: Exit}}},
			{Ops: []Op{{Do: Begin}, lasting(CPU, 5*time.Millisecond), {Do: End}, {Do: Exit}}}}})
		most := int32(0)
		for now := time.Duration(0); now < time.Millisecond; now += 500 * time.Nanosecond {
			require.NoError(t, s.Loop(context.Background(), now, false))
			most = max(most, s.sched.nmspinning)
		}
		assert.Equal(t, want, most, "WakeLimit %d", limit)
	}
}
