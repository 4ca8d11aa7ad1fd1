package lab

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What objects cost lies between what was measured, by logarithms, and is the nearest beyond it.
func TestCostOfObjects(t *testing.T) {
	n := func(ns float64) Nanos { return Nanos{P50: ns} }
	c := Cost{AllocMin: n(20), AllocKiB: n(100)}
	assert.Equal(t, 120.0, c.AllocTime(1024, true, 1<<20), "without a table")
	assert.Zero(t, c.MarkTime(1024, 1, 1<<20, 0, false), "without a table")

	c.Alloc = []AllocCost{
		{Bytes: 16, Heap: 4 << 20, Time: n(10)}, {Bytes: 1024, Heap: 4 << 20, Time: n(80)}, {Bytes: 1024, Heap: 64 << 20, Time: n(160)},
		{Bytes: 16, Heap: 4 << 20, Pointers: true, Time: n(30)},
	}
	assert.Equal(t, 80.0, c.AllocTime(1024, false, 1<<20), "a smaller heap than any measured")
	assert.Equal(t, 160.0, c.AllocTime(1024, false, 1<<40))
	assert.InDelta(t, 80*1.41421356, c.AllocTime(1024, false, 16<<20), 1e-5, "half way by logarithms")
	assert.InDelta(t, 28.284271, c.AllocTime(128, false, 4<<20), 1e-5, "half way from 16 to 1024")
	assert.Equal(t, 10.0, c.AllocTime(1, false, 4<<20))
	assert.Equal(t, 320.0, c.AllocTime(2048, false, 64<<20), "in proportion beyond the largest")
	assert.Equal(t, 30.0, c.AllocTime(16, true, 4<<20))

	c.Mark = []MarkCost{{Bytes: 512, Live: 1 << 20, Pointers: true, Time: n(90)}, {Bytes: 1024, Live: 1 << 20, Pointers: true, Time: n(700)}}
	assert.Equal(t, 90.0, c.MarkTime(512, 1, 1, 0, false))
	assert.Equal(t, 700.0, c.MarkTime(520, 1, 1, 0, false), "with its type in a header")
	c.Mark = []MarkCost{
		{Bytes: 64, Live: 8 << 20, Time: n(10)}, {Bytes: 64, Live: 8 << 20, Pointers: true, Time: n(30)},
		{Bytes: 64, Live: 8 << 20, Pointers: true, Old: true, Time: n(90)}, {Bytes: 64, Live: 8 << 20, Old: true, Time: n(50)},
	}
	assert.Equal(t, 10.0, c.MarkTime(64, 0, 1, 0, false))
	assert.Equal(t, 30.0, c.MarkTime(64, 1, 1, 0, false))
	assert.Equal(t, 20.0, c.MarkTime(64, 0.5, 1, 0, false), "between none and all words")
	assert.Equal(t, 70.0, c.MarkTime(64, 0.5, 1, 0, true))
	assert.Equal(t, 50.0, c.MarkTime(128, 1, 1, 0, false), "scanning goes on in proportion, finding the object does not")
	c.Mark = c.Mark[:2]
	assert.Equal(t, 30.0, c.MarkTime(64, 1, 1, 0, true), "by this collector where the older one was not measured")

	c.Mark = append(c.Mark, MarkCost{Bytes: 64, Live: 32 << 20, Pointers: true, Among: 7, Time: n(60)}, MarkCost{Bytes: 64, Live: 32 << 20, Among: 7, Time: n(40)})
	assert.Equal(t, 30.0, c.MarkTime(64, 1, 1, 0, false), "nothing between them")
	assert.Equal(t, 60.0, c.MarkTime(64, 1, 1, 7, false))
	assert.Equal(t, 60.0, c.MarkTime(64, 1, 1, 100, false), "as far apart as was measured")
	assert.InDelta(t, 30*1.41421356, c.MarkTime(64, 1, 1, 1.8284271, false), 1e-5, "half way by logarithms")
	assert.Equal(t, 50.0, c.MarkTime(64, 0.5, 1, 7, false))
}
