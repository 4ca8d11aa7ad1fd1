package tricolor

import (
	"fmt"
	"math"
	"strconv"
)

// A Ref is a pointer to an object: its number, from 1; 0 is nil.
type Ref int32

// String gives the object's name: A to Z, then A1 to Z1, A2 and so on.
func (r Ref) String() string {
	if r <= 0 {
		return "nil"
	}
	name, round := string(rune('A'+(r-1)%26)), int(r-1)/26
	if round == 0 {
		return name
	}
	return name + strconv.Itoa(round)
}

// A Graph is the heap and its roots at the moment at which marking begins. Pointers may be nil, form cycles, or point at
// the object that holds them.
type Graph struct {
	Objects [][]Ref // the pointer slots of each object; Objects[0] is object 1
	Globals []Ref   // package variables
	Stacks  [][]Ref // of each goroutine, the pointers on its stack
}

// Limits of a Graph: a Step addresses goroutines and slots by one byte, of which the last value is Nil.
const (
	MaxStacks  = 255
	MaxSlots   = 255 // of a stack, and of what a Step allocates
	MaxObjects = math.MaxInt32 - 1
)

// Nil stands in Step.From for the pointer nil.
const Nil = 255

// An Op is what a Step does.
type Op uint8

// The collector's steps, and those of a goroutine G. Its own stack slots are To and From.
const (
	ScanStack   Op = iota // stop G, shade what its stack points to, go on: the stack is black
	ScanGlobals           // the same for the package variables
	Mark                  // take a grey object, counted by Slot from the newest one, shade what it points to: it is black
	Load                  // To = From[Slot]
	LoadGlobal            // To = the global Slot
	Store                 // To[Slot] = From: through the write barrier
	StoreGlobal           // the global Slot = From: through the write barrier
	Copy                  // To = From
	New                   // To = a new object of Slot slots, all nil
	Send                  // the slot To of goroutine H = From: through the write barrier (runtime/chan.go:sendDirect)
	ops
)

// A Step is one step of the collector or of a goroutine. Nothing comes between its parts.
type Step struct {
	Op   Op
	G    uint8 // goroutine, from 0
	H    uint8 // of Send: who gets the pointer
	To   uint8 // stack slot that is written, or that points to the object that is
	From uint8 // stack slot that is read; of Store, StoreGlobal, Copy and Send also Nil
	Slot uint8 // of an object, or a global; of New how many slots, of Mark which grey object
}

// A Case is a graph and all that happens while it is marked. What the script leaves undone the collector does at
// the end, with no goroutine in between.
type Case struct {
	Graph
	Script []Step
}

// Validate tells what is wrong with a graph: a pointer to an object that is not there, or too much of something.
func (g *Graph) Validate() error {
	if n := len(g.Stacks); n > MaxStacks {
		return fmt.Errorf("%d stacks; give at most %d", n, MaxStacks)
	}
	slots := 0
	for i, o := range g.Objects {
		if slots += len(o); slots > MaxObjects || i >= MaxObjects {
			return fmt.Errorf("too many objects or slots; give at most %d", MaxObjects)
		}
		if err := g.pointers(Ref(i+1).String(), o); err != nil {
			return err
		}
	}
	for i, st := range g.Stacks {
		if n := len(st); n > MaxSlots {
			return fmt.Errorf("the stack of %s has %d slots; give at most %d", goroutine(uint8(i)), n, MaxSlots)
		}
		if err := g.pointers("the stack of "+goroutine(uint8(i)), st); err != nil {
			return err
		}
	}
	if n := len(g.Globals); n > MaxSlots {
		return fmt.Errorf("%d globals; give at most %d", n, MaxSlots)
	}
	return g.pointers("globals", g.Globals)
}

func (g *Graph) pointers(where string, slots []Ref) error {
	for i, r := range slots {
		if r < 0 || int(r) > len(g.Objects) {
			return fmt.Errorf("%s, slot %d: there is no object %d; the last one is %d", where, i, r, len(g.Objects))
		}
	}
	return nil
}

// Validate tells what is wrong with a case: a bad graph, or a step of a goroutine, stack slot or global that is not there. A
// step that follows nil, or a slot that its object does not have, is no error: it does nothing, and Effect.Skip says so.
func (c *Case) Validate() error {
	if err := c.Graph.Validate(); err != nil {
		return err
	}
	for i, s := range c.Script {
		if err := c.step(s); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// step checks one step against the graph.
func (g *Graph) step(s Step) error {
	if s.Op >= ops {
		return fmt.Errorf("there is no operation %d", s.Op)
	}
	if s.Slot >= MaxSlots {
		return fmt.Errorf("slot %d; give less than %d", s.Slot, MaxSlots)
	}
	if s.Op == Mark || s.Op == ScanGlobals {
		return nil
	}
	if err := g.stackSlot(s.G, 0, false); err != nil || s.Op == ScanStack {
		return err
	}
	if s.Op == LoadGlobal || s.Op == StoreGlobal {
		if int(s.Slot) >= len(g.Globals) {
			return fmt.Errorf("there is no global %d; there are %d", s.Slot, len(g.Globals))
		}
	}
	to := s.G
	if s.Op == Send {
		to = s.H
	}
	if err := g.stackSlot(to, s.To, s.Op != StoreGlobal); err != nil {
		return err
	}
	reads := s.Op == Load || (s.Op == Store || s.Op == StoreGlobal || s.Op == Copy || s.Op == Send) && s.From != Nil
	return g.stackSlot(s.G, s.From, reads)
}

// stackSlot checks a goroutine and, if it is used, one slot of its stack.
func (g *Graph) stackSlot(of, slot uint8, used bool) error {
	if int(of) >= len(g.Stacks) {
		return fmt.Errorf("there is no goroutine %s; there are %d", goroutine(of), len(g.Stacks))
	}
	if n := len(g.Stacks[of]); used && int(slot) >= n {
		return fmt.Errorf("the stack of %s has no slot %s; it has %d", goroutine(of), variable(slot), n)
	}
	return nil
}

func goroutine(g uint8) string { return "g" + strconv.Itoa(int(g)+1) }

func global(i uint8) string { return "var" + strconv.Itoa(int(i)) }

// variable names a stack slot: x, y, z, w, then s4, s5 and so on; nil where there is none.
func variable(i uint8) string {
	switch {
	case i == Nil:
		return "nil"
	case i < 4:
		return "xyzw"[i : i+1]
	}
	return "s" + strconv.Itoa(int(i))
}
