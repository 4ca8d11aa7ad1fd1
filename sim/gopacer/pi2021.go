package gopacer

// PI2021 is the pacer that golang/proposal, design 44167 (2021), proposed, in the idealised program of its simulations
// (github.com/mknyszek/pacer-model). It sets the trigger r bytes before the goal for each byte that is to be scanned, and finds
// r by a controller with a proportional and an integral part. Go 1.18 shipped it without that controller: see Controller.
type PI2021 struct {
	program
	r        float64 // bytes allocated per byte scanned, at 25 % of the CPU
	integral float64
}

// NewPI2021 gives the pacer for a scenario. It has no memory limit, and one rate is as good as another with the same ratio.
func NewPI2021(s *Scenario) *PI2021 { return &PI2021{program: newProgram(s)} }

// The proposal's controller, and its smallest heap goal.
const (
	piProportional = 0.9
	piIntegralTime = 1.6
	piTrackingTime = 1000
	piOutput       = 2 // at most, up or down
	piHeapMinimum  = 2 << 20
	piMargin       = 0.05 // r stays that far from 0 and from γ
	piMinTrigger   = 0.6  // of the way from what is live to the goal
)

// Step makes one cycle.
func (m *PI2021) Step(c Cycle) Result {
	roots := c.StackBytes + m.globals
	expected := m.scannable + roots
	goal := max(uint64(float64(m.live+roots)*m.gamma), piHeapMinimum)
	trigger := m.trigger(goal, expected)
	work := m.scanWork(c)

	// As much is allocated as a quarter of the CPU for marking leaves room for; or as assists let through.
	const target = 0.25
	assistRatio := (float64(goal) - float64(trigger)) / float64(expected)
	ratio, utilization := c.AllocRate*(1-target)/(c.ScanRate*target), target
	if ratio > assistRatio {
		ratio = assistRatio
		x := c.AllocRate / (ratio * c.ScanRate)
		utilization = x / (1 + x)
	}
	black := uint64(ratio * float64(work))
	res := Result{HeapLive: m.live, HeapTrigger: trigger, HeapPeak: trigger + black, HeapGoal: goal, GCUtilization: utilization,
		HeapScannable: int64(m.scannable - m.blackScannable), AssistRatio: assistRatio, Ratio: m.r}

	measured := float64(black) / float64(work) * ((1 - target) / (1 - utilization)) / (target / utilization)
	m.r = min(max(m.r+m.next(measured-m.r), piMargin), m.gamma-piMargin)
	m.survive(c, black)
	return res
}

// trigger is r for each byte that is expected, before the goal.
func (m *PI2021) trigger(goal, expected uint64) uint64 {
	if m.first {
		return 7 * goal / 8
	}
	before := uint64(m.r * float64(expected))
	least := m.live + uint64(float64(goal-m.live)*piMinTrigger)
	if before+m.live >= goal {
		return least
	}
	return max(goal-before, least)
}

// next is a step of the controller: by how much r is to change. Where its output is cut off the integral is held back.
func (m *PI2021) next(err float64) float64 {
	raw := float64(piProportional*err) + m.integral
	out := min(max(raw, -piOutput), piOutput)
	m.integral += float64(piProportional/piIntegralTime*err) + float64(1.0/piTrackingTime*(out-raw))
	return out
}

// A program is what both pacers of the past pace in the simulations of the proposal.
type program struct {
	gamma            float64 // 1 + GOGC/100
	globals, initial uint64
	first            bool

	live, scannable       uint64 // after the last cycle
	black, blackScannable uint64 // of it, allocated while it marked
}

func newProgram(s *Scenario) program {
	return program{gamma: 1 + float64(s.GCPercent)/100, globals: s.GlobalsBytes, initial: s.InitialHeap, first: true}
}

// scanWork is what the cycle has to scan: of the heap it is what was scannable after the last one, times the growth.
func (p *program) scanWork(c Cycle) uint64 {
	if p.first {
		return p.initial + c.StackBytes + p.globals
	}
	return uint64(float64(p.scannable)*c.GrowthRate) + c.StackBytes + p.globals
}

// survive ends a cycle in which black bytes were allocated: all of them live, and the old ones grow.
func (p *program) survive(c Cycle, black uint64) {
	blackScannable := uint64(float64(black) * c.ScannableFrac)
	if p.first {
		p.live = p.initial + black
		p.scannable = uint64(float64(p.live) * c.ScannableFrac)
	} else {
		p.live = uint64(float64(p.live-p.black)*c.GrowthRate) + black
		p.scannable = uint64(float64(p.scannable-p.blackScannable)*c.GrowthRate) + blackScannable
	}
	p.black, p.blackScannable, p.first = black, blackScannable, false
}
