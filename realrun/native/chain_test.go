package native_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gmplab/lab/realrun/native"
)

var sink uint64

func TestChainCallsComputesTheSame(t *testing.T) {
	for _, links := range []int64{-1, 0, 1, 1999, 2000, 2001, 10_000} {
		assert.Equal(t, native.Chain(links), native.ChainCalls(links), "%d links", links)
	}
	assert.EqualValues(t, 1, native.Chain(0))
	assert.NotEqual(t, native.Chain(10), native.Chain(11))
}

func TestChainIsNotRemoved(t *testing.T) {
	const links = 20_000_000
	from := time.Now()
	sink = native.Chain(links)
	assert.Greater(t, time.Since(from), links*time.Nanosecond/10) // no core does a link in a tenth of a nanosecond
}
