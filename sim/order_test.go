package sim_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runOrder is the order in which goroutines 1 … n run that one goroutine started and waits for, on one P whose schedtick is
// tick: a second statement of runqput, runqputslow and findRunnable, as short as it can be.
func runOrder(n, tick int) (order []int) {
	var ring, global []int
	next := 0
	for k := 1; k <= n; k++ {
		old := next
		next = k
		switch {
		case old == 0:
		case len(ring) < 256:
			ring = append(ring, old)
		default:
			global = append(append(global, ring[:128]...), old)
			ring = ring[128:]
		}
	}
	for len(order) < n {
		switch {
		case tick%61 == 0 && len(global) > 0:
			order, global = append(order, global[0]), global[1:]
			tick++
		case next != 0: // inherits the time slice
			order, next = append(order, next), 0
		case len(ring) > 0:
			order, ring = append(order, ring[0]), ring[1:]
			tick++
		default:
			k := min(len(global), 128)
			order, ring, global = append(order, global[0]), global[1:k], global[k:]
			tick++
		}
	}
	return order
}

// The lists that were observed on Go 1.26.
func TestRunOrderIsTheOneObserved(t *testing.T) {
	require.Equal(t, []int{5, 1, 2, 3, 4}, runOrder(5, 7))

	order := runOrder(300, 1)
	require.Equal(t, 300, order[0])
	require.Equal(t, []int{188, 1, 189}, order[60:63], "one from the global queue at tick 61")
	require.Equal(t, []int{248, 2, 249}, order[121:124], "and at tick 122")
	require.Equal(t, []int{127, 128, 257}, order[297:], "the rest of the global queue is last")
	var local []int
	for _, k := range order[1:173] {
		if k != 1 && k != 2 {
			local = append(local, k)
		}
	}
	var want []int
	for k := 129; k < 300; k++ {
		if k != 257 {
			want = append(want, k)
		}
	}
	require.Equal(t, want, local, "ring 129…256, 258…299")
}

// simulatedOrder is the order in which the simulator begins n children, after that many yields of their parent.
func simulatedOrder(t *testing.T, n, yields int) []int {
	steps := slices.Repeat([]lab.Step{{Do: lab.Yield}}, yields)
	steps = append(steps, lab.Step{Do: lab.Go, Name: "child", Count: n}, lab.Step{Do: lab.Wait})
	w := lab.Workload{Name: "order", Classes: []lab.Class{
		{Name: "main", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: steps},
		{Name: "child", Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(10 * time.Microsecond)}}}}}
	cost := lab.Cost{Newproc: lab.Nanos{P50: 1}} // so that Due numbers the children
	_, r := traced(t, cost, lab.Trial{Workload: w, Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: 1})
	children := slices.DeleteFunc(r.Requests, func(q lab.Request) bool { return q.Class == 0 })
	require.Len(t, children, n)
	var dues []time.Duration
	for _, q := range children {
		dues = append(dues, q.Due)
	}
	slices.Sort(dues)
	require.Len(t, slices.Compact(slices.Clone(dues)), n, "each child has its own due time")
	slices.SortFunc(children, func(a, b lab.Request) int { return cmp.Compare(a.Start, b.Start) })
	var order []int
	for _, q := range children {
		i, _ := slices.BinarySearch(dues, q.Due)
		order = append(order, i+1)
	}
	return order
}

func TestSimulatedRunOrder(t *testing.T) {
	for _, n := range []int{1, 2, 5, 256, 257, 258, 300, 700} {
		for _, yields := range []int{0, 1, 2, 13, 60, 61} {
			assert.Equal(t, runOrder(n, yields), simulatedOrder(t, n, yields), "%d goroutines, tick %d", n, yields)
		}
	}
}

const orderOf = "GMPLAB_TEST_ORDER_OF" // how many goroutines the re-executed test binary shall start

// TestRealOrder is the program that TestRealRunOrder runs: it prints the order in which its goroutines ran.
func TestRealOrder(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv(orderOf))
	if err != nil {
		t.Skip("run by TestRealRunOrder")
	}
	for range 10 { // lets the goroutines of the runtime and of testing run that have not yet
		runtime.Gosched()
	}
	var wg sync.WaitGroup
	order := make([]int, 0, n)
	for k := 1; k <= n; k++ {
		wg.Add(1)
		go func() {
			order = append(order, k)
			wg.Done()
		}()
	}
	wg.Wait()
	fmt.Println("order", order)
}

// realOrder runs that program.
func realOrder(t *testing.T, n int) (order []int) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestRealOrder$", "-test.v")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", fmt.Sprintf("%s=%d", orderOf, n))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	_, list, found := bytes.Cut(out, []byte("order ["))
	require.True(t, found, "%s", out)
	list, _, _ = bytes.Cut(list, []byte("]"))
	for _, f := range strings.Fields(string(list)) {
		k, err := strconv.Atoi(f)
		require.NoError(t, err)
		order = append(order, k)
	}
	return order
}

// The real runtime runs goroutines in the order that the simulator predicts. Its schedtick at the start is not known: any
// of the 61 phases will do, all with one goroutine from the global queue every 61 ticks. When a new Go release changes
// the order, this test says so.
func TestRealRunOrder(t *testing.T) {
	if raceEnabled(t) {
		t.Skip("under the race detector the runtime shuffles its queues (randomizeScheduler)")
	}
	for _, n := range []int{5, 256, 258, 300, 700} {
		var got []int
		agrees := func() bool {
			got = realOrder(t, n)
			for tick := range 61 {
				if slices.Equal(got, runOrder(n, tick)) {
					return true
				}
			}
			return false
		}
		// The program is not alone: another process may keep it from its core for so long that sysmon preempts it, or a
		// goroutine of the runtime may take the place of one of ours. Try again.
		ok := false
		for try := 0; try < 5 && !ok; try++ {
			ok = agrees()
		}
		assert.True(t, ok, "%s runs %d goroutines in the order %v; no phase of the simulator's order has it, such as %v",
			runtime.Version(), n, got, runOrder(n, 1))
	}
}

// raceEnabled tells whether the test binary was built with the race detector.
func raceEnabled(t *testing.T) bool {
	info, ok := debug.ReadBuildInfo()
	require.True(t, ok)
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
