package gort

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// twin is the heap of runtime/time.go, line by line: siftUp, siftDown, deleteMin.
type twin []timer

func (h twin) siftUp(i int) {
	tw := h[i]
	for i > 0 {
		p := int(uint(i-1) / 4)
		if !(tw.when < h[p].when) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = tw
}

func (h twin) siftDown(i int) {
	tw := h[i]
	for {
		leftChild := i*4 + 1
		if leftChild >= len(h) {
			break
		}
		w, c := tw, -1
		for j, x := range h[leftChild:min(leftChild+4, len(h))] {
			if x.when < w.when {
				w, c = x, leftChild+j
			}
		}
		if c < 0 {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = tw
}

func (h *twin) deleteMin() timer {
	first, last := (*h)[0], len(*h)-1
	(*h)[0] = (*h)[last]
	*h = (*h)[:last]
	if last > 0 {
		h.siftDown(0)
	}
	return first
}

// The heap gives timers in the order of the runtime's, those of equal time included.
func TestTimersAsTheRuntime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var ts timers
	var tw twin
	for n := uint32(1); n < 20_000; n++ {
		if r.IntN(5) < 3 || len(tw) == 0 {
			x := timer{when: time.Duration(1 + r.IntN(8)), gen: n}
			ts.add(x)
			tw = append(tw, x)
			tw.siftUp(len(tw) - 1)
		} else {
			require.Equal(t, tw.deleteMin(), ts.pop())
		}
		require.Equal(t, []timer(tw), ts.heap)
		if len(tw) > 200 {
			ts.heap, tw = ts.heap[:0], tw[:0]
		}
	}
}

func TestPMask(t *testing.T) {
	var p pMask
	p = p.resize(70)
	p.set(3)
	p.set(69)
	p.set(64)
	p.clear(64)
	for i := range int32(70) {
		require.Equal(t, i == 3 || i == 69, p.read(i), i)
	}
	p = p.resize(65)
	p = p.resize(96)
	require.False(t, p.read(69), "a P that was gone comes back unmarked")
	require.True(t, p.read(3))
}
