package gort

import (
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gopacer"
)

// The states of a g, with the runtime's meanings (runtime/runtime2.go).
const (
	_Gidle     uint8 = iota // just allocated
	_Grunnable              // on a run queue
	_Grunning               // has an M and a P
	_Gsyscall               // in a C or system call; its M may still hold a P
	_Gwaiting               // parked; on some wait list
	_Gdead     = 6          // finished, on a free list
)

// The states of a p. In Go 1.26 a P whose M is in a C or system call is running.
const (
	_Pidle    uint8 = iota // on sched.pidle, or in transition
	_Prunning              // owned by an M
	_Pgcstop  = 3          // stopped with the world
	_Pdead    = 4          // GOMAXPROCS has shrunk
)

// What a g waits for that is not on a queue of its own.
const (
	awaitsNothing uint8 = iota
	awaitsReply
	awaitsChildren
	awaitsLock
)

// A g is a goroutine: a program, how far it is, and what the scheduler knows of it.
type g struct {
	goid      int32
	status    uint8
	op        uint8 // progress inside the current op, for ops that take several instants
	preempt   bool  // asked to yield at its next safe point
	timedOut  bool  // woken by its timer and not by a partner
	replied   bool  // its reply has come before it waited
	awaits    uint8 // what it waits for: nothing, its reply, its children or a lock
	waited    bool  // it has queued for this mutex before
	awoke     bool  // it holds the woken mark of this mutex
	starving  bool  // it has waited for this mutex for longer than the threshold
	spins     uint8 // active spins on this mutex so far
	stack     uint8 // its stack is fixedStack<<stack bytes, or it has none (noStack)
	class     int32 // of the workload; -1 for the workers and readers of the service
	pc        int32
	prog      *Program
	m         *m
	schedlink *g // next in a run queue, a wait queue or the free list
	left      time.Duration
	due       time.Duration
	start     time.Duration
	since     time.Duration // since when it waits for a mutex or a batch; when its last request ended
	num       uint64        // number of its request in its class
	work      lab.Stream    // draws the times of its steps
	parent    *g
	checked   uint32 // the last check that saw it on a queue
	life      uint32 // how many goroutines this g has been
	parentIs  uint32 // the parent's life: another one is another goroutine
	children  int32  // goroutines it started that are not done
	spawned   int32  // goroutines it started in all
	startP    int32
	serves    int32   // a worker's batch, or a reader's or in-process generator's source: its number
	timer     uint32  // generation of its timer: an older one in a heap is stopped
	ticket    bool    // a semaphore was handed over to it
	lifo      bool    // it waits at the front of its semaphore's queue
	noP       bool    // its call has ended without a P, which the P that runs it next will count
	waitq     *gQueue // the queue in which it waits with a time-out
	elem      *g      // what it received, or what it sends
	lockedm   *m      // the M it is locked to; nil: none

	gcAssistBytes int64  // what it may allocate while marking before it must assist; negative: what it owes
	gcEpoch       uint32 // the cycle of that
	gccycle       int32  // runtime.GC: the cycle that it asks for
	made          int32  // objects of an op that it has allocated
	gcop          uint8  // what it does for the collector
	gcwaits       bool   // it has queued for the semaphore that this state needs
	gcforced      bool   // it wants a cycle, whatever the heap (gcTriggerCycle)
	gctimed       bool   // it wants one as the last was long ago (gcTriggerTime)
	credit        bool   // its next object is paid for
	missed        bool   // its pool had nothing: it allocates
	closure       bool   // it has a closure on the heap
	system        bool   // one of the collector's own

	sel *selection // the select that it does, or for which it stands on a queue; nil: none
}

// A batch is what a worker of the service has collected.
type batch struct {
	reqs   []*g
	oldest time.Duration // arrival of the first one
}

// What an M does when its thread is given to it by the host.
const (
	mRun     uint8 = iota // goes on with curg
	mSched                // schedules
	mSteal                // has spun and looks for work to steal, or slept in runqgrab before it takes a runnext
	mDrop                 // has found nothing and gives up its P
	mPark                 // was blocked in stopm: acquires nextp
	mPoll                 // was blocked in netpoll
	mSyscall              // was in a C or system call: exits it
	mLocked               // was blocked in stoplockedm: acquires nextp and runs lockedg
	mExit                 // its locked goroutine has ended: the thread ends
	mDead                 // it has
	mStop                 // waits in stopTheWorldWithSema
	mSafe                 // waits in forEachP
)

// An actor is a thread that makes decisions: what they cost is charged to it and paid before its thread goes on.
type actor struct {
	thread int32         // of the host
	charge time.Duration // CPU that decisions have cost and that is not paid yet
}

// An m is an OS thread of the runtime.
type m struct {
	actor
	id          int32
	next        uint8 // what it does when its thread comes back
	spinning    bool
	computing   bool   // its burst is part of a cpu op of curg
	fd          *netFD // of the read or write that its call is; nil: it is another call, or over
	waiting     bool   // in a call that has only its helpers to wait for
	helpers     int32  // threads that help with its call and have not finished
	curg        *g
	p           *p
	nextp       *p
	oldp        *p // the P it had when it entered the call
	syscalltick uint32
	schedlink   *m
	signalled   bool          // a preemption signal is under way
	locking     bool          // it waits for sched.lock
	handling    time.Duration // what it will cost the thread
	wasSpinning bool          // before it blocked in netpoll
	pollUntil   time.Duration
	steal       stealState
	lockedg     *g    // the goroutine locked to it; nil: none
	lockedExt   int32 // how often that has called LockOSThread
	zeroing     bool  // its burst zeroes a large object
	draining    bool  // its burst marks
	drain       drain
}

// stealState is where an M is in stealWork: it may sleep in the middle.
type stealState struct {
	pass, seen int32  // the pass, and how many Ps it has looked at
	pos, step  uint32 // the P to look at next, and the stride; 0: the pass has not begun
	next       *g     // the runnext seen before the back-off
}

// A p is what an M needs to run Go code.
type p struct {
	id           int32
	status       uint8
	m            *m
	oldm         *m // the M that had it last
	link         *p // next idle P
	schedtick    uint32
	syscalltick  uint32
	runqhead     uint32
	runqtail     uint32
	runnext      *g
	timers       timers
	gFree        gQueue // gs that have ended
	goidcache    int32  // the number of the next goroutine that it starts
	goidcacheend int32  // where the numbers end that it has taken from sched.goidgen
	sysmontick   sysmontick

	mcache               []mcacheSpan  // spans with free places
	scanAlloc            uint64        // bytes that may hold pointers, allocated since the last refill
	gcAssistTime         time.Duration // not yet told to the controller
	gcFractionalMarkTime time.Duration // in this cycle
	idleSince            time.Duration
	nextGCMarkWorker     *g
	gcMarkWorkerMode     gopacer.MarkWorkerMode
	runSafePointFn       bool // it shall run the function of forEachP

	runq [runqSize]*g // last, so that all else lies together
}

// sysmontick is what sysmon saw at its last visit; it is not reset while the P is idle.
type sysmontick struct {
	schedtick, syscalltick uint32
	schedwhen, syscallwhen time.Duration
}

// A gQueue is a FIFO list of gs.
type gQueue struct {
	head, tail *g
	size       int32
}

func (q *gQueue) empty() bool { return q.head == nil }

func (q *gQueue) pushBack(gp *g) {
	gp.schedlink = nil
	if q.tail == nil {
		q.head = gp
	} else {
		q.tail.schedlink = gp
	}
	q.tail = gp
	q.size++
}

func (q *gQueue) push(gp *g) {
	gp.schedlink = q.head
	q.head = gp
	if q.tail == nil {
		q.tail = gp
	}
	q.size++
}

func (q *gQueue) pop() *g {
	gp := q.head
	if gp == nil {
		return nil
	}
	q.head = gp.schedlink
	if q.head == nil {
		q.tail = nil
	}
	gp.schedlink = nil
	q.size--
	return gp
}

// remove takes gp out of the middle.
func (q *gQueue) remove(gp *g) {
	var prev *g
	for x := q.head; x != nil; prev, x = x, x.schedlink {
		if x != gp {
			continue
		}
		if prev == nil {
			q.pop()
			return
		}
		prev.schedlink = gp.schedlink
		if q.tail == gp {
			q.tail = prev
		}
		gp.schedlink = nil
		q.size--
		return
	}
}

// schedt holds the scheduler's global state (runtime/runtime2.go: schedt).
type schedt struct {
	runq         gQueue
	nlocal       int32 // gs on all local queues, runnext included: 0 saves thieves the look at every P
	ntimers      int32 // entries in all timer heaps, stale ones included
	midle        *m
	nmidle       int32
	pidle        *p
	npidle       int32
	nmspinning   int32
	needspinning bool
	sysmonwait   bool // sysmon is in its deep sleep
	lastpoll     time.Duration
	polling      *m            // the M blocked in netpoll; nil: none (the runtime's lastpoll == 0)
	pollUntil    time.Duration // until when it blocks; 0: without limit
	goidgen      int32         // the last number taken; 32 bits do, as no record holds 2^31 goroutines and nobody sees them without one
	gFree        struct{ stack, noStack gQueue }
	nmidlelocked int32         // Ms that wait in stoplockedm
	gcwaiting    bool          // the world stops, or is stopped
	stopwait     int32         // Ps that it still waits for
	stopTimes    time.Duration // when the others stopped (gcStopTime of each P), summed
	stopping     *m            // the M that stops it
	worldsema    sema          // who may
	gcsema       sema          // who may collect, or stop the world for as long as nobody collects

	safePointWait int32         // Ps that have not run the function of forEachP
	safePointing  *m            // the M that waits for them
	locked        time.Duration // until when who stops the world, or asks every P, holds sched.lock
}
