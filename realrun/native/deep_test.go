package native_test

import (
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gmplab/lab/realrun/native"
)

func TestDeepComputesTheSame(t *testing.T) {
	for _, stack := range []int64{0, 1, 5000, 300_000} {
		assert.Equal(t, native.Chain(5000), native.Deep(5000, stack, false), "%d bytes", stack)
		assert.Equal(t, native.Chain(5000), native.Deep(5000, stack, true), "%d bytes", stack)
	}
}

// TestDeepGrowsTheStack: each goroutine that goes 60,000 bytes deep has 64 KiB of stack afterwards, and no more than twice that.
func TestDeepGrowsTheStack(t *testing.T) { growsTheStack(t, func() { native.Deep(1, 60_000, false) }) }

// TestLocalLiesOnTheStack: so has one with an object of 60,000 bytes there.
func TestLocalLiesOnTheStack(t *testing.T) { growsTheStack(t, func() { native.Local(60_000) }) }

func TestLocalIsZeroAndNotOnTheHeap(t *testing.T) {
	for _, bytes := range []int64{0, 1, 16, 17, 1000, 65_536} {
		assert.Zero(t, native.Local(bytes), "the sum of some of its bytes")
		assert.Zero(t, testing.AllocsPerRun(10, func() { native.Local(bytes) }), "%d bytes", bytes)
	}
}

func growsTheStack(t *testing.T, use func()) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection would shrink them
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.StackInuse
	}
	const n = 64
	runtime.GC() // frees the stacks that goroutines before have left, which those here would take
	before := inUse()
	var grown, all sync.WaitGroup
	hold := make(chan struct{})
	for range n {
		grown.Add(1)
		all.Go(func() {
			use()
			grown.Done()
			<-hold
		})
	}
	grown.Wait()
	each := (inUse() - before) / n
	close(hold)
	all.Wait()
	assert.GreaterOrEqual(t, each, uint64(64<<10))
	assert.LessOrEqual(t, each, uint64(130<<10))
}
