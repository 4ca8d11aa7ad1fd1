package realrun

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
)

// lead is how long before time zero the generator's thread is made.
const lead = 2 * time.Millisecond

// maxArrivals bounds the open-loop requests of a trial, and so its memory.
const maxArrivals = 20_000_000

// An arrival is one request that the pipe generator announces.
type arrival struct {
	due   time.Duration
	class uint32
	n     uint32 // number of the request in its class
}

// arrivalsOf lists the arrivals of the classes whose generator is the pipe, by due time.
func (r *run) arrivalsOf() []arrival {
	list := func(all []arrival, keep bool) (n int) {
		for i := range r.classes {
			if !openLoop(r.classes[i].arrivals, lab.Pipe) {
				continue
			}
			due := r.trial.Workload.Due(i, r.trial.Seed)
			for k := uint32(0); ; k++ {
				at := due.Next()
				if at >= r.until {
					break
				}
				if keep {
					all[n] = arrival{at, uint32(i), k}
				}
				n++
			}
		}
		return n
	}
	all := room[arrival](list(nil, false))
	list(all, true)
	slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.due, b.due) })
	return all
}

func openLoop(a *lab.Arrivals, g lab.Generator) bool {
	return (a.Kind == lab.Poisson || a.Kind == lab.Every) && a.Generator == g
}

// start sets time zero and starts all classes.
func (r *run) start() error {
	defer r.leave() // run.open counts this function
	clients := r.clients()
	if arrivals := r.arrivalsOf(); len(arrivals) > 0 {
		r.zero = time.Now().Add(lead)
		if err := r.startPipe(arrivals); err != nil {
			return err
		}
		for r.now() < 0 { // no sleep: it would end late
		}
	} else {
		r.zero = time.Now()
	}
	for i := range r.classes {
		c := &r.classes[i]
		switch a := c.arrivals; {
		case a.Kind == lab.Closed:
			r.open.Add(int64(a.Clients))
			for id := range a.Clients {
				go r.client(c, uint64(id), clients[i][id])
			}
		case a.Kind == lab.Once:
			r.open.Add(int64(a.Count))
			for n := range a.Count {
				go r.one(c, uint64(n), 0, nil)
			}
		case openLoop(a, lab.InProcess):
			r.openSource()
			go r.generate(c)
		}
	}
	return nil
}

// clients prepares the states of the closed clients, by class.
func (r *run) clients() [][]*request {
	states := make([][]*request, len(r.classes))
	for i := range r.classes {
		c := &r.classes[i]
		if c.arrivals.Kind != lab.Closed {
			continue
		}
		states[i] = make([]*request, c.arrivals.Clients)
		for id := range states[i] {
			q := &request{record: r.newRecord()}
			q.heap.begin(c.objects)
			if c.infers && r.trial.Knobs.Serve != lab.Batched {
				q.slot = r.service.takeFree() // nil: it takes one at each infer step
			}
			states[i][id] = q
		}
	}
	return states
}

// client is one client of a closed class.
func (r *run) client(c *class, id uint64, q *request) {
	defer r.leave()
	counted := false
	for due, k := time.Duration(0), uint64(0); ; k++ {
		start, p := r.now(), currentP()
		r.do(q, c, id<<32|k)
		end := r.now()
		r.keep(q.record, q, lab.Request{Class: int32(c.index), P: p, Due: due, Start: start, End: end})
		if !counted && end >= r.from {
			counted = true
			r.beginCounted()
		}
		if end >= r.until {
			r.endCounted()
			return
		}
		think := c.arrivals.Think.Sample(&q.work)
		if due = end + think; due >= r.until || r.stopping.Load() {
			return
		}
		if think > 0 {
			time.Sleep(think)
		}
	}
}

// keep records a request that has ended.
func (r *run) keep(l *record, q *request, done lab.Request) {
	gets, misses := q.heap.counted()
	if done.End < r.from || done.End >= r.until {
		gets, misses = 0, 0
	}
	l.add(done, gets, misses)
}

// one is the goroutine of any other request.
func (r *run) one(c *class, n uint64, due time.Duration, group *sync.WaitGroup) {
	start, p := r.now(), currentP()
	l := r.shards[int(p)%len(r.shards)]
	q := l.take()
	r.do(q, c, n)
	r.keep(l, q, lab.Request{Class: int32(c.index), P: p, Due: due, Start: start, End: r.now()})
	l.give(q)
	if group != nil {
		group.Done()
	}
	r.leave()
}

// generate is the in-process generator of one class.
func (r *run) generate(c *class) {
	defer r.closeSource()
	due := r.trial.Workload.Due(c.index, r.trial.Seed)
	for n := uint64(0); !r.stopping.Load(); n++ {
		at := due.Next()
		if at >= r.until {
			return
		}
		if early := at - r.now(); early > 0 {
			time.Sleep(early)
		}
		r.open.Add(1)
		go r.one(c, n, at, nil)
	}
}

// startPipe starts the generator's thread and the goroutine that reads its pipe.
func (r *run) startPipe(arrivals []arrival) error {
	zero, err := monotonic(r.zero)
	if err != nil {
		return err
	}
	due := room[time.Duration](len(arrivals))
	for i := range arrivals {
		due[i] = arrivals[i].due
	}
	if r.generator, err = native.StartGenerator(zero, due); err != nil {
		return err
	}
	r.openSource()
	go r.readPipe(arrivals)
	return nil
}

// readPipe starts a goroutine for each arrival that the pipe brings.
func (r *run) readPipe(arrivals []arrival) {
	defer r.closeSource()
	index := make([]uint32, 1024)
	for {
		n, err := r.generator.Read(index)
		r.open.Add(int64(n))
		for _, i := range index[:n] {
			a := &arrivals[i]
			go r.one(&r.classes[a.class], uint64(a.n), a.due, nil)
		}
		if err == nil {
			continue
		}
		if err != io.EOF && !errors.Is(err, os.ErrClosed) {
			r.fail(fmt.Errorf("realrun: the load generator's pipe broke: %w", err))
		}
		return
	}
}

// monotonic is the time of CLOCK_MONOTONIC at t, by the tightest of a few comparisons of the two clocks.
func monotonic(t time.Time) (int64, error) {
	best, at := time.Duration(1<<63-1), int64(0)
	for range 10 {
		before := time.Now()
		c, err := native.Monotonic()
		if err != nil {
			return 0, err
		}
		if took := time.Since(before); took < best {
			best, at = took, c+int64(t.Sub(before)-took/2)
		}
	}
	return at, nil
}
