package exptest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

// Values are made-up medians: metric by metric of each point, and Spread beside them.
type Values map[string]map[string]float64

// Spread is the key of how wide a point's intervals are: from so much below the medians to so much above, as a share.
const Spread = "spread"

// Judge gives what the claims of an experiment say of made-up data, so that its Rules can be tested without a run. A
// side that is nil was not run.
func Judge(t *testing.T, e *experiments.Experiment, predicted, measured Values) map[string]experiments.ClaimVerdict {
	t.Helper()
	file := func(side string, v Values) string {
		if v == nil {
			return ""
		}
		path := filepath.Join(t.TempDir(), side+".bench")
		require.NoError(t, os.WriteFile(path, []byte(bench(e, side, v)), 0o644))
		return path
	}
	o, err := experiments.CompareFiles(e, file(lab.Predicted, predicted), file(lab.Measured, measured))
	require.NoError(t, err)
	verdicts := map[string]experiments.ClaimVerdict{}
	for _, v := range o.Verdicts {
		verdicts[v.ID] = v
	}
	return verdicts
}

// bench writes three repetitions.
func bench(e *experiments.Experiment, side string, v Values) string {
	var b strings.Builder
	fmt.Fprintf(&b, "side: %s\ncores: 2\nseed: %d\n\n", side, Seed)
	for _, point := range slices.Sorted(maps.Keys(v)) {
		for rep := range 3 {
			fmt.Fprintf(&b, "BenchmarkLab/exp=%s/point=%s/rep=%d 1", e.Name, point, rep)
			for _, metric := range slices.Sorted(maps.Keys(v[point])) {
				if metric != Spread {
					fmt.Fprintf(&b, " %v %s", v[point][metric]*(1+v[point][Spread]*float64(rep-1)), metric)
				}
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
