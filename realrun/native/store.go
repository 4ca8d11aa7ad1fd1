package native

import "unsafe"

// Slots is an object full of pointers, for Store.
type Slots [1 << 10]unsafe.Pointer

// Store stores p into n of the slots, one after the other. s is on the heap, so that each store checks whether the
// collector marks, and goes through its write barrier if it does (runtime/mbarrier.go).
//
//go:noinline
func Store(s *Slots, p unsafe.Pointer, n int) {
	for i := range n {
		s[i%len(s)] = p
	}
}
