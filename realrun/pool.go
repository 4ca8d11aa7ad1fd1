package realrun

import (
	"sync"
	"unsafe"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
)

// A pool is a lab.Pool.
type pool struct {
	kind   lab.PoolKind
	bytes  int64
	object native.Object
	shared sync.Pool   // of *[]byte or []byte; it has no New, so that a miss is seen
	free   chan []byte // a free list
}

// A buffer is what a get step got.
type buffer struct {
	from    *pool
	slice   []byte
	pointer *[]byte // to such a slice, of a pool of pointers
}

// compilePools makes the pools of a workload.
func compilePools(w *lab.Workload) map[string]*pool {
	pools := map[string]*pool{}
	for _, lp := range w.Pools {
		p := &pool{kind: lp.Kind, bytes: lp.Bytes, object: native.ObjectOf(lp.Bytes, lp.Pointers)}
		if p.kind == lab.PoolFree {
			p.free = make(chan []byte, lp.Cap)
		}
		pools[lp.Name] = p
	}
	return pools
}

// slice allocates the memory of a buffer.
func (p *pool) slice() []byte { return unsafe.Slice((*byte)(p.object.New()), p.bytes) }

// get takes a buffer, or allocates one.
func (h *heapState) get(p *pool) buffer {
	h.gets++
	b := buffer{from: p}
	switch p.kind {
	case lab.PoolPointer:
		if x := p.shared.Get(); x != nil {
			b.pointer = x.(*[]byte)
			return b
		}
		b.pointer = new([]byte)
		*b.pointer = p.slice()
	case lab.PoolSlice:
		if x := p.shared.Get(); x != nil {
			b.slice = x.([]byte)
			return b
		}
		b.slice = p.slice()
	case lab.PoolFree:
		select {
		case b.slice = <-p.free:
			return b
		default:
			b.slice = p.slice()
		}
	case lab.PoolNone:
		b.slice = p.slice()
	}
	h.miss++
	return b
}

// put gives back what the request got last from p. The workload is valid: there is something.
func (h *heapState) put(p *pool) {
	i := len(h.got) - 1
	for h.got[i].from != p {
		i--
	}
	b := h.got[i]
	n := copy(h.got[i:], h.got[i+1:])
	h.got[i+n] = buffer{}
	h.got = h.got[:i+n]
	switch p.kind {
	case lab.PoolPointer:
		p.shared.Put(b.pointer)
	case lab.PoolSlice:
		//lint:ignore SA6002 the header that this allocates is what this kind of pool is about
		p.shared.Put(b.slice)
	case lab.PoolFree:
		select {
		case p.free <- b.slice:
		default:
		}
	}
}
