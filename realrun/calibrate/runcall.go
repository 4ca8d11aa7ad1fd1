package calibrate

import (
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/gmplab/lab/realrun/model"
)

// loadTiny loads a model of a few weights, with a slot for one row.
func (b *bench) loadTiny() error {
	onnx, err := model.MLP{Dims: []int{4, 4}, Seed: 1}.ONNX()
	if err != nil {
		return err
	}
	b.tiny = table{intraOp: 1, busy: 1}
	return b.tiny.load(onnx)
}

// runCall measures the time that one inference call spends in Go code: one thread infers with the tiny model, another one
// looks again and again whether the goroutine is in C (/sched/goroutines/not-in-go:goroutines). The share of looks
// that find it in Go, times the length of a call, is that time; the empty C call is not part of it.
func (b *bench) runCall() (err error) {
	var stop atomic.Bool
	var calls int
	var took time.Duration
	done := make(chan struct{})
	inGo, looks := 0, 0
	sample := []metrics.Sample{{Name: "/sched/goroutines/not-in-go:goroutines"}}
	look := func() uint64 {
		metrics.Read(sample)
		if sample[0].Value.Kind() != metrics.KindUint64 {
			return 0
		}
		return sample[0].Value.Uint64()
	}
	others := look() // goroutines that are in a call for good, such as the one that waits for signals
	procs(runtime.NumCPU()+4, func() {
		go func() {
			defer close(done)
			pinnedTo(b.round, func() {
				from := time.Now()
				for !stop.Load() && err == nil {
					err = b.tiny.session.Run(b.tiny.slots[0], 1)
					calls++
				}
				took = time.Since(from)
			})
		}()
		pinnedTo(b.round+1, func() {
			time.Sleep(b.long(5 * time.Millisecond))
			for end := time.Now().Add(b.long(60 * time.Millisecond)); time.Now().Before(end); {
				looks++
				if look() <= others {
					inGo++
				}
			}
		})
		stop.Store(true)
		<-done
	})
	if err == nil && looks > 0 && calls > 0 && runtime.NumCPU() > 1 {
		b.add("RunCall", float64(took)/float64(calls)*float64(inGo)/float64(looks))
	}
	return err
}
