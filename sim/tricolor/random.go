package tricolor

import (
	"hash/fnv"

	"github.com/gmplab/lab"
)

// A Shape bounds the cases that Draw gives; each number is the most there can be, at least 1 of objects, stacks and
// stack slots. Numbers beyond a Graph's limits are cut.
type Shape struct {
	Objects, Slots     int // Slots of an object
	Globals            int
	Stacks, StackSlots int
	Steps              int
	HeapOnly           bool // no step writes a global or another goroutine's stack
}

// Small is the shape of the million cases of the property test: large enough for every way to hide an object that is known.
var Small = Shape{Objects: 8, Slots: 2, Globals: 2, Stacks: 3, StackSlots: 3, Steps: 40}

// weights are how often Draw takes an operation: mostly loads, which bring pointers to stacks that may be black.
var weights = [...]Op{
	ScanStack, ScanStack, ScanGlobals, Mark, New, Load, Load, Load, Load, Load, Load, Load,
	Store, Store, Store, Store, LoadGlobal, StoreGlobal, Copy, Copy, Send,
}

// dice draws small numbers, four from one draw of its stream.
type dice struct {
	stream lab.Stream
	word   uint64
	left   int
}

// upTo gives a number from 0 to n-1, for n from 1 to 65536.
func (d *dice) upTo(n int) int {
	if d.left == 0 {
		d.word, d.left = d.stream.Uint64(), 4
	}
	x := int(d.word&0xffff) * n >> 16
	d.word >>= 16
	d.left--
	return x
}

var drawn = concern("tricolor")

func concern(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// Draw makes c the case of that shape and seed: a graph and a script of collector's and goroutines' steps, in any order. It uses
// the memory that c has.
func (c *Case) Draw(seed uint64, s Shape) {
	var d dice
	d.stream.Seed(seed, drawn, 0)
	n := 1 + d.upTo(clip(s.Objects, 1, 1<<15))
	c.Objects = resize(c.Objects, n)
	for i := range c.Objects {
		c.Objects[i] = pointers(&d, c.Objects[i], d.upTo(1+clip(s.Slots, 0, MaxSlots)), n)
	}
	c.Globals = pointers(&d, c.Globals, d.upTo(1+clip(s.Globals, 0, MaxSlots)), n)
	c.Stacks = resize(c.Stacks, 1+d.upTo(clip(s.Stacks, 1, MaxStacks)))
	for i := range c.Stacks {
		c.Stacks[i] = pointers(&d, c.Stacks[i], 1+d.upTo(clip(s.StackSlots, 1, MaxSlots)), n)
	}
	c.Script = c.Script[:0]
	for range d.upTo(1 + clip(s.Steps, 0, 1<<15)) {
		c.Script = append(c.Script, c.drawStep(&d, s))
	}
}

func clip(n, lo, hi int) int { return max(lo, min(n, hi)) }

// resize gives a slice of n, with the memory of the one before and of its lists.
func resize(s [][]Ref, n int) [][]Ref {
	s = s[:min(n, cap(s))]
	for len(s) < n {
		s = append(s, nil)
	}
	return s
}

// pointers draws slots: one in four is nil.
func pointers(d *dice, s []Ref, slots, objects int) []Ref {
	s = s[:0]
	for range slots {
		r := Ref(0)
		if d.upTo(4) > 0 {
			r = Ref(1 + d.upTo(objects))
		}
		s = append(s, r)
	}
	return s
}

// drawStep draws a step that fits the graph; where there is nothing to do, marking goes on.
func (c *Case) drawStep(d *dice, s Shape) Step {
	op, g := weights[d.upTo(len(weights))], d.upTo(len(c.Stacks))
	if s.HeapOnly && (op == StoreGlobal || op == Send) {
		op = Store
	}
	if (op == LoadGlobal || op == StoreGlobal) && len(c.Globals) == 0 {
		op = Mark
	}
	step := Step{Op: op, G: uint8(g)}
	own := func() uint8 { return uint8(d.upTo(len(c.Stacks[g]))) }
	switch op {
	case ScanStack, ScanGlobals:
	case Mark:
		step.Slot = uint8(d.upTo(4))
	case New:
		step.To, step.Slot = own(), uint8(d.upTo(1+clip(s.Slots, 0, MaxSlots-1)))
	case Load:
		step.To, step.From, step.Slot = own(), own(), uint8(d.upTo(clip(s.Slots, 1, MaxSlots)))
	case LoadGlobal:
		step.To, step.Slot = own(), uint8(d.upTo(len(c.Globals)))
	default:
		step.To, step.From = own(), own()
		if d.upTo(4) == 0 {
			step.From = Nil
		}
		switch op {
		case Store:
			step.Slot = uint8(d.upTo(clip(s.Slots, 1, MaxSlots)))
		case StoreGlobal:
			step.To, step.Slot = 0, uint8(d.upTo(len(c.Globals)))
		case Send:
			h := d.upTo(len(c.Stacks))
			step.H, step.To = uint8(h), uint8(d.upTo(len(c.Stacks[h])))
		}
	}
	return step
}

// RandomGraph gives n objects of that many slots, each of which points anywhere; global 0 points to the first. With two slots
// four in five objects are reachable. It is nil below 1 object.
func RandomGraph(seed uint64, n, slots int) *Graph {
	if n < 1 || slots < 0 || n > MaxObjects/max(1, slots) {
		return nil
	}
	stream := lab.StreamOf(seed, drawn, 1)
	g, all := &Graph{Objects: make([][]Ref, n), Globals: []Ref{1}}, make([]Ref, n*slots)
	for i := range all {
		all[i] = Ref(1 + stream.Uint32n(uint32(n)))
	}
	for i := range g.Objects {
		g.Objects[i] = all[i*slots : (i+1)*slots]
	}
	return g
}

// ListGraph gives n objects, each of which points to the next: the collector never has more than one that is grey. Where
// they lie in memory is drawn, as in a heap in use for long. It is nil below 1 object.
func ListGraph(seed uint64, n int) *Graph {
	if n < 1 || n > MaxObjects {
		return nil
	}
	stream := lab.StreamOf(seed, drawn, 2)
	order, slots := make([]Ref, n), make([]Ref, n)
	for i := range order {
		j := int(stream.Uint32n(uint32(i + 1)))
		order[i] = order[j]
		order[j] = Ref(i + 1)
	}
	g := &Graph{Objects: make([][]Ref, n), Globals: []Ref{order[0]}}
	for i := range n - 1 {
		slots[order[i]-1] = order[i+1]
	}
	for i := range g.Objects {
		g.Objects[i] = slots[i : i+1]
	}
	return g
}
