package tricolor

import "slices"

// Search draws cases from seed on, n of them, and gives the first one in which an object is lost.
func Search(r Rules, s Shape, seed uint64, n int) (Case, bool) {
	var m Machine
	var c Case
	for i := range n {
		c.Draw(seed+uint64(i), s)
		if m.loses(&c, r) {
			return c.clone(), true
		}
	}
	return Case{}, false
}

// loses tells whether a case that is known to be right ends with a reachable object white.
func (m *Machine) loses(c *Case, r Rules) bool {
	m.run(c, r)
	for r, seen := range m.Reachable() {
		if seen && m.color[r] == White {
			return true
		}
	}
	return false
}

// Shrink makes a case that loses an object as small as it gets by leaving out one thing at a time: steps, goroutines, objects,
// slots, pointers; and writes nil where it can. What it gives still loses an object, and there is nothing more in it whose absence would not save all. A
// case that is wrong or loses nothing comes back as it is. The same case always shrinks to the same one. The time grows with the
// square of the case's size; those that Draw gives take less than a millisecond.
func Shrink(c Case, r Rules) Case {
	c = c.clone()
	s := shrinker{rules: r}
	if c.Validate() != nil || !s.m.loses(&c, r) {
		return c
	}
	s.best = c
	for s.pass() {
	}
	return s.best
}

// shrinker is a case that loses an object and the search for a smaller one.
type shrinker struct {
	m     Machine
	rules Rules
	best  Case
}

// pass tries each way to make the case smaller once and tells whether one worked.
func (s *shrinker) pass() bool {
	smaller := s.steps()
	for g := len(s.best.Stacks) - 1; g >= 0; g-- {
		smaller = s.try(s.best.withoutStack(g)) || smaller
	}
	for o := len(s.best.Objects); o > 0; o-- {
		smaller = s.try(s.best.withoutObject(Ref(o))) || smaller
	}
	for o := range s.best.Objects {
		smaller = s.slots(func(c *Case) *[]Ref { return &c.Objects[o] }) || smaller
	}
	for g := range s.best.Stacks {
		smaller = s.slots(func(c *Case) *[]Ref { return &c.Stacks[g] }) || smaller
	}
	smaller = s.slots(func(c *Case) *[]Ref { return &c.Globals }) || smaller
	for i := range s.best.Script {
		for _, simple := range s.best.Script[i].simpler() {
			c := s.best.clone()
			c.Script[i] = simple
			smaller = s.try(c) || smaller
		}
	}
	return smaller
}

// simpler gives steps that do less: nil is written in place of a pointer, slot 0 is used, the newest grey object marked.
func (s Step) simpler() (steps []Step) {
	switch s.Op {
	case ScanStack, ScanGlobals:
		return nil
	case Load, LoadGlobal, New:
		steps = append(steps, Step{Op: Copy, G: s.G, To: s.To, From: Nil})
	case Copy, Store, StoreGlobal, Send:
		if s.From != Nil {
			simple := s
			simple.From = Nil
			steps = append(steps, simple)
		}
	}
	if s.Slot > 0 {
		s.Slot = 0
		steps = append(steps, s)
	}
	return steps
}

// try takes a case if it still loses an object.
func (s *shrinker) try(c Case) bool {
	if c.Validate() != nil || !s.m.loses(&c, s.rules) {
		return false
	}
	s.best = c
	return true
}

// steps leaves out runs of steps: half of them, a quarter, down to one at a time.
func (s *shrinker) steps() (smaller bool) {
	for n := max(1, len(s.best.Script)/2); n > 0; n /= 2 {
		for at := len(s.best.Script) - n; at >= 0; at-- {
			if at+n > len(s.best.Script) {
				continue
			}
			c := s.best.clone()
			c.Script = slices.Delete(c.Script, at, at+n)
			smaller = s.try(c) || smaller
		}
	}
	return smaller
}

// slots cuts the last slots off one list of pointers and makes the others nil.
func (s *shrinker) slots(of func(*Case) *[]Ref) (smaller bool) {
	for i := len(*of(&s.best)) - 1; i >= 0; i-- {
		c := s.best.clone()
		if list := of(&c); i == len(*list)-1 {
			*list = (*list)[:i]
			if s.try(c) {
				smaller = true
				continue
			}
			c = s.best.clone()
		}
		if list := *of(&c); list[i] != 0 {
			list[i] = 0
			smaller = s.try(c) || smaller
		}
	}
	return smaller
}

// clone copies a case with all that it points to.
func (c *Case) clone() Case {
	lists := func(from [][]Ref) [][]Ref {
		to := make([][]Ref, len(from))
		for i := range from {
			to[i] = slices.Clone(from[i])
		}
		return to
	}
	return Case{
		Graph:  Graph{Objects: lists(c.Objects), Globals: slices.Clone(c.Globals), Stacks: lists(c.Stacks)},
		Script: slices.Clone(c.Script),
	}
}

// withoutStack leaves out a goroutine and its steps.
func (c *Case) withoutStack(g int) Case {
	n := c.clone()
	n.Stacks = slices.Delete(n.Stacks, g, g+1)
	n.Script = slices.DeleteFunc(n.Script, func(s Step) bool {
		collector := s.Op == Mark || s.Op == ScanGlobals
		return !collector && int(s.G) == g || s.Op == Send && int(s.H) == g
	})
	for i := range n.Script {
		if s := &n.Script[i]; int(s.G) > g {
			s.G--
		}
		if s := &n.Script[i]; int(s.H) > g {
			s.H--
		}
	}
	return n
}

// withoutObject leaves out an object; what pointed to it is nil.
func (c *Case) withoutObject(r Ref) Case {
	n := c.clone()
	n.Objects = slices.Delete(n.Objects, int(r)-1, int(r))
	fix := func(list []Ref) {
		for i, p := range list {
			switch {
			case p == r:
				list[i] = 0
			case p > r:
				list[i]--
			}
		}
	}
	fix(n.Globals)
	for _, list := range n.Objects {
		fix(list)
	}
	for _, list := range n.Stacks {
		fix(list)
	}
	return n
}

// Smaller orders cases by size: fewer steps, then fewer objects, goroutines, slots; then by their text.
func Smaller(a, b *Case) bool {
	x, y := a.size(), b.size()
	if c := slices.Compare(x[:], y[:]); c != 0 {
		return c < 0
	}
	return a.String() < b.String()
}

func (c *Case) size() (s [4]int) {
	s = [4]int{len(c.Script), len(c.Objects), len(c.Stacks), len(c.Globals)}
	for _, list := range c.Objects {
		s[3] += len(list)
	}
	for _, list := range c.Stacks {
		s[3] += len(list)
	}
	return s
}
