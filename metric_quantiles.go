package lab

import (
	"fmt"
	"strings"
)

// quantileCount is by how many numbers a distribution of latencies is told.
const quantileCount = 50

// LatencyQuantiles tell the whole distribution of latencies: the quantiles in the middles of as many parts of equal weight as there are.
// They are no part of Metrics, as a table of them tells nobody anything; experiments that compare distributions keep them.
var LatencyQuantiles = latencyQuantiles()

func latencyQuantiles() (list []Metric) {
	for i := range quantileCount {
		q := (float64(i) + 0.5) / quantileCount
		list = append(list, Metric{Name: fmt.Sprintf("%s%.2f:seconds", quantileOf, q), Help: "A quantile of the time from due to end.", Better: -1, Of: latency(q)})
	}
	return list
}

const quantileOf = "/latency/quantile/"

// quantileNamed finds one of LatencyQuantiles; nil if it is none.
func quantileNamed(name string) *Metric {
	if !strings.HasPrefix(name, quantileOf) {
		return nil
	}
	for i := range LatencyQuantiles {
		if LatencyQuantiles[i].Name == name {
			return &LatencyQuantiles[i]
		}
	}
	return nil
}
