package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// What surrounds the requests: where they come from, the sessions that infer, the workers that batch, and the record.

// A Program is what one kind of goroutine does.
type Program struct {
	Ops   []Op
	Class int32  // of the workload; -1: none, it is not recorded
	Shift uint   // goroutine k of Start gets number k<<Shift
	Work  uint64 // hash of the concern from which its requests draw
}

// A Service is what package serve makes of a Trial.
type Service struct {
	Seed     uint64
	Classes  []Program // of the workload, for Go and for arrivals
	Programs []Program // of the process, for Start
	Chans    []int     // buffer sizes
	Conns    []int64   // bytes that fit into each connection
	Mutexes  int

	RWMutexes int
	Conds     []int32  // the mutex of each
	Selects   [][]Case // of Select ops

	Objects  []Object // kinds that it allocates
	Sets     []int64  // live sets: how many objects each keeps at most
	Pools    []PoolOf
	Collects bool // there is something to collect for, though nothing is allocated

	Sources  []Source
	Batcher  lab.Batcher
	Model    string
	Stop     time.Duration // no request begins from here on
	From, To time.Duration // the part in which batches are counted
	Expect   int           // about how many requests will come from outside: room for their record
	Names    Names         // for whoever reads the trace
}

// A Source is where the requests of open-loop classes come from: one pipe for all that use it, or one goroutine for a
// class.
type Source struct {
	Feeds     []Feed
	InProcess bool
}

// A Feed is the sequence of arrivals of one class.
type Feed struct {
	Class int32
	Due   lab.Due
}

type service struct {
	Service
	classes   []Program
	chans     []*hchan
	conns     []conn
	mutexes   []mutex
	rwmutexes []rwmutex
	conds     []cond
	sources   []*source
	workers   []batch
	helpers   []helper
	row       int     // bytes of a row of the model
	speed     float64 // the host's speed in this run, for inference: a quantile of Service.Speed
	inflight  int
	lastBatch int // size of the batch that began last
	started   bool
}

// source is a Source at work: the C thread, the pipe as a list of arrivals, and the goroutine that reads it.
type source struct {
	actor
	Source
	ahead  []arrival // of each feed the next arrival
	next   time.Duration
	pipe   []arrival
	head   int
	reader *g
	pd     pollDesc // of the end that it reads
}

// An arrival is one request of an open-loop class. When the one after it is due is drawn early, so that nothing waits for
// the logarithm.
type arrival struct {
	due   time.Duration
	after time.Duration
	class int32
	num   uint64
}

func newSource(v Source) *source {
	src := &source{Source: v}
	for i := range src.Feeds {
		f := &src.Feeds[i]
		src.ahead = append(src.ahead, arrival{due: f.Due.Next(), after: f.Due.Next(), class: f.Class})
	}
	src.next = src.ahead[src.first()].due
	return src
}

// first is the feed whose arrival is due first.
func (src *source) first() int {
	best := 0
	for i := range src.ahead {
		if src.ahead[i].due < src.ahead[best].due {
			best = i
		}
	}
	return best
}

// take gives the next arrival and looks for the one after it.
func (src *source) take() arrival {
	i := src.first()
	a := src.ahead[i]
	next := &src.ahead[i]
	next.due, next.after = next.after, src.Feeds[i].Due.Next()
	next.num++
	src.next = src.ahead[src.first()].due
	return a
}

// helper is a thread of the sessions' intra-op pool.
type helper struct {
	actor
	mp *m // whose call it helps with; nil: none
}

// Serve sets the process up. Call it once, before Loop.
func (s *Sched) Serve(v Service) {
	s.Service = v
	s.requests = make([]lab.Request, 0, v.Expect)
	s.classes = v.Classes
	for _, n := range v.Chans {
		s.chans = append(s.chans, makechan(n))
	}
	s.openConns(v.Conns)
	s.openHeap()
	s.mutexes = make([]mutex, v.Mutexes)
	s.rwmutexes = make([]rwmutex, v.RWMutexes)
	for _, i := range v.Conds {
		s.conds = append(s.conds, cond{l: &s.mutexes[i]})
	}
	for i := range v.Sources {
		src := newSource(v.Sources[i])
		s.sources = append(s.sources, src)
		if !src.InProcess {
			src.thread = s.own(s.host.NewThread(), ownSource, i)
		}
	}
	for i := range s.knobs.IntraOp - 1 {
		s.helpers = append(s.helpers, helper{actor: actor{thread: s.own(s.host.NewThread(), ownHelper, i)}})
	}
	s.speed = speedMode(v.Seed)
	if t := s.cost.Service(v.Model, s.knobs.IntraOp, 1); t != nil {
		s.row = t.Row
	}
	main := s.malg(s.allm[0])
	main.prog, main.class = &s.Programs[0], -1
	s.casgstatus(main, _Grunnable, lab.NoReason)
	s.alive++
	s.runqput(s.allp[0], main, true)
	if len(s.objects) > 0 || s.Collects {
		s.gcinit()
	}
}

// speedMode draws the host's speed in this run, as a quantile of what the calibration saw. Consecutive seeds are spread
// evenly over [0, 1) (multiples of the golden ratio), so that a handful of repetitions shows its middle and its width.
// SIMPLIFIED(host): the speed stays what it is for the length of a run.
func speedMode(seed uint64) float64 {
	const golden = 0x9e3779b97f4a7c15
	return (float64(seed*golden>>11) + 0.5) / (1 << 53)
}

// exhausted tells whether no further request can come.
func (s *Sched) exhausted() bool {
	for _, src := range s.sources {
		if src.next < s.Stop || src.head < len(src.pipe) {
			return false
		}
	}
	return s.started
}

// doService does the ops of the process around the requests.
func (s *Sched) doService(mp *m, gp *g, op *Op) uint8 {
	switch op.Do {
	case Think:
		return s.think(mp, gp, op)
	case Next:
		return s.nextRequest(mp, gp, op)
	case Start:
		return s.start(mp, gp, op)
	case Started:
		s.started = true
	case Enqueue:
		mp.charge += s.price.now
		gp.since = s.host.Now + mp.charge
		return doneOrParked(s.chansend(mp, s.chans[op.I], gp))
	case Await:
		return s.await(mp, gp)
	case Collect, Take, Reply:
		return s.doWorker(mp, gp, op)
	case Generate:
		return s.generate(mp, gp)
	}
	return opDone
}

func (s *Sched) begin(mp *m, gp *g) {
	gp.start = max(s.host.Now+mp.charge, gp.due) // a thief may run it while its parent still pays for starting it
	gp.startP = mp.p.id
	gp.work.Seed(s.Seed, gp.prog.Work, gp.num)
	s.note(dBegin, mp.p, gp, gp.class, 0)
}

func (s *Sched) end(mp *m, gp *g) {
	gp.since = max(s.host.Now+mp.charge, gp.start) // see begin
	s.requests = append(s.requests, lab.Request{})
	r := &s.requests[len(s.requests)-1] // written in place: a copy would wait for its fields
	r.Class, r.P, r.Due, r.Start, r.End = gp.class, gp.startP, gp.due, gp.start, gp.since
	s.note(dEnd, mp.p, gp, gp.class, int32(len(s.requests)-1))
	mp.charge += s.price.request
	s.open--
	if up := gp.parent; up != nil && up.life == gp.parentIs {
		gp.parent = nil
		if up.children--; up.children == 0 && up.awaits == awaitsChildren {
			up.awaits = awaitsNothing
			s.ready(mp, up, true)
		}
	}
}

// think lets the client sleep until its next request is due, or ends the client if that is too late.
func (s *Sched) think(mp *m, gp *g, op *Op) uint8 {
	d := op.Time.Sample(&gp.work)
	gp.due = gp.since + d
	if gp.due >= s.Stop {
		s.goexit0(mp)
		return opDone
	}
	return s.sleep(mp, d)
}

// nextRequest begins the client's next request, or ends the client.
func (s *Sched) nextRequest(mp *m, gp *g, op *Op) uint8 {
	if op.N == 0 {
		gp.due = gp.since
	}
	if gp.due >= s.Stop {
		s.goexit0(mp)
		return opDone
	}
	gp.num++
	gp.pc, gp.spawned = 0, 0
	s.open++
	return opStay
}

// start starts the goroutines of a program, one at a time.
func (s *Sched) start(mp *m, gp *g, op *Op) uint8 {
	if int64(gp.spawned) == op.N {
		gp.spawned = 0
		return opDone
	}
	v := &s.Programs[op.I]
	c := s.newproc(mp, v, uint64(gp.spawned)<<v.Shift, 0)
	switch v.Ops[0].Do {
	case Collect:
		c.serves = int32(len(s.workers))
		s.workers = append(s.workers, batch{})
	case Read, Generate:
		c.serves = v.Ops[0].I
		src := s.sources[c.serves]
		src.reader = c
		if !src.InProcess {
			s.host.Wake(src.thread, mp.thread)
		}
	}
	if v.Class >= 0 {
		s.open++
	}
	gp.spawned++
	return opStay
}

// await waits for the worker's reply.
func (s *Sched) await(mp *m, gp *g) uint8 {
	mp.charge += s.price.chanop
	if gp.replied {
		gp.replied = false
		return opDone
	}
	gp.awaits = awaitsReply
	s.gopark(mp, lab.ChanReceive)
	return opPark
}

// sourceStep is one turn of a source's C thread: it writes what is due, and sleeps until the next arrival.
func (s *Sched) sourceStep(src *source) {
	now := s.host.Now
	wrote := false
	for src.next <= now && src.next < s.Stop {
		if src.head == len(src.pipe) {
			src.pipe, src.head = src.pipe[:0], 0
		}
		src.pipe = append(src.pipe, src.take())
		s.note(dWritten, nil, src.reader, src.pipe[len(src.pipe)-1].class, int32(src.pipe[len(src.pipe)-1].num))
		wrote = true
	}
	if wrote {
		src.charge += s.price.pipeWrite
		// SIMPLIFIED(netpoll): the pipe tells its reader only while that waits. For real every write to it is an edge, and
		// one that comes while the reader starts goroutines may cost it a second read, which finds nothing.
		if src.pd.rg != nil && src.pd.rg != pdReady {
			s.epollCallback(&src.actor, &src.pd)
		}
	}
	pay := s.paid(&src.actor)
	if src.next >= s.Stop {
		s.host.Block(src.thread, pay)
		return
	}
	pay += s.price.sleepIn
	late := s.cost.ArmLate.Sample(&s.infer)
	s.host.SleepLate(src.thread, pay, max(now+pay, src.next+late), late, s.price.sleepCPU-s.price.sleepIn)
}

// read takes what is in the pipe and starts a goroutine for each arrival; an empty pipe blocks in the netpoller. It goes on
// while exec would come back to it.
func (s *Sched) read(mp *m, gp *g) uint8 {
	src := s.sources[gp.serves]
	if gp.op == 2 {
		s.netpollunparked(&src.pd.rg)
		gp.op = 0
	}
	for {
		if gp.op == 0 {
			s.wakeSysmon(&mp.actor) // the read is a system call
			mp.charge += s.price.pipeRead
			if src.head == len(src.pipe) {
				if s.netpollblock(mp, &src.pd.rg) {
					return opStay
				}
				gp.op = 2
				return opParkStay
			}
			gp.op = 1
		}
		if src.head == len(src.pipe) {
			gp.op = 0
		} else {
			s.arrive(mp, src.pipe[src.head])
			src.head++
		}
		if mp.charge >= payAt || gp.preempt {
			return opStay
		}
	}
}

// arrive starts the goroutine of one arrival.
func (s *Sched) arrive(mp *m, a arrival) {
	s.newproc(mp, &s.classes[a.class], a.num, a.due)
	s.open++
}

// generate is the loop of an in-process generator.
func (s *Sched) generate(mp *m, gp *g) uint8 {
	src := s.sources[gp.serves]
	now := s.host.Now + mp.charge
	if src.next >= s.Stop {
		return opDone
	}
	if src.next > now {
		s.resetTimer(mp, src.next)
		s.gopark(mp, lab.Sleeping)
		return opParkStay
	}
	s.arrive(mp, src.take())
	return opStay
}
