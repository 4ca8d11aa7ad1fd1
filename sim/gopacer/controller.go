package gopacer

// Constants of runtime/mgcpacer.go and, for sweepMinHeapDistance, runtime/mgc.go.
const (
	// BackgroundUtilization is the share of the Ps that mark in the background, and GoalUtilization what marking shall take
	// in all; they are one number, so that in the steady state no allocation has to help.
	BackgroundUtilization = 0.25
	GoalUtilization       = BackgroundUtilization

	// CreditSlack is the scan work that a worker keeps to itself before it adds it to BgScanCredit.
	CreditSlack = 2000
	// AssistTimeSlack is the assist time in nanoseconds that a P keeps to itself before it adds it to AssistTime.
	AssistTimeSlack = 5000
	// OverAssistWork is the least scan work of one assist, so that few allocations pay for all.
	OverAssistWork = 64 << 10

	// DefaultHeapMinimum is the smallest heap goal at GOGC=100.
	DefaultHeapMinimum = 4 << 20
	// SweepMinHeapDistance is how far from the live heap the trigger stays while sweeping is not done.
	SweepMinHeapDistance = 1 << 20
	// MaxStackScanSlack is the change of stack bytes that a P keeps to itself before it tells the controller.
	MaxStackScanSlack = 8 << 10

	// MemoryLimitMinHeapGoalHeadroom and MemoryLimitHeapGoalHeadroomPercent are kept free below the memory limit: it is the
	// larger of the two that counts.
	MemoryLimitMinHeapGoalHeadroom     = 1 << 20
	MemoryLimitHeapGoalHeadroomPercent = 3

	triggerRatioDen    = 64
	minTriggerRatioNum = 45
	maxTriggerRatioNum = 61
)

// NotTriggered is the value of Controller.Triggered outside of a cycle.
const NotTriggered = ^uint64(0)

// A MarkWorkerMode says how a mark worker uses its P (gcMarkWorkerMode in runtime/mgc.go).
type MarkWorkerMode uint8

// The modes of mark workers.
const (
	MarkWorkerNotWorker      MarkWorkerMode = iota
	MarkWorkerDedicatedMode                 // marks until the cycle ends
	MarkWorkerFractionalMode                // marks until its share of time is used
	MarkWorkerIdleMode                      // marks while its P has nothing else to do
)

// A Controller is the pacer of Go 1.26: runtime/mgcpacer.go:gcControllerState, with the same fields and methods. Sizes and
// work are in bytes, times in nanoseconds. [Controller.Init] makes it ready.
type Controller struct {
	GCPercent   int32 // GOGC; -1: off
	MemoryLimit int64 // GOMEMLIMIT
	HeapMinimum uint64

	Runway       uint64     // what is expected to be allocated while the next cycle marks
	ConsMark     float64    // bytes allocated per byte marked, CPU for CPU: the largest of this cycle and the last four
	LastConsMark [4]float64 // of the last four cycles, the latest last

	GCPercentHeapGoal   uint64 // the goal by GOGC alone
	SweepDistMinTrigger uint64 // the least trigger while sweeping is not done
	Triggered           uint64 // HeapLive at which this cycle began; NotTriggered outside of a cycle
	LastHeapGoal        uint64 // at the end of the last cycle

	HeapLive      uint64 // marked by the last cycle, and all that was allocated since
	HeapScan      uint64 // the part of HeapLive that may hold pointers
	LastHeapScan  uint64 // heap bytes that the last cycle scanned
	LastStackScan uint64 // stack bytes that the last cycle scanned
	MaxStackScan  uint64 // size of all stacks
	GlobalsScan   uint64 // size of all globals that may hold pointers
	HeapMarked    uint64 // bytes that the last cycle marked

	HeapScanWork    int64 // done in this cycle
	StackScanWork   int64
	GlobalsScanWork int64
	BgScanCredit    int64 // scan work of background workers that assists may take as theirs

	AssistTime         int64 // of this cycle, summed over Ps
	DedicatedMarkTime  int64
	FractionalMarkTime int64
	IdleMarkTime       int64
	MarkStartTime      int64

	DedicatedMarkWorkersNeeded int64
	IdleMarkWorkers            int32 // running
	MaxIdleMarkWorkers         int32
	FractionalUtilizationGoal  float64 // share of each P's time for fractional workers

	AssistWorkPerByte  float64 // scan work owed for a byte allocated
	AssistBytesPerWork float64

	TotalAlloc  uint64 // bytes of objects allocated, ever
	TotalFree   uint64 // bytes of objects freed, ever
	MappedReady uint64 // bytes of memory mapped and not given back
	HeapFree    uint64 // bytes in no span and not given back

	BlackenEnabled bool // gcBlackenEnabled: the cycle marks
}

// Init makes the controller ready for a process that starts, for GOGC (negative: off) and GOMEMLIMIT in bytes.
func (c *Controller) Init(gcPercent int32, memoryLimit int64) {
	*c = Controller{HeapMinimum: DefaultHeapMinimum, Triggered: NotTriggered}
	c.SetGCPercent(gcPercent)
	c.SetMemoryLimit(memoryLimit)
	c.Commit(true)
}

// SetGCPercent sets GOGC, all that is negative is off, and gives what it was. As in the runtime, a Commit has to follow.
func (c *Controller) SetGCPercent(in int32) int32 {
	out := c.GCPercent
	if in < 0 {
		in = -1
	}
	// Off, this is a huge number; the goal by GOGC is larger still.
	c.HeapMinimum = DefaultHeapMinimum * uint64(in) / 100
	c.GCPercent = in
	return out
}

// SetMemoryLimit sets GOMEMLIMIT unless it is negative, and gives what it was. As in the runtime, a Commit has to follow if
// it changed.
func (c *Controller) SetMemoryLimit(in int64) int64 {
	out := c.MemoryLimit
	if in >= 0 {
		c.MemoryLimit = in
	}
	return out
}

// Update adds to the live heap and, outside of a cycle, to its part with pointers; in a cycle that part does not change, but
// what an allocation owes does. To add all that a mark phase allocates in one step is to owe too little for it.
func (c *Controller) Update(dHeapLive, dHeapScan int64) {
	c.HeapLive += uint64(dHeapLive)
	if !c.BlackenEnabled {
		c.HeapScan += uint64(dHeapScan)
	} else {
		c.Revise()
	}
}

// AddScannableStack adds to the size of all stacks. The runtime's slack per P (MaxStackScanSlack) is the caller's.
func (c *Controller) AddScannableStack(amount int64) { c.MaxStackScan += uint64(amount) }

// AddGlobals adds to the size of all globals.
func (c *Controller) AddGlobals(amount int64) { c.GlobalsScan += uint64(amount) }

// ResetLive sets the live heap to what the cycle has marked, and keeps what it has scanned as the estimate for the next.
func (c *Controller) ResetLive(bytesMarked uint64) {
	c.HeapMarked = bytesMarked
	c.HeapLive = bytesMarked
	c.HeapScan = uint64(c.HeapScanWork)
	c.LastHeapScan = uint64(c.HeapScanWork)
	c.LastStackScan = uint64(c.StackScanWork)
	c.Triggered = NotTriggered
}

// Commit computes goal and runway for the next cycle from the results of the last one. While sweeping is not done the trigger
// keeps a distance from the live heap, so that there is time to sweep.
func (c *Controller) Commit(isSweepDone bool) {
	c.SweepDistMinTrigger = 0
	if !isSweepDone {
		c.SweepDistMinTrigger = c.HeapLive + SweepMinHeapDistance
	}
	goal := ^uint64(0)
	if c.GCPercent >= 0 {
		goal = c.HeapMarked + (c.HeapMarked+c.LastStackScan+c.GlobalsScan)*uint64(c.GCPercent)/100
	}
	c.GCPercentHeapGoal = max(goal, c.HeapMinimum)
	// Marking at GoalUtilization takes the time of so much allocation on the rest of the Ps.
	c.Runway = toUint64((c.ConsMark * (1 - GoalUtilization) / GoalUtilization) * float64(c.scanWorkExpected()))
}

// scanWorkExpected is the scan work of the next cycle if the heap with pointers has not changed.
func (c *Controller) scanWorkExpected() uint64 {
	return c.LastHeapScan + c.LastStackScan + c.GlobalsScan
}

// toInt64 truncates as amd64 does, whatever the machine: what an int64 cannot hold becomes the smallest one.
func toInt64(f float64) int64 {
	if !(f >= -(1<<63) && f < 1<<63) {
		return -1 << 63
	}
	return int64(f)
}

// toUint64 truncates as amd64 does, whatever the machine: a negative number wraps, and what does not fit becomes 1<<63, which
// is above each goal.
func toUint64(f float64) uint64 {
	if f >= 1<<63 && f < 1<<64 {
		return uint64(f)
	}
	return uint64(toInt64(f))
}

// throw stops for a bug of our own, as the runtime's does.
func throw(s string) { panic("gopacer: " + s) }
