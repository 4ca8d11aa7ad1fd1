package tricolor_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmplab/lab/sim/tricolor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write the files under testdata anew")

// golden compares with a file under testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "write it with -rewrite")
	assert.Equal(t, string(want), string(got), "%s; look at the difference, then -rewrite", file)
}

func rules(b tricolor.Barrier) tricolor.Rules { return tricolor.Rules{Barrier: b} }

// parse reads a case that must be right.
func parse(t *testing.T, text string) tricolor.Case {
	t.Helper()
	c, err := tricolor.Parse(text)
	require.NoError(t, err)
	return c
}

// run marks a case and sweeps.
func run(t *testing.T, text string, b tricolor.Barrier) (freed int, lost []tricolor.Ref) {
	t.Helper()
	c := parse(t, text)
	var m tricolor.Machine
	freed, lost, err := m.Run(&c, rules(b))
	require.NoError(t, err)
	return freed, lost
}

// With Go's barrier no object that the program can reach is freed: a million graphs, schedules and mutators. The paper's barrier,
// which shades what is written only while the stack is grey, keeps everything as well.
func TestHybridLosesNothing(t *testing.T) {
	cases := 1_000_000
	if testing.Short() {
		cases = 50_000
	}
	for _, b := range []tricolor.Barrier{tricolor.Hybrid, tricolor.Paper} {
		if b == tricolor.Paper {
			cases /= 10
		}
		var m tricolor.Machine
		var c tricolor.Case
		freed, steps := 0, 0
		for seed := range cases {
			c.Draw(uint64(seed), tricolor.Small)
			n, lost, err := m.Run(&c, rules(b))
			if err != nil || len(lost) > 0 {
				small := tricolor.Shrink(c, rules(b))
				require.Failf(t, "a reachable object is freed", "barrier %v, seed %d, %v\n%v", b, seed, err, small.String())
			}
			freed += n
			steps += len(c.Script)
		}
		assert.Greater(t, freed, cases/2, "there is garbage, or nothing was at stake")
		t.Logf("%v barrier: %d cases, %d steps, %d objects freed, none of them reachable", b, cases, steps, freed)
	}
}

// More than that: at no moment is there an object that the program can reach and the collector would not find.
func TestHybridHidesNothing(t *testing.T) {
	var c tricolor.Case
	seeds := 3000
	if testing.Short() {
		seeds = 500
	}
	for _, b := range []tricolor.Barrier{tricolor.Hybrid, tricolor.Paper} {
		for seed := range seeds {
			c.Draw(uint64(seed), tricolor.Small)
			f, err := tricolor.Shoot(&c, rules(b))
			require.NoError(t, err)
			for i := range f.Frames {
				require.Emptyf(t, f.Frames[i].Hidden, "barrier %v, seed %d, frame %d\n%v", b, seed, i, c.String())
			}
		}
	}
}

// With half of the barrier, or none, random cases lose objects. The smallest of the first fifty, shrunk, stand in a golden, each
// with the write that lost it; one from all there is, and one where only heap slots are written.
func TestHalfABarrierLoses(t *testing.T) {
	var out strings.Builder
	for _, b := range []tricolor.Barrier{tricolor.Deletion, tricolor.Insertion, tricolor.None} {
		for _, heapOnly := range []bool{false, true} {
			shape, what := tricolor.Small, "any write"
			if heapOnly {
				shape.HeapOnly, shape.Globals, what = true, 0, "heap slots only"
			}
			best, seed, found := tricolor.Case{}, uint64(0), 0
			for found < 50 && seed < 1_000_000 {
				c, ok := tricolor.Search(rules(b), shape, seed, 1)
				seed++
				if !ok {
					continue
				}
				found++
				small := tricolor.Shrink(c, rules(b))
				checkMinimal(t, small, b)
				if found == 1 || tricolor.Smaller(&small, &best) {
					best = small
				}
			}
			require.Equal(t, 50, found)
			assert.Len(t, best.Script, 3)
			assert.LessOrEqual(t, len(best.Objects), 2)
			why, err := tricolor.Explain(&best, rules(b), tricolor.English)
			require.NoError(t, err)
			require.NotEmpty(t, why)
			fmt.Fprintf(&out, "# barrier: %v; %s; the smallest of 50 found in %d cases\n%v\n%s\n\n", b, what, seed, best.String(), strings.Join(why, "\n"))
		}
	}
	t.Log("\n" + out.String())
	golden(t, "counterexamples.txt", []byte(out.String()))
}

// checkMinimal: a shrunk case loses an object, all of it, and not without any one of its steps, and not with the whole barrier.
func checkMinimal(t *testing.T, c tricolor.Case, b tricolor.Barrier) {
	t.Helper()
	var m tricolor.Machine
	_, lost, err := m.Run(&c, rules(b))
	require.NoError(t, err)
	require.NotEmpty(t, lost)
	_, lost, _ = m.Run(&c, rules(tricolor.Hybrid))
	assert.Empty(t, lost)
	for i := range c.Script {
		less := tricolor.Case{Graph: c.Graph}
		less.Script = append(append(less.Script, c.Script[:i]...), c.Script[i+1:]...)
		_, lost, err := m.Run(&less, rules(b))
		require.NoError(t, err)
		assert.Empty(t, lost, "step %d is not needed\n%v", i+1, c.String())
	}
	again := tricolor.Shrink(c, rules(b))
	assert.Equal(t, c.String(), again.String(), "there is nothing left to shrink")
}

// The write that hides an object is the last one after which only what is black leads to it, and each shade that is named would
// have kept it.
func TestLosses(t *testing.T) {
	var c tricolor.Case
	explained, single := 0, 0
	for seed := range 100_000 {
		c.Draw(uint64(seed), tricolor.Small)
		b := []tricolor.Barrier{tricolor.Deletion, tricolor.Insertion, tricolor.None}[seed%3]
		lost, err := tricolor.Losses(&c, rules(b))
		require.NoError(t, err)
		if len(lost) == 0 {
			continue
		}
		f, err := tricolor.Shoot(&c, rules(b))
		require.NoError(t, err)
		for _, l := range lost {
			explained++
			assert.NotEmpty(t, l.Holder)
			assert.NotEqual(t, l.Write.Old, l.Write.New)
			for i := range f.Frames {
				if s := f.Frames[i].Step; s >= l.Hidden {
					assert.Contains(t, f.Frames[i].Hidden, l.Object)
				} else if s == l.Hidden-1 {
					assert.NotContains(t, f.Frames[i].Hidden, l.Object)
				}
			}
			if len(l.Shades) > 0 {
				single++
			}
			for _, sh := range l.Shades {
				assert.Zero(t, b&sh.Half, "a half that is there is not missing")
				assert.LessOrEqual(t, sh.Step, l.Hidden)
				assert.NotZero(t, sh.What)
				assert.NotContains(t, runTwin(uint64(seed), rules(b), sh.Step, sh.Half).lost(), l.Object, "that shade keeps it")
			}
		}
	}
	t.Logf("%d lost objects, %d of them by the want of a single shade", explained, single)
	assert.Greater(t, explained, 100)
	assert.Equal(t, explained, single)
}

// The sentence names the write that hid the object and each half of the barrier that would have kept it, where it would have.
func TestExplain(t *testing.T) {
	for i, want := range []string{
		"C is lost. Step 6 (g1: y[0] = nil; B[0]: C → nil) hid it: it was white, and from then on only what was black led to it (A[0])." +
			" The deletion half of the barrier would have shaded C at this very write." +
			" The insertion half of the barrier would have shaded C at step 4 (g1: x[0] = z).",
		"B is lost. Step 4 (g2: y = nil; g2.y: B → nil) hid it: it was white, and from then on only what was black led to it (A[0])." +
			" The insertion half of the barrier would have shaded B at step 3 (g2: x[0] = y).",
		"B is lost. Step 3 (g1: x[0] = nil; A[0]: B → nil) hid it: it was white, and from then on only what was black led to it (g1.y)." +
			" The deletion half of the barrier would have shaded B at this very write.",
	} {
		l := tricolor.Lessons()[i]
		c, err := l.Case()
		require.NoError(t, err)
		why, err := tricolor.Explain(&c, l.Rules, tricolor.English)
		require.NoError(t, err)
		assert.Equal(t, []string{want}, why)
	}
}

// What each half is for: runtime/mbarrier.go, 1 and 2, and the writes that the barrier guards beside those to the heap.
func TestWhatEachHalfIsFor(t *testing.T) {
	for _, c := range []struct {
		name, text string
		lost       map[tricolor.Barrier]string
	}{
		{"from the heap to a black stack", "object A: B\nobject B:\nstack g1: A nil\ngc: scan g1\ng1: y = x[0]\ng1: x[0] = nil\n",
			map[tricolor.Barrier]string{tricolor.None: "[B]", tricolor.Insertion: "[B]"}},
		{"from a grey stack to a black object", "object A: nil\nobject B:\nstack g1: A\nstack g2: A B\ngc: scan g1\ngc: mark\ng2: x[0] = y\ng2: y = nil\n",
			map[tricolor.Barrier]string{tricolor.None: "[B]", tricolor.Deletion: "[B]"}},
		{"from a global to a black stack", "object A:\nglobals: A\nstack g1: nil\ngc: scan g1\ng1: x = var0\ng1: var0 = nil\n",
			map[tricolor.Barrier]string{tricolor.None: "[A]", tricolor.Insertion: "[A]"}},
		{"from a grey stack to a black global", "object A:\nglobals: nil\nstack g1: A\ngc: scan globals\ng1: var0 = x\ng1: x = nil\n",
			map[tricolor.Barrier]string{tricolor.None: "[A]", tricolor.Deletion: "[A]"}},
		{"from a grey stack to a black one", "object A:\nstack g1: nil\nstack g2: A\ngc: scan g1\ng2: g1.x = x\ng2: x = nil\n",
			map[tricolor.Barrier]string{tricolor.None: "[A]", tricolor.Deletion: "[A]"}},
		{"a copy on the same stack", "object A:\nstack g1: A nil\ng1: y = x\ng1: x = nil\n", nil},
		{"a new object is black", "stack g1: nil\ngc: scan g1\ng1: x = new(1)\n", nil},
		{"what is dropped for good is freed", "object A: A\nstack g1: A\ng1: x = nil\n", nil},
	} {
		for _, b := range []tricolor.Barrier{tricolor.None, tricolor.Deletion, tricolor.Insertion, tricolor.Hybrid, tricolor.Paper} {
			_, lost := run(t, c.text, b)
			want := c.lost[b]
			if want == "" {
				want = "[]"
			}
			assert.Equal(t, want, fmt.Sprint(lost), "%s, barrier %v", c.name, b)
		}
	}
}

// What was garbage when the goroutine's stack was scanned is freed: nothing is kept for no reason.
func TestGarbageIsFreed(t *testing.T) {
	freed, lost := run(t, "object A: B\nobject B: A\nobject C: C\nstack g1: C\n", tricolor.Hybrid)
	assert.Equal(t, 2, freed, "a cycle that nobody reaches")
	assert.Empty(t, lost)
	freed, _ = run(t, "object A: B\nobject B:\nstack g1: A\ngc: scan g1\ng1: x[0] = nil\n", tricolor.Hybrid)
	assert.Equal(t, 0, freed, "the deletion half keeps what became garbage while marking, until the next cycle")
	freed, _ = run(t, "object A: B\nobject B:\nstack g1: A\ngc: scan g1\ng1: x[0] = nil\n", tricolor.None)
	assert.Equal(t, 1, freed)
}

// Steps that follow nil or a slot that is not there do nothing and say why.
func TestSkips(t *testing.T) {
	c := parse(t, "object A: nil\nglobals: A\nstack g1: A nil\n")
	var m tricolor.Machine
	require.NoError(t, m.Reset(&c.Graph, rules(tricolor.Hybrid)))
	for _, s := range []struct {
		step string
		skip tricolor.Skip
	}{
		{"gc: mark", tricolor.NoGrey}, {"g1: y[0] = x", tricolor.NilRef}, {"g1: x = y[0]", tricolor.NilRef},
		{"g1: x[1] = y", tricolor.NoSlot}, {"g1: y = x[7]", tricolor.NoSlot}, {"g1: x[0] = x", tricolor.Done},
		{"gc: scan g1", tricolor.Done}, {"gc: scan g1", tricolor.Scanned},
		{"gc: scan globals", tricolor.Done}, {"gc: scan globals", tricolor.Scanned},
	} {
		p := parse(t, c.String()+s.step)
		e, err := m.Do(p.Script[0])
		require.NoError(t, err)
		assert.Equal(t, s.skip, e.Skip, s.step)
	}
	assert.Equal(t, tricolor.Grey, m.Color(1))
	assert.Equal(t, tricolor.Ref(1), m.MarkStep())
	assert.Equal(t, tricolor.Black, m.Color(1), "a pointer to itself ends the marking all the same")
	assert.Zero(t, m.MarkStep())
}

// What is wrong is an error that says what, where and what to do; an empty machine does nothing.
func TestBadInput(t *testing.T) {
	for text, want := range map[string]string{
		"object B:":                   `line 1: "object B:": the next object is called A`,
		"object A: B":                 "A, slot 0: there is no object 2; the last one is 1",
		"object A: q":                 `line 1: "object A: q": "q" is no pointer; write nil or the name of an object`,
		"stack g2: nil":               `line 1: "stack g2: nil": the next stack is that of g1`,
		"globals: Z9":                 "globals, slot 0: there is no object 260; the last one is 0",
		"hello":                       `line 1: "hello": no colon; write object A: …, globals: …, stack g1: …, gc: … or g1: …`,
		"gc: scan g1":                 "step 1: there is no goroutine g1; there are 0",
		"stack g1: nil\ng1: y = x":    "step 1: the stack of g1 has no slot y; it has 1",
		"stack g1: nil\ng1: x = var0": "step 1: there is no global 0; there are 0",
		"stack g1: nil\ng1: g2.x = x": "step 1: there is no goroutine g2; there are 1",
		"stack g1:" + strings.Repeat(" nil", 256): "the stack of g1 has 256 slots; give at most 255",
		"globals:" + strings.Repeat(" nil", 256):  "256 globals; give at most 255",
	} {
		_, err := tricolor.Parse(text)
		assert.EqualError(t, err, want)
	}
	for _, text := range []string{"g1:", "gc: sweep", "gc: mark 255", "gc: mark 99999999999999999999", "g0: x = y", "g1: q = x", "g1: x = new(", "g1: x[-1] = y",
		"g1: x[ = y", "g1: s3 = x", "g1: x = s255", "A: x = y", "g1: g0.x = y", "g1: x = new(255)", "g1: = x", "g1: nil = x"} {
		_, err := tricolor.Parse("stack g1: nil nil\n" + text)
		assert.ErrorContains(t, err, "no step; write one of", text)
	}
	var m tricolor.Machine
	m.Finish()
	m.Restart()
	assert.Zero(t, m.Objects())
	assert.Equal(t, []bool{true}, m.Reachable())
	for op := range tricolor.Op(12) {
		_, err := m.Do(tricolor.Step{Op: op})
		assert.Equal(t, op != tricolor.ScanGlobals && op != tricolor.Mark, err != nil, "%v", op)
	}
	freed, lost := run(t, "", tricolor.None)
	assert.Zero(t, freed)
	assert.Empty(t, lost)
	_, _, err := m.Run(&tricolor.Case{Graph: tricolor.Graph{Objects: [][]tricolor.Ref{{-1}}}}, rules(tricolor.Hybrid))
	assert.EqualError(t, err, "A, slot 0: there is no object -1; the last one is 1")
	assert.Equal(t, err, m.Reset(&tricolor.Graph{Objects: [][]tricolor.Ref{{-1}}}, rules(tricolor.Hybrid)))
	bad := tricolor.Case{Graph: tricolor.Graph{Stacks: [][]tricolor.Ref{{0}}}, Script: []tricolor.Step{{Op: tricolor.New, Slot: 255}}}
	_, err = tricolor.Shoot(&bad, rules(tricolor.Hybrid))
	assert.EqualError(t, err, "step 1: slot 255; give less than 255")
	_, err = tricolor.Losses(&bad, rules(tricolor.Hybrid))
	assert.Error(t, err)
	_, err = tricolor.Explain(&bad, rules(tricolor.Hybrid), tricolor.English)
	assert.Error(t, err)
	_, err = tricolor.Losses(&tricolor.Case{Script: make([]tricolor.Step, 501), Graph: bad.Graph}, rules(tricolor.None))
	assert.EqualError(t, err, "501 steps and 0 objects are too many to explain; shrink the case to at most 500 of each")
	assert.EqualError(t, errors.Unwrap(bad.Validate()), "slot 255; give less than 255")
	assert.Equal(t, bad.String(), shrunk(bad))
	assert.Error(t, (&tricolor.Graph{Stacks: make([][]tricolor.Ref, 256)}).Validate())
}

// shrunk is what Shrink makes of a case that is wrong: the same.
func shrunk(c tricolor.Case) string {
	same := tricolor.Shrink(c, rules(tricolor.None))
	return same.String()
}

// The same seed is the same case, and its text reads back as the same case.
func TestDrawAndText(t *testing.T) {
	var a, b tricolor.Case
	a.Draw(7, tricolor.Small)
	b.Draw(8, tricolor.Small)
	first := a.String()
	assert.NotEqual(t, first, b.String())
	a.Draw(9, tricolor.Shape{Objects: -1, Slots: 1 << 40, Globals: 1 << 40, Stacks: 1 << 40, StackSlots: 1 << 40, Steps: 100})
	assert.NoError(t, a.Validate())
	a.Draw(7, tricolor.Small)
	assert.Equal(t, first, a.String(), "whatever the memory held before")
	for seed := range 2000 {
		a.Draw(uint64(seed), tricolor.Small)
		require.NoError(t, a.Validate())
		back := parse(t, a.String())
		require.Equal(t, a.String(), back.String())
	}
	assert.Equal(t, "A Z A1 Z1 nil", fmt.Sprint(tricolor.Ref(1), " ", tricolor.Ref(26), " ", tricolor.Ref(27), " ", tricolor.Ref(52), " ", tricolor.Ref(0)))
}

// Where only the heap is written, no global and no other stack is.
func TestHeapOnly(t *testing.T) {
	var c tricolor.Case
	shape := tricolor.Small
	shape.HeapOnly = true
	ops := map[tricolor.Op]int{}
	for seed := range 200 {
		c.Draw(uint64(seed), shape)
		for _, s := range c.Script {
			ops[s.Op]++
		}
	}
	assert.Zero(t, ops[tricolor.StoreGlobal]+ops[tricolor.Send])
	assert.NotZero(t, ops[tricolor.Store])
	assert.NotZero(t, ops[tricolor.LoadGlobal])
}

// Half of a barrier is named in every way it can be set.
func TestBarrierNames(t *testing.T) {
	for b, want := range map[tricolor.Barrier]string{tricolor.None: "none", tricolor.Deletion: "deletion", tricolor.Insertion: "insertion",
		tricolor.Hybrid: "hybrid", tricolor.Paper: "paper", tricolor.GreyInsertion: "grey-insertion", tricolor.Hybrid | tricolor.Paper: "hybrid and paper"} {
		assert.Equal(t, want, b.String())
	}
}
