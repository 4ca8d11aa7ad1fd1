package emergent

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/exptest"
)

func TestClaims(t *testing.T) {
	for _, c := range []struct {
		awake, asleep float64
		want          experiments.Verdict
	}{
		{0.0002, 0.0003, experiments.Holds},
		{0.0002, 0.005, experiments.InPart},
		{0.005, 0.0002, experiments.InPart},
		{0.005, 0.005, experiments.Refuted},
	} {
		p := exptest.Values{"peer-sysmon-awake": {delayP99: c.awake}, "peer-sysmon-asleep": {delayP99: c.asleep}}
		assert.Equal(t, c.want, exptest.Judge(t, &Experiment, p, nil)["S9"].Predicted, "%+v", c)
	}
	assert.Equal(t, experiments.NotTestable, exptest.Judge(t, &Experiment, exptest.Values{"slice": {p50: 1}}, nil)["S9"].Predicted)
}
