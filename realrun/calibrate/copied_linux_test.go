package calibrate

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A page that is read first costs more, and far more beside another thread of the process.
func TestCopied(t *testing.T) {
	if list := cores(); len(list) < 2 || !canPin(list[0]) || !canPin(list[1]) {
		t.Skip("needs two cores")
	}
	b := newBench(context.Background(), 0.3)
	c := b.cost()
	for b.round = 0; b.round < 3 || b.round < 12 && c.CopyPagePeerKiB.P50*c.CopyPageStolenKiB.P50 == 0; b.round++ { // other tests may run beside it
		require.NoError(t, b.copied())
		c = b.cost()
	}
	assert.Positive(t, c.CopyPagePeerKiB.P50)
	assert.Positive(t, c.CopyPageStolenKiB.P50)
}
