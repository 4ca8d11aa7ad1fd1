package gort

import (
	"fmt"
	"time"
)

// What says what a Mark is about.
type What uint8

// The decisions that a run can note, each made by the runtime function of its sentence.
const (
	tExecute What = iota
	tNewproc
	tExit
	tPark
	tReady
	tYield
	tOverflow
	tSteal
	tStealNext
	tGlobalTick
	tGlobal
	tNetpoll
	tBackoff
	tIdle
	tStartm
	tNewm
	tPoll
	tDeep
	tRetake
	tEnter
	tExitFast
	tExitSlow
	tExitNoP
	tTimer
	tHelpers
	tStopLocked
	tStartLocked
	tMexit
	tStopWorld
	tStartWorld
	tGcstop
	tSelect
	tYieldStop
	tWrite
	tRead
	tAgain
	tNewstack
	tGCStart
	tGCEnd
	tGCWorker
	tAssist
	tAssistPark
	tForEachP
	tPoolMiss
	tSchedtrace
)

var sentences = [...]string{
	tExecute:    "execute %[1]s",
	tNewproc:    "newproc %[1]s",
	tExit:       "goexit0 %[1]s",
	tPark:       "gopark %[1]s",
	tReady:      "ready %[1]s",
	tYield:      "goschedImpl %[1]s to the global queue",
	tOverflow:   "runqputslow %[2]d to the global queue",
	tSteal:      "stealWork from P%[2]d: %[3]d, runs %[1]s",
	tStealNext:  "stealWork from P%[2]d: 1, runs %[1]s",
	tGlobalTick: "findRunnable tick %[2]d: %[1]s from the global queue",
	tGlobal:     "globrunqgetbatch %[2]d: runs %[1]s",
	tNetpoll:    "netpoll: %[2]d ready, runs %[1]s",
	tBackoff:    "runqgrab: P%[2]d has only %[1]s, as runnext: sleep 3µs",
	tIdle:       "findRunnable: nothing, P idle",
	tStartm:     "startm: wakes M%[2]d for this P",
	tNewm:       "newm: M%[2]d for this P",
	tPoll:       "netpoll: M%[2]d blocks",
	tDeep:       "sysmon: deep sleep",
	tRetake:     "retake: taken from %[1]s in its call",
	tEnter:      "entersyscall %[1]s",
	tExitFast:   "exitsyscall %[1]s: has its P still",
	tExitSlow:   "exitsyscallTryGetP %[1]s: gets this P",
	tExitNoP:    "exitsyscallNoP %[1]s to the global queue",
	tTimer:      "timers.check: %[1]s is due",
	tHelpers:    "session: %[2]d helpers for %[1]s",

	tStopLocked:  "stoplockedm: M%[2]d waits for %[1]s",
	tStartLocked: "startlockedm %[1]s: this P to M%[2]d",
	tMexit:       "mexit: M%[2]d ends",
	tStopWorld:   "stopTheWorldWithSema by %[1]s: %[2]d other Ps",
	tStartWorld:  "startTheWorldWithSema by %[1]s: %[2]d Ps",
	tGcstop:      "gcstopm: M%[2]d gives this P up",
	tYieldStop:   "goschedImpl %[1]s to runnext: the world stops",
	tNewstack:    "newstack %[1]s: %[2]d KiB, copies %[3]d bytes",
	tSelect:      "selectgo %[1]s: case %[2]d of %[3]d",
	tWrite:       "write %[1]s: %[2]d bytes to connection %[3]d",
	tRead:        "read %[1]s: %[2]d bytes from connection %[3]d",
	tGCStart:     "gcStart by %[1]s: marks, heap %[2]d MiB, goal %[3]d MiB",
	tGCEnd:       "gcMarkTermination by %[1]s: heap %[2]d MiB, alive %[3]d MiB",
	tGCWorker:    "findRunnable: mark worker %[1]s, mode %[2]d",
	tAssist:      "gcAssistAlloc %[1]s: owes %[2]d KiB of scan work",
	tAssistPark:  "gcParkAssist %[1]s: waits for credit",
	tForEachP:    "forEachP by %[1]s: %[2]d other Ps",
	tPoolMiss:    "Pool.Get %[1]s: empty, allocates",
	tSchedtrace:  "schedtrace: %[2]d Ps idle, %[3]d on the global queue",
	tAgain:       "EAGAIN %[1]s on connection %[3]d",
}

// A Mark is one decision of the scheduler.
type Mark struct {
	At   time.Duration
	What What
	P, G int32 // -1: none
	A, B int32
	Left int32 // how many the queue holds from which a goroutine was taken
}

// String is the decision as a sentence, with the function that made it.
func (k Mark) String() string {
	if k.What >= FirstDetail {
		return k.Long(&Names{})
	}
	return fmt.Sprintf(sentences[k.What]+"%[4]s", fmt.Sprintf("g%d", k.G), k.A, k.B, "")
}

// note records a decision if the run is traced; if it is not, it is a test of a flag, in line.
func (s *Sched) note(w What, pp *p, gp *g, a, b int32) {
	if s.marking {
		s.mark(w, pp, gp, a, b)
	}
}

// mark records a decision.
func (s *Sched) mark(w What, pp *p, gp *g, a, b int32) {
	if !s.wants(w) {
		return
	}
	k := Mark{At: s.host.Now, What: w, P: -1, G: -1, A: a, B: b}
	if pp != nil {
		k.P = pp.id
	}
	if gp != nil {
		k.G = gp.goid
	}
	k.Left = s.left(&k)
	s.marks = append(s.marks, k)
	s.snapshot()
}

// Trace records every decision from now on; Marks gives them.
func (s *Sched) Trace() { s.marking = true }

// Marks are the decisions recorded so far, in order.
func (s *Sched) Marks() []Mark { return s.marks }
