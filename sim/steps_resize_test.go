package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim"
)

// The step view follows a number of Ps that changes, up and down.
func TestStepsWhileGOMAXPROCSChanges(t *testing.T) {
	work := lab.Step{Do: lab.CPU, Time: lab.Const(time.Millisecond)}
	for _, c := range []struct{ from, to int }{{2, 4}, {2, 16}, {4, 2}} {
		w := lab.Workload{Name: "resize", Classes: []lab.Class{{Name: "one", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 20},
			Steps: []lab.Step{work, {Do: lab.SetGOMAXPROCS, Count: c.to}, work}}}}
		rec := &sim.Record{Limit: 1000}
		recorded(t, textbook(), lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: c.from}, Seed: 1}, rec)
		var text string
		require.NotPanics(t, func() { text = rec.Steps(100) }, "%+v", c)
		assert.Contains(t, text, "startTheWorldWithSema", "%+v", c)
	}
}
