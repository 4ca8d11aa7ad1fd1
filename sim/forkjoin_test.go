package sim_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/theory"
	"github.com/stretchr/testify/require"
)

// anyTree makes a fork-join program from a seed: one root, and levels of classes whose goroutines compute, start children of
// deeper levels, compute, mostly wait for them, and compute. At most a few thousand goroutines.
func anyTree(seed uint64) lab.Workload {
	s := lab.NewStream(seed, "tree", 0)
	pick := func(n int) int { return int(s.Uint32n(uint32(n))) }
	compute := func() lab.Step {
		return lab.Step{Do: lab.CPU, Time: lab.ExpDist(time.Duration(5+pick(100)) * time.Microsecond)}
	}
	levels, budget := 2+pick(6), 3000
	w := lab.Workload{Name: "tree"}
	for level := range levels {
		c := lab.Class{Name: fmt.Sprint("level", level), Steps: []lab.Step{compute()}}
		if level == 0 {
			c.Arrivals = lab.Arrivals{Kind: lab.Once, Count: 1}
		}
		if last := level == levels-1; !last {
			for range 1 + pick(2) {
				n := 1 + pick(min(12, budget))
				budget = max(budget/(n+1), 1)
				child := level + 1
				if pick(4) == 0 {
					child += pick(levels - child) // skips levels
				}
				c.Steps = append(c.Steps, lab.Step{Do: lab.Go, Name: fmt.Sprint("level", child), Count: n}, compute())
			}
			if pick(5) > 0 {
				c.Steps = append(c.Steps, lab.Step{Do: lab.Wait}, compute())
			}
		}
		w.Classes = append(w.Classes, c)
	}
	return w
}

// workSpan computes what the tree takes on one P, T_1, and its longest chain, T_∞, from the draws of the trial alone.
type workSpan struct {
	w          *lab.Workload
	seed       uint64
	late       time.Duration // how long after its go step a child starts
	work       time.Duration
	goroutines int
	starts     [][]time.Duration // by class, when its goroutines are started if each has a P of its own
}

// run walks request num of a class, as its goroutine would on a P of its own: it starts at a time and computes; a child
// starts late after its go step, and a wait ends when the children do, if not their own. It gives when the goroutine ends, and when
// the last of all that it started does.
func (v *workSpan) run(class int, num uint64, at time.Duration) (end, last time.Duration) {
	v.goroutines++
	for len(v.starts) < len(v.w.Classes) {
		v.starts = append(v.starts, nil)
	}
	v.starts[class] = append(v.starts[class], at)
	s := v.w.Work(class, v.seed, num)
	child := 0
	var children time.Duration // when the last child ends
	for i := range v.w.Classes[class].Steps {
		switch step := &v.w.Classes[class].Steps[i]; step.Do {
		case lab.CPU:
			d := step.Time.Sample(&s)
			v.work += d
			at += d
		case lab.Go:
			c := slices.IndexFunc(v.w.Classes, func(c lab.Class) bool { return c.Name == step.Name })
			for range step.Count {
				e, l := v.run(c, lab.Child(num, child), at+v.late)
				children, last = max(children, e), max(last, l)
				child++
			}
		case lab.Wait:
			at = max(at, children)
		}
	}
	return at, max(at, last)
}

// forkJoin runs a tree and gives how long it took, and c of theory.ForkJoin for which the bound holds with equality.
func forkJoin(t *testing.T, v *workSpan, span time.Duration, ps int, p gort.Policy) (took time.Duration, c float64) {
	trial := lab.Trial{Workload: *v.w, Seed: v.seed, Knobs: lab.Knobs{GOMAXPROCS: ps}}
	r, err := checked(t, lab.Cost{}, p)(context.Background(), trial)
	require.NoError(t, err)
	require.Len(t, r.Requests, v.goroutines, "seed %d", v.seed)
	for class := range v.starts { // none is due before it can have been started
		due := slices.Sorted(slices.Values(dues(r, class)))
		for i, earliest := range slices.Sorted(slices.Values(v.starts[class])) {
			require.GreaterOrEqual(t, due[i], earliest, "seed %d, class %d", v.seed, class)
		}
	}
	took = r.Requests[len(r.Requests)-1].End
	return took, (took.Seconds() - theory.ForkJoin(v.work.Seconds(), 0, ps, 0)) / span.Seconds()
}

// The bound of work stealing on random fork-join trees, in every single run: T_P ≤ T_1/P + c·T_∞ with c = 1 - 1/P, as for a
// scheduler that never leaves a P idle beside a runnable goroutine. The model does, for the 3 µs that a thief sleeps before it
// takes a runnext (runqgrab), and so T_∞ counts 3 µs for each go step on the chain; without them the smallest trees break the
// bound: two goroutines on two Ps take T_∞ + 3 µs. Nor is any run faster than T_1/P or than T_∞ without the 3 µs, and one P
// takes T_1 to the nanosecond.
func TestWorkStealingBound(t *testing.T) {
	worst := map[int]float64{}
	beyond := 0 // trees that take longer than the bound when nothing is stolen
	for seed := range uint64(100) {
		w := anyTree(seed)
		v, late := workSpan{w: &w, seed: seed}, workSpan{w: &w, seed: seed, late: 3 * time.Microsecond}
		_, shortest := v.run(0, 0, 0)
		_, span := late.run(0, 0, 0)
		for _, ps := range []int{1, 2, 3, 4, 8, 16, 64} {
			took, needed := forkJoin(t, &v, span, ps, gort.Go126())
			worst[ps] = max(worst[ps], needed)
			if ps == 1 {
				require.Equal(t, v.work, took, "seed %d", seed)
			}
			require.GreaterOrEqual(t, took, max(shortest, v.work/time.Duration(ps)), "seed %d, %d Ps", seed, ps)
			require.LessOrEqual(t, needed, 1-1/float64(ps)+1e-9, "seed %d, %d Ps: %d goroutines, T_1 %v, T_∞ %v, took %v", seed, ps, v.goroutines, v.work, span, took)
		}
		alone := gort.Go126()
		alone.StealTries = 0
		if _, needed := forkJoin(t, &v, span, 4, alone); needed > 1 {
			beyond++
		}
	}
	t.Logf("largest c by Ps: %v; without stealing %d trees of 100 need more than 1 on 4 Ps", worst, beyond)
	require.Greater(t, beyond, 50)
}
