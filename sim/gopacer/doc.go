// Package gopacer holds the pacer of Go's garbage collector as a pure controller: it is told what the heap and the marking do,
// and asked when to start a cycle and how much an allocation must help. It reads no clock (now is handed in, in nanoseconds),
// allocates nothing, and knows no scheduler: package gort drives it, and so does the [Scenario] driver here.
//
//   - [Controller] is what Go 1.26 ships, a port of gcControllerState in runtime/mgcpacer.go under the runtime's names. It has
//     to be equal, number for number: TestOracleGcPacer compares every cycle of every scenario of the runtime's TestGcPacer
//     with what the installed runtime itself computes (make oracle).
//   - [Limiter] is the CPU limiter, gcCPULimiterState in runtime/mgclimit.go; [Sweeper] is the pace of sweeping, gcPaceSweeper
//     in runtime/mgcsweep.go.
//   - [PI2021] and [Go116] are the pacer of the 2021 proposal (golang/proposal, design 44167) and the one it was to replace,
//     for comparison: see [Model].
//
// Where a float is converted to an integer the results are those of amd64, on every machine.
package gopacer
