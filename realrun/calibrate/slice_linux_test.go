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
	b := bench{ticks: []float64{4e6, 4.1e6, 3.9e6, 20e6, 4e6}}
	for i := range 400 {
		b.slice = append(b.slice, 1.4e6+float64(i)*1e4)
		if i%10 == 0 {
			b.slice = append(b.slice, 70_000)
		}
	}
	tick, slice := b.tickAndSlice()
	assert.Equal(t, 4*time.Millisecond, tick)
	assert.InDelta(t, 1.4e6, float64(slice), 0.01e6)

	for i := range b.slice {
		b.slice[i] = float64(200_000 + i) // a machine too busy to show it
	}
	_, slice = b.tickAndSlice()
	assert.Equal(t, baseSlice(runtime.NumCPU()), slice)
	assert.Equal(t, 1400*time.Microsecond, baseSlice(2), "one core more doubles it: 1+log2")
	assert.Equal(t, 2800*time.Microsecond, baseSlice(64))
	b = bench{}
	tick, slice = b.tickAndSlice()
	assert.Zero(t, tick+slice, "nothing seen, nothing claimed")
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
