package tricolor

import "slices"

// shade makes a white object grey and tells whether it did.
func (m *Machine) shade(r Ref) bool {
	if m.color[r] != White {
		return false
	}
	m.color[r] = Grey
	m.grey = append(m.grey, r)
	return true
}

// scanStack shades what a stack points to. From then on it is black, whatever its goroutine loads.
func (m *Machine) scanStack(g uint8) Effect {
	if m.done[g] {
		return Effect{Skip: Scanned}
	}
	m.done[g] = true
	for _, r := range m.stackOf(g) {
		m.shade(r)
	}
	return Effect{}
}

// scanGlobals shades what the package variables point to.
func (m *Machine) scanGlobals() Effect {
	if m.globalsDone {
		return Effect{Skip: Scanned}
	}
	m.globalsDone = true
	for _, r := range m.globals {
		m.shade(r)
	}
	return Effect{}
}

// mark scans one grey object: the newest, or the nth before it, counted round. Any order is right: workers take objects from
// each other, and spans wait in a queue.
func (m *Machine) mark(nth int) Effect {
	n := len(m.grey)
	if n == 0 {
		return Effect{Skip: NoGrey}
	}
	i := n - 1 - nth%n
	r := m.grey[i]
	copy(m.grey[i:], m.grey[i+1:])
	m.grey = m.grey[:n-1]
	m.scan(r)
	return Effect{Object: r}
}

// scan shades what an object points to and makes it black.
func (m *Machine) scan(r Ref) {
	for _, p := range m.slots[m.first[r]:m.first[r+1]] {
		m.shade(p)
	}
	m.color[r] = Black
}

// MarkStep scans the newest grey object and returns it; 0: none is grey, and Finish has to scan the roots that are left.
func (m *Machine) MarkStep() Ref { return m.mark(0).Object }

// Finish does what the collector has left to do: the roots that are grey, then object after object until none is.
func (m *Machine) Finish() {
	m.scanGlobals()
	for g := range m.done {
		m.scanStack(uint8(g))
	}
	for n := len(m.grey); n > 0; n = len(m.grey) {
		r := m.grey[n-1]
		m.grey = m.grey[:n-1]
		m.scan(r)
	}
}

// finished tells whether nothing is left to scan.
func (m *Machine) finished() bool {
	return len(m.grey) == 0 && (m.globalsDone || len(m.globals) == 0) && !slices.Contains(m.done, false)
}

// Reachable tells of each object, by its Ref, whether the program can get at it: from a global or any stack, through any
// objects. The slice is the machine's own until the next call.
func (m *Machine) Reachable() []bool {
	m.begin()
	m.visitAll(m.globals)
	m.visitAll(m.stack)
	for n := len(m.todo); n > 0; n = len(m.todo) {
		r := m.todo[n-1]
		m.todo = m.todo[:n-1]
		m.visitAll(m.slots[m.first[r]:m.first[r+1]])
	}
	return m.seen
}

// found tells of each object whether the collector would find it if no goroutine ran any more: it is grey or black, or
// there is a way to it from a grey object or root.
func (m *Machine) found() []bool {
	m.begin()
	if !m.globalsDone {
		m.visitAll(m.globals)
	}
	for g := range m.done {
		if !m.done[g] {
			m.visitAll(m.stackOf(uint8(g)))
		}
	}
	m.visitAll(m.grey)
	for n := len(m.todo); n > 0; n = len(m.todo) {
		r := m.todo[n-1]
		m.todo = m.todo[:n-1]
		if m.color[r] != Black {
			m.visitAll(m.slots[m.first[r]:m.first[r+1]])
		}
	}
	for r, c := range m.color {
		m.seen[r] = m.seen[r] || c != White
	}
	return m.seen
}

func (m *Machine) begin() {
	if n := max(1, len(m.color)); cap(m.seen) < n {
		m.seen = make([]bool, n)
	} else {
		m.seen = m.seen[:n]
		clear(m.seen)
	}
	m.seen[0] = true // nil leads nowhere
	m.todo = m.todo[:0]
}

func (m *Machine) visitAll(refs []Ref) {
	for _, r := range refs {
		if !m.seen[r] {
			m.seen[r] = true
			m.todo = append(m.todo, r)
		}
	}
}

// Sweep tells how many objects are freed, the white ones, and which of them the program can still reach: those are lost.
// It leaves them where they are, so that the machine can still be looked at. Marking must have been finished.
func (m *Machine) Sweep() (freed int, lost []Ref) {
	seen := m.Reachable()
	for r := 1; r < len(m.color); r++ {
		if m.color[r] != White {
			continue
		}
		freed++
		if seen[r] {
			lost = append(lost, Ref(r))
		}
	}
	return freed, lost
}

// run marks a case from its beginning to its end. The case is known to be right.
func (m *Machine) run(c *Case, r Rules) {
	m.reset(&c.Graph, r)
	for _, s := range c.Script {
		m.do(s)
	}
	m.Finish()
}

// Run marks a case and sweeps.
func (m *Machine) Run(c *Case, r Rules) (freed int, lost []Ref, err error) {
	if err := c.Validate(); err != nil {
		return 0, nil, err
	}
	m.run(c, r)
	freed, lost = m.Sweep()
	return freed, lost, nil
}
