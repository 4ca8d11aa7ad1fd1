// Package serve turns a Trial into what a simulated process runs: one program of gort.Ops for each class of the
// workload, and those of the service around it — clients, semaphore, batcher and workers, readers of the load generator.
// It is the twin of realrun's serve.go and load.go, goroutine by goroutine and channel by channel.
package serve

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
)

// compiler is a Service in the making.
type compiler struct {
	w     *lab.Workload
	knobs lab.Knobs
	names map[string]int32 // channels and mutexes by name
	gort.Service
}

// Compile makes the Service of a validated trial; knobs must be filled. It fails if the cost lacks the service times of a
// model that the workload uses.
func Compile(t *lab.Trial, knobs lab.Knobs, cost *lab.Cost) (gort.Service, error) {
	w := &t.Workload
	c := &compiler{w: w, knobs: knobs, names: map[string]int32{}}
	c.Seed, c.Stop, c.Batcher = t.Seed, w.Warmup+w.Run, knobs.Batcher
	c.From, c.To = w.Warmup, c.Stop
	if w.Run == 0 {
		c.To = math.MaxInt64
	}
	for i, ch := range w.Chans {
		c.names["chan "+ch.Name] = int32(i)
		c.Chans = append(c.Chans, ch.Cap)
	}
	for i := range w.Conns {
		c.names["conn "+w.Conns[i].Name] = int32(i)
		c.Conns = append(c.Conns, w.Conns[i].Size())
		c.Names.Conns = append(c.Names.Conns, "connection \""+w.Conns[i].Name+"\"")
	}
	sem, queue := int32(len(c.Chans)), int32(len(c.Chans)+1)
	c.Chans = append(c.Chans, knobs.Permits, lab.QueueSize)
	c.pools()
	for i := range w.Classes {
		c.Classes = append(c.Classes, c.class(i, sem, queue))
	}
	if knobs.IntraSpin && knobs.IntraOp > 1 {
		return gort.Service{}, fmt.Errorf("knobs.intra_spin: the simulator does not model threads that spin between inferences; leave it out, or measure only")
	}
	c.name()
	if err := c.model(cost); err != nil {
		return gort.Service{}, err
	}
	if len(w.Conns) > 0 && cost.Cores > 0 && cost.NetWrite.P50 == 0 {
		return gort.Service{}, fmt.Errorf("workload.conns: the calibration does not say what sockets cost; run `gmplab calibrate`")
	}
	if cost.Cores > 0 && cost.StackKiB.P50 == 0 && w.DeepStack() {
		return gort.Service{}, fmt.Errorf("a step's stack: the calibration does not say what the growth of stacks costs; run `gmplab calibrate`")
	}
	c.process(queue)
	return c.Service, nil
}

// name keeps the workload's names, by number.
func (c *compiler) name() {
	for i := range c.w.Classes {
		c.Names.Classes = append(c.Names.Classes, "\""+c.w.Classes[i].Name+"\"")
	}
	for i := range c.w.Chans {
		c.Names.Chans = append(c.Names.Chans, "channel \""+c.w.Chans[i].Name+"\"")
	}
	c.Names.Chans = append(c.Names.Chans, "the semaphore", "the batcher's queue")
	c.Names.Mutexes, c.Names.RWMutexes = make([]string, c.Mutexes), make([]string, c.RWMutexes)
	for _, key := range slices.Sorted(maps.Keys(c.names)) {
		if name, ok := strings.CutPrefix(key, "mutex "); ok {
			c.Names.Mutexes[c.names[key]] = "\"" + name + "\""
		}
		if name, ok := strings.CutPrefix(key, "rwmutex "); ok {
			c.Names.RWMutexes[c.names[key]] = "\"" + name + "\""
		}
	}
}

// model finds the model that the workload infers with.
// SIMPLIFIED(inference): a workload uses one model at a time.
func (c *compiler) model(cost *lab.Cost) error {
	for i := range c.w.Classes {
		for _, s := range c.w.Classes[i].Steps {
			if s.Do != lab.Infer {
				continue
			}
			if cost.Service(s.Name, c.knobs.IntraOp, 1) == nil {
				return fmt.Errorf("the calibration has no service time of model %q with %d intra-op threads; "+
					"run `gmplab calibrate` with the inference library, or use another intra_op", s.Name, c.knobs.IntraOp)
			}
			c.Model = s.Name
		}
	}
	return nil
}

// class compiles the steps of class number i between the begin and the end of a request.
func (c *compiler) class(i int, sem, queue int32) gort.Program {
	class := &c.w.Classes[i]
	h := fnv.New64a()
	h.Write([]byte("work/" + class.Name))
	p := gort.Program{Class: int32(i), Work: h.Sum64()}
	p.Ops = append(p.Ops, gort.Op{Do: gort.Begin})
	held := &held{last: -1, counts: map[int32]int64{}, got: map[string]int64{}}
	for j := range class.Steps {
		ops := c.heapStep(&class.Steps[j], held)
		if ops == nil {
			ops = c.step(&class.Steps[j], sem, queue)
		}
		for k := range ops {
			ops[k].Waited = slices.ContainsFunc(class.Steps[j:], func(s lab.Step) bool { return s.Do == lab.Wait })
		}
		p.Ops = append(p.Ops, ops...)
	}
	p.Ops = append(p.Ops, c.drop(held)...)
	p.Ops = append(p.Ops, gort.Op{Do: gort.End})
	if class.Arrivals.Kind != lab.Closed {
		p.Ops = append(p.Ops, gort.Op{Do: gort.Exit})
		return p
	}
	p.Shift = 32
	if think := &class.Arrivals.Think; think.Average() > 0 {
		p.Ops = append(p.Ops, gort.Op{Do: gort.Think, Time: think}, gort.Op{Do: gort.Next, N: 1})
	} else {
		p.Ops = append(p.Ops, gort.Op{Do: gort.Next})
	}
	return p
}

var plain = map[lab.Do]gort.OpKind{lab.Syscall: gort.Syscall, lab.Sleep: gort.Sleep, lab.Wait: gort.Wait,
	lab.Yield: gort.Yield, lab.LockOSThread: gort.LockThread, lab.UnlockOSThread: gort.UnlockThread}

// step compiles one step.
func (c *compiler) step(s *lab.Step, sem, queue int32) []gort.Op {
	one := func(do gort.OpKind, i int32) []gort.Op { return []gort.Op{{Do: do, I: i, N: s.Bytes, Time: &s.Time}} }
	switch s.Do {
	case lab.CPU:
		do := gort.CPU
		if s.Calls {
			do = gort.CPUCalls
		}
		return []gort.Op{{Do: do, N: s.Stack, Time: &s.Time}}
	case lab.Call:
		if s.Spin {
			return one(gort.CCall, 0)
		}
		return one(gort.CSleep, 0)
	case lab.Send:
		return one(gort.Send, c.names["chan "+s.Name])
	case lab.Recv:
		return one(gort.Recv, c.names["chan "+s.Name])
	case lab.NetWrite:
		return one(gort.NetWrite, c.names["conn "+s.Name])
	case lab.NetRead:
		return one(gort.NetRead, c.names["conn "+s.Name])
	case lab.Lock, lab.Unlock, lab.RLock, lab.RUnlock:
		return one(c.lock(s))
	case lab.SetGOMAXPROCS:
		return []gort.Op{{Do: gort.Gomaxprocs, N: int64(s.Count)}}
	case lab.Go:
		i := slices.IndexFunc(c.w.Classes, func(x lab.Class) bool { return x.Name == s.Name })
		return []gort.Op{{Do: gort.Go, I: int32(i), N: int64(max(s.Count, 1))}}
	case lab.Retain: // of nothing
		return nil
	case lab.Infer:
		return c.infer(sem, queue)
	}
	return one(plain[s.Do], 0)
}

// infer is one inference, served as the knobs say.
func (c *compiler) infer(sem, queue int32) []gort.Op {
	switch c.knobs.Serve {
	case lab.Semaphore:
		return []gort.Op{{Do: gort.Send, I: sem}, {Do: gort.Infer}, {Do: gort.Recv, I: sem}}
	case lab.Batched:
		return []gort.Op{{Do: gort.Enqueue, I: queue}, {Do: gort.Await}}
	}
	return []gort.Op{{Do: gort.Infer}}
}

// lock compiles a step on a lock, and numbers the locks: those of sync.Mutex, and those of sync.RWMutex.
func (c *compiler) lock(s *lab.Step) (gort.OpKind, int32) {
	if !c.w.Reads(s.Name) {
		do := map[lab.Do]gort.OpKind{lab.Lock: gort.Lock, lab.Unlock: gort.Unlock}[s.Do]
		return do, c.number("mutex "+s.Name, &c.Mutexes)
	}
	do := map[lab.Do]gort.OpKind{lab.Lock: gort.WLock, lab.Unlock: gort.WUnlock, lab.RLock: gort.RLock, lab.RUnlock: gort.RUnlock}[s.Do]
	return do, c.number("rwmutex "+s.Name, &c.RWMutexes)
}

// number gives what bears a name its number, the next of n when it comes first.
func (c *compiler) number(name string, n *int) int32 {
	i, ok := c.names[name]
	if !ok {
		i = int32(*n)
		c.names[name] = i
		*n++
	}
	return i
}

// feeds are the arrivals of the open-loop classes with that generator.
func (c *compiler) feeds(g lab.Generator) (feeds []gort.Feed) {
	for i := range c.w.Classes {
		if a := &c.w.Classes[i].Arrivals; (a.Kind == lab.Poisson || a.Kind == lab.Every) && a.Generator == g {
			c.Expect = min(c.Expect+int(1.05*a.Rate*c.Stop.Seconds()), 1<<20)
			feeds = append(feeds, gort.Feed{Class: int32(i), Due: c.w.Due(i, c.Seed)})
		}
	}
	return feeds
}

// process writes the main goroutine, which starts everything: workers, readers and generators, clients, and the requests
// that come once.
func (c *compiler) process(queue int32) {
	c.Programs = []gort.Program{{Class: -1}} // main, filled below
	var main []gort.Op
	add := func(p gort.Program, n int) {
		main = append(main, gort.Op{Do: gort.Start, I: int32(len(c.Programs)), N: int64(n)})
		c.Programs = append(c.Programs, p)
	}
	if c.Model != "" && c.knobs.Serve == lab.Batched {
		add(gort.Program{Class: -1, Ops: []gort.Op{{Do: gort.Collect, I: queue}, {Do: gort.Take, I: queue},
			{Do: gort.RunBatch}, {Do: gort.Reply}}}, c.knobs.Workers)
	}
	source := func(do gort.OpKind, feeds ...gort.Feed) {
		add(gort.Program{Class: -1, Ops: []gort.Op{{Do: do, I: int32(len(c.Sources))}, {Do: gort.Exit}}}, 1)
		c.Sources = append(c.Sources, gort.Source{Feeds: feeds, InProcess: do == gort.Generate})
	}
	if feeds := c.feeds(lab.Pipe); len(feeds) > 0 {
		source(gort.Read, feeds...)
	}
	for i := range c.w.Classes {
		a := &c.w.Classes[i].Arrivals
		switch a.Kind {
		case lab.Closed:
			add(c.Classes[i], a.Clients)
		case lab.Once:
			add(c.Classes[i], a.Count)
		case lab.Poisson, lab.Every:
			if a.Generator == lab.InProcess {
				source(gort.Generate, gort.Feed{Class: int32(i), Due: c.w.Due(i, c.Seed)})
			}
		}
	}
	main = append(main, gort.Op{Do: gort.Started})
	if c.w.Run > 0 { // it waits for the end of the warm-up and of the counted part, as realrun's observe does
		for _, d := range []time.Duration{c.w.Warmup, c.w.Run} {
			if wait := lab.Const(d); d > 0 {
				main = append(main, gort.Op{Do: gort.Sleep, Time: &wait})
			}
		}
	}
	main = append(main, gort.Op{Do: gort.Exit})
	c.Programs[0].Ops = main
}
