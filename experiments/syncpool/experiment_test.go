package syncpool

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab/experiments/exptest"
	"github.com/gmplab/lab/experiments/reference"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

func TestExperiment(t *testing.T) {
	cost, err := reference.Cost()
	require.NoError(t, err)
	exptest.Run(t, &Experiment, cost, sim.Runner(cost, gort.Go126()))
}
