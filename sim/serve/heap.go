package serve

import (
	"slices"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
)

// held is what a request of the class that is compiled holds at this step: objects by kind. Which steps a request does is known
// beforehand, so what it still holds at its end is known too.
type held struct {
	last   int32 // kind of the last alloc step, -1: none
	count  int64 // how many that made, and has not given to a set
	counts map[int32]int64
	got    map[string]int64
}

// object numbers a kind of object.
func (c *compiler) object(bytes int64, pointers float64) int32 {
	o := gort.Object{Bytes: bytes, Pointers: pointers}
	i := slices.Index(c.Objects, o)
	if i < 0 {
		i = len(c.Objects)
		c.Objects = append(c.Objects, o)
	}
	return int32(i)
}

// set numbers a live set; how many objects it keeps is the least that a retain step says.
func (c *compiler) set(name string) int32 {
	i, known := c.names["set "+name]
	if known {
		return i
	}
	i = int32(len(c.Sets))
	c.names["set "+name] = i
	keep := int64(0)
	for _, class := range c.w.Classes {
		for _, s := range class.Steps {
			if s.Do == lab.Retain && s.Name == name && s.Count > 0 && (keep == 0 || int64(s.Count) < keep) {
				keep = int64(s.Count)
			}
		}
	}
	c.Sets = append(c.Sets, keep)
	return i
}

// slice is the header that a put of a slice by value boxes: sync.Pool takes an interface (runtime/iface.go: convTslice).
const sliceHeader = 24

// pools compiles the workload's pools.
func (c *compiler) pools() {
	for i, p := range c.w.Pools {
		c.names["pool "+p.Name] = int32(i)
		v := gort.PoolOf{Pool: p, Kind: c.object(p.Bytes, p.Pointers)}
		if p.Kind == lab.PoolSlice {
			v.Header = c.object(sliceHeader, 1)
		}
		c.Pools = append(c.Pools, v)
	}
}

// heapStep compiles a step on the heap.
func (c *compiler) heapStep(s *lab.Step, h *held) []gort.Op {
	n := int64(max(s.Count, 1))
	switch s.Do {
	case lab.Alloc:
		if s.Local { // calls that use so much stack
			return []gort.Op{{Do: gort.CPU, N: s.Bytes, J: int32(n), Time: &lab.Dist{}}}
		}
		k := c.object(s.Bytes, s.Pointers)
		h.last, h.count = k, n
		h.counts[k] += n
		return []gort.Op{{Do: gort.Alloc, I: k, N: n}}
	case lab.Retain:
		if h.count == 0 {
			return nil
		}
		n, k := h.count, h.last
		h.counts[k] -= n
		h.count = 0
		return []gort.Op{{Do: gort.Retain, I: c.set(s.Name), J: k, N: n}}
	case lab.Release:
		return []gort.Op{{Do: gort.Release, I: c.set(s.Name), N: n}}
	case lab.Store:
		return []gort.Op{{Do: gort.Store, N: n}}
	case lab.Get:
		h.got[s.Name]++
		return []gort.Op{{Do: gort.Get, I: c.names["pool "+s.Name]}}
	case lab.Put:
		h.got[s.Name]--
		return []gort.Op{{Do: gort.Put, I: c.names["pool "+s.Name]}}
	case lab.GC:
		c.Collects = true
		return []gort.Op{{Do: gort.GC}}
	case lab.SetGCPercent:
		c.Collects = true
		return []gort.Op{{Do: gort.SetGCPercent, N: int64(s.Count)}}
	case lab.SetMemoryLimit:
		c.Collects = true
		return []gort.Op{{Do: gort.SetMemoryLimit, N: s.Bytes}}
	}
	return nil
}

// drop writes what a request lets go of at its end.
func (c *compiler) drop(h *held) (ops []gort.Op) {
	for _, p := range c.w.Pools {
		if n := h.got[p.Name]; n > 0 { // not put back: lost to the pool
			h.counts[c.object(p.Bytes, p.Pointers)] += n
		}
	}
	for k := range int32(len(c.Objects)) {
		if n := h.counts[k]; n > 0 {
			ops = append(ops, gort.Op{Do: gort.Drop, I: k, N: n})
		}
	}
	return ops
}
