package gopacer

// The CPU limiter: runtime/mgclimit.go:gcCPULimiterState. A bucket holds a second of every P; time of the collector fills it,
// time of the program drains it. While it is full no assist is asked for, so a heap that is close to its limit takes half of
// the CPU and not all of it.

const (
	// LimiterUpdatePeriod is how old the bucket may be before findRunnable brings it up to date, in nanoseconds.
	LimiterUpdatePeriod = 10_000_000
	// CapacityPerProc is a P's part of the bucket in CPU nanoseconds.
	CapacityPerProc = 1_000_000_000
)

// A Limiter is the CPU limiter. Make it with ResetCapacity, which says for how many Ps.
type Limiter struct {
	Fill, Capacity uint64 // of the bucket, in CPU nanoseconds
	Overflow       uint64 // what did not fit, ever
	GCEnabled      bool   // a quarter of the Ps marks in the background
	Transitioning  bool   // the world is stopped to begin or to end a cycle
	NProcs         int32

	AssistTimePool   int64 // since the last update
	IdleTimePool     int64
	LastUpdate       int64
	NumGC            uint32 // cycles done: the caller's to keep (memstats.numgc)
	LastEnabledCycle uint32 // in which it last began to limit

	enabled bool
}

// Limiting tells whether assists are to be left out.
func (l *Limiter) Limiting() bool { return l.enabled }

// NeedUpdate tells whether the bucket is out of date.
func (l *Limiter) NeedUpdate(now int64) bool { return now-l.LastUpdate > LimiterUpdatePeriod }

// AddAssistTime adds CPU time of assists, of marking or of scavenging.
func (l *Limiter) AddAssistTime(t int64) { l.AssistTimePool += t }

// AddIdleTime adds time in which Ps were idle or marked as idle workers.
func (l *Limiter) AddIdleTime(t int64) { l.IdleTimePool += t }

// StartGCTransition says that the world is stopped to begin (enableGC) or to end a cycle. Until FinishGCTransition an Update
// does nothing.
func (l *Limiter) StartGCTransition(enableGC bool, now int64) {
	if l.Transitioning {
		throw("failed to acquire lock to start a GC transition")
	}
	if l.GCEnabled == enableGC {
		throw("transitioning GC to the same state as before?")
	}
	l.updateLocked(now)
	l.GCEnabled = enableGC
	l.Transitioning = true
}

// FinishGCTransition says that the world starts again: all the Ps' time in between was the collector's.
func (l *Limiter) FinishGCTransition(now int64) {
	if !l.Transitioning {
		throw("finishGCTransition called without starting one?")
	}
	if now >= l.LastUpdate {
		l.accumulate(0, (now-l.LastUpdate)*int64(l.NProcs))
	}
	l.LastUpdate = now
	l.Transitioning = false
}

// Update brings the bucket up to date. Before it, as before StartGCTransition and ResetCapacity, the caller consumes the
// LimiterEvent of each P, which the runtime does inside: see LimiterEvent.Consume.
func (l *Limiter) Update(now int64) {
	if !l.Transitioning {
		l.updateLocked(now)
	}
}

func (l *Limiter) updateLocked(now int64) {
	if now < l.LastUpdate {
		return
	}
	windowTotalTime := (now - l.LastUpdate) * int64(l.NProcs)
	l.LastUpdate = now
	windowGCTime := l.AssistTimePool
	if l.GCEnabled {
		windowGCTime += int64(float64(windowTotalTime) * BackgroundUtilization)
	}
	windowTotalTime -= l.IdleTimePool
	l.AssistTimePool, l.IdleTimePool = 0, 0
	l.accumulate(windowTotalTime-windowGCTime, windowGCTime)
}

func (l *Limiter) accumulate(mutatorTime, gcTime int64) {
	headroom := l.Capacity - l.Fill
	enabled := headroom == 0
	change := gcTime - mutatorTime
	if change > 0 && headroom <= uint64(change) {
		l.Overflow += uint64(change) - headroom
		l.Fill = l.Capacity
		if !enabled {
			l.enabled = true
			l.LastEnabledCycle = l.NumGC + 1
		}
		return
	}
	if change < 0 && l.Fill <= uint64(-change) {
		l.Fill = 0
	} else {
		l.Fill -= uint64(-change)
	}
	if change != 0 && enabled {
		l.enabled = false
	}
}

// ResetCapacity makes the bucket one for nprocs Ps. What is in it stays, as far as it fits.
func (l *Limiter) ResetCapacity(now int64, nprocs int32) {
	if l.Transitioning {
		throw("failed to acquire lock to reset capacity")
	}
	l.updateLocked(now)
	l.NProcs = nprocs
	l.Capacity = uint64(nprocs) * CapacityPerProc
	if l.Fill > l.Capacity {
		l.Fill = l.Capacity
		l.enabled = true
		l.LastEnabledCycle = l.NumGC + 1
	} else if l.Fill < l.Capacity {
		l.enabled = false
	}
}

// A LimiterEventType says what a P does that the limiter counts.
type LimiterEventType uint8

// The types of limiter events.
const (
	LimiterEventNone           LimiterEventType = iota
	LimiterEventIdleMarkWork                    // runs an idle mark worker
	LimiterEventMarkAssist                      // assists marking
	LimiterEventScavengeAssist                  // assists scavenging
	LimiterEventIdle                            // is on the list of idle Ps
)

// A LimiterEvent is what one P does at the moment that the limiter counts, since when (runtime/mgclimit.go:limiterEvent).
type LimiterEvent struct {
	Type  LimiterEventType
	Since int64
}

// Start begins an event, if none is under way; it tells whether it did.
func (e *LimiterEvent) Start(typ LimiterEventType, now int64) bool {
	if e.Type != LimiterEventNone {
		return false
	}
	*e = LimiterEvent{typ, now}
	return true
}

// Consume gives the limiter what of the event has passed; the event goes on from now. It gives type and duration for the
// caller's own sums, as of idle time, and nothing while the limiter would not update.
func (e *LimiterEvent) Consume(l *Limiter, now int64) (LimiterEventType, int64) {
	if e.Type == LimiterEventNone || now <= e.Since || l.Transitioning || now < l.LastUpdate {
		return LimiterEventNone, 0
	}
	typ, duration := e.Type, now-e.Since
	e.Since = now
	l.add(typ, duration)
	return typ, duration
}

// Stop ends the event, which must be of that type, gives the limiter what of it was not consumed, and the caller its length.
func (e *LimiterEvent) Stop(l *Limiter, typ LimiterEventType, now int64) int64 {
	if e.Type != typ {
		throw("limiterEvent.stop: found wrong event in p's limiter event slot")
	}
	duration := max(now-e.Since, 0)
	*e = LimiterEvent{}
	l.add(typ, duration)
	return duration
}

func (l *Limiter) add(typ LimiterEventType, duration int64) {
	switch typ {
	case LimiterEventIdle, LimiterEventIdleMarkWork:
		l.AddIdleTime(duration)
	case LimiterEventMarkAssist, LimiterEventScavengeAssist:
		l.AddAssistTime(duration)
	default:
		throw("invalid limiter event type found")
	}
}
