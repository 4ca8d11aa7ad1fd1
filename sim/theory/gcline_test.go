package theory

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// guide gives the workloads of the guide's five graphs, and their other memory.
func guide(graph string) ([]GCPhase, float64) {
	phase := func(duration, alloc, survival, death float64) GCPhase {
		return GCPhase{Duration: duration, AllocRate: alloc, ScanRate: 1024, NewSurvival: survival, OldDeath: death}
	}
	steady := []GCPhase{phase(1, 20, 1, 0), phase(9, 20, 0, 0)}
	spike := []GCPhase{phase(1, 20, 1, 0), phase(4, 20, 0, 0), phase(.5, 20, 1, 0), phase(.5, 20, 0, 0), phase(.5, 20, 0, .5), phase(3.5, 20, 0, 0)}
	switch graph {
	case "1":
		return steady, 0
	case "2":
		return []GCPhase{phase(1, 20, 1, 0), phase(1, 20, 0, .5), phase(1, 20, .5, 0), phase(1, 20, 0, .5), phase(1, 20, .5, 0), phase(5, 200, .02, 1)}, 0
	case "4":
		return steady, 10
	}
	return spike, 0
}

// TestGCGuide: as the guide's own script, at the default settings of all five graphs and beside them. We promise 2 %, and get
// all digits.
func TestGCGuide(t *testing.T) {
	text, err := os.ReadFile("testdata/gcguide.txt")
	require.NoError(t, err)
	graphs, rows := map[string]bool{}, 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		require.Len(t, f, 7)
		var v [7]float64
		for i, s := range f {
			if v[i] = math.Inf(1); s != "off" {
				v[i], err = strconv.ParseFloat(s, 64)
				require.NoError(t, err)
			}
		}
		phases, other := guide(f[0])
		have := GCLine(phases, GCSetting{GOGC: v[1], MemoryLimit: v[2], OtherMem: other, FixedCost: 0.04})
		assert.InEpsilon(t, v[3], have.Total, 1e-9, line)
		assert.InEpsilon(t, v[4], have.Share, 1e-9, line)
		assert.InEpsilon(t, v[5], have.Peak, 1e-9, line)
		assert.EqualValues(t, v[6], have.Cycles, line)
		graphs[f[0]] = true
		rows++
	}
	assert.Len(t, graphs, 5)
	assert.GreaterOrEqual(t, rows, 20, "the defaults and GOGC 50, 100 and 200 of each")
}

// TestGCLineByHand: a steady program with 20 MiB live, GOGC=100 and nothing else has a cycle per 20 MiB.
func TestGCLineByHand(t *testing.T) {
	phases := []GCPhase{{Duration: 1, AllocRate: 20, ScanRate: 1000, NewSurvival: 1}, {Duration: 99.5, AllocRate: 20, ScanRate: 1000}}
	off := GCSetting{GOGC: math.Inf(1), MemoryLimit: math.Inf(1), FixedCost: 0.03}
	have := GCLine(phases, off)
	assert.Equal(t, GCTotal{Total: 100.5, Share: 0, Peak: 2010}, have, "no collector")
	off.MemoryLimit, off.OtherMem = 50, 10
	have = GCLine(phases, off)
	assert.Equal(t, 99, have.Cycles, "after 40 MiB, and then each 20")
	assert.InDelta(t, 100.5+99*0.05, have.Total, 1e-9)
	assert.InDelta(t, 99*0.05/have.Total, have.Share, 1e-12)
	assert.Equal(t, 50.0, have.Peak)
}

// TestGCLineLimits: no allocation, all that survives, a live heap above the limit, GOGC of nothing: an end and finite numbers.
func TestGCLineLimits(t *testing.T) {
	set := GCSetting{GOGC: 100, MemoryLimit: math.Inf(1), FixedCost: 0.01}
	assert.Equal(t, GCTotal{Total: 7}, GCLine([]GCPhase{{Duration: 7, ScanRate: 1}}, set))
	assert.Equal(t, GCTotal{}, GCLine([]GCPhase{{AllocRate: 5, ScanRate: 1}}, set))
	all := GCLine([]GCPhase{{Duration: 8, AllocRate: 128, ScanRate: 1024, NewSurvival: 1}}, set)
	assert.Equal(t, 8, all.Cycles, "each doubles what is live: 4 to 512")
	assert.InDelta(t, 8+8*0.01+1020.0/1024, all.Total, 1e-9)
	set.MemoryLimit = 1
	above := GCLine([]GCPhase{{Duration: 1, AllocRate: 10, ScanRate: 1024, NewSurvival: 1}}, set)
	assert.Equal(t, 96, above.Cycles, "after 4 MiB, and then after each sixteenth of one, but not at the end")
	assert.LessOrEqual(t, above.Peak, 10.0)
	none := GCLine([]GCPhase{{Duration: 1, AllocRate: 10, ScanRate: 1024, NewSurvival: 1}}, GCSetting{MemoryLimit: math.Inf(1)})
	assert.Equal(t, 95, none.Cycles, "the first a sixteenth later")
}
