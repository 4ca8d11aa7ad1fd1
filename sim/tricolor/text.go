package tricolor

import (
	"fmt"
	"strconv"
	"strings"
)

// String writes a step as Go would: "g1: x[0] = y" stores, "g1: y = x[0]" loads, "g1: g2.x = y" sends; the collector's
// are "gc: scan g1", "gc: scan globals", "gc: mark" and, for the second newest grey object, "gc: mark 1".
func (s Step) String() string {
	to, from := variable(s.To), variable(s.From)
	field := "[" + strconv.Itoa(int(s.Slot)) + "]"
	who := goroutine(s.G) + ": "
	switch s.Op {
	case ScanStack:
		return "gc: scan " + goroutine(s.G)
	case ScanGlobals:
		return "gc: scan globals"
	case Mark:
		if s.Slot == 0 {
			return "gc: mark"
		}
		return "gc: mark " + strconv.Itoa(int(s.Slot))
	case Load:
		return who + to + " = " + from + field
	case LoadGlobal:
		return who + to + " = " + global(s.Slot)
	case Store:
		return who + to + field + " = " + from
	case StoreGlobal:
		return who + global(s.Slot) + " = " + from
	case Copy:
		return who + to + " = " + from
	case New:
		return who + to + " = new(" + strconv.Itoa(int(s.Slot)) + ")"
	case Send:
		return who + goroutine(s.H) + "." + to + " = " + from
	}
	return fmt.Sprintf("operation %d", s.Op)
}

// String writes a case, one object, root or step a line, in the form that Parse reads.
func (c *Case) String() string {
	var b strings.Builder
	for i, o := range c.Objects {
		list(&b, "object "+Ref(i+1).String(), o)
	}
	if len(c.Globals) > 0 {
		list(&b, "globals", c.Globals)
	}
	for i, st := range c.Stacks {
		list(&b, "stack "+goroutine(uint8(i)), st)
	}
	for _, s := range c.Script {
		b.WriteString(s.String())
		b.WriteByte('\n')
	}
	return b.String()
}

func list(b *strings.Builder, what string, slots []Ref) {
	b.WriteString(what)
	b.WriteByte(':')
	for _, r := range slots {
		b.WriteByte(' ')
		b.WriteString(r.String())
	}
	b.WriteByte('\n')
}

// Parse reads a case from text: objects, named A, B, C in this order, with what their slots point to; globals; the stacks
// of g1, g2 and so on; then the steps. # begins a comment. The error names the line.
//
//	object A: B nil
//	object B:
//	stack g1: A nil
//	gc: scan g1
//	g1: y = x[0]
func Parse(text string) (c Case, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := c.line(line); err != nil {
			return Case{}, fmt.Errorf("line %d: %q: %w", n, line, err)
		}
	}
	if err := c.Validate(); err != nil {
		return Case{}, err
	}
	return c, nil
}

// line reads one line.
func (c *Case) line(line string) error {
	what, rest, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("no colon; write object A: …, globals: …, stack g1: …, gc: … or g1: …")
	}
	kind, name, _ := strings.Cut(what, " ")
	switch {
	case kind == "object":
		if want := Ref(len(c.Objects) + 1).String(); name != want {
			return fmt.Errorf("the next object is called %s", want)
		}
		slots, err := refs(rest)
		c.Objects = append(c.Objects, slots)
		return err
	case what == "globals":
		slots, err := refs(rest)
		c.Globals = append(c.Globals, slots...)
		return err
	case kind == "stack":
		if want := "g" + strconv.Itoa(len(c.Stacks)+1); name != want {
			return fmt.Errorf("the next stack is that of %s", want)
		}
		slots, err := refs(rest)
		c.Stacks = append(c.Stacks, slots)
		return err
	}
	s, err := step(what, strings.TrimSpace(rest))
	c.Script = append(c.Script, s)
	return err
}

// refs reads pointers.
func refs(text string) (slots []Ref, err error) {
	for _, f := range strings.Fields(text) {
		r, ok := ref(f)
		if !ok {
			return nil, fmt.Errorf("%q is no pointer; write nil or the name of an object", f)
		}
		slots = append(slots, r)
	}
	return slots, nil
}

// ref reads the name of an object.
func ref(name string) (Ref, bool) {
	if name == "nil" {
		return 0, true
	}
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return 0, false
	}
	r := Ref(name[0]-'A') + 1
	if round := name[1:]; round != "" {
		n, err := strconv.ParseUint(round, 10, 26)
		if err != nil || n == 0 || round[0] == '0' {
			return 0, false
		}
		r += 26 * Ref(n)
	}
	return r, true
}

// step reads a step.
func step(who, what string) (s Step, err error) {
	bad := fmt.Errorf("no step; write one of gc: scan g1, gc: scan globals, gc: mark, g1: y = x[0], g1: x[0] = y, " +
		"g1: x = var0, g1: var0 = x, g1: x = y, g1: x = nil, g1: x = new(2), g1: g2.x = y")
	ok := false
	if who == "gc" {
		if s, ok = collect(strings.Fields(what)); !ok {
			return s, bad
		}
		return s, nil
	}
	if s.G, ok = number(who, "g", 1); !ok {
		return s, bad
	}
	to, from, ok := strings.Cut(what, "=")
	if to, from = strings.TrimSpace(to), strings.TrimSpace(from); !ok || !s.assign(to, from) {
		return s, bad
	}
	return s, nil
}

// collect reads a step of the collector.
func collect(f []string) (s Step, ok bool) {
	switch {
	case len(f) == 2 && f[0] == "scan" && f[1] == "globals":
		return Step{Op: ScanGlobals}, true
	case len(f) == 2 && f[0] == "scan":
		s.Op = ScanStack
		s.G, ok = number(f[1], "g", 1)
		return s, ok
	case len(f) == 1 && f[0] == "mark":
		return Step{Op: Mark}, true
	case len(f) == 2 && f[0] == "mark":
		s.Op = Mark
		s.Slot, ok = number(f[1], "", 0)
		return s, ok
	}
	return s, false
}

// assign reads the two sides of a goroutine's step.
func (s *Step) assign(to, from string) (ok bool) {
	if array, slot, is := field(to); is {
		s.Op, s.Slot = Store, slot
		return slotOf(array, &s.To) && pointerOf(from, &s.From)
	}
	if h, name, is := strings.Cut(to, "."); is {
		s.Op = Send
		s.H, ok = number(h, "g", 1)
		return ok && slotOf(name, &s.To) && pointerOf(from, &s.From)
	}
	if slot, is := number(to, "var", 0); is {
		s.Op, s.Slot = StoreGlobal, slot
		return pointerOf(from, &s.From)
	}
	if !slotOf(to, &s.To) {
		return false
	}
	if array, slot, is := field(from); is {
		s.Op, s.Slot = Load, slot
		return slotOf(array, &s.From)
	}
	if slot, is := number(from, "var", 0); is {
		s.Op, s.Slot = LoadGlobal, slot
		return true
	}
	if size, is := strings.CutPrefix(from, "new("); is {
		s.Op = New
		s.Slot, ok = number(strings.TrimSuffix(size, ")"), "", 0)
		return ok && strings.HasSuffix(size, ")")
	}
	s.Op = Copy
	return pointerOf(from, &s.From)
}

// field reads x[0].
func field(text string) (array string, slot uint8, ok bool) {
	array, index, ok := strings.Cut(text, "[")
	if !ok || !strings.HasSuffix(index, "]") {
		return "", 0, false
	}
	slot, ok = number(strings.TrimSuffix(index, "]"), "", 0)
	return array, slot, ok
}

// pointerOf reads a stack slot or nil.
func pointerOf(name string, slot *uint8) bool {
	if name == "nil" {
		*slot = Nil
		return true
	}
	return slotOf(name, slot)
}

// slotOf reads the name of a stack slot.
func slotOf(name string, slot *uint8) (ok bool) {
	if len(name) == 1 {
		i := strings.Index("xyzw", name)
		*slot = uint8(max(i, 0))
		return i >= 0
	}
	*slot, ok = number(name, "s", 0)
	return ok && *slot >= 4
}

// number reads a number after a prefix, less what the first one is called. 255 is not one: it is Nil.
func number(text, prefix string, first uint64) (uint8, bool) {
	digits, ok := strings.CutPrefix(text, prefix)
	n, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil || n < first || n-first >= Nil {
		return 0, false
	}
	return uint8(n - first), true
}
