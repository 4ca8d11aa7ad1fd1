package calibrate

import (
	"sync/atomic"
	"time"

	"github.com/gmplab/lab/realrun/native"
)

// The depths to which goroutines go. The first needs a stack of 8 KiB, whatever the runtime gives a new goroutine by now (it
// follows what collections saw), the next one 16 KiB, and the last one 64 KiB.
const (
	ground  = 6_500
	shallow = 14_000
	deep    = 50_000
)

// What copystack copies for the growth to 16 KiB, and for the two from there to 64 KiB: all up to the guard
// (runtime/stack.go), in KiB.
const (
	shallowKiB = 8 - 928.0/1024
	deepKiB    = 16 + 32 - 2*928.0/1024
)

// stacks measures what goroutines that go deep, once in a life, take longer than those that go less deep. One growth more
// and two more are two equations for what a growth costs, and what each KiB of it costs. A second descent grows nothing:
// it gives the calls themselves.
func (b *bench) stacks() error {
	procs(1, func() {
		calls := median(b.descents())
		const kib = 1.0 / 1024
		var one, two, with, without []float64
		for range b.times(20) {
			_, base := lives(ground)
			_, once := lives(shallow)
			_, thrice := lives(deep)
			again, _ := lives(1)
			fresh, _ := lives(1)
			without, with = append(without, again), append(with, fresh)
			one = append(one, once-base-calls*kib*(shallow-ground))
			two = append(two, thrice-once-calls*kib*(deep-shallow))
		}
		each := max(median(two)-2*median(one), 0) / (deepKiB - 2*shallowKiB)
		b.add("StackUse", calls)
		b.add("StackKiB", each)
		b.add("StackGrow", max(median(one)-shallowKiB*each, 0))
		b.add("StackNew", max(median(without)-median(with), 0))
	})
	return nil
}

// descents gives the nanoseconds of one KiB of calls in a stack that need not grow.
func (b *bench) descents() (ns []float64) {
	done := make(chan struct{})
	go func() {
		native.Deep(0, deep, false)
		ns = b.each(200, func(n int) {
			for range n {
				native.Deep(0, deep, false)
			}
		})
		close(done)
	}()
	<-done
	for i := range ns {
		ns[i] /= deep / 1024.0
	}
	return ns
}

// lives starts a batch of goroutines that go that deep and end, and gives the nanoseconds of a go statement, and of a life.
func lives(stack int64) (spawn, life float64) {
	done := make(chan struct{})
	var left atomic.Int32
	left.Store(batch)
	start := time.Now()
	for range batch {
		go func() {
			native.Deep(0, stack, false)
			if left.Add(-1) == 0 {
				done <- struct{}{}
			}
		}()
	}
	spawned := time.Since(start)
	<-done
	return float64(spawned) / batch, float64(time.Since(start)-spawned) / batch
}
