package lab

import (
	"fmt"
	"slices"
)

// PoolKind says how a Pool keeps its buffers.
type PoolKind uint8

// The kinds of pool.
const (
	PoolPointer PoolKind = iota // a sync.Pool of pointers to slices
	PoolSlice                   // a sync.Pool of slices: each put allocates a slice header of 24 bytes to box it
	PoolFree                    // a free list of at most Cap buffers: a buffered channel with a default case at both ends
	PoolNone                    // none: each get allocates, each put drops
)

var poolNames = names{"pointer", "slice", "free", "none"}

// A Pool is a pool of buffers that Steps name. Two steps that name the same pool share its buffers.
type Pool struct {
	Name     string   `yaml:"name"`     // unique
	Kind     PoolKind `yaml:"kind"`     // pointer, slice, free or none
	Bytes    int64    `yaml:"bytes"`    // size of each buffer, 1 B to 1 GiB
	Pointers float64  `yaml:"pointers"` // share of its words that are pointers, 0 to 1
	Cap      int      `yaml:"cap"`      // free: how many buffers it keeps at most, at least 1
}

// Limits of the heap steps.
const (
	MaxObject  = 1 << 30 // bytes of one object
	MaxObjects = 1 << 24 // objects of one step

	MaxStepBytes = 16 << 30 // bytes of the objects of one step together
	MaxLocal     = 1 << 16  // bytes of an object that stays on the stack: the compiler's limit for implicit variables
)

// validatePools refuses pools that cannot be.
func (w *Workload) validatePools() error {
	for i := range w.Pools {
		p, where := &w.Pools[i], fmt.Sprintf("workload.pools[%d]", i)
		if p.Name == "" || slices.ContainsFunc(w.Pools[:i], func(b Pool) bool { return b.Name == p.Name }) {
			return fmt.Errorf("%s.name: %q is empty or used twice; give each pool its own name", where, p.Name)
		}
		if err := within(where+".bytes", p.Bytes, 1, MaxObject); err != nil {
			return err
		}
		if err := within(where+".pointers", p.Pointers, 0, 1); err != nil {
			return err
		}
		if p.Kind == PoolFree {
			if err := within(where+".cap", p.Cap, 1, 1<<20); err != nil {
				return err
			}
		}
	}
	return nil
}

// validateHeap refuses steps on the heap that cannot be.
func (w *Workload) validateHeap(s *Step, where string) error {
	switch s.Do {
	case Alloc:
		if err := within(where+".pointers", s.Pointers, 0, 1); err != nil {
			return err
		}
		if err := within(where+".count", s.Count, 0, MaxObjects); err != nil {
			return err
		}
		if s.Local {
			return within(where+".bytes", s.Bytes, 1, MaxLocal)
		}
		if err := within(where+".bytes", s.Bytes, 1, MaxObject); err != nil {
			return err
		}
		if total := s.Bytes * int64(max(s.Count, 1)); total > MaxStepBytes {
			return fmt.Errorf("%s.count: %d objects of %d bytes are %d GiB; one step may allocate %d GiB", where, s.Count, s.Bytes, total>>30, MaxStepBytes>>30)
		}
	case Retain, Release:
		if s.Name == "" {
			return fmt.Errorf("%s.name: empty; a %v step needs a name", where, s.Do)
		}
		if s.Do == Retain && w.keeps(s.Name) != s.Count {
			return fmt.Errorf("%s.count: %d, but another retain step lets the set %q keep %d; give all of them the same", where, s.Count, s.Name, w.keeps(s.Name))
		}
		return within(where+".count", s.Count, 0, MaxObjects)
	case Store:
		return within(where+".count", s.Count, 0, MaxObjects)
	case Get, Put:
		if !slices.ContainsFunc(w.Pools, func(p Pool) bool { return p.Name == s.Name }) {
			return fmt.Errorf("%s.name: pool %q is not in workload.pools; add it there", where, s.Name)
		}
	case SetGCPercent:
		return within(where+".count", s.Count, -1, 1_000_000)
	case SetMemoryLimit:
		return within(where+".bytes", s.Bytes, 0, 1<<60)
	}
	return nil
}

// keeps is the count of the first retain step of a live set.
func (w *Workload) keeps(name string) int {
	for i := range w.Classes {
		for _, s := range w.Classes[i].Steps {
			if s.Do == Retain && s.Name == name {
				return s.Count
			}
		}
	}
	return 0
}

// validateGets refuses a class that puts back what it did not get. What it does not put back is lost to the pool.
func validateGets(steps []Step, where string) error {
	got := map[string]int{}
	for j, s := range steps {
		switch s.Do {
		case Get:
			got[s.Name]++
		case Put:
			if got[s.Name]--; got[s.Name] < 0 {
				return fmt.Errorf("%s.steps[%d]: puts back into pool %q more than it got; add a get step before it", where, j, s.Name)
			}
		}
	}
	return nil
}

// Allocates tells whether any step uses the heap, so that its collector matters to the run.
func (w *Workload) Allocates() bool {
	for i := range w.Classes {
		for _, s := range w.Classes[i].Steps {
			switch s.Do {
			case Alloc, Get, Put, GC, SetGCPercent, SetMemoryLimit:
				return true
			}
		}
	}
	return false
}

// String gives the kind's name as workload files write it.
func (k PoolKind) String() string { return poolNames.of(uint8(k)) }

// MarshalText writes the kind's name.
func (k PoolKind) MarshalText() ([]byte, error) { return poolNames.marshal(uint8(k)) }

// UnmarshalText reads the kind's name.
func (k *PoolKind) UnmarshalText(b []byte) error { return poolNames.unmarshal((*uint8)(k), b) }
