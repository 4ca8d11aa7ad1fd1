package lab

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A Value is a measured number with its spread over rounds of measurement.
type Value struct{ P50, P10, P90 float64 }

// Nanos is a Value in nanoseconds.
type Nanos Value

// A Cost is what the primitives cost on one host. Calibration measures it on micro-benchmarks, the simulator charges
// it. The zero Cost is the machine of queueing theory: as many cores as Ps, nothing costs anything, nothing preempts
// but the runtime; there the closed forms come out exactly.
//
// Fields of type Nanos are CPU time that the named party burns, but for Tick and Slice, which are times of the kernel.
// Fields of type Dist are latencies during which the named thread does not run, but for IdlePull, a limit.
type Cost struct {
	Host Host   // the machine measured
	Made string // when, RFC 3339
	Took string // how long the measurement lasted

	Refreshed string // when what wanders was measured again (IdlePull, IdlePullOdds, WakeIdle, WakeRested, Stalls, Stall, FutexWake, FutexSleep, FutexBackIdle, Marking, Service.Speed), RFC 3339; empty: never
	Quick     bool   // measured in fewer rounds, for a quick run

	Link Nanos // one link of the dependent chain that CPU steps and spinning calls are counted in (about 1 ns)

	// The Go runtime, on the M that does it. What stacks cost is left out of the JSON where it was not measured, so that
	// the hash of an older calibration, which predictions name, stays what it was.
	Newproc   Nanos // go statement: newproc1 with a reused g, runqput, wakep that finds nothing to do
	NewG      Nanos // added while no finished goroutine can be reused: a new g and its stack
	StackNew  Nanos `json:",omitzero"` // added when the g that is reused has lost its grown stack: a first stack for it
	Goexit    Nanos // goexit0 to the next goroutine: gdestroy, schedule, runqget, execute
	Switch    Nanos // gopark or Gosched to the next goroutine running: mcall, schedule, queue operations, execute
	Steal     Nanos // looking at the queue of one P in stealWork
	Chan      Nanos // one channel operation that does not block
	Ready     Nanos // goready: added to an operation that makes another goroutine runnable
	Mutex     Nanos // sync.Mutex Lock or Unlock without contention
	CgoCall   Nanos // one empty C call: entersyscall, asmcgocall, exitsyscall
	Syscall   Nanos // the same for a system call through package syscall
	ExitSlow  Nanos // added when exitsyscall finds its P taken and gets another
	Timer     Nanos // arming or stopping a timer, or running an expired one
	Now       Nanos // reading the clock
	AllocMin  Nanos // allocating the smallest object
	AllocKiB  Nanos // added for each KiB allocated: zeroing and the share of sweeping; without GC marking. Where Alloc is measured, that and SweepSpan count instead
	Spin      Nanos // one active spin of sync.Mutex: 30 PAUSE instructions
	StackUse  Nanos `json:",omitzero"` // each KiB of stack that a step's calls use: calling, writing to it and returning
	StackGrow Nanos `json:",omitzero"` // one growth of a stack: morestack, newstack, stackalloc, copystack but for what its size costs
	StackKiB  Nanos `json:",omitzero"` // added for each KiB that copystack copies, with the frames in it, of about 200 bytes, adjusted; and for giving the stack back
	RunCall   Nanos // one inference call outside C: the binding's Go code and ours
	Request   Nanos // bookkeeping of the real run for one request: two clock reads, one record
	CopyKiB   Nanos // copying one KiB between a request and a batch

	Threads Value // OS threads of a trial's process after its set-up: /sched/threads/total:threads

	// The kernel and the hardware.
	Cores         int       // cores that threads share; 0: as many as there are Ps and never a wait
	Tick          Nanos     // period of the scheduler's tick: a slice ends at a tick only
	Slice         Nanos     // CPU that a thread is granted before a tick may take its core
	IdlePull      Dist      // a core that goes idle pulls a waiting thread if its idle times are longer than this on average: each core has its own limit, which wanders over minutes
	IdlePullOdds  Value     // share of such occasions on which it tries at all, when a run begins; 0: half, as after a boot
	Pack          Value     `json:",omitzero"` // a woken thread stays on its waker's core, though another is idle, while that has no third and its utilisation with both is at most this; 0: never, as in Linux
	FutexWake     Nanos     // waking a thread whose core is idle, to the waker
	FutexWakeBusy Nanos     // the same when the thread's core is busy, to the waker
	FutexWakeOwn  Nanos     `json:",omitzero"` // the same when it is put on the waker's core; 0: as on another busy one
	FutexSleep    Nanos     // blocking on a futex, to the thread that blocks, until it has left its core
	FutexBack     Nanos     `json:",omitzero"` // coming back from it, to the same thread, on a core that is busy
	FutexBackIdle Nanos     `json:",omitzero"` // the same on a core that is idle: a part of WakeIdle
	SwitchIn      Nanos     // taking a core over from another thread
	WakeIdle      Dist      // from the wake-up to the woken thread running on a core that has been idle for some hundred microseconds
	WakeRested    []Rested  `json:",omitzero"`  // the same where it has been idle for longer, ascending; nil: no other
	Stalls        []float64 `json:",omitempty"` // share of the moments in which an idle core gets a thread at which the hypervisor lets it wait, in each of the rounds measured, ascending; nil: none
	Stall         Dist      `json:",omitzero"`  // how much longer than WakeIdle, SleepOver and their like it then takes
	Clone         Nanos     // creating a thread, to its creator
	CloneStart    Dist      // from there to the new thread running
	SleepOver     Dist      // how much longer than asked a short nanosleep lasts on an idle core (timer slack included)
	SleepCPU      Nanos     // CPU of one nanosleep that really sleeps
	SleepIn       Nanos     `json:",omitzero"` // the part of that, and of EpollCPU, that is burnt before the core is left; what is burnt after the sleep is a part of SleepOver and its like
	SleepBusy     Nanos     // what a core's running thread loses in all when another one's short nanosleep there ends and the next begins
	EpollOver     Dist      // how much longer than asked an epoll_wait with a time-out lasts on an idle core
	EpollCPU      Nanos     // CPU of one epoll_wait that really sleeps
	Netpoll       Nanos     // one epoll_wait that does not sleep
	PipeWrite     Nanos     // writing a due arrival to the pipe, without the wake-up
	PipeRead      Nanos     // reading what is in the pipe

	// Sockets. Left out of the file where they were not measured, so that what was calibrated before has the sum it had.
	NetWrite    Nanos `json:",omitzero"` // writing to a loopback TCP connection, its delivery to the other end included, without copying and without the wake-up
	NetWriteKiB Nanos `json:",omitzero"` // added for each KiB written
	NetRead     Nanos `json:",omitzero"` // reading from one that has bytes, without copying
	NetReadKiB  Nanos `json:",omitzero"` // added for each KiB read
	NetAgain    Nanos `json:",omitzero"` // a read or write that finds nothing to do: EAGAIN

	// The heap and its collector. Left out of the file where they were not measured.
	Heap              Heap        `json:",omitzero"`  // of a trial's process after its set-up
	Alloc             []AllocCost `json:",omitempty"` // allocating one object, by size; none: AllocMin and AllocKiB
	Mark              []MarkCost  `json:",omitempty"` // marking one object, by size and live heap; none: marking costs nothing
	Marking           float64     `json:",omitempty"` // what is in Mark over what was calibrated, where one row was measured again; 0: it was not
	AllocMark         Nanos       `json:",omitzero"`  // added for each object allocated while the collector marks
	AllocMarkKiB      Nanos       `json:",omitzero"`  // and for each KiB
	FreshKiB          Nanos       `json:",omitzero"`  // added for each KiB that comes from the kernel: page faults, when it is zeroed for its second use
	CopyPageKiB       Nanos       `json:",omitzero"`  // added for each KiB of that which is read before it is written: the kernel maps zeroes first and copies then
	CopyPagePeerKiB   Nanos       `json:",omitzero"`  // and while another core runs the process, which must hear of it
	CopyPageStolenKiB Nanos       `json:",omitzero"`  // what that core loses
	Scavenge          Nanos       `json:",omitzero"`  // giving a KiB back to the kernel
	SweepFree         Nanos       `json:",omitzero"`  // added where nothing in the span is alive: its pages become free
	SweepSpan         Nanos       `json:",omitzero"`  // sweeping one span
	SweepPeer         Nanos       `json:",omitzero"`  // added while another thread sweeps, too
	MarkSetup         Nanos       `json:",omitzero"`  // CPU of a mark phase that finds nothing but Heap, of a trial's process: workers' start and end, globals, specials, and Heap itself
	MarkG             Nanos       `json:",omitzero"`  // scanning the stack of one parked goroutine
	StopWorld         Nanos       `json:",omitzero"`  // CPU of stopping a world that has nothing running and starting it again
	SweepTerm         Nanos       `json:",omitzero"`  // CPU of what a collection does inside its first stop, beside stopping
	MarkTerm          Nanos       `json:",omitzero"`  // CPU of what it does inside its second stop, beside stopping; the restart is not in it
	Store             Nanos       `json:",omitzero"`  // one pointer store into the heap while nothing is marked
	StoreMark         Nanos       `json:",omitzero"`  // added while the write barrier is on
	PoolGet           Nanos       `json:",omitzero"`  // sync.Pool Get that finds its private slot full
	PoolPut           Nanos       `json:",omitzero"`  // sync.Pool Put into an empty private slot
	PoolShared        Nanos       `json:",omitzero"`  // added by a Get or a Put that uses the P's shared part

	Signal         Dist  // from tgkill to the handler of a running thread
	SignalCPU      Nanos // CPU of handling it
	SignalSend     Nanos `json:",omitzero"` // CPU of sending it
	ColdSignal     Dist  `json:",omitzero"` // as Signal, where the process has sent none for longer than WarmSignals; ColdSignalCPU is 0: as any other
	ColdSignalCPU  Nanos `json:",omitzero"` // CPU of handling such a one
	ColdSignalSend Nanos `json:",omitzero"` // CPU of sending it
	GapRate        Value // moments stolen from a core by host and interrupts, per second of busy time
	Gap            Dist  // how long one lasts
	GapCPU         Value `json:",omitzero"` // share of that time that the kernel counts as CPU of the thread that had the core
	ArmLate        Dist  // how late the generator's C thread writes an arrival when its core is idle

	Infer []Service // service times of models

	// Not measured: what a prediction assumes beside (machine.go).
	Foreign []Foreign `json:",omitempty"` // other processes
	SMT     SMT       `json:",omitzero"`
	NUMA    NUMA      `json:",omitzero"`
}

// Heap is what the collector finds in a trial's process before the workload has allocated anything: bytes.
type Heap struct {
	Live    uint64 // marked
	Scan    uint64 // of it, what may hold pointers: /gc/scan/heap:bytes
	Stack   uint64 // /gc/scan/stack:bytes
	Globals uint64 // /gc/scan/globals:bytes
	Other   uint64 // mapped by the runtime beside the heap: what counts towards GOMEMLIMIT and is not heap

	Mapped uint64  // the heap itself when Other was read: the most it has been
	Share  float64 // by how much Other grows with each byte that the heap grows: spans, mark bits, work buffers
}

// An AllocCost is what one object of a size costs to allocate from memory that has been used before and is swept.
type AllocCost struct {
	Bytes    int64
	Heap     int64 // bytes over which allocation goes before it comes to the same place again: what is not in a cache costs more
	Pointers bool
	Time     Nanos
}

// A MarkCost is what one object costs to mark that a live set holds, in CPU of the workers, on a heap that has been churned.
type MarkCost struct {
	Bytes    int64 // of the object
	Live     int64 // bytes of the whole live set
	Pointers bool  // all its words are (nil) pointers, or none
	Among    int64 `json:",omitzero"` // bytes of other objects that were allocated for each byte of these, between them
	Old      bool  // by the collector before Green Tea (GOEXPERIMENT=nogreenteagc)
	Time     Nanos
}

// A Service is the measured service time of one model, alone on the machine but for Busy-1 other inferences.
type Service struct {
	Model   string
	IntraOp int       // threads inside one inference
	Busy    int       // inferences running at the same time, this one included
	Row     int       // bytes of one row, in or out: what is copied for each request
	Batch   []int     // batch sizes measured, ascending
	Time    []Dist    // for each of them the time in the C call, wall clock; medians never descend
	After   []Dist    // the same right after a batch of the largest size, whose data have displaced this one's; may be short
	CPU     []float64 // for each of them the mean CPU used by all threads over that time, in cores
	Probe   float64   // median of lab.ProbeRows rows, samples uncut, Go code included, nanoseconds: what a later probe is compared with; 0: not measured
	Speed   []float64 // quantiles over rounds of how long everything took, over the median round: the host's speed modes; nil: always 1
}

// A Rested is what a wake-up takes on a core that has been idle for that long.
type Rested struct {
	Idle time.Duration // longer than ShortIdle
	Wake Dist          // quantiles; between two lengths of idleness each is interpolated
	Call Nanos         `json:",omitzero"` // waking a thread there, to the waker: as FutexWake; 0: not measured, as before
}

// WarmSignals is for how long after a signal the next one is taken to be as fast as Cost.Signal: it is measured at 0.1 to 0.3 ms,
// and Cost.ColdSignal at 4 to 6 ms.
const WarmSignals = time.Millisecond

// StallIdle is for how long a core has to be idle before the hypervisor may let it wait (Cost.Stalls).
const StallIdle = 100 * time.Microsecond

// ShortIdle is for how long the cores had been idle on which Cost.WakeIdle was measured.
const ShortIdle = 350 * time.Microsecond

// validateRested refuses lengths of idleness between which nothing can be interpolated.
func (c *Cost) validateRested() error {
	before := ShortIdle
	for i := range c.WakeRested {
		idle := c.WakeRested[i].Idle
		if idle <= before {
			return fmt.Errorf("WakeRested[%d].Idle: %v; give more than %v, for which WakeIdle or the entry before stands", i, idle, before)
		}
		before = idle
	}
	return nil
}

// Service gives the table for a model, with that many intra-op threads, while busy inferences run: the one measured
// with the nearest number of busy ones; nil if the model was not measured with that many threads.
func (c *Cost) Service(model string, intraOp, busy int) *Service {
	var best *Service
	for i := range c.Infer {
		s := &c.Infer[i]
		if s.Model != model || s.IntraOp != intraOp {
			continue
		}
		if best == nil || distance(s.Busy, busy) < distance(best.Busy, busy) {
			best = s
		}
	}
	return best
}

func distance(a, b int) int { return max(a-b, b-a) }

// At gives the service time of a batch of n at quantile q of its distribution, when the batch before had prev rows:
// linear between the batch sizes measured, proportional beyond the largest. A batch that follows a larger one pays a
// share of what it pays after the largest.
func (s *Service) At(n, prev int, q float64) time.Duration {
	d := s.between(s.Time, n, q)
	last := s.Batch[len(s.Batch)-1]
	if len(s.After) == 0 || prev <= n || n > s.Batch[len(s.After)-1] {
		return d
	}
	share := float64(min(prev, last)-n) / float64(last-n)
	return d + max(0, time.Duration(float64(s.between(s.After, n, q)-d)*share))
}

// between interpolates in a column of the table.
func (s *Service) between(column []Dist, n int, q float64) time.Duration {
	i, found := slices.BinarySearch(s.Batch[:len(column)], n)
	last := len(column) - 1
	switch {
	case found:
		return column[i].Quantile(q)
	case i > last:
		return time.Duration(float64(column[last].Quantile(q)) * float64(n) / float64(s.Batch[last]))
	case i == 0:
		return column[0].Quantile(q)
	}
	a, b := column[i-1].Quantile(q), column[i].Quantile(q)
	x := float64(n-s.Batch[i-1]) / float64(s.Batch[i]-s.Batch[i-1])
	return a + time.Duration(float64(b-a)*x)
}

// Cores gives the CPU used over the service time of a batch of n, in cores: that of the nearest size measured.
func (s *Service) Cores(n int) float64 {
	i, found := slices.BinarySearch(s.Batch, n)
	if !found && i > 0 && (i == len(s.Batch) || n-s.Batch[i-1] < s.Batch[i]-n) {
		i--
	}
	return s.CPU[i]
}

// Factor gives the u-quantile of the host's speed: how much longer everything takes in a round that slow than in the median
// round.
func (s *Service) Factor(u float64) float64 {
	n := len(s.Speed)
	if n == 0 {
		return 1
	}
	x := float64(u * float64(n-1))
	i := min(int(x), n-1)
	j := min(i+1, n-1)
	return s.Speed[i] + float64((s.Speed[j]-s.Speed[i])*float64(x-float64(i)))
}

// State says in a sentence in which state the host was when what wanders was measured last; empty if it was not measured
// again after the calibration.
func (c *Cost) State() string {
	if c.Refreshed == "" {
		return ""
	}
	us := func(q float64) float64 { return float64(c.IdlePull.Quantile(q).Microseconds()) }
	text := "State of the host before the run: when an idle core pulls threads was not measured"
	if c.IdlePull.Kind == Empirical {
		text = fmt.Sprintf("State of the host before the run: an idle core pulled threads from a mean idle time of %.0f µs on (%.0f–%.0f µs)",
			us(0.5), us(0), us(1))
	}
	if n := len(c.WakeRested); n > 0 {
		last := &c.WakeRested[n-1]
		text += fmt.Sprintf("; an idle core ran a woken thread after %.0f µs, one that had been idle for %v after %.0f µs",
			float64(c.WakeIdle.Quantile(0.5))/1e3, last.Idle, float64(last.Wake.Quantile(0.5))/1e3)
	}
	if n := len(c.Stalls); n > 0 {
		text += fmt.Sprintf("; it came back late in %.1f %% of the cases (%.1f–%.1f %%), then by %.2f ms on average",
			100*c.Stalls[n/2], 100*c.Stalls[0], 100*c.Stalls[n-1], c.Stall.Average().Seconds()*1e3)
	}
	if c.Marking > 0 {
		text += fmt.Sprintf("; marking took %.2f times as long as when calibrated", c.Marking)
	}
	if s := c.Service("mlp", 1, c.Cores); s != nil && len(s.Speed) > 0 {
		text += fmt.Sprintf("; inference took %.2f times as long as when calibrated (%.2f–%.2f)", s.Factor(0.5), s.Factor(0), s.Factor(1))
	}
	return text + "."
}

// AllocTime is the CPU in nanoseconds of allocating an object of that size, where allocation goes over so many bytes of heap
// from one collection to the next. Without a table it is AllocMin and AllocKiB.
func (c *Cost) AllocTime(bytes int64, pointers bool, heap int64) float64 {
	t := make(costTable, 0, len(c.Alloc))
	for i := range c.Alloc {
		if a := &c.Alloc[i]; a.Pointers == pointers {
			t = append(t, costEntry{a.Bytes, a.Heap, a.Time.P50})
		}
	}
	if len(t) == 0 {
		return c.AllocMin.P50 + float64(c.AllocKiB.P50*float64(bytes))/1024
	}
	return t.at(bytes, heap) * max(1, float64(bytes)/float64(t.largest()))
}

// A costTable is costs of objects by their size and that of the heap.
type costTable []costEntry

type costEntry struct {
	bytes, heap int64
	ns          float64
}

func (t costTable) largest() (bytes int64) {
	for _, e := range t {
		bytes = max(bytes, e.bytes)
	}
	return bytes
}

// at interpolates by logarithms between the sizes measured, at each between the heaps measured; beyond both ends it stays what
// it is there. Without entries it is 0.
func (t costTable) at(bytes, heap int64) float64 {
	lo, hi := bounds(t, bytes, func(e costEntry) (int64, bool) { return e.bytes, true })
	column := func(size int64) float64 {
		a, b := bounds(t, heap, func(e costEntry) (int64, bool) { return e.heap, e.bytes == size })
		y0, y1 := 0.0, 0.0
		for _, e := range t {
			if e.bytes == size && e.heap == a {
				y0 = e.ns
			}
			if e.bytes == size && e.heap == b {
				y1 = e.ns
			}
		}
		return between(float64(heap), float64(a), float64(b), y0, y1)
	}
	return between(float64(bytes), float64(lo), float64(hi), column(lo), column(hi))
}

// bounds gives the largest value that is not above x and the smallest that is not below it; beyond an end both are that end.
func bounds(t costTable, x int64, of func(costEntry) (value int64, counts bool)) (lo, hi int64) {
	lo, hi = -1, -1
	for _, e := range t {
		v, counts := of(e)
		if !counts {
			continue
		}
		if v <= x && v > lo {
			lo = v
		}
		if v >= x && (hi < 0 || v < hi) {
			hi = v
		}
	}
	if lo < 0 {
		lo = hi
	}
	if hi < 0 {
		hi = lo
	}
	return lo, hi
}

// between interpolates by logarithms.
func between(x, x0, x1, y0, y1 float64) float64 {
	if x1 <= x0 || y0 <= 0 || y1 <= 0 {
		return y0
	}
	share := math.Log(x/x0) / math.Log(x1/x0)
	return y0 * math.Exp(float64(share*math.Log(y1/y0)))
}

// MarkTime is the CPU in nanoseconds of marking one object of that size, of whose words a share are pointers, in a heap with so
// many bytes alive, where so many bytes of other objects were allocated between them for each of theirs: their spans lie that far
// apart. old: by the collector before Green Tea; where that was not measured, by this one. Up to 512 bytes the bits that say
// where the pointers are lie in the span, beyond in the type: nothing is interpolated across.
func (c *Cost) MarkTime(bytes int64, pointers float64, live int64, among float64, old bool) float64 {
	old = old && slices.ContainsFunc(c.Mark, func(m MarkCost) bool { return m.Old })
	together := c.markTime(bytes, pointers, live, 0, old)
	far := int64(0)
	for i := range c.Mark {
		if m := &c.Mark[i]; m.Old == old {
			far = max(far, m.Among)
		}
	}
	if far == 0 || among <= 0 {
		return together
	}
	return between(1+min(among, float64(far)), 1, float64(1+far), together, c.markTime(bytes, pointers, live, far, old))
}

// markTime is MarkTime of what was measured among so many others.
func (c *Cost) markTime(bytes int64, pointers float64, live, among int64, old bool) float64 {
	table := func(with bool) (t costTable) {
		for i := range c.Mark {
			m := &c.Mark[i]
			if m.Pointers == with && m.Old == old && m.Among == among && (m.Bytes <= 512) == (bytes <= 512) {
				t = append(t, costEntry{m.Bytes, m.Live, m.Time.P50})
			}
		}
		return t
	}
	without := table(false).at(bytes, live)
	if pointers == 0 {
		return without
	}
	with := table(true)
	if n := len(with); n > 0 { // scanning goes on in proportion beyond the largest
		more := max(with.at(bytes, live)-without, 0) * max(1, float64(bytes)/float64(with.largest()))
		return without + float64(more*pointers)
	}
	return without
}
