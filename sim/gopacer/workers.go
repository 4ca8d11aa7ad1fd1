package gopacer

// Who marks: the counts of dedicated and idle workers and the share of fractional ones, as runtime/mgcpacer.go keeps them.

// AssignWaitingGCWorker gives the mode in which a P may mark now, when there is a worker to run: dedicated ones first, then a
// fractional one if this P's fractional time since the cycle began is within its share. It is what assignWaitingGCWorker
// decides; whether there is a worker at all is the caller's to know.
func (c *Controller) AssignWaitingGCWorker(fractionalMarkTime, now int64) MarkWorkerMode {
	if c.DedicatedMarkWorkersNeeded > 0 {
		c.DedicatedMarkWorkersNeeded--
		return MarkWorkerDedicatedMode
	}
	if c.FractionalUtilizationGoal == 0 {
		return MarkWorkerNotWorker
	}
	delta := now - c.MarkStartTime
	if delta > 0 && float64(fractionalMarkTime)/float64(delta) > c.FractionalUtilizationGoal {
		return MarkWorkerNotWorker
	}
	return MarkWorkerFractionalMode
}

// PollFractionalWorkerExit tells whether a fractional worker has had its share and a fifth more; selfTime is its P's time as
// one, the current stretch included (pollFractionalWorkerExit in runtime/mgc.go).
func (c *Controller) PollFractionalWorkerExit(selfTime, now int64) bool {
	delta := now - c.MarkStartTime
	if delta <= 0 {
		return true
	}
	return float64(selfTime)/float64(delta) > 1.2*c.FractionalUtilizationGoal
}

// MarkWorkerStop books the time of a worker that stops, and gives its place back.
func (c *Controller) MarkWorkerStop(mode MarkWorkerMode, duration int64) {
	switch mode {
	case MarkWorkerDedicatedMode:
		c.DedicatedMarkTime += duration
		c.DedicatedMarkWorkersNeeded++
	case MarkWorkerFractionalMode:
		c.FractionalMarkTime += duration
	case MarkWorkerIdleMode:
		c.IdleMarkTime += duration
		c.RemoveIdleMarkWorker()
	default:
		throw("markWorkerStop: unknown mark worker mode")
	}
}

// AddIdleMarkWorker counts one more idle worker, unless there are as many as may be.
func (c *Controller) AddIdleMarkWorker() bool {
	if !c.NeedIdleMarkWorker() {
		return false
	}
	c.IdleMarkWorkers++
	return true
}

// NeedIdleMarkWorker tells whether there may be one more idle worker.
func (c *Controller) NeedIdleMarkWorker() bool { return c.IdleMarkWorkers < c.MaxIdleMarkWorkers }

// RemoveIdleMarkWorker counts one idle worker less.
func (c *Controller) RemoveIdleMarkWorker() {
	if c.IdleMarkWorkers <= 0 {
		throw("negative idle mark workers")
	}
	c.IdleMarkWorkers--
}

// SetMaxIdleMarkWorkers says how many idle workers there may be; those that are too many stay until they leave by themselves.
func (c *Controller) SetMaxIdleMarkWorkers(n int32) { c.MaxIdleMarkWorkers = n }
