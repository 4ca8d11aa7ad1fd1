// Package native is the laboratory's only C, and the work loops that must be the same in Go and in C.
//
//   - chain.go, in Go: the dependent chain in which CPU steps are counted. A link is one multiplication and one
//     addition that wait for the link before, so its time is a latency of the core (about 1 ns at 3 to 4 GHz) and the
//     neighbour on a shared physical core hardly changes it.
//   - alloc.go, local.go and store.go, in Go: an object on the heap, one on the stack, and pointer stores.
//   - native.c with native_cgo.go: C calls that spin or sleep, the CPU time of a thread, and the load generator's thread.
//   - native_nocgo.go takes the place of the C where there is none (built without cgo, or not for Linux): everything
//     returns [ErrNoC].
package native
