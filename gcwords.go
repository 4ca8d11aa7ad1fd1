package lab

import (
	"slices"
	"strconv"
	"time"
)

// The lines of GODEBUG=gctrace=1,gcpacertrace=1,schedtrace=X, byte for byte as Go 1.26 writes them.

// AppendTrace appends the line of gctrace=1 (runtime/mgc.go: gcMarkTermination).
func (c *GCCycle) AppendTrace(b []byte) []byte {
	b = strconv.AppendInt(append(b, "gc "...), int64(c.N), 10)
	ms := uint64(c.At) / uint64(time.Millisecond)
	b = strconv.AppendUint(append(b, " @"...), ms/1000, 10)
	b = append(b, '.', digit(ms/100), digit(ms/10), digit(ms))
	b = strconv.AppendInt(append(b, "s "...), int64(c.CPU), 10)
	b = append(b, '%')
	if c.Leaks {
		b = append(b, " (checking for goroutine leaks)"...)
	}
	b = appendMS(append(b, ": "...), c.StopSweep)
	b = appendMS(append(b, '+'), c.Mark)
	b = appendMS(append(b, '+'), c.StopMark)
	b = appendMS(append(b, " ms clock, "...), c.StopSweepCPU)
	b = appendMS(append(b, '+'), c.AssistCPU)
	b = appendMS(append(b, '/'), c.WorkerCPU)
	b = appendMS(append(b, '/'), c.IdleCPU)
	b = appendMS(append(b, '+'), c.StopMarkCPU)
	b = appendMB(append(b, " ms cpu, "...), c.HeapBegin)
	b = appendMB(append(b, "->"...), c.HeapEnd)
	b = appendMB(append(b, "->"...), c.HeapMarked)
	b = appendMB(append(b, " MB, "...), c.Goal)
	b = appendMB(append(b, " MB goal, "...), c.Stacks)
	b = appendMB(append(b, " MB stacks, "...), c.Globals)
	b = strconv.AppendInt(append(b, " MB globals, "...), int64(c.Procs), 10)
	b = append(b, " P"...)
	if c.Forced {
		b = append(b, " (forced)"...)
	}
	return append(b, '\n')
}

// AppendPacer appends the lines of gcpacertrace=1: that of the sweep before the cycle if it is known, that of the
// beginning, and that of the end if the heap grew meanwhile.
func (c *GCCycle) AppendPacer(b []byte) []byte { return c.appendEnd(c.appendStart(c.appendSweep(b))) }

// appendSweep appends the line of runtime/mgcsweep.go: activeSweep.end.
func (c *GCCycle) appendSweep(b []byte) []byte {
	if !c.Swept {
		return b
	}
	b = appendMB(append(b, "pacer: sweep done at heap size "...), c.SweptLive)
	b = appendMB(append(b, "MB; allocated "...), c.SweptAlloc)
	b = strconv.AppendUint(append(b, "MB during sweep; swept "...), c.SweptPages, 10)
	b = appendFloat(append(b, " pages at "...), c.PagesPerByte)
	return append(b, " pages/byte\n"...)
}

// appendStart appends the line of runtime/mgcpacer.go: startCycle.
func (c *GCCycle) appendStart(b []byte) []byte {
	if !c.Paced {
		return b
	}
	b = appendFloat(append(b, "pacer: assist ratio="...), c.AssistRatio)
	b = appendMB(append(b, " (scan "...), c.HeapScan)
	b = appendMB(append(b, " MB in "...), c.HeapReset)
	b = appendMB(append(b, "->"...), c.GoalBegin)
	b = strconv.AppendInt(append(b, " MB) workers="...), int64(c.Dedicated), 10)
	b = appendFloat(append(b, '+'), c.Fractional)
	return append(b, '\n')
}

// appendEnd appends the line of runtime/mgcpacer.go: endCycle. The share expected, 25 %, is a constant there.
func (c *GCCycle) appendEnd(b []byte) []byte {
	if !c.Paced || c.HeapEnd <= c.Trigger {
		return b
	}
	b = strconv.AppendInt(append(b, "pacer: "...), int64(c.Utilization*100), 10)
	b = strconv.AppendUint(append(b, "% CPU (25 exp.) for "...), c.Scanned-c.ScannedStacks-c.ScannedGlobals, 10)
	b = strconv.AppendUint(append(b, '+'), c.ScannedStacks, 10)
	b = strconv.AppendUint(append(b, '+'), c.ScannedGlobals, 10)
	b = strconv.AppendUint(append(b, " B work ("...), c.ScanExpected, 10)
	b = strconv.AppendUint(append(b, " B exp.) in "...), c.Trigger, 10)
	b = strconv.AppendUint(append(b, " B -> "...), c.HeapEnd, 10)
	b = strconv.AppendInt(append(b, " B (∆goal "...), c.GoalDelta, 10)
	b = appendFloat(append(b, ", cons/mark "...), c.ConsMark)
	return append(b, ")\n"...)
}

// Append appends the line of schedtrace=X (runtime/proc.go: schedtrace).
func (s *SchedTrace) Append(b []byte) []byte {
	b = strconv.AppendInt(append(b, "SCHED "...), s.At.Milliseconds(), 10)
	b = strconv.AppendInt(append(b, "ms: gomaxprocs="...), int64(s.Gomaxprocs), 10)
	b = strconv.AppendInt(append(b, " idleprocs="...), int64(s.Idleprocs), 10)
	b = strconv.AppendInt(append(b, " threads="...), int64(s.Threads), 10)
	b = strconv.AppendInt(append(b, " spinningthreads="...), int64(s.Spinning), 10)
	b = strconv.AppendInt(append(b, " needspinning="...), int64(s.NeedSpinning), 10)
	b = strconv.AppendInt(append(b, " idlethreads="...), int64(s.Idlethreads), 10)
	b = strconv.AppendInt(append(b, " runqueue="...), int64(s.Runqueue), 10)
	b = append(b, " [ "...)
	for _, n := range s.Local {
		b = append(strconv.AppendInt(b, int64(n), 10), ' ')
	}
	b = append(b, "] schedticks=[ "...)
	for _, n := range s.Schedticks {
		b = append(strconv.AppendInt(b, int64(n), 10), ' ')
	}
	return append(b, "]\n"...)
}

// GODEBUG says which lines are wanted, under the names of the settings.
type GODEBUG struct {
	Gctrace, Gcpacertrace, Schedtrace bool
}

// Append appends the lines that are wanted of cycles and of the scheduler in the order of their times: a cycle's lines
// when it begins, when its first stop is over, when its second one begins, and when that is over. What is known of the
// cycles' sweeps has no time of its own; it comes when the next cycle begins.
func (g GODEBUG) Append(b []byte, gcs []GCCycle, scheds []SchedTrace) []byte {
	type line struct {
		at   time.Duration
		text []byte
	}
	var lines []line
	add := func(at time.Duration, text []byte) {
		if len(text) > 0 {
			lines = append(lines, line{at, text})
		}
	}
	for i := range gcs {
		c := &gcs[i]
		if g.Gctrace && c.Timed {
			add(c.At, []byte(timed+"\n"))
		}
		if g.Gcpacertrace {
			add(c.At, c.appendSweep(nil))
			add(c.At+c.StopSweep, c.appendStart(nil))
			add(c.At+c.StopSweep+c.Mark, c.appendEnd(nil))
		}
		if g.Gctrace && c.N > 0 {
			add(c.At+c.StopSweep+c.Mark+c.StopMark, c.AppendTrace(nil))
		}
	}
	if g.Schedtrace {
		for i := range scheds {
			add(scheds[i].At, scheds[i].Append(nil))
		}
	}
	slices.SortStableFunc(lines, func(x, y line) int { return int(min(max(x.at-y.at, -1), 1)) })
	for _, l := range lines {
		b = append(b, l.text...)
	}
	return b
}

// timed is what gctrace=1 prints before a collection that sysmon asked for (runtime/proc.go: forcegchelper).
const timed = "GC forced"

// appendMS writes a time in ms with two digits, at most three of them decimals, and whole ms from ten on (runtime/mgc.go:
// fmtNSAsMS).
func appendMS(b []byte, d time.Duration) []byte {
	if d >= 10*time.Millisecond {
		return strconv.AppendUint(b, uint64(d/time.Millisecond), 10)
	}
	us := uint64(max(d, 0) / time.Microsecond)
	if us == 0 {
		return append(b, '0')
	}
	b = append(b, digit(us/1000), '.')
	switch {
	case us < 100:
		return append(b, digit(us/100), digit(us/10), digit(us))
	case us < 1000:
		return append(b, digit(us/100), digit(us/10))
	}
	return append(b, digit(us/100))
}

// digit gives the last decimal digit.
func digit(n uint64) byte { return '0' + byte(n%10) }

// appendMB writes whole MiB.
func appendMB(b []byte, bytes uint64) []byte { return strconv.AppendUint(b, bytes>>20, 10) }

// appendFloat writes a number as the runtime's print does (runtime/print.go: printfloat64).
func appendFloat(b []byte, v float64) []byte { return strconv.AppendFloat(b, v, 'g', -1, 64) }
