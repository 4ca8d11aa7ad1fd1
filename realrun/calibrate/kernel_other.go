//go:build !linux

package calibrate

import "time"

// assumedSlice: the kernel's rules are known for Linux only.
func assumedSlice(float64) float64 { return 0 }

func baseSlice(int) time.Duration { return 0 }

// wandering: what the kernel does is known for Linux only.
func wandering() []probe { return nil }

// kernelProbes: what the kernel costs is measured on Linux only; Missing lists the fields.
func kernelProbes() []probe { return nil }

// pinnedTo runs f; threads can be pinned to a core on Linux only.
func pinnedTo(_ int, f func()) { f() }

// threadTime is the CPU time of the calling thread; 0: not known here.
func threadTime() time.Duration { return 0 }

// cpuTime is the CPU time of this process; 0: not known here.
func cpuTime() time.Duration { return 0 }
