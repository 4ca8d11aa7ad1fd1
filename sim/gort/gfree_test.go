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
	assert.EqualValues(t, 33, s.sched.gFree.stack.size)
	require.NotNil(t, s.gfget(b))
	assert.EqualValues(t, 31, b.gFree.size)
	assert.EqualValues(t, 1, s.sched.gFree.stack.size)
	require.Same(t, gs[30], s.gfget(a))
	s.gfput(a, gs[63])
	assert.Same(t, gs[63], s.gfget(a))
	s.gfpurge(b)
	s.gfpurge(a)
	assert.EqualValues(t, 1+31+30, s.sched.gFree.stack.size)
	seen := map[*g]bool{}
	for gp := s.sched.gFree.stack.head; gp != nil; gp = gp.schedlink {
		seen[gp] = true
	}
	assert.Len(t, seen, 62)
	assert.Same(t, s.sched.gFree.stack.tail.schedlink, (*g)(nil))
}

// A g whose stack has grown goes to the list of those without, from which a P takes when the other is empty, and whoever
// takes it pays for a new first stack.
func TestFreeGsWithoutStack(t *testing.T) {
	cost := lab.Cost{StackNew: lab.Nanos{P50: 30}, StackGrow: lab.Nanos{P50: 100}, StackKiB: lab.Nanos{P50: 1024}, NewG: lab.Nanos{P50: 7}}
	s := New(&cost, Go126(), lab.Knobs{GOMAXPROCS: 2}.Filled(2), 1)
	mp, b := s.allm[0], s.allp[1]
	var gs []*g
	for range 64 {
		gs = append(gs, s.malg(mp))
	}
	assert.EqualValues(t, 64*7, mp.charge, "each is new")
	mp.charge = 0
	mp.curg = gs[63]
	s.newstack(mp)
	s.newstack(mp)
	assert.EqualValues(t, 2, gs[63].stack, "8 KiB")
	assert.EqualValues(t, 2*100+(2048-928)+(4096-928), mp.charge)
	mp.curg, mp.charge = nil, 0
	for _, gp := range gs {
		s.gfput(mp.p, gp)
	}
	assert.EqualValues(t, 32, s.sched.gFree.stack.size)
	assert.EqualValues(t, 1, s.sched.gFree.noStack.size)
	for range 32 {
		assert.Zero(t, s.gfget(b).stack, "those with a stack come first")
	}
	assert.Same(t, gs[63], s.gfget(b))
	assert.Nil(t, s.gfget(b))
	s.gfput(b, gs[63])
	s.gfpurge(b)
	assert.EqualValues(t, 1, s.sched.gFree.noStack.size)
	s.gfpurge(mp.p)
	s.sched.gFree.stack = gQueue{}
	assert.Same(t, gs[63], s.malg(mp))
	assert.EqualValues(t, 30, mp.charge, "a first stack")
	assert.Zero(t, gs[63].stack)
}

// Numbers go to Ps by sixteen, and a g that is used again gets a new one.
func TestGoidCache(t *testing.T) {
	s := New(&lab.Cost{}, Go126(), lab.Knobs{GOMAXPROCS: 2}.Filled(2), 1)
	m0, m1 := s.allm[0], s.allocm()
	s.acquirep(m1, s.allp[1])
	first := s.malg(m0)
	assert.EqualValues(t, 1, first.goid, "main")
	assert.EqualValues(t, 17, s.malg(m1).goid)
	s.gfput(m0.p, first)
	assert.EqualValues(t, 2, s.malg(m0).goid)
	assert.EqualValues(t, 2, first.goid, "the same g")
	for i := range 14 {
		assert.EqualValues(t, 3+i, s.malg(m0).goid)
	}
	assert.EqualValues(t, 33, s.malg(m0).goid, "the next batch that nobody has")
	assert.EqualValues(t, 18, s.malg(m1).goid)
}

// Stacks take spans of 16 beside the heap. Those of goroutines that have ended are free only when a collection finds them on the
// global list, and then their spans are.
func TestStackSpans(t *testing.T) {
	s := heapOf(1, nil)
	mp, h, c := s.allm[0], &s.mheap, &s.controller
	beside, mapped, has := h.beside, c.MappedReady, h.stacks
	var gs []*g
	for h.stacks < has+100*fixedStack {
		gs = append(gs, s.malg(mp))
	}
	spans := stackSpansFor(h.stacks)
	assert.Equal(t, spans, h.stackSpans)
	assert.Greater(t, h.beside, beside+90*fixedStack)
	assert.Equal(t, h.beside-beside, c.MappedReady-mapped, "from the kernel, as no page is free")
	assert.Equal(t, c.MappedReady, h.peak)

	mp.curg = gs[0]
	s.newstack(mp)
	assert.Equal(t, has+101*fixedStack, h.stacks)
	for _, gp := range gs {
		s.gfput(mp.p, gp)
	}
	s.gfpurge(mp.p)
	assert.Equal(t, has+99*fixedStack, h.stacks, "who ends keeps a stack of the first size")
	s.freeStackSpans()
	assert.Equal(t, spans, h.stackSpans)

	s.markrootFreeGStacks()
	assert.Equal(t, has, h.stacks)
	assert.True(t, s.sched.gFree.stack.empty())
	free := c.HeapFree
	s.freeStackSpans()
	assert.Equal(t, stackSpansFor(has), h.stackSpans)
	assert.Equal(t, spans-h.stackSpans, c.HeapFree-free)
	assert.NoError(t, s.checkHeap())
	before := mp.charge
	s.malg(mp)
	assert.Equal(t, s.price.stackNew, mp.charge-before)
	assert.Equal(t, spans-stackSpansFor(h.stacks), c.HeapFree-free, "a free page, not the kernel's")
}
