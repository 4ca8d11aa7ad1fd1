package lab_test

import (
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
)

// A batch runs when it is full, or when its oldest request has waited for as long as it may.
func TestBatcher(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		b       lab.Batcher
		waiting int
		oldest  time.Duration
		now     time.Duration
		n       int
		wait    time.Duration
	}{
		{lab.Batcher{Max: 8, Wait: 2 * ms}, 0, 0, 5 * ms, 0, 0},
		{lab.Batcher{Max: 8, Wait: 2 * ms}, 0, 5 * ms, 5 * ms, 0, 0},
		{lab.Batcher{Max: 8}, 0, 0, 5 * ms, 0, 0},
		{lab.Batcher{Max: 8, Wait: 2 * ms}, 1, 5 * ms, 5 * ms, 0, 2 * ms},
		{lab.Batcher{Max: 8, Wait: 2 * ms}, 7, 4 * ms, 5 * ms, 0, ms},
		{lab.Batcher{Max: 8, Wait: 2 * ms}, 7, 3 * ms, 5 * ms, 7, 0},
		{lab.Batcher{Max: 8, Wait: 2 * ms}, 7, ms, 5 * ms, 7, 0},
		{lab.Batcher{Max: 8, Wait: 2 * ms}, 8, 5 * ms, 5 * ms, 8, 0},
		{lab.Batcher{Max: 8, Wait: 2 * ms}, 20, 5 * ms, 5 * ms, 8, 0},
		{lab.Batcher{Max: 8}, 3, 5 * ms, 5 * ms, 3, 0},
		{lab.Batcher{Max: 1, Wait: 2 * ms}, 1, 5 * ms, 5 * ms, 1, 0},
	} {
		n, wait := c.b.Take(c.waiting, c.oldest, c.now)
		assert.Equal(t, c.n, n, "%+v", c)
		assert.Equal(t, c.wait, wait, "%+v", c)
	}
}
