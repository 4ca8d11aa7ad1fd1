package calibrate

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestSlice: times until a waiting thread got its core lie evenly over a tick above the slice, but for some that got it
// at once.
func TestSlice(t *testing.T) {
	var waited []float64
	for i := range 400 {
		waited = append(waited, 1.4e6+float64(i)*1e4)
		if i%10 == 0 {
			waited = append(waited, 70_000)
		}
	}
	assert.InDelta(t, 1.4e6, sliceOf(waited, 4e6), 0.01e6)

	for i := range waited {
		waited[i] = float64(200_000 + i) // a machine too busy to show it
	}
	assert.EqualValues(t, baseSlice(runtime.NumCPU()), sliceOf(waited, 4e6))
	assert.Equal(t, 1400*time.Microsecond, baseSlice(2), "one core more doubles it: 1+log2")
	assert.Equal(t, 2800*time.Microsecond, baseSlice(64))
	assert.EqualValues(t, 0.9e6, sliceOf(nil, 1e6), "nothing seen: the kernel's, below a tick")
}

// TestPinned: threads stay on their core and end with their function.
func TestPinned(t *testing.T) {
	list := cores()
	if len(list) == 0 || !canPin(list[0]) {
		t.Skip("threads cannot be pinned here")
	}
	for _, core := range list[:min(2, len(list))] {
		<-pinned(core, true, func() { assert.Equal(t, []int{core}, cores()) })
	}
	assert.Equal(t, list, cores())
}
