package tricolor

import (
	"fmt"
	"strconv"
)

// A Lost is an object that the program can reach and the collector frees, and how that came about.
type Lost struct {
	Object Ref
	Hidden int     // index of the Step after which, to the end, the collector could not find it any more; -1: there is none
	Slot   string  // what that step wrote: "A[0]", "g1.y" or "var0"
	Write  Effect  // of that step: the slot had Old and has New
	Holder string  // the black slot that led to it then
	Shades []Shade // each would have kept it; of each half of the barrier that is missing the last one
	White  bool    // it was allocated white: no shade is to blame
}

// A Shade is one that the barrier did not make.
type Shade struct {
	Step int     // index of the step whose write it belongs to
	Half Barrier // Deletion or Insertion
	What Ref     // the object that would have been shaded: the lost one, or what leads to it
}

// maxExplained is how many steps and objects Losses looks at: it marks the case once for each step and object that is lost.
const maxExplained = 500

// Losses marks a case and explains each object that is lost; none: nothing is lost. It is an error if the case is wrong, or
// so large that one has to Shrink it first.
func Losses(c *Case, r Rules) ([]Lost, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if len(c.Script) > maxExplained || len(c.Objects) > maxExplained {
		return nil, fmt.Errorf("%d steps and %d objects are too many to explain; shrink the case to at most %d of each",
			len(c.Script), len(c.Objects), maxExplained)
	}
	var m Machine
	m.run(c, r)
	_, refs := m.Sweep()
	lost := make([]Lost, 0, len(refs))
	for _, ref := range refs {
		lost = append(lost, why(c, r, ref))
	}
	return lost, nil
}

// why finds the step that hid an object for good, and the shade that was missing.
func why(c *Case, r Rules, ref Ref) Lost {
	var m Machine
	l := Lost{Object: ref, Hidden: -1}
	m.reset(&c.Graph, r)
	was := false
	for i, s := range c.Script {
		e := m.do(s)
		is := m.hides(ref)
		if is && !was {
			l.Hidden, l.Write, l.Slot, l.Holder = i, e, place(s, e), m.holder(ref)
		}
		was = is
	}
	if l.Hidden < 0 {
		return l
	}
	if s := c.Script[l.Hidden]; s.Op == New && l.Write.New == ref {
		l.White = true
		return l
	}
	for _, toEnd := range []bool{true, false} {
		for _, half := range []Barrier{Deletion, Insertion} {
			if r.Barrier&half == 0 && (toEnd || len(l.Shades) == 0) {
				m.missed(c, r, &l, half, toEnd)
			}
		}
	}
	return l
}

// missed looks for the last write at which one half of the barrier would have kept the object.
func (m *Machine) missed(c *Case, r Rules, l *Lost, half Barrier, toEnd bool) {
	for i := l.Hidden; i >= 0; i-- {
		if !c.Script[i].barred() {
			continue
		}
		if what := m.kept(c, r, l, Shade{Step: i, Half: half}, toEnd); what != 0 {
			l.Shades = append(l.Shades, Shade{i, half, what})
			return
		}
	}
}

// barred tells whether a step writes through the barrier.
func (s Step) barred() bool { return s.Op == Store || s.Op == StoreGlobal || s.Op == Send }

// hides tells whether the program can reach an object that the collector would not find if no goroutine ran any more.
func (m *Machine) hides(ref Ref) bool {
	return int(ref) < len(m.color) && m.Reachable()[ref] && !m.found()[ref]
}

// kept runs a case with one half of the barrier more at one step, and gives what that shades if it keeps the object: to the
// end, or at least from being hidden at the step that hid it; else 0.
func (m *Machine) kept(c *Case, r Rules, l *Lost, at Shade, toEnd bool) (saver Ref) {
	m.reset(&c.Graph, r)
	for i, s := range c.Script {
		if i == at.Step {
			m.rules.Barrier |= at.Half
		}
		e := m.do(s)
		if i == at.Step {
			m.rules = r
			saver = e.ShadeOld
			if at.Half == Insertion {
				saver = e.ShadeNew
			}
			if saver == 0 {
				return 0
			}
		}
		if i == l.Hidden && !toEnd {
			if m.hides(l.Object) {
				return 0
			}
			return saver
		}
	}
	m.Finish()
	if m.color[l.Object] == White {
		return 0
	}
	return saver
}

// place names the slot that a step wrote.
func place(s Step, e Effect) string {
	switch s.Op {
	case Store:
		return e.Object.String() + "[" + strconv.Itoa(int(s.Slot)) + "]"
	case StoreGlobal:
		return global(s.Slot)
	case Send:
		return goroutine(s.H) + "." + variable(s.To)
	}
	return goroutine(s.G) + "." + variable(s.To)
}

// holder names what is black and still leads to an object that is hidden: the slot with the first white pointer on a
// way to it. All the roots are asked in turn, so the answer is always the same.
func (m *Machine) holder(ref Ref) string {
	for i, p := range m.globals {
		if m.globalsDone && m.leads(p, ref) {
			return global(uint8(i))
		}
	}
	for g := range m.done {
		for i, p := range m.stackOf(uint8(g)) {
			if m.done[g] && m.leads(p, ref) {
				return goroutine(uint8(g)) + "." + variable(uint8(i))
			}
		}
	}
	reach := append([]bool(nil), m.Reachable()...)
	for r := 1; r < len(m.color); r++ {
		if m.color[r] != Black || !reach[r] {
			continue
		}
		for i, p := range m.slots[m.first[r]:m.first[r+1]] {
			if m.leads(p, ref) {
				return fmt.Sprintf("%v[%d]", Ref(r), i)
			}
		}
	}
	return ""
}

// leads tells whether an object is white and leads to another one by white objects alone.
func (m *Machine) leads(from, to Ref) bool {
	if m.color[from] != White {
		return false
	}
	m.begin()
	m.visitAll([]Ref{from})
	for n := len(m.todo); n > 0; n = len(m.todo) {
		r := m.todo[n-1]
		m.todo = m.todo[:n-1]
		if r == to {
			return true
		}
		if m.color[r] == White {
			m.visitAll(m.slots[m.first[r]:m.first[r+1]])
		}
	}
	return false
}
