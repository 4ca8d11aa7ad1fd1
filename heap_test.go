package lab

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseFileRefusesHeapSteps(t *testing.T) {
	const file = "workload: {name: small, run: 1s, pools: [%s], classes: [{name: a, arrivals: {kind: once, count: 2}, steps: [%s]}]}"
	for _, c := range []struct{ pools, steps, want string }{
		{"{bytes: 1}", "{do: yield}", `pools[0].name: "" is empty or used twice; give each pool its own name`},
		{"{name: p, bytes: 1}, {name: p, bytes: 1}", "{do: yield}", `pools[1].name: "p" is empty or used twice; give each pool its own name`},
		{"{name: p}", "{do: yield}", `pools[0].bytes: 0 is not possible; use 1 to 1073741824`},
		{"{name: p, bytes: 1, pointers: 2}", "{do: yield}", `pools[0].pointers: 2 is not possible; use 0 to 1`},
		{"{name: p, bytes: 1, kind: free}", "{do: yield}", `pools[0].cap: 0 is not possible; use 1 to 1048576`},
		{"{name: p, bytes: 1, kind: slab}", "{do: yield}", `pools[0].kind: unknown value "slab"; use one of ["pointer" "slice" "free" "none"]`},
		{"", "{do: get, name: p}", `classes[0].steps[0].name: pool "p" is not in workload.pools; add it there`},
		{"{name: p, bytes: 1}", "{do: put, name: p}", `classes[0].steps[0]: puts back into pool "p" more than it got; add a get step before it`},
		{"", "{do: alloc}", `classes[0].steps[0].bytes: 0 is not possible; use 1 to 1073741824`},
		{"", "{do: alloc, bytes: 70000, local: true}", `classes[0].steps[0].bytes: 70000 is not possible; use 1 to 65536`},
		{"", "{do: alloc, bytes: 1, count: -1}", `classes[0].steps[0].count: -1 is not possible; use 0 to 16777216`},
		{"", "{do: alloc, bytes: 1, pointers: 1.5}", `classes[0].steps[0].pointers: 1.5 is not possible; use 0 to 1`},
		{"", "{do: alloc, bytes: 1073741824, count: 17}", `classes[0].steps[0].count: 17 objects of 1073741824 bytes are 17 GiB; one step may allocate 16 GiB`},
		{"", "{do: retain, name: s, count: 5}, {do: retain, name: s}", `classes[0].steps[1].count: 0, but another retain step lets the set "s" keep 5; give all of them the same`},
		{"", "{do: retain}", `classes[0].steps[0].name: empty; a retain step needs a name`},
		{"", "{do: release, name: s, count: -1}", `classes[0].steps[0].count: -1 is not possible; use 0 to 16777216`},
		{"", "{do: store, count: -1}", `classes[0].steps[0].count: -1 is not possible; use 0 to 16777216`},
		{"", "{do: setgcpercent, count: -2}", `classes[0].steps[0].count: -2 is not possible; use -1 to 1000000`},
		{"", "{do: setmemorylimit, bytes: -1}", `classes[0].steps[0].bytes: -1 is not possible; use 0 to 1152921504606846976`},
	} {
		_, err := parseWorkload("my.yaml", fmt.Appendf(nil, file, c.pools, c.steps))
		require.Error(t, err, c.steps)
		assert.Equal(t, "my.yaml:1: workload."+c.want, err.Error())
	}
	f, err := parseWorkload("my.yaml", fmt.Appendf(nil, file, "{name: p, bytes: 4096, kind: free, cap: 2}",
		"{do: get, name: p}, {do: alloc, bytes: 64, count: 3}, {do: retain, name: s, count: 8}, {do: store, count: 9}, {do: put, name: p}, {do: gc}, {do: setgcpercent, count: -1}"))
	require.NoError(t, err)
	assert.True(t, f.Workload.Allocates())
	assert.Equal(t, PoolFree, f.Workload.Pools[0].Kind)
}
