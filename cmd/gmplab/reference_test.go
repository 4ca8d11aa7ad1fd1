package main

import (
	"path/filepath"
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

// So have the costs that the committed predictions are charged.
func TestCommittedCostsAreComplete(t *testing.T) {
	files, err := filepath.Glob("../../experiments/*/measured/*.cost.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		cost, _, err := reference.Read(name)
		require.NoError(t, err)
		assert.Empty(t, calibrate.Missing(cost), name)
	}
}
