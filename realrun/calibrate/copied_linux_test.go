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
	for b.round = range 3 {
		require.NoError(t, b.copied())
	}
	c := b.cost()
	t.Log(c.CopyPageKiB, c.CopyPagePeerKiB, c.CopyPageStolenKiB)
	assert.Positive(t, c.CopyPagePeerKiB.P50)
	assert.Positive(t, c.CopyPageStolenKiB.P50)
}
