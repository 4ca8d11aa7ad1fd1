//go:build !linux

package calibrate

import "time"

// pulls: the kernel's rules are known for Linux only.
type pulls struct{}

var pullGaps [0]int64

func idleLimit([]pulls) time.Duration { return 0 }

func idleOdds([]pulls, time.Duration) float64 { return 0 }

func baseSlice(int) time.Duration { return 0 }

// kernelProbes: what the kernel costs is measured on Linux only; Missing lists the fields.
func kernelProbes() []probe { return nil }

func (b *bench) tickAndSlice() (tick, slice time.Duration) { return 0, 0 }

// pinnedTo runs f; threads can be pinned to a core on Linux only.
func pinnedTo(_ int, f func()) { f() }

// threadTime is the CPU time of the calling thread; 0: not known here.
func threadTime() time.Duration { return 0 }

// cpuTime is the CPU time of this process; 0: not known here.
func cpuTime() time.Duration { return 0 }
