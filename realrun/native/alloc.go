package native

import (
	"math"
	"reflect"
	"unsafe"
)

const wordBytes = int64(unsafe.Sizeof(uintptr(0)))

// patternWords is the resolution of an object's share of pointers.
const patternWords = 16

// An Object is what an alloc step allocates.
type Object struct {
	bytes uintptr
	typ   unsafe.Pointer // what the runtime calls *_type; nil: no pointers
}

// ObjectOf describes objects of that many bytes of whose words the share is pointers. They are nil: the collector visits
// those words and finds nothing behind them.
func ObjectOf(bytes int64, share float64) Object {
	typ := objectType(bytes, share)
	if typ == nil {
		return Object{bytes: uintptr(bytes)}
	}
	return Object{typ.Size(), (*[2]unsafe.Pointer)(unsafe.Pointer(&typ))[1]}
}

// New allocates one, zeroed, by the call that the compiler makes for new and make (runtime/malloc.go: mallocgc). The
// runtime lets programs link to it.
func (o Object) New() unsafe.Pointer { return mallocgc(o.bytes, o.typ, true) }

//go:linkname mallocgc runtime.mallocgc
func mallocgc(size uintptr, typ unsafe.Pointer, needzero bool) unsafe.Pointer

// objectType is the type of objects of that size whose words are pointers in that share, spread evenly; nil for
// objects without pointers.
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
