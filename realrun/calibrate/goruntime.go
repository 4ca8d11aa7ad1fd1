package calibrate

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
)

// goProbes measure what needs neither cgo nor Linux. All but the creation of threads run on one P, so that nothing
// else of the process runs meanwhile.
func goProbes() []probe {
	return []probe{
		{"the dependent chain", (*bench).link},
		{"goroutines", (*bench).goroutines},
		{"new goroutines", (*bench).newG},
		{"stacks", (*bench).stacks},
		{"channels and switches", (*bench).handoff},
		{"timers, mutexes and clocks", (*bench).small},
		{"allocation", (*bench).alloc},
		{"copying and recording", (*bench).copies},
		{"creating threads", (*bench).clone},
	}
}

// chunks is how often a measurement is repeated within a round; the round keeps the median.
const chunks = 7

// each gives the nanoseconds per operation of f, which does n of them, for each of a few chunks.
func (b *bench) each(n int, f func(n int)) []float64 {
	n = b.times(n)
	f(n/8 + 1) // into the caches
	var ns []float64
	for end := time.Now().Add(patience / chunks); len(ns) < chunks && (len(ns) == 0 || time.Now().Before(end)); {
		start := time.Now()
		f(n)
		ns = append(ns, float64(time.Since(start))/float64(n))
	}
	return ns
}

func (b *bench) link() error {
	b.add("Link", b.each(1_000_000, func(n int) { runtime.KeepAlive(native.Chain(int64(n))) })...)
	return nil
}

// batch is how many goroutines the probe of their life starts at a time: they fit into the run queue of one P.
const batch = 200

// goroutines splits the life of an empty goroutine: batches fit into the run queue of one P (256), the go statements
// are timed alone, and so is the wait until all have run. That wait also holds the hop to and from the waiter, which
// is one ping-pong hop and is taken off.
func (b *bench) goroutines() error {
	procs(1, func() {
		done := make(chan struct{})
		var left atomic.Int32
		body := func() {
			if left.Add(-1) == 0 {
				done <- struct{}{}
			}
		}
		var spawn, life []float64
		for range b.times(40) + 2 {
			left.Store(batch)
			start := time.Now()
			for range batch {
				go body()
			}
			spawned := time.Since(start)
			<-done
			spawn = append(spawn, float64(spawned)/batch)
			life = append(life, float64(time.Since(start)-spawned))
		}
		hop := median(b.pingPong())
		b.add("Newproc", spawn[2:]...)
		b.add("Goexit", (median(life[2:])-hop)/batch)
	})
	return nil
}

// pingPong gives the time of one hop between two goroutines over unbuffered channels.
func (b *bench) pingPong() []float64 {
	ping, pong := make(chan struct{}), make(chan struct{})
	go func() {
		for range ping {
			pong <- struct{}{}
		}
	}()
	defer close(ping)
	return b.each(3000, func(n int) {
		for range n / 2 {
			ping <- struct{}{}
			<-pong
		}
	})
}

// handoff splits one hop of a ping-pong: the sender finds the receiver waiting (Chan, Ready) and then blocks in its
// own receive (Chan, Switch). Chan is an operation on a buffered channel, Switch is Gosched between two goroutines,
// and Ready is the rest. Where Gosched alone costs more than there is room for, its queue operations are dearer than
// those of gopark: then Ready is zero and Switch is the rest.
func (b *bench) handoff() error {
	procs(1, func() {
		c := make(chan struct{}, 1)
		op := median(b.each(10_000, func(n int) {
			for range n / 2 {
				c <- struct{}{}
				<-c
			}
		}))
		hop := median(b.pingPong())
		swap := median(b.yields())
		room := max(hop-2*op, 0)
		b.add("Chan", op)
		b.add("Switch", min(swap, room))
		b.add("Ready", max(room-swap, 0))
		b.timers(min(swap, room), max(room-swap, 0))
	})
	return nil
}

// yields gives the time of one Gosched between two goroutines that do nothing else.
func (b *bench) yields() []float64 {
	var stop atomic.Bool
	stopped := make(chan struct{})
	go func() {
		for !stop.Load() {
			runtime.Gosched()
		}
		close(stopped)
	}()
	ns := b.each(3000, func(n int) {
		for range n / 2 {
			runtime.Gosched()
		}
	})
	stop.Store(true)
	<-stopped
	return ns
}

// timers measures a sleep of one nanosecond: it arms a timer, parks, and the scheduler runs the timer, which has
// expired, and makes the goroutine ready again: two Timers, a Switch and a Ready.
func (b *bench) timers(swap, ready float64) {
	sleep := median(b.each(2000, func(n int) {
		for range n {
			time.Sleep(time.Nanosecond)
		}
	}))
	b.add("Timer", (sleep-swap-ready)/2)
}

func (b *bench) small() error {
	procs(1, func() {
		var mu sync.Mutex
		b.add("Mutex", b.each(20_000, func(n int) {
			for range n / 2 {
				mu.Lock()
				//lint:ignore SA2001 the empty section is what is measured
				mu.Unlock()
			}
		})...)
		b.add("Spin", b.each(2000, func(n int) {
			for range n {
				doSpin()
			}
		})...)
		began := time.Now()
		b.add("Now", b.each(5000, func(n int) {
			for range n {
				runtime.KeepAlive(time.Since(began))
			}
		})...)
	})
	return nil
}

// copies measures a copy of a request's row of 2 KiB to its place in a batch, and the record of a request.
func (b *bench) copies() error {
	const rows, row = 64, 512
	in, batch := make([]float32, rows*row), make([]float32, rows*row)
	ns := b.each(2000, func(n int) {
		for i := range n {
			at := i % rows * row
			copy(batch[at:at+row], in[at:at+row])
		}
	})
	b.add("CopyKiB", median(ns)/(row*4/1024))
	records := make([]lab.Request, 0, 2*b.times(5000))
	b.add("Request", b.each(5000, func(n int) {
		records = records[:0]
		for range n {
			start := time.Now()
			end := time.Now()
			records = append(records, lab.Request{Start: time.Duration(start.Nanosecond()), End: end.Sub(start)})
		}
	})...)
	return nil
}

// alloc measures allocation from spans that a collection has freed, with the collector off. AllocMin is an object of
// 16 bytes without pointers (smaller ones share a block). AllocKiB is what 1, 4 and 16 KiB cost beyond that for each
// KiB, the median of the three, and the share of the sweeper: how much longer a collection takes that has that garbage
// to sweep, than one that has none.
func (b *bench) alloc() error {
	const bytes = 4 << 20
	procs(1, func() {
		of := func(size int) float64 {
			n := b.times(bytes / size)
			runtime.GC()
			start := time.Now()
			for range n {
				b.held = make([]byte, size)
			}
			return float64(time.Since(start)) / float64(n)
		}
		var smallest []float64
		for range chunks {
			smallest = append(smallest, of(16))
		}
		least := median(smallest)
		var each []float64
		for _, kib := range []int{1, 4, 16} {
			of(kib << 10)
			each = append(each, (of(kib<<10)-least)/float64(kib))
		}
		b.add("AllocMin", least)
		b.add("AllocKiB", median(each)+b.sweep(bytes))
	})
	return nil
}

// sweep gives the time that a collection spends on one KiB of dead objects of 1 KiB.
func (b *bench) sweep(bytes int) float64 {
	var more []float64
	for range 3 {
		for range bytes >> 10 {
			b.held = make([]byte, 1<<10)
		}
		b.held = nil
		start := time.Now()
		runtime.GC()
		dirty := time.Since(start)
		start = time.Now()
		runtime.GC()
		more = append(more, float64(dirty-time.Since(start))/float64(bytes>>10))
	}
	return max(median(more), 0)
}
