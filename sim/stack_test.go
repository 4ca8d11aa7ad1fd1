package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
)

// A step that calls deep pays for each doubling of the stack and for what each of them copies, once in the life of its
// goroutine; the goroutine that uses its g next pays for a first stack and for the growth again.
func TestStackGrowth(t *testing.T) {
	const grow, kib, first = 1000, 1 << 10, 500 // ns; a KiB costs a nanosecond a byte
	cost := lab.Cost{StackGrow: lab.Nanos{P50: grow}, StackKiB: lab.Nanos{P50: kib}, StackNew: lab.Nanos{P50: first}}
	took := func(n int, depths ...int64) (all []time.Duration) {
		c := lab.Class{Name: "deep", Arrivals: lab.Arrivals{Kind: lab.Once, Count: n}}
		for _, d := range depths {
			c.Steps = append(c.Steps, lab.Step{Do: lab.CPU, Time: lab.Const(time.Microsecond), Stack: d})
		}
		trial := lab.Trial{Seed: 1, Knobs: lab.Knobs{GOMAXPROCS: 1}, Workload: lab.Workload{Name: "stack", Classes: []lab.Class{c}}}
		r, err := checked(t, cost, gort.Go126())(context.Background(), trial)
		require.NoError(t, err)
		for _, q := range r.Requests {
			all = append(all, q.End-q.Start)
		}
		return all
	}
	const guard = 928
	us := time.Microsecond
	assert.Equal(t, []time.Duration{us}, took(1, 0), "no word of it: as ever")
	assert.Equal(t, []time.Duration{us}, took(1, 2048-guard), "it fits the first stack")
	assert.Equal(t, []time.Duration{us + grow + 2048 - guard}, took(1, 2048-guard+1), "a byte too much")
	assert.Equal(t, []time.Duration{us + 5*grow + (2+4+8+16+32)<<10 - 5*guard}, took(1, 60_000), "five times, to 64 KiB")
	assert.Equal(t, []time.Duration{3*us + 2*grow + (2+4)<<10 - 2*guard}, took(1, 5000, 0, 5000), "it stays grown")
	cost.StackUse.P50 = 2 << 10
	assert.Equal(t, []time.Duration{us + 2000}, took(1, 1000), "no growth: what the calls use")
	assert.Len(t, took(3, 5000), 3)
	assert.Equal(t, took(3, 5000)[0], took(3, 5000)[2], "nobody inherits a grown stack")
}
