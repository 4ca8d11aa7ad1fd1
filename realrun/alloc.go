package realrun

import (
	"math"
	"reflect"
	"sync"
	"unsafe"
)

const wordBytes = int64(unsafe.Sizeof(uintptr(0)))

// patternWords is the resolution of an object's share of pointers.
const patternWords = 16

// allocate makes an object as an alloc step asks: without pointers if typ is nil.
func allocate(bytes int64, typ reflect.Type) unsafe.Pointer {
	if typ == nil {
		return unsafe.Pointer(unsafe.SliceData(make([]byte, bytes)))
	}
	return reflect.New(typ).UnsafePointer()
}

// objectType is the type of objects of that size whose words are pointers in that share, spread evenly; nil for
// objects without pointers. The pointers are nil: the collector visits those words and finds nothing behind them.
func objectType(bytes int64, share float64) reflect.Type {
	words := int(bytes / wordBytes)
	if share == 0 || words == 0 {
		return nil
	}
	tail := pattern(words%patternWords, share)
	if n := int(bytes % wordBytes); n > 0 {
		tail = append(tail, reflect.ArrayOf(n, reflect.TypeFor[byte]()))
	}
	var parts []reflect.Type
	if n := words / patternWords; n > 0 {
		parts = append(parts, reflect.ArrayOf(n, structOf(pattern(patternWords, share))))
	}
	return structOf(append(parts, tail...))
}

// pattern is n words of which the share is pointers, at least one.
func pattern(n int, share float64) []reflect.Type {
	types := make([]reflect.Type, n)
	pointers := max(1, int(math.Round(share*float64(n))))
	for i := range types {
		types[i] = reflect.TypeFor[uintptr]()
		if (i+1)*pointers/n > i*pointers/n {
			types[i] = reflect.TypeFor[*byte]()
		}
	}
	return types
}

// fieldNames are the names of a structOf's fields: exported, as package reflect demands.
const fieldNames = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func structOf(types []reflect.Type) reflect.Type {
	fields := make([]reflect.StructField, len(types))
	for i, t := range types {
		fields[i] = reflect.StructField{Name: fieldNames[i : i+1], Type: t}
	}
	return reflect.StructOf(fields)
}

// A liveSet is a queue of objects that live until they are released.
type liveSet struct {
	mu      sync.Mutex
	objects []unsafe.Pointer // a ring
	first   int
	n       int
}

// retain adds an object.
func (s *liveSet) retain(p unsafe.Pointer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == len(s.objects) {
		grown := make([]unsafe.Pointer, max(2*s.n, 64))
		copy(grown[copy(grown, s.objects[s.first:]):], s.objects[:s.first])
		s.objects, s.first = grown, 0
	}
	s.objects[(s.first+s.n)%len(s.objects)] = p
	s.n++
}

// release drops the oldest object, if there is one.
func (s *liveSet) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == 0 {
		return
	}
	s.objects[s.first] = nil
	s.first = (s.first + 1) % len(s.objects)
	s.n--
}
