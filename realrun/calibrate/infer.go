package calibrate

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/model"
	"github.com/gmplab/lab/realrun/ort"
)

// batches are the sizes measured.
var batches = []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32}

// A table collects the service times of one model with one number of threads and of inferences at a time.
type table struct {
	intraOp, busy int
	session       *ort.Session
	slots         []*ort.Slot
	times         [][][]float64 // by batch and round: the samples, nanoseconds
	after         [][][]float64 // the same right after a batch of the largest size
	cpu           [][]float64   // by batch and round: the CPU of one inference over its time, in cores
	besides       []float64     // by batch: the CPU of other threads of the process in the last round, in cores
}

// inferProbes opens the library, loads the model and gives a probe for each cell of the tables: one thread with one
// inference at a time, one thread with as many as there are cores, and two threads with one at a time. end closes
// what was opened.
func (b *bench) inferProbes(lib ort.Library) (probes []probe, end func(), err error) {
	opened := ort.Version() == ""
	if err := ort.Open(lib); err != nil {
		return nil, nil, err
	}
	end = func() {
		for _, t := range b.infer {
			t.close()
		}
		b.tiny.close()
		if opened {
			_ = ort.Close()
		}
	}
	kinds := []table{{intraOp: 1, busy: 1}, {intraOp: 1, busy: runtime.NumCPU()}, {intraOp: 2, busy: 1}}
	if runtime.NumCPU() == 1 {
		kinds = kinds[:1]
	}
	onnx, err := model.Headline.ONNX()
	for _, k := range kinds {
		if err == nil {
			b.infer = append(b.infer, &k)
			err = k.load(onnx)
		}
		for i, n := range batches {
			what := fmt.Sprintf("inference, %d threads, %d at a time, batch %d", k.intraOp, k.busy, n)
			probes = append(probes, probe{what, func(b *bench) error { return k.measure(b, i) }})
		}
	}
	if err == nil {
		err = b.loadTiny()
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	probes = append(probes, probe{"Go code around an inference", (*bench).runCall})
	return probes, end, nil
}

func (t *table) load(onnx []byte) (err error) {
	if t.session, err = ort.Load(onnx, ort.Options{IntraOp: t.intraOp}); err != nil {
		return err
	}
	most := slices.Max(batches)
	for range t.busy {
		slot, err := t.session.NewSlot(most)
		if err != nil {
			return err
		}
		t.slots = append(t.slots, slot)
		copy(slot.In, model.Headline.Inputs(most, uint64(len(t.slots))))
	}
	t.times, t.after = make([][][]float64, len(batches)), make([][][]float64, len(batches))
	t.besides, t.cpu = make([]float64, len(batches)), make([][]float64, len(batches))
	return nil
}

func (t *table) close() {
	for _, slot := range t.slots {
		_ = slot.Close()
	}
	if t.session != nil {
		_ = t.session.Close()
	}
}

// yieldEvery is how often a measuring goroutine yields: its P's tick advances and sysmon, which otherwise takes the P in
// every call of a goroutine that has run for 10 ms, finds nothing to do and goes to sleep. What sysmon costs is the
// simulator's affair, and must not lie in the service times as well.
const yieldEvery = 3 * time.Millisecond

// measure times one batch size, and again right after a batch of the largest size.
func (t *table) measure(b *bench, batch int) error {
	err := t.time(b, batch)
	if batch+1 < len(batches) {
		err = errors.Join(err, t.measureAfter(b, batch))
	}
	return err
}

// time runs one batch size for a tenth of a second on busy threads at a time, each with a slot of its own. With one
// thread to an inference each thread is pinned to a core: where the kernel would put it is the simulator's affair. There
// are more Ps than threads, so that no call loses its P.
//
// The CPU of an inference on one thread is that thread's. With more threads it is the process's, less what other threads
// of the process (sysmon, above all) used in the same round beside an inference on one thread.
func (t *table) time(b *bench, batch int) error {
	samples, errs, own := make([][]float64, t.busy), make([]error, t.busy), make([]time.Duration, t.busy)
	var wall, all time.Duration
	procs(runtime.NumCPU()+4, func() {
		var start, ran sync.WaitGroup
		start.Add(t.busy + 1)
		for i := range t.busy {
			body := func() {
				errs[i] = t.session.Run(t.slots[i], batches[batch]) // into the caches
				start.Done()
				start.Wait()
				used, yielded := threadTime(), time.Now()
				defer func() { own[i] = threadTime() - used }()
				for end := time.Now().Add(b.long(100 * time.Millisecond)); errs[i] == nil && time.Now().Before(end); {
					from := time.Now()
					errs[i] = t.session.Run(t.slots[i], batches[batch])
					samples[i] = append(samples[i], float64(time.Since(from)))
					if from.Sub(yielded) > yieldEvery {
						runtime.Gosched()
						yielded = time.Now()
					}
				}
			}
			ran.Go(func() {
				if t.intraOp == 1 {
					pinnedTo(b.round+i, body)
				} else {
					body()
				}
			})
		}
		start.Done()
		start.Wait()
		from, used := time.Now(), cpuTime()
		ran.Wait()
		wall, all = time.Since(from), cpuTime()-used
	})
	t.times[batch] = append(t.times[batch], slices.Concat(samples...))
	var threads time.Duration
	for _, d := range own {
		threads += d
	}
	cores := threads.Seconds() / wall.Seconds() / float64(t.busy)
	t.besides[batch] = (all - threads).Seconds() / wall.Seconds()
	switch {
	case all == 0:
		cores = float64(t.intraOp) // ASSUMED where the system does not tell
	case t.intraOp > 1:
		cores = all.Seconds()/wall.Seconds() - b.infer[0].besides[batch]
	}
	t.cpu[batch] = append(t.cpu[batch], cores)
	return errors.Join(errs...)
}

// measureAfter times one batch size right after a batch of the largest size, a few times.
func (t *table) measureAfter(b *bench, batch int) (err error) {
	slot := t.slots[0]
	var times []float64
	procs(runtime.NumCPU()+4, func() {
		pinned := func(f func()) { f() }
		if t.intraOp == 1 {
			pinned = func(f func()) { pinnedTo(b.round, f) }
		}
		pinned(func() {
			for range b.times(8) {
				err = errors.Join(err, t.session.Run(slot, batches[len(batches)-1]))
				from := time.Now()
				err = errors.Join(err, t.session.Run(slot, batches[batch]))
				times = append(times, float64(time.Since(from)))
			}
		})
	})
	t.after[batch] = append(t.after[batch], times)
	return err
}

// Service times are cut to what the inference itself takes: above lie stolen moments, which are Gap.
const (
	serviceQuantiles = 17
	serviceFrom      = 0.01
	serviceEnd       = 0.95
	sharedEnd        = 0.6 // with several threads, which are not pinned: above lies the wait of one for the other's core
)

// service makes the table's Service. Medians that descend from one batch size to the next are noise or a change of the
// library's algorithm; they are replaced by the non-descending sequence nearest to them, and the distributions scaled
// along. The host's speed differs from round to round for longer than an inference lasts: that is Speed, and the
// distributions are those within a round. goCode is what a call costs outside C, which is charged apart.
func (t *table) service(goCode time.Duration) lab.Service {
	const bytesPerNumber = 4
	s := lab.Service{Model: "mlp", IntraOp: t.intraOp, Busy: t.busy, Row: t.session.InDim * bytesPerNumber,
		Batch: slices.Clone(batches)}
	end := serviceEnd
	if t.intraOp > 1 {
		end = sharedEnd
	}
	var raw []float64
	speed := make([][]float64, len(t.times[0])) // by round and batch
	for i := range batches {
		level := t.level(i)
		for round, x := range level {
			speed[round] = append(speed[round], x)
		}
		d := empirical(pooled(t.times[i], level), serviceQuantiles, serviceFrom, end)
		s.Time = append(s.Time, d)
		raw = append(raw, float64(d.Quantile(0.5)))
		s.CPU = append(s.CPU, median(t.cpu[i]))
		if len(t.after[i]) > 0 {
			s.After = append(s.After, empirical(pooled(t.after[i], level), serviceQuantiles, serviceFrom, end))
		}
	}
	for _, round := range speed {
		s.Speed = append(s.Speed, median(round))
	}
	slices.Sort(s.Speed)
	s.Probe = median(pooled(t.times[speedBatch], t.level(speedBatch)))
	for i, m := range isotonic(raw) {
		for j, q := range s.Time[i].Quantiles {
			s.Time[i].Quantiles[j] = max(time.Duration(math.Round(float64(q)*m/raw[i]))-goCode, 0)
		}
	}
	for i := range s.After {
		for j := range s.After[i].Quantiles {
			s.After[i].Quantiles[j] = max(s.After[i].Quantiles[j]-goCode, 0)
		}
	}
	return s
}

// level gives for each round the median of a batch size over that of the median round: the host's speed at that moment.
func (t *table) level(batch int) []float64 {
	var level []float64
	for _, round := range t.times[batch] {
		level = append(level, median(round))
	}
	middle := median(level)
	for i := range level {
		level[i] /= middle
	}
	return level
}

// pooled gives the samples of all rounds at the speed of the median round.
func pooled(rounds [][]float64, level []float64) (all []float64) {
	for i, round := range rounds {
		for _, x := range round {
			all = append(all, x/level[i])
		}
	}
	return all
}
