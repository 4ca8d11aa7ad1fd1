package realrun

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/model"
	"github.com/gmplab/lab/realrun/ort"
)

const (
	inputRows = 64 // different inputs; request n has number n modulo this
	warmRuns  = 3  // Runs of each slot and size before the run
	fewSlots  = 64 // slots of one row made before the run, or as many as there are clients, or manySlots
	manySlots = 1024
)

// A pending request waits for a batch. It and its reply channel belong to the goroutine that waits, which reuses them.
type pending struct {
	row   []float32 // its input
	out   []float32 // its output
	at    time.Duration
	reply chan struct{} // capacity 1: a worker never waits to reply
}

// A service serves infer steps with one session, in the way that Knobs.Serve says.
type service struct {
	run     *run
	knobs   lab.Knobs // filled
	session *ort.Session
	inputs  []float32     // inputRows rows; never zeros
	permits chan struct{} // semaphore
	queue   chan *pending // batched
	workers sync.WaitGroup

	mu   sync.Mutex
	free []*ort.Slot // slots of one row that no goroutine has
	all  []*ort.Slot
}

// newService loads the model and makes the workers; clients is the number of closed clients that infer.
func newService(r *run, lib ort.Library, clients int) (*service, error) {
	s := &service{run: r, knobs: r.trial.Knobs, inputs: model.Headline.Inputs(inputRows, r.trial.Seed)}
	file, err := model.Headline.ONNX()
	if err != nil {
		return nil, err
	}
	if err := ort.Open(lib); err != nil {
		return nil, err
	}
	if s.session, err = ort.Load(file, ort.Options{IntraOp: s.knobs.IntraOp, Spin: s.knobs.IntraSpin}); err != nil {
		return nil, err
	}
	if s.knobs.Serve == lab.Batched {
		s.queue = make(chan *pending, lab.QueueSize)
		err = s.startWorkers()
	} else {
		s.permits = make(chan struct{}, s.knobs.Permits)
		err = s.fillFree(min(max(clients, fewSlots), manySlots))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// input is the row of request n.
func (s *service) input(n uint64) []float32 {
	i := int(n%inputRows) * s.session.InDim
	return s.inputs[i : i+s.session.InDim]
}

// newSlot makes a slot that close will free.
func (s *service) newSlot(rows int) (*ort.Slot, error) {
	slot, err := s.session.NewSlot(rows)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.all = append(s.all, slot)
	s.mu.Unlock()
	return slot, nil
}

// warmSlot makes a slot and runs every power of two of rows, and the full number.
func (s *service) warmSlot(rows int) (*ort.Slot, error) {
	slot, err := s.newSlot(rows)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		copy(slot.In[i*s.session.InDim:], s.input(uint64(i)))
	}
	for n := 1; ; n = min(2*n, rows) {
		for range warmRuns {
			if err := s.session.Run(slot, n); err != nil {
				return nil, err
			}
		}
		if n == rows {
			return slot, nil
		}
	}
}

// fillFree makes n slots of one row before the run, so that none is made in it but for a larger crowd.
func (s *service) fillFree(n int) error {
	for range n {
		slot, err := s.warmSlot(1)
		if err != nil {
			return err
		}
		s.free = append(s.free, slot)
	}
	return nil
}

// takeFree gives a slot of one row; nil if none is free.
func (s *service) takeFree() *ort.Slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return nil
	}
	slot := s.free[n-1]
	s.free = s.free[:n-1]
	return slot
}

// take gives a slot of one row, a new one if none is free.
func (s *service) take() (*ort.Slot, error) {
	if slot := s.takeFree(); slot != nil {
		return slot, nil
	}
	return s.newSlot(1)
}

func (s *service) give(slot *ort.Slot) {
	s.mu.Lock()
	s.free = append(s.free, slot)
	s.mu.Unlock()
}

// infer does the infer step of request n.
func (s *service) infer(q *request, n uint64) error {
	switch s.knobs.Serve {
	case lab.Batched:
		p := &q.pending
		if p.reply == nil {
			p.reply, p.out = make(chan struct{}, 1), make([]float32, s.session.OutDim)
		}
		p.row, p.at = s.input(n), s.run.now()
		s.queue <- p
		<-p.reply
		return nil
	case lab.Semaphore:
		s.permits <- struct{}{}
		err := s.alone(q, n)
		<-s.permits
		return err
	}
	return s.alone(q, n)
}

// alone runs one inference on the goroutine that asks.
func (s *service) alone(q *request, n uint64) error {
	slot := q.slot
	if slot == nil {
		var err error
		if slot, err = s.take(); err != nil {
			return err
		}
		defer s.give(slot)
	}
	copy(slot.In, s.input(n))
	return s.session.Run(slot, 1)
}

// startWorkers starts the goroutines that run batches.
func (s *service) startWorkers() error {
	for range s.knobs.Workers {
		slot, err := s.warmSlot(s.knobs.Batcher.Max)
		if err != nil {
			return err
		}
		rec := s.run.newRecord()
		s.workers.Go(func() { s.work(slot, rec) })
	}
	return nil
}

// work is one worker: it waits for a request, collects company for it, runs the batch, replies.
func (s *service) work(slot *ort.Slot, rec *record) {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	batch := make([]*pending, 0, s.knobs.Batcher.Max)
	for first := range s.queue {
		batch = s.collect(append(batch[:0], first), timer)
		in, out := s.session.InDim, s.session.OutDim
		for i, p := range batch {
			copy(slot.In[i*in:(i+1)*in], p.row)
		}
		if err := s.session.Run(slot, len(batch)); err != nil {
			s.run.fail(err)
		}
		for i, p := range batch {
			copy(p.out, slot.Out[i*out:(i+1)*out])
		}
		if now := s.run.now(); now >= s.run.from && now < s.run.until {
			rec.addBatch(len(batch))
		}
		for _, p := range batch {
			p.reply <- struct{}{}
		}
	}
}

// collect adds to a batch of one until the Batcher takes it. The queue is never closed meanwhile: the batch waits.
func (s *service) collect(batch []*pending, timer *time.Timer) []*pending {
	for {
		batch = s.drain(batch)
		n, wait := s.knobs.Batcher.Take(len(batch), batch[0].at, s.run.now())
		if n > 0 {
			return batch // all of it: drain stops at Max, and Take leaves nobody behind below it
		}
		timer.Reset(wait)
		select {
		case p := <-s.queue:
			batch = append(batch, p)
		case <-timer.C:
		}
		timer.Stop()
	}
}

// drain adds what is in the queue now, up to a full batch.
func (s *service) drain(batch []*pending) []*pending {
	for len(batch) < s.knobs.Batcher.Max {
		select {
		case p := <-s.queue:
			batch = append(batch, p)
		default:
			return batch
		}
	}
	return batch
}

// close ends the workers and frees the session; no request is open. The library stays open for the next trial of this
// process.
func (s *service) close() {
	if s.queue != nil {
		close(s.queue)
		s.workers.Wait()
	}
	for _, slot := range s.all {
		slot.Close()
	}
	s.session.Close()
}

// hostSpeed times inferences when the run is over: as many at a time as there are cores, or one at a time when it takes
// several threads, as a calibration does. It gives the median, which the prediction has as well.
func (s *service) hostSpeed() (seconds float64, err error) {
	const long = 100 * time.Millisecond
	busy := runtime.NumCPU()
	if s.knobs.IntraOp > 1 {
		busy = 1
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(busy + 2)) // no call loses its P
	samples, errs := make([][]time.Duration, busy), make([]error, busy)
	var all sync.WaitGroup
	slots := make([]*ort.Slot, busy)
	for i := range slots { // all of them before anything runs on one
		if slots[i], err = s.newSlot(lab.ProbeRows); err != nil {
			return 0, err
		}
	}
	for i, slot := range slots {
		for k := range lab.ProbeRows {
			copy(slot.In[k*s.session.InDim:], s.input(uint64(k)))
		}
		all.Go(func() {
			for end := time.Now().Add(long); errs[i] == nil && time.Now().Before(end); {
				from := time.Now()
				errs[i] = s.session.Run(slot, lab.ProbeRows)
				samples[i] = append(samples[i], time.Since(from))
			}
		})
	}
	all.Wait()
	times := slices.Sorted(slices.Values(slices.Concat(samples...)))
	return times[len(times)/2].Seconds(), errors.Join(errs...)
}
