package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab/experiments/reference"
	"github.com/gmplab/lab/realrun/calibrate"
)

// The committed calibration has all that the simulator charges, so that every example can be predicted without another one.
func TestReferenceIsComplete(t *testing.T) {
	cost, err := reference.Cost()
	require.NoError(t, err)
	assert.Empty(t, calibrate.Missing(cost))
}
