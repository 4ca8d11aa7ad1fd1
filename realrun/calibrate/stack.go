package calibrate

import (
	"sync/atomic"
	"time"

	"github.com/gmplab/lab/realrun/native"
)

// The depths of the growths that are timed: the first needs 8 KiB, whatever the runtime gives a new goroutine by now, the next
// 16 KiB and the last 64 KiB.
const (
	ground  = 6_500
	shallow = 14_000
	deep    = 50_000
)

// What copystack copies for them: all up to the guard (runtime/stack.go), in KiB.
const (
	shallowKiB = 8 - 928.0/1024
	deepKiB    = 16 + 32 - 2*928.0/1024
)

// stacks measures growth: going deep for the first time takes longer than for the second by the growth. One to
// 16 KiB and two more to 64 KiB are two equations for what a growth costs, and what each KiB of it costs.
func (b *bench) stacks() error {
	procs(1, func() {
		var one, two []float64
		for range b.times(40) {
			done := make(chan struct{})
			go func() {
				native.Deep(0, ground, false)
				one = append(one, growth(shallow))
				two = append(two, growth(deep))
				close(done)
			}()
			<-done
		}
		kib := max(median(two)-2*median(one), 0) / (deepKiB - 2*shallowKiB)
		b.add("StackKiB", kib)
		b.add("StackGrow", max(median(one)-shallowKiB*kib, 0))
		b.newStacks()
	})
	return nil
}

// growth gives the nanoseconds by which going that deep takes longer when the stack has to grow.
func growth(bytes int64) float64 {
	start := time.Now()
	native.Deep(0, bytes, false)
	grown := time.Now()
	native.Deep(0, bytes, false)
	return float64(grown.Sub(start) - time.Since(grown))
}

// newStacks measures what a go statement costs more when the goroutine whose g it reuses had a grown stack.
func (b *bench) newStacks() {
	done := make(chan struct{})
	var left atomic.Int32
	end := func() {
		if left.Add(-1) == 0 {
			done <- struct{}{}
		}
	}
	far := func() {
		native.Deep(0, shallow, false)
		end()
	}
	start := func(body func()) float64 {
		left.Store(batch)
		from := time.Now()
		for range batch {
			go body()
		}
		took := time.Since(from)
		<-done
		return float64(took) / batch
	}
	var with, without []float64
	for range b.times(20) {
		start(far)
		without = append(without, start(end))
		with = append(with, start(end))
	}
	b.add("StackNew", max(median(without)-median(with), 0))
}
