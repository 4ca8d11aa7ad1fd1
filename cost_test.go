package lab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFactor(t *testing.T) {
	assert.InDelta(t, 1, (&Service{}).Factor(0.9), 0, "never measured")
	assert.InDelta(t, 1.5, (&Service{Speed: []float64{1.5}}).Factor(0.9), 0)
	s := &Service{Speed: []float64{0.9, 1, 2}}
	for u, want := range map[float64]float64{0: 0.9, 0.25: 0.95, 0.5: 1, 0.75: 1.5, 1: 2} {
		assert.InDelta(t, want, s.Factor(u), 1e-12, "%v", u)
	}
}

func TestState(t *testing.T) {
	c := &Cost{Cores: 2, IdlePull: Dist{Kind: Empirical, Quantiles: []time.Duration{40_000, 60_000, 500_000}}}
	assert.Empty(t, c.State(), "as calibrated")
	c.Refreshed = "2026-01-02T03:04:05Z"
	assert.Equal(t, "State of the host before the run: an idle core pulled threads from a mean idle time of 60 µs on (40–500 µs).", c.State())
	c.Infer = []Service{{Model: "mlp", IntraOp: 1, Busy: 1}, {Model: "mlp", IntraOp: 1, Busy: 2, Speed: []float64{0.9, 1, 2}}}
	assert.Contains(t, c.State(), "; inference took 1.00 times as long as when calibrated (0.90–2.00).")
}

// The service time for a number of busy inferences is that measured with the nearest one.
func TestServiceOfTheNearest(t *testing.T) {
	c := &Cost{Infer: []Service{{Model: "mlp", IntraOp: 1, Busy: 1}, {Model: "mlp", IntraOp: 1, Busy: 4}}}
	require.NotNil(t, c.Service("mlp", 1, 2))
	assert.Equal(t, 1, c.Service("mlp", 1, 2).Busy)
	assert.Equal(t, 4, c.Service("mlp", 1, 3).Busy)
	assert.Nil(t, c.Service("mlp", 2, 1))
	assert.Nil(t, c.Service("other", 1, 1))
}
