package batching

import (
	"testing"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/exptest"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

func TestExperiment(t *testing.T) {
	exptest.Run(t, &Experiment, func(c lab.Cost) lab.Runner { return sim.Runner(c, gort.Go126()) })
}
