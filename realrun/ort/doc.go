// Package ort is everything the laboratory knows about ONNX Runtime: where the
// library is found, how it is fetched once, and how a model is run on it
// through the binding github.com/yalue/onnxruntime_go.
//
// The files fall in two halves:
//
//   - find.go and fetch.go need no cgo. The library is one file of one npm
//     package, pinned by version and checksum in a table, kept in the user's
//     cache and checked every time it is found. Nothing is fetched unless
//     [Fetch] is called.
//   - env.go, session.go and slot.go need cgo. Without it, nocgo.go takes
//     their place and every function says so.
//
// Buffers belong to a [Slot]: the data, the tensors and the pins in one value.
// A bare tensor is never handed out, because the binding keeps the addresses
// of Go slices in C and the garbage collector cannot see them there: the memory
// of a tensor that was bound and dropped is really collected and overwritten,
// without a crash and without an error.
//
// One session serves any number of goroutines, each with its own slot. Within a
// Run the library uses one thread, the caller's, unless Options says otherwise,
// and its threads never spin unless an experiment asks for it.
package ort
