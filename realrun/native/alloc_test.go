package native

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestObjectTypeHasTheSizeAndTheShareOfPointers(t *testing.T) {
	for _, bytes := range []int64{1, 7, 8, 9, 64, 127, 128, 129, 1000, 4096, 1 << 20} {
		for _, share := range []float64{0, 0.01, 0.25, 0.5, 1} {
			typ := objectType(bytes, share)
			if share == 0 || bytes < wordBytes {
				assert.Nil(t, typ)
				continue
			}
			require.NotNil(t, typ)
			assert.LessOrEqual(t, bytes, int64(typ.Size()))
			assert.Less(t, int64(typ.Size()), bytes+wordBytes)
			assert.NotNil(t, ObjectOf(bytes, share).New())
		}
	}
	pointers := 0
	for _, typ := range pattern(patternWords, 0.25) {
		if typ.Kind() != 0 && typ.String() == "*uint8" {
			pointers++
		}
	}
	assert.Equal(t, 4, pointers)
}
