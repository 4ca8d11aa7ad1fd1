package gopacer

import "math"

// A Scenario is a program as a pacer sees it: how fast it allocates and how its live heap grows, cycle by cycle.
type Scenario struct {
	GCPercent    int32
	MemoryLimit  int64
	GlobalsBytes uint64
	InitialHeap  uint64 // live in the first cycle
	NCores       int
	Length       int // cycles

	AllocRate     Stream // KiB per ms of a core
	ScanRate      Stream // KiB per ms of a core
	GrowthRate    Stream // of what is live, without what was allocated while marking
	ScannableFrac Stream // of the heap: the part with pointers
	StackBytes    Stream // of all stacks, rounded down to 2 KiB
}

// A Cycle is what a scenario says of one cycle.
type Cycle struct {
	AllocRate     float64
	ScanRate      float64
	GrowthRate    float64
	ScannableFrac float64
	StackBytes    uint64
}

// A Result is what a pacer makes of one cycle. Sizes are in bytes.
type Result struct {
	HeapLive      uint64  // marked by the cycle before
	HeapTrigger   uint64  // at which it began
	HeapPeak      uint64  // at which it ended
	HeapGoal      uint64  // at its end
	GCUtilization float64 // CPU share of the collector while marking

	// HeapScannable is the part of the old heap that may hold pointers.
	HeapScannable int64
	// AssistRatio is the scan work owed for a byte allocated, at the end.
	AssistRatio float64
	// Ratio is by how much the trigger was set before the goal: bytes allocated per byte scanned. In Go 1.26 it is cons/mark,
	// CPU for CPU; in the others it is at their target of CPU.
	Ratio float64
}

// A Model is a pacer together with the marking that it paces, at the level of cycles.
type Model interface {
	// Step makes one cycle.
	Step(c Cycle) Result
}

// Run makes all cycles of a scenario, and uses its streams up.
func (s *Scenario) Run(m Model) []Result {
	results := make([]Result, s.Length)
	for i := range results {
		results[i] = m.Step(s.next())
	}
	return results
}

// next gives the next cycle within the bounds that the runtime's test sets.
func (s *Scenario) next() Cycle {
	const minRate = 0.0001
	return Cycle{
		AllocRate:     math.Max(minRate, s.AllocRate()),
		ScanRate:      math.Max(minRate, s.ScanRate()),
		GrowthRate:    math.Max(minRate, s.GrowthRate()),
		ScannableFrac: math.Min(math.Max(s.ScannableFrac(), 0), 1),
		StackBytes:    uint64(math.Floor(math.Max(s.StackBytes(), 0)/2048) * 2048),
	}
}

// Go126 is the shipped pacer in the idealised program that the runtime's TestGcPacer runs it in: what an allocation owes is
// exactly what marking gets, in steps of half a millisecond, and never less than a quarter of the CPU.
type Go126 struct {
	Controller Controller

	globals, initial     uint64
	nCores               int
	cycle                int
	allocatedBlackBefore int64

	// of the running cycle
	left                               [3]int64 // globals, stacks, heap: to be scanned
	assistTime, duration, allocedBlack int64
}

// NewGo126 gives the pacer for a scenario.
func NewGo126(s *Scenario) *Go126 {
	m := &Go126{globals: s.GlobalsBytes, initial: s.InitialHeap, nCores: s.NCores}
	m.Controller.Init(s.GCPercent, s.MemoryLimit)
	return m
}

// revisePeriod is the length of a step in nanoseconds, and bytesPerPeriod makes of KiB per ms bytes in such a step.
const (
	revisePeriod   = 500_000
	bytesPerPeriod = 1024 * float64(revisePeriod) / 1e6
)

// Step makes one cycle.
func (m *Go126) Step(cycle Cycle) Result {
	c := &m.Controller
	m.start(cycle)
	next := int64(m.initial)
	if m.cycle > 0 {
		next = toInt64(float64(int64(c.HeapMarked)-m.allocatedBlackBefore) * cycle.GrowthRate)
	}
	m.cycle++
	m.left = [3]int64{int64(m.globals), int64(cycle.StackBytes), toInt64(float64(next) * cycle.ScannableFrac)}
	m.assistTime, m.duration, m.allocedBlack = 0, 0, 0
	for m.left[0]+m.left[1]+m.left[2] > 0 {
		m.mark(cycle)
	}
	utilization := float64(m.assistTime)/(float64(m.duration)*float64(m.nCores)) + BackgroundUtilization
	r := Result{
		HeapLive:      c.HeapMarked,
		HeapTrigger:   c.Triggered,
		HeapPeak:      c.HeapLive,
		HeapGoal:      c.HeapGoal(),
		GCUtilization: utilization,
		HeapScannable: toInt64(float64(int64(c.HeapMarked)-m.allocatedBlackBefore) * cycle.ScannableFrac),
		AssistRatio:   c.AssistWorkPerByte,
		Ratio:         c.ConsMark,
	}
	c.AssistTime = m.assistTime
	c.EndCycle(m.duration, m.nCores, false)
	c.ResetLive(uint64(next + m.allocedBlack))
	c.Commit(false)
	m.allocatedBlackBefore = m.allocedBlack
	return r
}

// start lets the program allocate until the trigger, and begins the cycle there.
func (m *Go126) start(cycle Cycle) {
	c := &m.Controller
	trigger, _ := c.Trigger()
	trigger = max(trigger, c.HeapMarked)
	c.MaxStackScan = cycle.StackBytes
	c.GlobalsScan = m.globals
	c.HeapLive = trigger
	c.HeapScan += uint64(toInt64(float64(trigger-c.HeapMarked) * cycle.ScannableFrac))
	c.StartCycle(0, m.nCores, false)
}

// mark is one step of marking and of allocating beside it. With the assist ratio a, the rates of allocation r and of scanning
// s and the share u of marking, a = s·u/(r·(1-u)); so u = a·r/(a·r+s).
func (m *Go126) mark(cycle Cycle) {
	c := &m.Controller
	owed := float64(c.AssistWorkPerByte * cycle.AllocRate)
	utilization := max(owed/(owed+cycle.ScanRate), BackgroundUtilization)
	cores := float64(m.nCores)
	scan := toInt64(cycle.ScanRate * bytesPerPeriod * cores * utilization)
	alloc := toInt64(cycle.AllocRate * bytesPerPeriod * cores * (1 - utilization))
	done, elapsed := m.work(scan), int64(revisePeriod)
	if scanned := done[0] + done[1] + done[2]; scanned < scan { // the cycle ends within this step
		elapsed = toInt64(float64(scanned) * float64(revisePeriod) / (cycle.ScanRate * bytesPerPeriod * cores * utilization))
		alloc = toInt64(cycle.AllocRate * bytesPerPeriod * float64(elapsed) / float64(revisePeriod) * cores * (1 - utilization))
	}
	c.HeapLive += uint64(alloc)
	c.HeapScan += uint64(toInt64(float64(alloc) * cycle.ScannableFrac))
	c.GlobalsScanWork += done[0]
	c.StackScanWork += done[1]
	c.HeapScanWork += done[2]
	c.Revise()
	m.assistTime += toInt64(float64(elapsed) * cores * (utilization - BackgroundUtilization))
	m.duration += elapsed
	m.allocedBlack += alloc
}

// work takes up to so many bytes of what is left to scan: globals, then stacks, then the heap.
func (m *Go126) work(bytes int64) (done [3]int64) {
	for i, left := range m.left {
		done[i] = min(left, bytes)
		m.left[i] -= done[i]
		bytes -= done[i]
	}
	return done
}
