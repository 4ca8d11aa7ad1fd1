package calibrate

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPackLimit(t *testing.T) {
	at := func(stayed bool, utils ...float64) (s []packing) {
		for _, u := range utils {
			s = append(s, packing{u, stayed})
		}
		return s
	}
	assert.InDelta(t, 0.65, packLimit(append(at(false, 0.9, 0.7, 0.8), at(true, 0.3, 0.6, 0.5)...)), 1e-9)
	assert.InDelta(t, 0.65, packLimit(append(at(false, 0.9, 0.7, 0.8, 0.4), at(true, 0.3, 0.6, 0.5, 0.85)...)), 1e-9, "one each on the wrong side")
	assert.Zero(t, packLimit(at(false, 0.3, 0.5, 0.9)), "the kernel does not pack")
	assert.Equal(t, 0.9, packLimit(at(true, 0.3, 0.5, 0.9)))
	assert.Zero(t, packLimit(nil))
}
