package realrun

import (
	"fmt"
	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/native"
	"github.com/gmplab/lab/realrun/ort"
	"hash/fnv"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"
)

// An op is a Step with its names resolved.
type op struct {
	do     lab.Do
	spin   bool
	calls  bool
	waited bool // go: a wait step follows
	count  int
	time   *lab.Dist
	bytes  int64
	stack  int64         // cpu: 0 for none
	local  bool          // alloc: on the stack
	object native.Object // alloc
	pool   *pool         // get, put
	lock   sync.Locker   // a *sync.Mutex, or rw
	rw     *sync.RWMutex // a lock that some step takes for reading
	pipe   chan struct{}
	conn   *net.TCPConn // the end that the step uses
	live   *liveSet
	class  *class
}

// A class is a lab.Class made ready to run.
type class struct {
	index    int
	arrivals *lab.Arrivals
	concern  uint64 // hash of the concern of lab.Workload.Work
	ops      []op
	infers   bool
	objects  int // that a request allocates and holds until it ends
}

// A request is the state of one goroutine's life. A closed client has one, others take theirs from the P on which they
// begin, so that a step allocates nothing of its own.
type request struct {
	work     lab.Stream
	heap     heapState
	children int
	group    sync.WaitGroup
	slot     *ort.Slot // a closed client's own
	record   *record   // a closed client's own
	pending  pending
	buffer   []byte // of netwrite and netread steps
	chain    uint64 // results of the chain, so that no compiler can remove it
}

// compile resolves the Steps of every class. The workload is valid.
func compile(w *lab.Workload) []class {
	classes := make([]class, len(w.Classes))
	chans, locks, sets := map[string]chan struct{}{}, map[string]*sync.Mutex{}, map[string]*liveSet{}
	rws, pools := map[string]*sync.RWMutex{}, compilePools(w)
	for _, c := range w.Chans {
		chans[c.Name] = make(chan struct{}, c.Cap)
	}
	for i := range w.Classes {
		lc, c := &w.Classes[i], &classes[i]
		hash := fnv.New64a()
		hash.Write([]byte("work/" + lc.Name))
		*c = class{index: i, arrivals: &lc.Arrivals, concern: hash.Sum64(), ops: make([]op, len(lc.Steps))}
		for j := range lc.Steps {
			s := &lc.Steps[j]
			o := op{do: s.Do, spin: s.Spin, calls: s.Calls, count: max(s.Count, 1), time: &s.Time, bytes: s.Bytes, stack: s.Stack}
			switch s.Do {
			case lab.Alloc:
				if o.local = s.Local; !o.local {
					o.object = native.ObjectOf(s.Bytes, s.Pointers)
					c.objects += o.count
				}
			case lab.SetGCPercent:
				o.count = s.Count
			case lab.Get, lab.Put:
				o.pool = pools[s.Name]
			case lab.Send, lab.Recv:
				o.pipe = chans[s.Name]
			case lab.Lock, lab.Unlock, lab.RLock, lab.RUnlock:
				if w.Reads(s.Name) {
					o.rw = named(rws, s.Name)
					o.lock = o.rw
				} else {
					o.lock = named(locks, s.Name)
				}
			case lab.Retain, lab.Release:
				if o.live = named(sets, s.Name); s.Do == lab.Retain {
					o.count = s.Count
					o.live.reserve(s.Count)
				}
			case lab.Go:
				o.class = &classes[slices.IndexFunc(w.Classes, func(c lab.Class) bool { return c.Name == s.Name })]
				o.waited = slices.ContainsFunc(lc.Steps[j:], func(s lab.Step) bool { return s.Do == lab.Wait })
			case lab.Infer:
				c.infers = true
			}
			c.ops[j] = o
		}
	}
	return classes
}

// named gives the entry of m under a name, made when first asked for.
func named[T any](m map[string]*T, name string) *T {
	if m[name] == nil {
		m[name] = new(T)
	}
	return m[name]
}

// do runs request n of class c: all its Steps, in order.
func (r *run) do(q *request, c *class, n uint64) {
	q.work = lab.StreamOf(r.trial.Seed, c.concern, n)
	q.children = 0
	q.heap.begin(c.objects)
	for i := range c.ops {
		r.step(q, &c.ops[i], n)
	}
	q.heap.end()
}

func (r *run) step(q *request, o *op, n uint64) {
	switch o.do {
	case lab.CPU:
		if links := int64(o.time.Sample(&q.work)); o.stack > 0 {
			q.chain += native.Deep(links, o.stack, o.calls)
		} else if o.calls {
			q.chain += native.ChainCalls(links)
		} else {
			q.chain += native.Chain(links)
		}
	case lab.Alloc, lab.Retain, lab.Release, lab.Get, lab.Put, lab.Store, lab.GC, lab.SetGCPercent, lab.SetMemoryLimit:
		q.heap.step(o)
	case lab.Call:
		r.call(o.time.Sample(&q.work), o.spin)
	case lab.Syscall:
		nanosleep(o.time.Sample(&q.work))
	case lab.Sleep:
		time.Sleep(o.time.Sample(&q.work))
	case lab.Send:
		o.pipe <- struct{}{}
	case lab.Recv:
		<-o.pipe
	case lab.Lock:
		o.lock.Lock()
	case lab.Unlock:
		o.lock.Unlock()
	case lab.Go:
		r.spawn(q, o, n)
	case lab.Wait:
		q.group.Wait()
	case lab.RLock:
		o.rw.RLock()
	case lab.RUnlock:
		o.rw.RUnlock()
	case lab.LockOSThread:
		runtime.LockOSThread()
	case lab.UnlockOSThread:
		runtime.UnlockOSThread()
	case lab.SetGOMAXPROCS:
		runtime.GOMAXPROCS(o.count)
	case lab.NetWrite, lab.NetRead:
		r.transfer(q, o)
	case lab.Yield:
		runtime.Gosched()
	case lab.Infer:
		if err := r.service.infer(q, n); err != nil {
			r.fail(fmt.Errorf("realrun: an infer step failed: %w", err))
		}
	}
}

// call does a call step.
func (r *run) call(d time.Duration, spin bool) {
	var err error
	if spin {
		err = native.SpinC(int64(d))
	} else {
		err = native.SleepC(d)
	}
	if err != nil {
		r.fail(fmt.Errorf("realrun: a call step failed: %w", err))
	}
}

// spawn does a go step of request n. A request that never waits has no group: it may end before its children.
func (r *run) spawn(q *request, o *op, n uint64) {
	var group *sync.WaitGroup
	if o.waited {
		group = &q.group
		group.Add(o.count)
	}
	r.open.Add(int64(o.count))
	for range o.count {
		go r.one(o.class, lab.Child(n, q.children), r.now(), group)
		q.children++
	}
}
