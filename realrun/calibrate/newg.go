package calibrate

import (
	"sync"
	"time"
)

// newG measures what a go statement costs more when there is no finished goroutine to reuse: in each round more
// goroutines live at a time than ever before in this process, and the ones beyond are timed. They wait until all have
// been started, so that starting is all that happens.
func (b *bench) newG() error {
	const step = 500
	n := b.times(step)
	procs(1, func() {
		var hold sync.Mutex
		var all sync.WaitGroup
		hold.Lock()
		start := func(n int) float64 {
			from := time.Now()
			for range n {
				all.Add(1)
				go func() {
					hold.Lock()
					hold.Unlock() //lint:ignore SA2001 it waits until all have been started
					all.Done()
				}()
			}
			return float64(time.Since(from)) / float64(n)
		}
		b.most = max(b.most, 2*batch)
		start(b.most) // takes those that can be reused
		fresh := start(n)
		hold.Unlock()
		all.Wait()
		reused := b.nanos["Newproc"]
		b.add("NewG", max(fresh-reused[len(reused)-1], 0))
		b.most += n
	})
	return nil
}
