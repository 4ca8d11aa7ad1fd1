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
// SIMPLIFIED(stack): where the memory of a stack comes from — its P's stackcache, stackpool, from 32 KiB stackLarge or the
// heap — makes no difference. Pages that the process touches for the first time cost the
// kernel's fault, which is not charged: goroutines of 100 KB each took 99 µs for real where 50 were predicted.
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
	s.note(tNewstack, mp.p, gp, int32(size>>10), int32(used))
	mp.charge += s.price.stackGrow + time.Duration(int64(s.price.stackKiB)*used/1024)
}
