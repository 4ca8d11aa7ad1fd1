package realrun

import (
	"sync"
	"unsafe"
)

// A liveSet is a queue of objects that live until they are released.
type liveSet struct {
	mu      sync.Mutex
	objects []unsafe.Pointer // a ring
	first   int
	n       int
}

// reserve makes room for n objects, before anything is retained.
func (s *liveSet) reserve(n int) {
	if n > len(s.objects) {
		s.objects = make([]unsafe.Pointer, n)
	}
}

// retain adds objects, and drops the oldest until no more than most are left; 0: no limit.
func (s *liveSet) retain(p []unsafe.Pointer, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if most > 0 {
		p = p[max(len(p)-most, 0):]
		s.drop(s.n + len(p) - most)
	}
	if s.n+len(p) > len(s.objects) {
		grown := make([]unsafe.Pointer, max(2*len(s.objects), s.n+len(p), 64))
		copy(grown[copy(grown, s.objects[s.first:]):], s.objects[:s.first])
		s.objects, s.first = grown, 0
	}
	for len(p) > 0 {
		k := copy(s.objects[(s.first+s.n)%len(s.objects):], p)
		s.n += k
		p = p[k:]
	}
}

// drop forgets the n oldest objects; there are so many, unless n is negative.
func (s *liveSet) drop(n int) {
	for n > 0 {
		k := min(n, len(s.objects)-s.first)
		clear(s.objects[s.first : s.first+k])
		s.first = (s.first + k) % len(s.objects)
		s.n -= k
		n -= k
	}
}

// release drops the n oldest objects, or all if there are fewer.
func (s *liveSet) release(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(min(n, s.n))
}
