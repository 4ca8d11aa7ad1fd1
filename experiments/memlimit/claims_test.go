package memlimit

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/exptest"
)

// values are data on which every claim comes out as expected.
func values() exptest.Values {
	return exptest.Values{
		"gogc-50":       {gcCPU: 0.24, p99: 0.005},
		"gogc-100":      {gcCPU: 0.14, p99: 0.004},
		"off-limit-512": {gcCPU: 0.03, peak: 440 * mib},
		"off-limit-100": {gcCPU: 0.48},
	}
}

func TestClaims(t *testing.T) {
	for id, v := range exptest.Judge(t, &Experiment, values(), nil) {
		want := experiments.Holds
		if id == "G4" {
			want = experiments.Refuted
		}
		assert.Equal(t, want, v.Predicted, id)
	}
	for _, c := range []struct {
		what, point, metric string
		value               float64
		claim               string
		want                experiments.Verdict
	}{
		{"a shorter tail", "gogc-50", p99, 0.002, "G4", experiments.InPart},
		{"less CPU", "gogc-50", gcCPU, 0.1, "G4", experiments.InPart},
		{"half of the CPU, nearly", "off-limit-512", gcCPU, 0.08, "G4.limit", experiments.InPart},
		{"above the limit", "off-limit-512", peak, 513 * mib, "G4.limit", experiments.InPart},
		{"twice the CPU", "off-limit-100", gcCPU, 0.3, "G4.near", experiments.InPart},
		{"little more CPU", "off-limit-100", gcCPU, 0.2, "G4.near", experiments.Refuted},
	} {
		v := values()
		v[c.point][c.metric] = c.value
		assert.Equal(t, c.want, exptest.Judge(t, &Experiment, v, nil)[c.claim].Predicted, c.what)
	}
	v := values()
	v["gogc-50"][p99], v["gogc-50"][gcCPU] = 0.002, 0.1
	assert.Equal(t, experiments.Holds, exptest.Judge(t, &Experiment, v, nil)["G4"].Predicted)
	v["gogc-100"][exptest.Spread] = 0.9
	assert.Equal(t, experiments.NotTestable, exptest.Judge(t, &Experiment, v, nil)["G4"].Predicted, "intervals that overlap tell nothing")
	v = values()
	v["gogc-50"][exptest.Spread] = 0.3
	assert.Equal(t, experiments.Refuted, exptest.Judge(t, &Experiment, v, nil)["G4"].Predicted, "more CPU, and a tail that may be the same")
	assert.Equal(t, experiments.NotTestable, exptest.Judge(t, &Experiment, exptest.Values{"gogc-50": {gcCPU: 1}}, nil)["G4"].Predicted)
}
