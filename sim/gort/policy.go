package gort

import "time"

// Constants of the runtime; constants_test.go reads them from the Go source.
const (
	runqSize            = 256                   // runtime/runtime2.go: p.runq
	globalTick          = 61                    // runtime/proc.go: findRunnable
	stealTries          = 4                     // runtime/proc.go: stealWork
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
	goidCacheBatch      = 16                    // runtime/proc.go: _GoidCacheBatch
)

// A Policy is every decision of the scheduler that an exercise may replace and that only the simulator can change.
// Start from Go126 and change one field.
type Policy struct {
	GlobalTick   uint32                // every so many ticks the global queue is looked at first; 0: never
	StealTries   int                   // passes over the other Ps in one stealWork; 0: one, for timers alone: no goroutine is stolen
	StealCount   func(n uint32) uint32 // how many of the n on a victim's queue are taken, 0 to n and at most 128
	ForcePreempt time.Duration         // age of a time slice at which sysmon preempts; 0: never
	SysmonSleep  time.Duration         // longest sleep of sysmon between two looks, at least 20 µs; with ForcePreempt it bounds the time slice
	Runnext      bool                  // a readied or new goroutine takes the runnext slot
}

// Go126 is the scheduler of Go 1.26.
func Go126() Policy {
	return Policy{
		GlobalTick:   globalTick,
		StealTries:   stealTries,
		StealCount:   stealHalf,
		ForcePreempt: forcePreemptNS,
		SysmonSleep:  sysmonMaxSleep,
		Runnext:      true,
	}
}

// stealHalf is half of the queue, rounded up (runqgrab).
func stealHalf(n uint32) uint32 { return n - n/2 }
