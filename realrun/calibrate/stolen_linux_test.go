package calibrate

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Signals find the step in which they were handled.
func TestHandled(t *testing.T) {
	sent := []int64{0, 200_000, 400_000, 600_000}
	at := func(from int64, switched bool) step { return step{from: from, to: from + 10_000, switched: switched} }
	for name, c := range map[string]struct {
		log  []step
		late []float64
	}{
		"one after the other":        {[]step{at(2_000, false), at(203_000, false), at(404_000, false), at(605_000, false)}, []float64{3_000, 4_000, 5_000}},
		"the first does not count":   {[]step{at(2_000, false)}, nil},
		"an interrupt between them":  {[]step{at(2_000, false), at(203_000, false), at(300_000, false), at(404_000, false)}, []float64{3_000, 4_000}},
		"on a thread that had slept": {[]step{at(2_000, false), at(203_000, true), at(404_000, false)}, []float64{4_000}},
		"two at once":                {[]step{at(2_000, false), {from: 250_000, to: 450_000}, at(605_000, false)}, []float64{5_000}},
		"as the step ends":           {[]step{at(2_000, false), at(195_000, false)}, []float64{0}},
		"none":                       {nil, nil},
	} {
		late, cpu := handled(sent, c.log)
		assert.Equal(t, c.late, late, name)
		assert.Len(t, cpu, len(late), name)
		for _, d := range cpu {
			assert.Equal(t, 10_000.0, d, name)
		}
	}
	late, _ := handled(nil, []step{at(0, false)})
	assert.Empty(t, late, "nothing was sent")
}

// What is much later than usual is a stall and no part of the distribution.
func TestCalm(t *testing.T) {
	v := []float64{50_000, 40_000, 60_000, 149_000, 160_000, 3e6, 50_000}
	kept := slices.Clone(v)
	assert.Equal(t, []float64{50_000, 40_000, 60_000, 149_000, 50_000}, calm(v))
	assert.Equal(t, kept, v)
	assert.Empty(t, calm(nil))
}
