package gort

import "time"

// Constants of the runtime; constants_test.go reads them from the Go source.
const (
	runqSize            = 256                   // runtime/runtime2.go: p.runq
	globalTick          = 61                    // runtime/proc.go: findRunnable
	stealTries          = 4                     // runtime/proc.go: stealWork
	stealKeep           = 2                     // runtime/proc.go: runqgrab
	spinLimit           = 2                     // runtime/proc.go: findRunnable
	wakeLimit           = 1                     // runtime/proc.go: wakep, which goes on only if nmspinning was 0
	forcePreemptNS      = 10 * time.Millisecond // runtime/proc.go: forcePreemptNS
	syscallGrace        = 10 * time.Millisecond // runtime/proc.go: retake
	sysmonMinSleep      = 20 * time.Microsecond // runtime/proc.go: sysmon
	sysmonIdleCycles    = 50                    // runtime/proc.go: sysmon
	sysmonMaxSleep      = 10 * time.Millisecond // runtime/proc.go: sysmon
	sysmonPollAfter     = 10 * time.Millisecond // runtime/proc.go: sysmon
	sysmonDeepSleep     = 60 * time.Second      // runtime/proc.go: sysmon, forcegcperiod / 2
	runnextBackoff      = 3 * time.Microsecond  // runtime/proc.go: runqgrab
	starvationThreshold = time.Millisecond      // internal/sync/mutex.go: starvationThresholdNs
	activeSpin          = 4                     // runtime/lock_spinbit.go and proc.go: active_spin
	timerHeapN          = 4                     // runtime/time.go
	gFreeMax            = 64                    // runtime/proc.go: gfput
	gFreeBatch          = 32                    // runtime/proc.go: gfget and gfput
	rwmutexMaxReaders   = 1 << 30               // sync/rwmutex.go
	fixedStack          = 2048                  // runtime/stack.go: fixedStack0, stackMin where no signal needs room
	stackCacheSize      = 32 << 10              // runtime/malloc.go: _StackCacheSize, the bytes of a span of stacks
	stackGuard          = 928                   // runtime/stack.go: StackNosplitBase + StackSmall of internal/abi/stack.go
	maxstacksize        = 1e9                   // runtime/proc.go: main
	goidCacheBatch      = 16                    // runtime/proc.go: _GoidCacheBatch
)

// A Policy is every decision of the scheduler that an exercise may replace and that only the simulator can change. Its
// fields are values that the mechanisms read; no mechanism knows which policy it serves. Start from Go126 and change one
// field; behind each stands where the runtime has it.
type Policy struct {
	GlobalTick   uint32        // every so many ticks the global queue is looked at first; 0: never (findRunnable: 61)
	StealTries   int           // passes over the other Ps in one stealWork; 0: one, for timers alone: no goroutine is stolen (stealWork: 4)
	StealRandom  bool          // a pass goes over the Ps from a random one in random strides; not: in turn from the P after the thief's (randomOrder: true)
	StealKeep    uint32        // of the n on a victim's queue a thief leaves n/StealKeep; 1: it takes none, 0: all (runqgrab: 2, it takes half, rounded up)
	StealMax     uint32        // and takes no more than so many, up to 128 (runqgrab: 128, half of a ring)
	ForcePreempt time.Duration // age of a time slice at which sysmon preempts; 0: never (forcePreemptNS: 10 ms)
	SysmonSleep  time.Duration // longest sleep of sysmon between two looks, at least 20 µs; with ForcePreempt it bounds the time slice (sysmon: 10 ms)
	AsyncPreempt bool          // preemption by signal, unless asyncpreemptoff; not: at a call of a function only (preemptone: true)
	SpinLimit    int32         // an M begins to spin while SpinLimit times the spinning Ms are fewer than the busy Ps; 0: always (findRunnable: 2)
	WakeLimit    int32         // a goroutine made runnable wakes an M for an idle P while fewer than so many spin; 0: never (wakep: 1)
	NoGreenTea   bool          // marks object by object, as before Go 1.26 (GOEXPERIMENT=nogreenteagc), if the cost tells what that costs
	Runnext      bool          // a readied or new goroutine takes the runnext slot (runqput: true)
}

// Go126 is the scheduler of Go 1.26.
func Go126() Policy {
	return Policy{
		GlobalTick:   globalTick,
		StealTries:   stealTries,
		StealRandom:  true,
		StealKeep:    stealKeep,
		StealMax:     runqSize / 2,
		ForcePreempt: forcePreemptNS,
		AsyncPreempt: true,
		SpinLimit:    spinLimit,
		WakeLimit:    wakeLimit,
		SysmonSleep:  sysmonMaxSleep,
		Runnext:      true,
	}
}

// Go113 is Go126 with preemption at calls of functions only, as before Go 1.14 (runtime/preempt.go is of 1.14). Nothing
// else of the older scheduler is modelled.
func Go113() Policy {
	p := Go126()
	p.AsyncPreempt = false
	return p
}

// steals tells whether a thief may take from a ring at all.
func (p *Policy) steals() bool { return p.StealTries > 0 && p.StealKeep != 1 && p.StealMax > 0 }
