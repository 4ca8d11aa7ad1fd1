package lab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// The median of an even number of slices lies between the two in the middle.
func TestMedianTimeSlice(t *testing.T) {
	m := MetricNamed("/sched/time-slice/p50:seconds")
	for _, c := range []struct {
		slices []time.Duration
		want   float64
	}{{[]time.Duration{10e6}, 0.01}, {[]time.Duration{10e6, 20e6}, 0.015}, {[]time.Duration{10e6, 12e6, 20e6}, 0.012}, {[]time.Duration{1e6, 10e6, 14e6, 20e6}, 0.012}} {
		v, ok := m.Of(&Result{TimeSlices: c.slices})
		assert.True(t, ok)
		assert.InDelta(t, c.want, v, 1e-12)
	}
	_, ok := m.Of(&Result{})
	assert.False(t, ok)
}
