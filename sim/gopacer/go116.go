package gopacer

// Go116 is the pacer of Go 1.5 to 1.17, in the idealised program of the simulations for the 2021 proposal
// (github.com/mknyszek/pacer-model). It moves the ratio of trigger to live heap by half of what it was off, and aims at 30 % of
// the CPU, 5 of them for assists: so some allocation always has to help.
type Go116 struct {
	program
	ratioRaw, ratio float64 // of the trigger: above what is live, as a share of it
}

// NewGo116 gives the pacer for a scenario. It has no memory limit, and one rate is as good as another with the same ratio.
func NewGo116(s *Scenario) *Go116 {
	return &Go116{program: newProgram(s), ratioRaw: 7.0 / 8, ratio: 7.0 / 8}
}

// What Go 1.16 aims at.
const (
	go116Background  = 0.25
	go116Target      = 0.30
	go116HeapMinimum = 4 << 20
	go116HardGoal    = 1.1
	go116MinTrigger  = 0.6 // of what GOGC lets the heap grow
	go116MaxTrigger  = 0.95
)

// Step makes one cycle.
func (m *Go116) Step(c Cycle) Result {
	// The first cycle begins at 4 MiB, as if what is live had led there.
	base, scannable := m.live, m.scannable
	goal := max(uint64(float64(m.live)*m.gamma), go116HeapMinimum)
	trigger := uint64(float64(m.live) * (1 + m.ratio))
	if m.first {
		trigger = goal
		base = uint64(float64(goal) / (1 + m.ratio))
		scannable = base
		goal = uint64(float64(base) * m.gamma)
	}
	worst := scannable + uint64(float64(int64(trigger)-int64(base))*c.ScannableFrac)
	expected := uint64(float64(worst) / m.gamma)
	assistRatio := float64(int64(goal)-int64(trigger)) / float64(expected)
	peak, utilization := m.mark(c, trigger, goal, expected, worst)
	res := Result{HeapLive: m.live, HeapTrigger: trigger, HeapPeak: peak, HeapGoal: goal, GCUtilization: utilization,
		HeapScannable: int64(m.scannable - m.blackScannable), AssistRatio: 1 / assistRatio, Ratio: assistRatio}

	nextGoal := uint64(float64(m.live) * m.gamma) // of what was live before this cycle, as the model has it
	m.survive(c, peak-trigger)
	m.feedback(float64(int64(goal)-int64(base))/float64(base), float64(peak)/float64(base)-1, utilization, nextGoal)
	return res
}

// mark gives the peak of the heap and the CPU share. At first assists reckon with the expected work; when that is done, or the
// goal is reached, with the worst case until 1.1 times the goal.
func (m *Go116) mark(c Cycle, trigger, goal, expected, worst uint64) (peak uint64, utilization float64) {
	share := func(bytes, work uint64) float64 { // if work has to be done within bytes
		return max(c.AllocRate/(c.AllocRate+float64(c.ScanRate*(float64(bytes)/float64(work)))), go116Background)
	}
	allocated := func(u float64) float64 { return c.AllocRate * (1 - u) / (c.ScanRate * u) } // per byte scanned
	work, hard := m.scanWork(c), uint64(go116HardGoal*float64(goal))
	relaxed := share(goal-trigger, expected)
	done := min(expected, work)
	peak = trigger + uint64(allocated(relaxed)*float64(done))
	if peak <= goal && done == work {
		return peak, relaxed
	}
	reached := min(peak, goal)
	if peak > goal {
		done = uint64(float64(goal-trigger) / allocated(relaxed))
	}
	panicked, left := share(hard-reached, worst-done), work-done
	if peak > goal {
		peak = hard
	} else {
		peak += uint64(allocated(panicked) * float64(left))
	}
	return peak, (float64(relaxed*float64(done)) + float64(panicked*float64(left))) / float64(work)
}

// feedback sets the trigger of the next cycle by the growth that was wanted and the one that there was.
func (m *Go116) feedback(wanted, grown, utilization float64, nextGoal uint64) {
	m.ratioRaw += float64(0.5 * (wanted - m.ratioRaw - float64(utilization/go116Target*(grown-m.ratioRaw))))
	most := m.gamma - 1
	if nextGoal < go116HeapMinimum {
		most = float64(go116HeapMinimum)/float64(m.live) - 1
	}
	m.ratio = m.ratioRaw
	if least := go116MinTrigger * (m.gamma - 1); m.ratio < least {
		m.ratio = least
	} else {
		m.ratio = min(m.ratio, go116MaxTrigger*most)
	}
}
