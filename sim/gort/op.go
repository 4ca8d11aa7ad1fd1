package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// What a goroutine does is a program of Ops: the Steps of a workload, and what the service around them does.

// OpKind says what an Op does.
type OpKind uint8

// The kinds of Op.
const (
	CPU      OpKind = iota // computes for Time links
	CPUCalls               // the same in a loop that calls functions: it can be preempted without a signal
	CCall                  // a C call that burns Time links on its thread
	CSleep                 // a C call that sleeps for Time
	Syscall                // a system call that blocks for Time
	Sleep                  // time.Sleep(Time)
	Send                   // on channel I
	Recv                   // from channel I
	Lock                   // mutex I
	Unlock                 // mutex I
	Go                     // starts N goroutines of class I
	Wait                   // for the goroutines that this one started
	Yield                  // runtime.Gosched
	Alloc                  // N objects of kind I
	Infer                  // one inference in the calling goroutine
	Enqueue                // sends itself on channel I, the queue of the batcher
	Await                  // waits for the worker's reply
	Begin                  // a request begins
	End                    // it ends, and is recorded
	Think                  // the client thinks for Time: its next request is due at the end of that
	Next                   // the same client's next request begins at the first Op, or the goroutine ends; N 0: it is due now
	Exit                   // the goroutine ends
	Start                  // starts N goroutines of program I
	Started                // the load is running
	Collect                // a worker receives the first request of a batch from channel I
	Take                   // it collects more as the Batcher says
	RunBatch               // it runs the batch
	Reply                  // it replies to each request of the batch, then goes back to the first Op
	Read                   // a reader takes what its source has written, and starts a goroutine for each
	Generate               // an in-process generator sleeps until the next arrival and starts it

	RLock         // RWMutex I, as a reader
	RUnlock       // RWMutex I
	WLock         // RWMutex I, as a writer
	WUnlock       // RWMutex I
	LockThread    // runtime.LockOSThread
	UnlockThread  // runtime.UnlockOSThread
	Gomaxprocs    // runtime.GOMAXPROCS(N)
	CondWait      // on Cond I, whose mutex it holds
	CondSignal    // Cond I
	CondBroadcast // Cond I
	Select        // Selects[I]: the first case that can go on, in a random order
	NetWrite      // N bytes to connection I
	NetRead       // N bytes from the other end of connection I

	Retain         // N objects of kind J, held by the request, go into live set I
	Release        // the N oldest of live set I
	Drop           // the request holds N objects of kind I no more
	Store          // N pointers into the heap
	Get            // a buffer from pool I
	Put            // it goes back
	GC             // runtime.GC
	SetGCPercent   // to N
	SetMemoryLimit // to N bytes
	MarkWorker     // a background mark worker
	Sweeper        // the background sweeper
	ForceGC        // the goroutine that collects when nothing has for long
)

// An Op is one thing that a goroutine does.
type Op struct {
	Do     OpKind
	I      int32     // channel, connection, mutex, class or program
	J      int32     // Retain: kind of object; CPU: how often it uses its stack
	N      int64     // how many, or bytes: of memory, of a message, or of the stack that a computation needs
	Time   *lab.Dist // how long
	Waited bool      // Go: a later Wait of the same request waits for them
}

// What came of an op.
const (
	opDone     uint8 = iota // go on with the next
	opStay                  // go on with the same
	opBusy                  // the host has the thread; come back to the same
	opPark                  // the goroutine has parked; the next op when it runs again
	opParkStay              // the same, with the same op
)

// exec goes on with mp's goroutine. True: the goroutine has left mp, which must schedule; false: the host has the thread.
func (s *Sched) exec(mp *m) bool {
	rest := s.host.Rest(mp.thread)
	if mp.computing {
		gp := mp.curg
		mp.computing = false
		if gp.left = rest; rest == 0 { // compute would find the op done
			gp.op = 0
			gp.pc++
		}
	} else if mp.draining {
		s.drained(mp, rest)
	} else if mp.zeroing {
		mp.zeroing = false
		if mp.curg.left = rest; rest == 0 {
			mp.curg.op = 0
		}
	} else {
		mp.charge += rest
	}
	for s.err == nil {
		gp := mp.curg
		if gp.preempt && (!gp.system && gp.gcop == gcopNone || gp.gcop == gcopAssist) {
			s.goschedImpl(mp, true)
			return true
		}
		if mp.charge >= payAt {
			s.host.Run(mp.thread, s.paid(&mp.actor))
			return false
		}
		if s.noProgress++; s.noProgress > 1<<22 {
			s.throw("exec: millions of steps at one instant; a class does nothing that takes time")
			return false
		}
		switch s.do(mp, gp, &gp.prog.Ops[gp.pc]) {
		case opDone:
			if mp.curg == gp {
				gp.pc++
			}
		case opBusy:
			return false
		case opPark:
			gp.pc++
			return true
		case opParkStay:
			return true
		}
		if mp.curg == nil {
			return true
		}
	}
	return false
}

// do does one op of mp's goroutine.
func (s *Sched) do(mp *m, gp *g, op *Op) uint8 {
	switch op.Do {
	case CPU, CPUCalls:
		return s.compute(mp, gp, op)
	case CCall, CSleep, Syscall, Infer, RunBatch:
		return s.doCall(mp, gp, op)
	case Begin:
		s.begin(mp, gp)
	case End:
		s.end(mp, gp)
	case Exit:
		s.goexit0(mp)
	case Read:
		return s.read(mp, gp)
	case Sleep:
		return s.sleep(mp, op.Time.Sample(&gp.work))
	case Send:
		return doneOrParked(s.chansend(mp, s.chans[op.I], nil))
	case Recv:
		return doneOrParked(s.chanrecv(mp, s.chans[op.I]))
	case Lock:
		return s.lock(mp, &s.mutexes[op.I])
	case Unlock:
		return doneOrParked(s.unlock(mp, &s.mutexes[op.I]))
	case Yield:
		s.goschedImpl(mp, false)
		return opPark
	case Alloc:
		return s.mallocgc(mp, gp, &s.objects[op.I], op.N)
	case Go, Wait:
		return s.doChildren(mp, gp, op)
	case RLock, RUnlock, WLock, WUnlock, CondWait, CondSignal, CondBroadcast:
		return s.doSync(mp, op)
	case LockThread:
		s.dolockOSThread(mp)
	case UnlockThread:
		s.dounlockOSThread(mp)
	case Gomaxprocs:
		return s.setGomaxprocs(mp, int(op.N))
	case Select:
		return s.selectgo(mp, s.Selects[op.I])
	case NetWrite, NetRead:
		return s.doNet(mp, gp, op)
	case Retain, Release, Drop, Store, Get, Put, GC, SetGCPercent, SetMemoryLimit, MarkWorker, Sweeper, ForceGC:
		return s.doHeap(mp, gp, op)
	default:
		return s.doService(mp, gp, op)
	}
	return opDone
}

// doSync does the ops of package sync other than Mutex's.
func (s *Sched) doSync(mp *m, op *Op) uint8 {
	switch op.Do {
	case RLock:
		return s.rLock(mp, &s.rwmutexes[op.I])
	case RUnlock:
		s.rUnlock(mp, &s.rwmutexes[op.I])
	case WLock:
		return s.wLock(mp, &s.rwmutexes[op.I])
	case WUnlock:
		return doneOrParked(s.wUnlock(mp, &s.rwmutexes[op.I]))
	case CondWait:
		return s.condWait(mp, &s.conds[op.I])
	case CondSignal:
		s.notifyListNotifyOne(mp, &s.conds[op.I].notify)
	case CondBroadcast:
		s.notifyListNotifyAll(mp, &s.conds[op.I].notify)
	}
	return opDone
}

func doneOrParked(done bool) uint8 {
	if done {
		return opDone
	}
	return opPark
}

// compute burns the op's time, in as many bursts as preemption cuts it into.
func (s *Sched) compute(mp *m, gp *g, op *Op) uint8 {
	if gp.op == 0 {
		gp.op = 1
		gp.left = s.links(op.Time.Sample(&gp.work))
		if op.N > 0 {
			s.morestack(mp, op.N)
			mp.charge += time.Duration(int64(max(op.J-1, 0)) * int64(s.price.stackUse) * op.N / 1024)
		}
	}
	if gp.left == 0 {
		gp.op = 0
		return opDone
	}
	mp.computing = true
	s.host.Run(mp.thread, s.paid(&mp.actor)+gp.left)
	return opBusy
}

// links is the time that so many links of the chain take on this host.
func (s *Sched) links(n time.Duration) time.Duration {
	if s.cost.Link.P50 == 0 {
		return n
	}
	return time.Duration(float64(n) * s.cost.Link.P50)
}

// doCall does an op that is a C or system call: first it pays for the Go code so far, then it enters the call, and when
// that has returned, it is done.
func (s *Sched) doCall(mp *m, gp *g, op *Op) uint8 {
	switch gp.op {
	case 2:
		return s.enterCall(mp, gp, op)
	case 1:
		gp.op = 0
		s.callDone(mp, gp, op)
		return opDone
	}
	switch op.Do {
	case Infer:
		mp.charge += s.price.runCall + s.copyRows(1)
	case RunBatch:
		mp.charge += s.price.runCall + s.copyRows(len(s.workers[gp.serves].reqs))
	}
	if mp.charge > 0 { // Go code ends before the call begins: until then others see a goroutine that runs
		gp.op = 2
		s.host.Run(mp.thread, s.paid(&mp.actor))
		return opBusy
	}
	return s.enterCall(mp, gp, op)
}

// enterCall begins the call of a call op.
func (s *Sched) enterCall(mp *m, gp *g, op *Op) uint8 {
	gp.op = 1
	switch op.Do {
	case CCall:
		s.call(mp, s.price.cgocall, s.links(op.Time.Sample(&gp.work)), 0)
	case CSleep:
		s.call(mp, s.price.cgocall, 0, max(op.Time.Sample(&gp.work), 1))
	case Syscall:
		s.call(mp, s.price.syscall, 0, max(op.Time.Sample(&gp.work), 1))
		s.calls--
	case Infer:
		s.runSession(mp, 1)
	case RunBatch:
		s.runSession(mp, len(s.workers[gp.serves].reqs))
	}
	return opBusy
}

// doChildren starts goroutines of a class, one at a time, or waits for those started.
func (s *Sched) doChildren(mp *m, gp *g, op *Op) uint8 {
	if op.Do == Wait {
		if gp.children > 0 {
			gp.awaits = awaitsChildren
			s.gopark(mp, lab.Sync)
			return opPark
		}
		return opDone
	}
	gp.left++ // counts within the op: no time is left over here
	c := s.newproc(mp, &s.classes[op.I], lab.Child(gp.num, int(gp.spawned)), s.host.Now+mp.charge)
	if op.Waited {
		c.parent, c.parentIs = gp, gp.life
		gp.children++
	}
	gp.spawned++
	s.open++
	if int64(gp.left) < op.N {
		return opStay
	}
	gp.left = 0
	return opDone
}
