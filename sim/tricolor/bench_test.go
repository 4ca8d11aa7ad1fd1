package tricolor_test

import (
	"testing"

	"github.com/gmplab/lab/sim/tricolor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const million = 1_000_000

// large are heaps of n objects.
func large(n int) []struct {
	name  string
	graph *tricolor.Graph
} {
	return []struct {
		name  string
		graph *tricolor.Graph
	}{
		{"random", tricolor.RandomGraph(1, n, 2)},
		{"list", tricolor.ListGraph(1, n)},
	}
}

// A large heap is marked to its end: what is reachable is black and nothing else is.
func TestLargeHeaps(t *testing.T) {
	n := million
	if testing.Short() {
		n = 50_000
	}
	for _, l := range large(n) {
		var m tricolor.Machine
		require.NoError(t, m.Reset(l.graph, rules(tricolor.Hybrid)))
		m.Finish()
		freed, lost := m.Sweep()
		reached := 0
		for r, is := range m.Reachable() {
			if r > 0 && is {
				reached++
			}
		}
		assert.Empty(t, lost)
		assert.Equal(t, n-freed, reached)
		if l.name == "list" {
			assert.Zero(t, freed)
		} else {
			assert.InDelta(t, 0.797, float64(reached)/float64(n), 0.01, "1-r = exp(-2r)")
		}
	}
	assert.Nil(t, tricolor.RandomGraph(1, 0, 2))
	assert.Nil(t, tricolor.RandomGraph(1, 1<<30, 2))
	assert.Nil(t, tricolor.ListGraph(1, 0))
}

// BenchmarkMark marks a million objects. random: two pointers each, anywhere, four in five are reachable; list: one after
// another, in any order in memory.
func BenchmarkMark(b *testing.B) {
	for _, l := range large(million) {
		b.Run(l.name, func(b *testing.B) {
			var m tricolor.Machine
			require.NoError(b, m.Reset(l.graph, rules(tricolor.Hybrid)))
			for b.Loop() {
				m.Restart()
				m.Finish()
			}
			b.ReportMetric(float64(b.N)*million/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

// BenchmarkCase draws a case of the property test and runs it.
func BenchmarkCase(b *testing.B) {
	var m tricolor.Machine
	var c tricolor.Case
	seed := uint64(0)
	for b.Loop() {
		c.Draw(seed, tricolor.Small)
		seed++
		_, lost, err := m.Run(&c, rules(tricolor.Hybrid))
		if err != nil || len(lost) > 0 {
			b.Fatal(err, lost)
		}
	}
}
