package gopacer

// Goal, trigger and assists within a cycle: startCycle, revise, endCycle, trigger and heapGoal of runtime/mgcpacer.go. The
// next cycle begins so early that marking with a quarter of the Ps ends when the heap is at its goal; if it is late, what an
// allocation owes rises until it holds.

// StartCycle begins a cycle on procs Ps: it settles how many workers of which kind may mark. A cycle that time has triggered
// (every two minutes, at the latest) leaves the idle Ps alone. The caller zeroes its Ps' assist and fractional times and its
// goroutines' credits, and sets BlackenEnabled.
func (c *Controller) StartCycle(now int64, procs int, timeTriggered bool) {
	c.HeapScanWork, c.StackScanWork, c.GlobalsScanWork, c.BgScanCredit = 0, 0, 0, 0
	c.AssistTime, c.DedicatedMarkTime, c.FractionalMarkTime, c.IdleMarkTime = 0, 0, 0, 0
	c.MarkStartTime = now
	c.Triggered = c.HeapLive

	// Whole Ps, if that comes within 30 % of a quarter of them; or the rest of the quarter as a share of each P's time.
	totalUtilizationGoal := float64(float64(procs) * BackgroundUtilization)
	dedicated := int64(totalUtilizationGoal + 0.5)
	utilError := float64(dedicated)/totalUtilizationGoal - 1
	const maxUtilError = 0.3
	c.FractionalUtilizationGoal = 0
	if utilError < -maxUtilError || utilError > maxUtilError {
		if float64(dedicated) > totalUtilizationGoal {
			dedicated--
		}
		c.FractionalUtilizationGoal = (totalUtilizationGoal - float64(dedicated)) / float64(procs)
	}

	switch {
	case !timeTriggered:
		c.SetMaxIdleMarkWorkers(int32(procs) - int32(dedicated))
	case dedicated > 0:
		c.SetMaxIdleMarkWorkers(0)
	default:
		c.SetMaxIdleMarkWorkers(1) // somebody has to see that fractional workers have not enough to do
	}
	c.DedicatedMarkWorkersNeeded = dedicated
	c.Revise()
}

// Revise computes anew what an allocation owes: the work that is left over what may still be allocated. If there is more work
// than in the last cycle, it expects the worst, all of HeapScan, and lets the heap grow past its goal so far that the pace
// stays, but not beyond the goal of the next cycle.
func (c *Controller) Revise() {
	gcPercent := c.GCPercent
	if gcPercent < 0 {
		gcPercent = 100000
	}
	work := c.HeapScanWork + c.StackScanWork + c.GlobalsScanWork
	heapGoal := int64(c.HeapGoal())
	scanWorkExpected := int64(c.scanWorkExpected())
	maxScanWork := int64(c.HeapScan + c.MaxStackScan + c.GlobalsScan)
	if work > scanWorkExpected {
		triggered := int64(c.Triggered)
		extHeapGoal := toInt64(float64(heapGoal-triggered)/float64(scanWorkExpected)*float64(maxScanWork)) + triggered
		scanWorkExpected = maxScanWork
		hardGoal := toInt64((1.0 + float64(gcPercent)/100.0) * float64(heapGoal))
		heapGoal = min(extHeapGoal, hardGoal)
	}
	if int64(c.HeapLive) > heapGoal {
		const maxOvershoot = 1.1
		heapGoal = toInt64(float64(heapGoal) * maxOvershoot)
		scanWorkExpected = maxScanWork
	}
	scanWorkRemaining := max(scanWorkExpected-work, 1000)
	heapRemaining := heapGoal - int64(c.HeapLive)
	if heapRemaining <= 0 {
		heapRemaining = 1
	}
	c.AssistWorkPerByte = float64(scanWorkRemaining) / float64(heapRemaining)
	c.AssistBytesPerWork = float64(heapRemaining) / float64(scanWorkRemaining)
}

// A CycleReport is what gcpacertrace prints of a cycle that ended.
type CycleReport struct {
	Utilization float64 // CPU share of background and assists while marking
	ConsMark    float64 // by which the cycle was paced
	Measured    float64 // cons/mark of this cycle
	Paced       bool    // false: nothing was allocated while marking, so nothing is learnt and nothing printed
}

// EndCycle measures how fast the program allocated against how fast marking went, and keeps the largest of five such
// measurements for the next trigger: to start too early costs less than to start too late. As in the runtime, userForced
// changes nothing.
func (c *Controller) EndCycle(now int64, procs int, userForced bool) CycleReport {
	c.LastHeapGoal = c.HeapGoal()
	r := CycleReport{Utilization: BackgroundUtilization, ConsMark: c.ConsMark}
	wall := now - c.MarkStartTime
	idleUtilization := 0.0
	if wall > 0 {
		r.Utilization += float64(c.AssistTime) / float64(wall*int64(procs))
		idleUtilization = float64(c.IdleMarkTime) / float64(wall*int64(procs))
	}
	if c.HeapLive <= c.Triggered {
		return r
	}
	scanWork := c.HeapScanWork + c.StackScanWork + c.GlobalsScanWork
	r.Paced = true
	r.Measured = (float64(c.HeapLive-c.Triggered) * (r.Utilization + idleUtilization)) /
		(float64(scanWork) * (1 - r.Utilization))

	c.ConsMark = r.Measured
	for i := range c.LastConsMark {
		if c.LastConsMark[i] > c.ConsMark {
			c.ConsMark = c.LastConsMark[i]
		}
	}
	copy(c.LastConsMark[:], c.LastConsMark[1:])
	c.LastConsMark[len(c.LastConsMark)-1] = r.Measured
	return r
}

// HeapGoal is the size at which the heap should be when marking ends.
func (c *Controller) HeapGoal() uint64 {
	goal, _ := c.HeapGoalInternal()
	return goal
}

// HeapGoalInternal gives the goal and the least trigger that belongs to it. Where the memory limit decides, nothing raises the
// goal; where GOGC does, there is room for sweeping, and 64 KiB for a cycle that began late.
func (c *Controller) HeapGoalInternal() (goal, minTrigger uint64) {
	goal = c.GCPercentHeapGoal
	if byLimit := c.MemoryLimitHeapGoal(); byLimit < goal {
		return byLimit, 0
	}
	minTrigger = c.SweepDistMinTrigger
	goal = max(goal, minTrigger)
	const minRunway = 64 << 10
	if c.Triggered != NotTriggered && goal < c.Triggered+minRunway {
		goal = c.Triggered + minRunway
	}
	return goal, minTrigger
}

// MemoryLimitHeapGoal is the goal by the memory limit: the limit, less what is not heap and what exceeds the limit already,
// less a headroom; never less than what is live.
func (c *Controller) MemoryLimitHeapGoal() uint64 {
	memoryLimit := uint64(c.MemoryLimit)
	nonHeapMemory := c.MappedReady - c.HeapFree - (c.TotalAlloc - c.TotalFree)
	var overage uint64
	if c.MappedReady > memoryLimit {
		overage = c.MappedReady - memoryLimit
	}
	if nonHeapMemory+overage >= memoryLimit {
		return c.HeapMarked
	}
	goal := memoryLimit - (nonHeapMemory + overage)
	headroom := max(goal/100*MemoryLimitHeapGoalHeadroomPercent, MemoryLimitMinHeapGoalHeadroom)
	if goal < headroom || goal-headroom < headroom {
		goal = headroom
	} else {
		goal -= headroom
	}
	return max(goal, c.HeapMarked)
}

// Trigger gives the live heap at which the next cycle begins, and its goal. It keeps within 45/64 and 61/64 of the way from
// what was marked to the goal; for a large heap the upper bound is 4 MiB before the goal.
func (c *Controller) Trigger() (trigger, goal uint64) {
	goal, minTrigger := c.HeapGoalInternal()
	if c.HeapMarked >= goal {
		return goal, goal
	}
	part := (goal - c.HeapMarked) / triggerRatioDen
	minTrigger = max(minTrigger, c.HeapMarked, part*minTriggerRatioNum+c.HeapMarked)
	maxTrigger := part*maxTriggerRatioNum + c.HeapMarked
	if goal > DefaultHeapMinimum {
		maxTrigger = max(maxTrigger, goal-DefaultHeapMinimum)
	}
	maxTrigger = max(maxTrigger, minTrigger)
	trigger = minTrigger
	if c.Runway <= goal {
		trigger = goal - c.Runway
	}
	trigger = min(max(trigger, minTrigger), maxTrigger)
	if trigger > goal {
		throw("produced a trigger greater than the heap goal")
	}
	return trigger, goal
}

// HeapTriggered tells whether the live heap is at the trigger (the heap's case of gcTrigger.test in runtime/mgc.go).
func (c *Controller) HeapTriggered() bool {
	trigger, _ := c.Trigger()
	return c.HeapLive >= trigger
}
