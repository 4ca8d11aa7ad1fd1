// Package tricolor marks a heap object by object, with goroutines that change it meanwhile: the concurrent mark phase of
// Go's collector, small enough to be watched and to be tried a million times.
//
// The heap is a graph: objects with pointer slots, package variables (globals) and the stacks of goroutines. An object is
// white (not found yet), grey (found, its slots not yet looked at) or black (done). A stack and the globals are grey until they
// are scanned, once, and black from then on: nobody scans them again (runtime/mgcmark.go:scanstack, markroot). Between two
// steps of the collector any goroutine may load, store, drop, copy, allocate or hand a pointer to another one. At the end
// what is white is freed (Sweep).
//
// A write to a heap or global slot passes through the write barrier, a write to a goroutine's own stack does not
// (runtime/mbarrier.go). The barrier has two halves: deletion shades the pointer that is overwritten (Yuasa), insertion shades
// the pointer that is written (Dijkstra). Go ships both, always (runtime/mwbbuf.go:wbBufFlush1); the proposal's condition, that
// insertion is needed only while the goroutine's stack is grey, is Rules' Paper here. A Case with half a barrier can lose
// an object that the program still uses; Losses names the write that hid it, Draw and Shrink find the smallest such
// Case, and a Film shows it as frames and as a list of steps.
//
// Everything is data: a Case is a graph and one script of collector's and goroutines' Steps in the order in which they happen,
// and Parse reads what String writes.
package tricolor
