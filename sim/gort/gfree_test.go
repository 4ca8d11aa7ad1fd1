package gort

import (
	"testing"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A P gives gs away when it has 64, keeps 31, and takes 32 when it has none; the last to end is the first to be used.
func TestFreeGs(t *testing.T) {
	s := New(&lab.Cost{}, Go126(), lab.Knobs{GOMAXPROCS: 2}.Filled(2), 1)
	a, b := s.allp[0], s.allp[1]
	var gs []*g
	for range 64 {
		gs = append(gs, s.malg(s.allm[0]))
	}
	for _, gp := range gs[:63] {
		s.gfput(a, gp)
	}
	assert.EqualValues(t, 63, a.gFree.size)
	assert.Nil(t, s.gfget(b), "what another P has is not for b")
	s.gfput(a, gs[63])
	assert.EqualValues(t, 31, a.gFree.size)
	assert.EqualValues(t, 33, s.sched.gFree.size)
	require.NotNil(t, s.gfget(b))
	assert.EqualValues(t, 31, b.gFree.size)
	assert.EqualValues(t, 1, s.sched.gFree.size)
	assert.Same(t, gs[30], s.gfget(a))
	s.gfput(a, gs[63])
	assert.Same(t, gs[63], s.gfget(a))
	s.gfpurge(b)
	s.gfpurge(a)
	assert.EqualValues(t, 1+31+30, s.sched.gFree.size)
	seen := map[*g]bool{}
	for gp := s.sched.gFree.head; gp != nil; gp = gp.schedlink {
		seen[gp] = true
	}
	assert.Len(t, seen, 62)
	assert.Same(t, s.sched.gFree.tail.schedlink, (*g)(nil))
}
