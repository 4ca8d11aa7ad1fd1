package realrun

import (
	"math"
	"runtime"
	"runtime/debug"
	"unsafe"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
)

// The steps on the heap. What they cost beside what they ask for:
//
//   - An object that a step allocates is kept in the slice heapState.held until the request ends: one pointer store
//     each, through the write barrier while the collector marks, and one share of the clear at the end. The slice is made
//     before the run for clients, else when a state is first used, and kept; 8 bytes an object of the live heap are its own.
//   - A retain step copies those pointers into the ring of its set, with the mutex of the set locked.
//   - A get step keeps the buffer in heapState.got until it is put back.
//
// Requests are recorded in memory that is not the heap's (room), so that the heap is the workload's but for that.

// A heapState is what a request has on the heap.
type heapState struct {
	held  []unsafe.Pointer // objects allocated, until they are retained or the request ends
	last  int              // index in held of the first object of the last alloc step
	got   []buffer         // what get steps got
	slots *native.Slots    // where store steps store
	gets  int64            // since counted
	miss  int64            // of them, those that found no buffer
	local uint64           // what alloc steps on the stack computed, so that no compiler can remove it
}

// begin makes room for the objects of a request.
func (h *heapState) begin(objects int) {
	if objects > cap(h.held) {
		h.held = make([]unsafe.Pointer, 0, objects)
	}
	h.last = 0
}

// end drops what the request holds.
func (h *heapState) end() {
	clear(h.held)
	h.held = h.held[:0]
	clear(h.got)
	h.got = h.got[:0]
}

// counted gives the gets and the misses since it was asked last.
func (h *heapState) counted() (gets, misses int64) {
	gets, misses = h.gets, h.miss
	h.gets, h.miss = 0, 0
	return gets, misses
}

func (h *heapState) step(o *op) {
	switch o.do {
	case lab.Alloc:
		h.alloc(o)
	case lab.Retain:
		o.live.retain(h.held[h.last:], o.count)
		clear(h.held[h.last:])
		h.held = h.held[:h.last]
	case lab.Release:
		o.live.release(o.count)
	case lab.Get:
		h.got = append(h.got, h.get(o.pool))
	case lab.Put:
		h.put(o.pool)
	case lab.Store:
		if h.slots == nil {
			h.slots = new(native.Slots)
		}
		native.Store(h.slots, unsafe.Pointer(h.slots), o.count)
	case lab.GC:
		runtime.GC()
	case lab.SetGCPercent:
		debug.SetGCPercent(o.count)
	case lab.SetMemoryLimit:
		limit := o.bytes
		if limit == 0 {
			limit = math.MaxInt64
		}
		debug.SetMemoryLimit(limit)
	}
}

// alloc does an alloc step.
func (h *heapState) alloc(o *op) {
	if o.local {
		for range o.count {
			h.local += native.Local(o.bytes)
		}
		return
	}
	h.last = len(h.held)
	object := o.object
	for range o.count {
		h.held = append(h.held, object.New())
	}
}
