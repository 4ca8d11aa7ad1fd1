package native

import "unsafe"

// frameBytes is about what a frame of Deep takes: that of a function with a few variables. What a growing stack costs depends
// on it, as the runtime adjusts each frame that it has copied (runtime/stack.go: copystack).
const frameBytes = 192

// Deep computes the same as Chain, or as ChainCalls if calls is set, below calls of itself that have used that many bytes
// of stack, and written to all of them. The goroutine's stack grows until they fit.
func Deep(links int64, stack int64, calls bool) uint64 {
	var top byte
	return deep(&top, uintptr(stack), links, calls)
}

// deep calls itself until the stack from top down to its own frame holds that many bytes. top stays on the stack, so that
// it moves when the stack does.
//
//go:noinline
func deep(top *byte, stack uintptr, links int64, calls bool) uint64 {
	var frame [frameBytes]byte
	var x uint64
	switch {
	case uintptr(unsafe.Pointer(top))-uintptr(unsafe.Pointer(&frame)) < stack:
		x = deep(top, stack, links, calls)
	case calls:
		x = ChainCalls(links)
	default:
		x = Chain(links)
	}
	return x + uint64(frame[x%frameBytes])
}
