package syncpool

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/exptest"
)

// values are data on which every claim holds.
func values() exptest.Values {
	v := exptest.Values{"burst-apart": {miss: 1}, "burst-close": {miss: 0.02}, "burst-apart-free": {miss: 0}}
	for _, s := range sizes {
		v["none-"+s.name] = map[string]float64{cycles: 40, gcCPU: 0.1, p99: 0.002}
		v["slice-"+s.name] = map[string]float64{objects: 1.5}
		v["pointer-"+s.name] = map[string]float64{cycles: 20, gcCPU: 0.05, p99: 0.001, objects: 0.5}
	}
	return v
}

func TestClaims(t *testing.T) {
	for id, v := range exptest.Judge(t, &Experiment, values(), nil) {
		assert.Equal(t, experiments.Holds, v.Predicted, id)
	}
	for _, c := range []struct {
		what, point, metric string // a point that ends with a dash: all sizes
		value               float64
		claim               string
		want                experiments.Verdict
	}{
		{"as many collections at one size", "pointer-4K", cycles, 39, "G5.pressure", experiments.InPart},
		{"as much CPU at one size", "pointer-1M", gcCPU, 0.09, "G5.pressure", experiments.InPart},
		{"as many collections", "pointer-", cycles, 30, "G5.pressure", experiments.Refuted},
		{"a tail that is hardly shorter", "pointer-64K", p99, 0.0018, "G5.steadier", experiments.InPart},
		{"the same tails", "pointer-", p99, 0.002, "G5.steadier", experiments.Refuted},
		{"no header at one size", "slice-4K", objects, 0.5, "G5.boxed", experiments.InPart},
		{"no headers", "slice-", objects, 0.5, "G5.boxed", experiments.Refuted},
		{"two objects", "slice-", objects, 2.5, "G5.boxed", experiments.Refuted},
		{"kept over two collections", "burst-apart", miss, 0.5, "G5.victim", experiments.InPart},
		{"the free list loses some", "burst-apart-free", miss, 0.1, "G5.victim", experiments.InPart},
	} {
		p := values()
		set := func(point string) { p[point][c.metric] = c.value }
		if c.point[len(c.point)-1] == '-' {
			for _, s := range sizes {
				set(c.point + s.name)
			}
		} else {
			set(c.point)
		}
		assert.Equal(t, c.want, exptest.Judge(t, &Experiment, p, nil)[c.claim].Predicted, c.what)
	}
	wide := values()
	wide["slice-1M"][objects], wide["slice-1M"][exptest.Spread] = 1.35, 0.1
	assert.Equal(t, experiments.Holds, exptest.Judge(t, &Experiment, wide, nil)["G5.boxed"].Predicted, "one object more lies within the interval")
	wide["slice-1M"][exptest.Spread] = 0.9
	assert.Equal(t, experiments.InPart, exptest.Judge(t, &Experiment, wide, nil)["G5.boxed"].Predicted, "intervals that overlap tell nothing")
	wide["slice-1M"][objects], wide["slice-1M"][exptest.Spread] = 3, 0.8
	assert.Equal(t, experiments.InPart, exptest.Judge(t, &Experiment, wide, nil)["G5.boxed"].Predicted, "far off and wide")
	p := values()
	p["burst-close"][miss], p["burst-apart"][miss] = 1, 0
	assert.Equal(t, experiments.Refuted, exptest.Judge(t, &Experiment, p, nil)["G5.victim"].Predicted, "the other way round")
}

func TestMissingDataIsNotTestable(t *testing.T) {
	for id, v := range exptest.Judge(t, &Experiment, exptest.Values{"none-4K": {p50: 0.0001}}, nil) {
		assert.Equal(t, experiments.NotTestable, v.Predicted, id)
	}
}
