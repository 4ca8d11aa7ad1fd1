package tricolor

import (
	"fmt"
	"slices"
	"strings"
)

// A Film is a case as it goes: the start, a Frame for each step, what the collector has left to do at the end, and the sweep.
type Film struct {
	Case   Case
	Rules  Rules
	Frames []Frame
	Freed  []Ref  // by the sweep
	Lost   []Lost // those of them that the program can reach
}

// Moments that are no step of the script, in Frame.Step.
const (
	AtStart  = -1
	AtFinish = -2
	AtSweep  = -3
)

// A Frame is the state after a step, and what the step did.
type Frame struct {
	Step   int // index into the script, or AtStart, AtFinish, AtSweep
	Effect Effect
	Shaded []Ref    // turned from white to grey by this step, and at the finish to black
	Hidden []Ref    // reachable, but the collector will not find them
	Holder []string // the black slot that leads to each of those
	Heap
}

// A Heap is a copy of what a Machine holds.
type Heap struct {
	Graph
	Colors      []Color // of object i+1, as Objects has it
	GlobalsDone bool    // they are black
	StacksDone  []bool  // so is the stack of each goroutine
	Grey        []Ref   // the grey objects, the oldest first
}

// Limits of a Film: what fits into a picture.
const (
	maxFilmSteps   = 60
	maxFilmObjects = 26
	maxFilmStacks  = 8
	maxFilmSlots   = 8
)

// Heap copies the state of the machine.
func (m *Machine) Heap() Heap {
	h := Heap{GlobalsDone: m.globalsDone, StacksDone: slices.Clone(m.done), Grey: slices.Clone(m.grey)}
	h.Globals = slices.Clone(m.globals)
	for g := range m.done {
		h.Stacks = append(h.Stacks, slices.Clone(m.stackOf(uint8(g))))
	}
	for r := 1; r < len(m.color); r++ {
		h.Objects = append(h.Objects, slices.Clone(m.slots[m.first[r]:m.first[r+1]]))
		h.Colors = append(h.Colors, m.color[r])
	}
	return h
}

// Shoot runs a case and keeps a frame of each step. It is an error if the case is wrong, or too large for a picture.
func Shoot(c *Case, r Rules) (*Film, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	f := &Film{Case: c.clone(), Rules: r}
	var m Machine
	m.reset(&c.Graph, r)
	if err := f.fits(&m); err != nil {
		return nil, err
	}
	f.frame(&m, AtStart, Effect{})
	for i, s := range c.Script {
		f.frame(&m, i, m.do(s))
		if m.Objects() > maxFilmObjects {
			return nil, fmt.Errorf("step %d: more than %d objects; a film shows no more", i+1, maxFilmObjects)
		}
	}
	if !m.finished() {
		m.Finish()
		f.frame(&m, AtFinish, Effect{})
	}
	f.frame(&m, AtSweep, Effect{})
	for r := 1; r < len(m.color); r++ {
		if m.color[r] == White {
			f.Freed = append(f.Freed, Ref(r))
		}
	}
	lost, err := Losses(c, r)
	f.Lost = lost
	return f, err
}

// fits refuses what a picture has no room for.
func (f *Film) fits(m *Machine) error {
	c := &f.Case
	widest := len(c.Globals)
	for _, list := range slices.Concat(c.Objects, c.Stacks) {
		widest = max(widest, len(list))
	}
	for _, s := range c.Script {
		if s.Op == New {
			widest = max(widest, int(s.Slot))
		}
	}
	if len(c.Script) > maxFilmSteps || m.Objects() > maxFilmObjects || len(c.Stacks) > maxFilmStacks || widest > maxFilmSlots {
		return fmt.Errorf("too large for a film: %d steps, %d objects, %d stacks, %d slots; it shows at most %d, %d, %d and %d",
			len(c.Script), m.Objects(), len(c.Stacks), widest, maxFilmSteps, maxFilmObjects, maxFilmStacks, maxFilmSlots)
	}
	return nil
}

// frame adds the machine as it is now.
func (f *Film) frame(m *Machine, step int, e Effect) {
	now := Frame{Step: step, Effect: e, Heap: m.Heap()}
	for i, c := range now.Colors {
		r := Ref(i + 1)
		if m.hides(r) {
			now.Hidden, now.Holder = append(now.Hidden, r), append(now.Holder, m.holder(r))
		}
		if n := len(f.Frames); n > 0 && c != White && i < len(f.Frames[n-1].Colors) && f.Frames[n-1].Colors[i] == White {
			now.Shaded = append(now.Shaded, r)
		}
	}
	f.Frames = append(f.Frames, now)
}

// newlyHidden tells whether the object Hidden[h] of a frame was hidden by that frame's step.
func (f *Film) newlyHidden(i, h int) bool {
	return i > 0 && !slices.Contains(f.Frames[i-1].Hidden, f.Frames[i].Hidden[h])
}

// Steps lists the film as text, a frame a line: the number of the step, the step, the objects by color, and what happened
// in words. The last lines tell of each lost object which write hid it.
func (f *Film) Steps(l Lang) []string {
	w := l.words()
	var lines []string
	width := 0
	for i := range f.Frames {
		width = max(width, len(f.code(i)))
	}
	for i := range f.Frames {
		fr := &f.Frames[i]
		n := ""
		if fr.Step >= 0 {
			n = fmt.Sprint(fr.Step + 1)
		}
		lines = append(lines, fmt.Sprintf("%3s  %-*s  %s", n, width, f.code(i), fr.sets()), "     "+f.Caption(i, l))
	}
	for i := range f.Lost {
		lines = append(lines, f.Why(i, l))
	}
	if len(f.Lost) == 0 {
		lines = append(lines, w.kept)
	}
	return lines
}

// code is the step of a frame as text; marking names the object, where the script counts it.
func (f *Film) code(i int) string {
	if s := f.Frames[i].Step; s >= 0 {
		if e := f.Frames[i].Effect; f.Case.Script[s].Op == Mark && e.Object != 0 {
			return "gc: mark " + e.Object.String()
		}
		return f.Case.Script[s].String()
	}
	return [...]string{"", "gc: start", "gc: finish", "gc: sweep"}[-f.Frames[i].Step]
}

// sets lists the objects by color, with the roots that are still grey.
func (fr *Frame) sets() string {
	var sets [3][]string
	for i, c := range fr.Colors {
		sets[c] = append(sets[c], Ref(i+1).String())
	}
	var roots []string
	if !fr.GlobalsDone && len(fr.Globals) > 0 {
		roots = append(roots, "globals")
	}
	for g, done := range fr.StacksDone {
		if !done {
			roots = append(roots, goroutine(uint8(g)))
		}
	}
	show := func(list []string) string {
		if len(list) == 0 {
			return "-"
		}
		return strings.Join(list, " ")
	}
	return fmt.Sprintf("white: %s  grey: %s  black: %s  roots to scan: %s", show(sets[White]), show(sets[Grey]), show(sets[Black]), show(roots))
}
