package gort

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Every decision has a full sentence, which names the function that a transcript names, and every small one a full
// sentence of its own.
func TestEverySentenceIsThere(t *testing.T) {
	names := &Names{}
	for w := range dLast {
		if int(w) >= len(sentences) && w < FirstDetail {
			continue // no decision
		}
		k := Mark{What: w, P: 0, G: 7, A: 1, B: 2, Left: 3}
		text := k.Long(names)
		assert.NotEmpty(t, text, "%d", w)
		assert.NotContains(t, text, "%!", "%d", w)
		assert.NotContains(t, k.String(), "%!", "%d", w)
		assert.NotEmpty(t, long[w], "decision %d (%s) has no full sentence", w, k)
		assert.Equal(t, w >= FirstDetail, k.String() == text && w >= FirstDetail, "%d", w)
	}
	assert.Equal(t, "findRunnable → stealWork from P1: took 2 of 5, oldest first; runs the youngest, g7",
		Mark{What: tSteal, G: 7, A: 1, B: 2, Left: 3}.Long(names))
}
