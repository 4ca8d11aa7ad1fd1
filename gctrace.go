package lab

import "time"

// A GCCycle is one garbage collection as GODEBUG=gctrace=1 and gcpacertrace=1 tell of it (runtime/mgc.go:
// gcMarkTermination, runtime/mgcpacer.go: startCycle, endCycle). Read from printed lines, sizes are exact where the pacer's
// lines give them and whole MiB elsewhere; times have the digits of the lines. AppendTrace and AppendPacer print the lines.
type GCCycle struct {
	N      int           // number of the collection since the process began, from 1; 0: read from the pacer's lines alone
	At     time.Duration // from the start of the run (of the process, where printed) to its beginning
	CPU    int           // per cent of the CPU time since the process began that collections took, idle marking left out
	Procs  int           // GOMAXPROCS
	Forced bool          // by runtime.GC
	Timed  bool          // by sysmon, two minutes after the last one
	Leaks  bool          // it looked for leaked goroutines

	StopSweep time.Duration // clock of sweep termination: the first stop of the world
	Mark      time.Duration // clock of the concurrent mark phase
	StopMark  time.Duration // clock of mark termination: the second stop, the restart left out

	StopSweepCPU time.Duration // StopSweep × the smaller of GOMAXPROCS and the number of CPUs
	AssistCPU    time.Duration // CPU of assists
	WorkerCPU    time.Duration // CPU of dedicated and fractional workers
	IdleCPU      time.Duration // CPU of idle workers
	StopMarkCPU  time.Duration // StopMark × the same number

	HeapBegin  uint64 // bytes: heap live when it began
	HeapEnd    uint64 // heap live when marking ended: the peak of the cycle
	HeapMarked uint64 // what it found alive
	Goal       uint64 // the heap goal it was paced for
	Stacks     uint64 // scanned stacks
	Globals    uint64 // scannable globals

	// The pacer's lines. The last one is printed only if the heap grew while marking, HeapEnd > Trigger; read without it,
	// Trigger is HeapEnd, and what it tells is 0.
	Paced          bool    // there were such lines
	Trigger        uint64  // heap live when marking began
	Scanned        uint64  // work done: heap, stacks, globals
	ScannedStacks  uint64  // the part of it in stacks
	ScannedGlobals uint64  // and in globals
	ScanExpected   uint64  // work that was expected
	AssistRatio    float64 // at the beginning, scan work for each byte allocated
	HeapScan       uint64  // scannable heap when marking began
	HeapReset      uint64  // heap live when the marking state was reset, an instant before HeapBegin
	GoalBegin      uint64  // the heap goal when marking began
	ConsMark       float64 // the cons/mark that this cycle was planned with
	Utilization    float64 // GC CPU share of the mark phase, idle marking left out, 0 to 1
	GoalDelta      int64   // heap end minus goal
	Dedicated      int     // dedicated workers
	Fractional     float64 // utilization goal of the fractional ones

	// The sweep that ended before this cycle began: of what the cycle before it found dead (runtime/mgcsweep.go:
	// activeSweep.end).
	Swept        bool    // there was such a line
	SweptLive    uint64  // heap live when it was done
	SweptAlloc   uint64  // what was allocated while it went on
	SweptPages   uint64  // pages swept
	PagesPerByte float64 // how many were to be swept for each byte allocated
}

// A SchedTrace is one line of GODEBUG=schedtrace=X (runtime/proc.go: schedtrace).
type SchedTrace struct {
	At           time.Duration // since the first line
	Gomaxprocs   int
	Idleprocs    int
	Threads      int
	Spinning     int // threads
	NeedSpinning int // 0 or 1
	Idlethreads  int
	Runqueue     int   // of the global queue
	Local        []int // of each P's ring, runnext not counted
	Schedticks   []int // of each P
}
