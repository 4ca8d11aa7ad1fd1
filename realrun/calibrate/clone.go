package calibrate

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"time"
)

// clone measures a go statement that finds an idle P and no idle thread: wakep, startm, newm, and the C library's
// pthread_create in a cgo program. A first goroutine goes to the back of the run queue when a second one is started,
// where the new thread finds it without delay. It notes when it runs, waits until its creator is parked, and ends its
// thread by ending locked: with an idle P about, the runtime needs no other thread in its place (proc.go: mexit,
// handoffp). The creator waits in the netpoller, not on a timer: an M that comes back from there with a goroutine has
// not been spinning and so wakes no other (findRunnable, resetspinning), and the next go statement finds no idle thread
// again. Threads idle from earlier are used up by the first repetitions; only those in which the count of threads ever
// created grew are kept. CloneStart counts from the go statement on.
func (b *bench) clone() error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("no pipe can be made (%w): free file descriptors", err)
	}
	defer r.Close()
	defer w.Close()
	threads, got := pprof.Lookup("threadcreate"), make([]byte, 1)
	var create, start []float64
	procs(2, func() {
		for end, n := time.Now().Add(patience), b.times(40); n > 0 && time.Now().Before(end); n-- {
			var at atomic.Int64
			before, began := threads.Count(), time.Now()
			go func() {
				at.Store(int64(time.Since(began)))
				spinFor(300 * time.Microsecond)
				runtime.LockOSThread()
				_, _ = w.Write([]byte{1})
			}()
			took := time.Since(began)
			go func() {}()
			for at.Load() == 0 && time.Since(began) < 5*time.Millisecond {
			}
			if at.Load() > 0 && threads.Count() == before+1 {
				create = append(create, float64(took))
				start = append(start, float64(at.Load()))
			}
			if _, err = r.Read(got); err != nil {
				return
			}
			spinFor(100 * time.Microsecond) // the other thread ends
		}
	})
	b.add("Clone", create...)
	b.pool("CloneStart", start...)
	return err
}

// spinFor computes until d has passed.
func spinFor(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
	}
}
