package batching

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gmplab/lab/experiments"
	"github.com/gmplab/lab/experiments/exptest"
)

// asReported are the values that others reported of a 2-core machine.
func asReported() exptest.Values {
	of := func(rate, mid, tail, batch, cpu float64) map[string]float64 {
		return map[string]float64{throughput: rate, p50: mid, p99: tail, meanBatch: batch, cpuUsed: cpu}
	}
	return exptest.Values{
		"direct":            of(9300, 0.00019, 0.120, 1, 1.9),
		"semaphore":         of(5000, 0.0125, 0.0258, 1, 1.4),
		"batch-32-wait-0":   of(14700, 0.0035, 0.0154, 11.6, 1.66),
		"batch-32-wait-1ms": of(25000, 0.0024, 0.0059, 31.9, 1.92),
		"batch-32-wait-2ms": of(23500, 0.0025, 0.0091, 32, 1.87),
		"batch-32-intra-2":  of(24500, 0.0023, 0.0066, 24.1, 1.98),
	}
}

func TestClaimsAsReported(t *testing.T) {
	for id, v := range exptest.Judge(t, &Experiment, asReported(), asReported()) {
		assert.True(t, v.Ok, "%s: %+v", id, v)
	}
}

func TestClaimsOfOtherData(t *testing.T) {
	for _, c := range []struct {
		what                string
		point, metric       string
		value               float64
		claim               string
		predicted, measured experiments.Verdict
		both                experiments.Verdict
	}{
		{"a fair machine", "direct", p99, 0.0008, "I1.suffers", experiments.Holds, experiments.Refuted, ""},
		{"a fairly fair machine", "direct", p99, 0.004, "I1.suffers", experiments.Holds, experiments.InPart, ""},
		{"a tail that the prediction does not explain", "direct", p99, 0.5, "I1.cause", "", "", experiments.NotTestable},
		{"direct as fast as any batcher", "direct", throughput, 25000, "I1.throughput", experiments.Holds, experiments.InPart, ""},
		{"an idle CPU in direct", "direct", cpuUsed, 1, "I1.utilisation", experiments.Refuted, experiments.Holds, ""},
		{"batches of three", "batch-32-wait-1ms", meanBatch, 3, "I1.calls", experiments.Holds, experiments.InPart, ""},
		{"batches of one", "batch-32-wait-1ms", meanBatch, 1, "I1.calls", experiments.Holds, experiments.Refuted, ""},
		{"a fast semaphore", "semaphore", throughput, 50000, "rank.throughput", "", "", experiments.Refuted},
		{"a short tail of direct", "direct", p99, 0.001, "rank.p99", "", "", experiments.Refuted},
	} {
		m := asReported()
		m[c.point][c.metric] = c.value
		v := exptest.Judge(t, &Experiment, asReported(), m)[c.claim]
		assert.Equal(t, []experiments.Verdict{c.predicted, c.measured, c.both}, []experiments.Verdict{v.Predicted, v.Measured, v.Both}, c.what)
		assert.False(t, v.Ok, c.what)
	}
}

func TestNeitherGainIsRefuted(t *testing.T) {
	m := asReported()
	m["direct"][throughput], m["direct"][p99] = 25000, 0.001
	assert.Equal(t, experiments.Refuted, exptest.Judge(t, &Experiment, nil, m)["I1.throughput"].Measured)
}

func TestMissingDataIsNotTestable(t *testing.T) {
	v := exptest.Judge(t, &Experiment, nil, exptest.Values{"semaphore": asReported()["semaphore"]})
	for _, id := range []string{"I1.suffers", "I1.throughput", "I1.utilisation", "I1.calls"} {
		assert.Equal(t, experiments.NotTestable, v[id].Measured, id)
	}
}
