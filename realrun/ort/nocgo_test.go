//go:build !cgo

package ort

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithoutCgo(t *testing.T) {
	require.ErrorIs(t, Open(Library{Path: "x"}), ErrNoCgo)
	sentence(t, Open(Library{}), "built without cgo")
	s, err := Load(nil, Options{})
	require.ErrorIs(t, err, ErrNoCgo)
	slot, err := s.NewSlot(1)
	require.ErrorIs(t, err, ErrNoCgo)
	require.ErrorIs(t, s.Run(slot, 1), ErrNoCgo)
	require.NoError(t, slot.Close())
	require.NoError(t, s.Close())
	require.NoError(t, Close())
	assert.Empty(t, Version())
	assert.Empty(t, Providers())
}
