package gort

import "time"

// The stacks of goroutines (runtime/stack.go: newstack, copystack). A goroutine begins with 2 KiB. The prologue of a function
// that does not fit asks newstack for twice the size, to which copystack moves what there is. A goroutine that ends with a
// grown stack gives it back, and whoever takes its g from the free list needs a new one (gfput, gfget).
//
// SIMPLIFIED(stack): a stack never shrinks, and every goroutine begins with 2 KiB: both change only in a garbage collection
// (shrinkstack, gcComputeStartingStackSize). A service whose goroutines all go deep pays less in reality: after its first
// collection they begin with a larger stack.
//
// Stacks lie in spans of their own, which count as memory beside the heap: what they take, the heap may not have below a memory
// limit. A goroutine that has ended keeps its stack until a collection frees those on the global list (markrootFreeGStacks),
// and spans that hold none then become free pages (freeStackSpans).
//
// SIMPLIFIED(stack): stacks lie densely, all sizes in the same spans: no P caches any, no span is kept for one stack in it, and
// one that a dead goroutine leaves early is free only at the end of the next collection. Freeing them costs nothing. Pages that
// the process touches for the first time cost the kernel's fault, which is not charged: goroutines of 100 KB each took 99 µs
// for real where 50 were predicted.
//
// SIMPLIFIED(stack): a step says how deep it calls; what lies below it, some hundred bytes of the service's own calls, does
// not count.

// noStack is the stack of a free g that has lost it.
const noStack = 0xff

// stackRoom is how many bytes of calls fit a stack of fixedStack<<order bytes above the guard.
func stackRoom(order uint8) int64 { return fixedStack<<order - stackGuard }

// morestack makes calls of mp's goroutine that need so many bytes: each prologue that finds too little above the guard asks
// newstack for more.
func (s *Sched) morestack(mp *m, bytes int64) {
	for bytes > stackRoom(mp.curg.stack) {
		s.newstack(mp)
	}
	mp.charge += time.Duration(int64(s.price.stackUse) * bytes / 1024)
}

// newstack gives mp's goroutine a stack of twice the size and copies what it has, up to the guard.
func (s *Sched) newstack(mp *m) {
	gp := mp.curg
	used := stackRoom(gp.stack)
	gp.stack++
	size := int64(fixedStack) << gp.stack
	if size > maxstacksize {
		s.throw("newstack: stack overflow")
	}
	s.stackalloc(mp, gp.stack)
	s.stackfree(gp.stack - 1)
	s.note(tNewstack, mp.p, gp, int32(size>>10), int32(used))
	mp.charge += s.price.stackGrow + time.Duration(int64(s.price.stackKiB)*used/1024)
}

// stackalloc takes a stack of fixedStack<<order bytes. Where the spans of stacks are full there will be more of them: free pages,
// or the kernel's (stackpoolalloc, mheap.allocManual). What it costs to touch them is part of the calibrated price of a new g.
func (s *Sched) stackalloc(mp *m, order uint8) {
	h := &s.mheap
	h.stacks += fixedStack << order
	if h.stacks > h.stackSpans {
		more := stackSpansFor(h.stacks) - h.stackSpans
		h.stackSpans += more
		h.beside += more
		s.allocPages(mp, more)
	}
}

// stackfree gives one back; its span stays one of stacks.
func (s *Sched) stackfree(order uint8) { s.mheap.stacks -= fixedStack << order }

// markrootFreeGStacks frees the stacks of the goroutines that have ended and lie on the global list. Whoever takes such a g pays
// for a new stack.
func (s *Sched) markrootFreeGStacks() {
	list := s.sched.gFree.stack
	s.sched.gFree.stack = gQueue{}
	for gp := list.head; gp != nil; gp = gp.schedlink {
		s.stackfree(gp.stack)
		gp.stack = noStack
	}
	s.sched.gFree.noStack.pushAll(list)
}

// freeStackSpans makes free pages of the spans that hold no stack.
func (s *Sched) freeStackSpans() {
	h := &s.mheap
	back := h.stackSpans - stackSpansFor(h.stacks)
	h.stackSpans -= back
	h.beside -= back
	s.controller.HeapFree += back
}

// stackSpansFor is how many bytes of spans so many bytes of stacks take.
func stackSpansFor(bytes uint64) uint64 {
	return (bytes + stackCacheSize - 1) / stackCacheSize * stackCacheSize
}
