package tricolor

// A Color is how far the collector is with an object.
type Color uint8

// The three colors. What is white at the end is freed.
const (
	White Color = iota // not found yet
	Grey               // found; its slots have not been looked at
	Black              // found, and so is all that it points to
)

// A Barrier says what a write to a heap or global slot shades, so that the collector finds it.
type Barrier uint8

// Barriers. They can be combined by |.
const (
	Deletion      Barrier = 1 << iota                // the pointer that is overwritten: Yuasa
	Insertion                                        // the pointer that is written: Dijkstra
	GreyInsertion                                    // the pointer that is written, while the writer's stack is grey
	None          Barrier = 0                        // nothing
	Hybrid                = Deletion | Insertion     // what Go ships: both, always
	Paper                 = Deletion | GreyInsertion // what Go's proposal 17503 proves sufficient
)

// String names a barrier as commands do.
func (b Barrier) String() string {
	switch b {
	case None:
		return "none"
	case Deletion:
		return "deletion"
	case Insertion:
		return "insertion"
	case Hybrid:
		return "hybrid"
	case Paper:
		return "paper"
	case GreyInsertion:
		return "grey-insertion"
	}
	return "hybrid and paper"
}

// Rules are what a collector may do otherwise. Go's are Rules{Barrier: Hybrid}.
type Rules struct {
	Barrier    Barrier
	AllocWhite bool // new objects are white; Go allocates black while it marks (runtime/mgcmark.go:gcmarknewobject)
}

// A Skip says why a step did nothing.
type Skip uint8

// Reasons to do nothing.
const (
	Done    Skip = iota // it was done
	NilRef              // the object to read or write is nil
	NoSlot              // the object does not have that slot
	NoGrey              // no object is grey
	Scanned             // the stack, or the globals, had been scanned
)

// An Effect is what a step did.
type Effect struct {
	Skip     Skip
	Object   Ref // whose slot was read or written; the one that was scanned or allocated
	Old, New Ref // of the slot that was written: before and after
	ShadeOld Ref // what the deletion half turned from white to grey; 0: nothing
	ShadeNew Ref // the same for the insertion half
}

// A Machine is a heap while it is marked. Its zero value is empty; Reset gives it a graph. It holds arrays only, one
// after another for all objects, so that a large heap is marked at the speed of memory, and it can be used again.
//
// SIMPLIFIED(tricolor): an object is scanned at one moment; the runtime scans it slot by slot, in parts of 128 KiB, beside running
// goroutines. The barrier does not look at the color of the slot that it guards, so an object in parts is as several objects
// that are found together.
//
// SIMPLIFIED(tricolor): the barrier shades at once; the runtime keeps up to 512 pointers per P and shades them when the buffer is
// full, at the latest before marking ends (runtime/mwbbuf.go:wbBufFlush1). Until then a P's buffer is one more grey root.
//
// SIMPLIFIED(tricolor): no goroutine begins while marking; one that does has no roots, and the runtime does not scan its stack
// (runtime/mgcmark.go:gcPrepareMarkRoots).
type Machine struct {
	rules Rules
	first []int32 // slots[first[r]:first[r+1]] are those of object r
	slots []Ref
	color []Color // of object r; that of nil is black, so that nobody shades it
	grey  []Ref   // the grey objects, the oldest first

	globals     []Ref
	globalsDone bool
	base        []int32 // stack[base[g]:base[g+1]] is that of goroutine g
	stack       []Ref
	done        []bool // of goroutine g: its stack is black

	seen []bool // of reach
	todo []Ref
}

// Reset takes a graph over: all is white, all roots are grey, and the barrier is on. What the machine had is gone.
func (m *Machine) Reset(g *Graph, r Rules) error {
	if err := g.Validate(); err != nil {
		return err
	}
	m.reset(g, r)
	return nil
}

// reset is Reset of a graph that is known to be right.
func (m *Machine) reset(g *Graph, r Rules) {
	m.rules = r
	m.first, m.slots = append(m.first[:0], 0, 0), m.slots[:0]
	for _, o := range g.Objects {
		m.slots = append(m.slots, o...)
		m.first = append(m.first, int32(len(m.slots)))
	}
	m.globals = append(m.globals[:0], g.Globals...)
	m.base, m.stack, m.done = append(m.base[:0], 0), m.stack[:0], m.done[:0]
	for _, st := range g.Stacks {
		m.stack = append(m.stack, st...)
		m.base = append(m.base, int32(len(m.stack)))
		m.done = append(m.done, false)
	}
	if n := len(g.Objects) + 1; cap(m.color) < n {
		m.color = make([]Color, n)
	} else {
		m.color = m.color[:n]
	}
	m.Restart()
}

// Restart makes all white and all roots grey again; the pointers stay.
func (m *Machine) Restart() {
	clear(m.color)
	if len(m.color) > 0 {
		m.color[0] = Black
	}
	m.grey = m.grey[:0]
	m.globalsDone = false
	clear(m.done)
}

// Objects is how many objects there are, allocated ones included. Their Refs are 1 to that.
func (m *Machine) Objects() int { return max(0, len(m.color)-1) }

// Color tells the color of an object; nil, and what is not there, is black.
func (m *Machine) Color(r Ref) Color {
	if r < 0 || int(r) >= len(m.color) {
		return Black
	}
	return m.color[r]
}

// Do runs one step. A step that Case.Validate refuses is an error and does nothing.
func (m *Machine) Do(s Step) (Effect, error) {
	if err := m.shape().step(s); err != nil {
		return Effect{}, err
	}
	return m.do(s), nil
}

// shape is the part of the graph that steps are checked against.
func (m *Machine) shape() *Graph {
	g := &Graph{Globals: m.globals}
	for i := range m.done {
		g.Stacks = append(g.Stacks, m.stackOf(uint8(i)))
	}
	return g
}

// stackOf is the stack of a goroutine; a machine without graph has none.
func (m *Machine) stackOf(g uint8) []Ref { return m.stack[m.base[g]:m.base[g+1]] }

// do runs a step that is known to be right.
func (m *Machine) do(s Step) Effect {
	switch s.Op {
	case ScanStack:
		return m.scanStack(s.G)
	case ScanGlobals:
		return m.scanGlobals()
	case Mark:
		return m.mark(int(s.Slot))
	}
	st := m.stackOf(s.G)
	val := Ref(0)
	if s.From != Nil && int(s.From) < len(st) {
		val = st[s.From]
	}
	switch s.Op {
	case Load:
		i, skip := m.slot(val, s.Slot)
		if skip != Done {
			return Effect{Skip: skip, Object: val}
		}
		e := put(&st[s.To], m.slots[i])
		e.Object = val
		return e
	case LoadGlobal:
		return put(&st[s.To], m.globals[s.Slot])
	case Store:
		obj := st[s.To]
		i, skip := m.slot(obj, s.Slot)
		if skip != Done {
			return Effect{Skip: skip, Object: obj}
		}
		e := m.write(&m.slots[i], val, s.G)
		e.Object = obj
		return e
	case StoreGlobal:
		return m.write(&m.globals[s.Slot], val, s.G)
	case Copy:
		return put(&st[s.To], val)
	case New:
		e := put(&st[s.To], m.alloc(int(s.Slot)))
		e.Object = e.New
		return e
	case Send:
		return m.write(&m.stackOf(s.H)[s.To], val, s.G)
	}
	return Effect{}
}

// slot finds a slot of an object.
func (m *Machine) slot(obj Ref, slot uint8) (int32, Skip) {
	if obj == 0 {
		return 0, NilRef
	}
	i := m.first[obj] + int32(slot)
	if i >= m.first[obj+1] {
		return 0, NoSlot
	}
	return i, Done
}

// put writes to a goroutine's own stack: without a barrier.
func put(slot *Ref, val Ref) Effect {
	e := Effect{Old: *slot, New: val}
	*slot = val
	return e
}

// write writes to a slot that others see: the barrier comes first, so that what is stored can be found before anybody
// reads it there.
func (m *Machine) write(slot *Ref, val Ref, g uint8) Effect {
	e := Effect{Old: *slot, New: val}
	if m.rules.Barrier&Deletion != 0 && m.shade(*slot) {
		e.ShadeOld = *slot
	}
	if m.rules.Barrier&Insertion != 0 || m.rules.Barrier&GreyInsertion != 0 && !m.done[g] {
		if m.shade(val) {
			e.ShadeNew = val
		}
	}
	*slot = val
	return e
}

// alloc makes an object: black, so that nobody need look for it in this cycle.
func (m *Machine) alloc(slots int) Ref {
	for range slots {
		m.slots = append(m.slots, 0)
	}
	m.first = append(m.first, int32(len(m.slots)))
	c := Black
	if m.rules.AllocWhite {
		c = White
	}
	m.color = append(m.color, c)
	return Ref(len(m.color) - 1)
}
