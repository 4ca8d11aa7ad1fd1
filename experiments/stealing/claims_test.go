package stealing

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/exptest"
)

func values() exptest.Values {
	return exptest.Values{
		"p2":              {makespan: 0.026},
		"p2-no-steal":     {makespan: 0.027},
		"p2-200":          {makespan: 0.0052, psUsed: 2, shareMax: 0.52, steals: 6, stealSize: 15},
		"p2-200-no-steal": {makespan: 0.0101, shareMax: 1},
	}
}

func TestClaims(t *testing.T) {
	for _, c := range []struct {
		what          string
		point, metric string
		value         float64
		claim         string
		want          experiments.Verdict
	}{
		{"shared evenly", "p2-200", shareMax, 0.6, "S4.steals", experiments.Holds},
		{"shared unevenly", "p2-200", shareMax, 0.8, "S4.steals", experiments.InPart},
		{"one P", "p2-200", psUsed, 1, "S4.steals", experiments.Refuted},
		{"many at once", "p2-200", stealSize, 15, "S4.half", experiments.InPart},
		{"one at a time", "p2-200", stealSize, 1, "S4.half", experiments.Refuted},
		{"all at once", "p2-200", stealSize, 150, "S4.half", experiments.Refuted},
		{"either end", "p2-200", stealSize, 15, "S4.tail", experiments.NotTestable},
		{"one P, twice as long", "p2-200", makespan, 0.0052, "S4.without", experiments.Holds},
		{"one P, as long", "p2-200-no-steal", makespan, 0.0053, "S4.without", experiments.InPart},
		{"shared and as long without stealing", "p2-200-no-steal", shareMax, 0.5, "S4.without", experiments.InPart},
		{"balanced by the global queue", "p2-no-steal", makespan, 0.027, "S3.overflow", experiments.Holds},
		{"half balanced", "p2-no-steal", makespan, 0.035, "S3.overflow", experiments.InPart},
		{"not balanced", "p2-no-steal", makespan, 0.05, "S3.overflow", experiments.Refuted},
	} {
		p := values()
		p[c.point][c.metric] = c.value
		assert.Equal(t, c.want, exptest.Judge(t, &Experiment, p, nil)[c.claim].Predicted, c.what)
	}
}

func TestMissingDataIsNotTestable(t *testing.T) {
	for id, v := range exptest.Judge(t, &Experiment, exptest.Values{"p1": {makespan: 0.05}}, nil) {
		assert.Equal(t, experiments.NotTestable, v.Predicted, id)
	}
}

// What only the simulator sees does not count against a real run.
func TestMeasuredSide(t *testing.T) {
	m := exptest.Values{"p2": {makespan: 0.026}, "p2-200": {makespan: 0.0052, psUsed: 2, shareMax: 0.52}}
	for id, v := range exptest.Judge(t, &Experiment, values(), m) {
		assert.True(t, v.Ok, "%s: %+v", id, v)
	}
}
