package tricolor

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/exptest"
)

// values are data on which every claim holds.
func values() exptest.Values {
	v := exptest.Values{}
	for _, p := range names {
		v[p] = map[string]float64{mark: 0.01, stops: 30e-6, marking: 1}
	}
	return v
}

func TestClaims(t *testing.T) {
	for id, v := range exptest.Judge(t, &Experiment, values(), nil) {
		assert.Equal(t, experiments.Holds, v.Predicted, id)
	}
	for _, c := range []struct {
		what   string
		points []string
		metric string
		value  float64
		claim  string
		want   experiments.Verdict
	}{
		{"a long stop at one", names[:1], stops, 0.002, "G1.short", experiments.InPart},
		{"long stops", names, stops, 0.002, "G1.short", experiments.Refuted},
		{"marking is hardly longer than a stop", names, mark, 500e-6, "G1.concurrent", experiments.Refuted},
		{"nothing is served on one P", names[:1], marking, 0.1, "G1.concurrent", experiments.InPart},
		{"nothing is served", names, marking, 0, "G1.concurrent", experiments.Refuted},
	} {
		p := values()
		for _, name := range c.points {
			p[name][c.metric] = c.value
		}
		assert.Equal(t, c.want, exptest.Judge(t, &Experiment, p, nil)[c.claim].Predicted, c.what)
	}
}

func TestMissingDataIsNotTestable(t *testing.T) {
	for id, v := range exptest.Judge(t, &Experiment, exptest.Values{"p1": {p50: 0.0002}}, nil) {
		assert.Equal(t, experiments.NotTestable, v.Predicted, id)
	}
}

// Every way that the search can come out has its verdict.
func TestBarrierVerdicts(t *testing.T) {
	assert.Equal(t, experiments.Holds, verdict(false, true, true, true))
	assert.Equal(t, experiments.InPart, verdict(false, true, true, false), "half a barrier would do")
	assert.Equal(t, experiments.Refuted, verdict(true, true, true, true), "it does not help")
	assert.Equal(t, experiments.Refuted, verdict(false, false, false, false), "it is not needed")
}
