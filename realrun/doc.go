// Package realrun runs a [lab.Trial] on this machine: the measured side, beside the predicted one of package sim.
//
//   - runner.go: [Runner] starts a fresh process for each trial, so that the settings that Go reads once (GOMAXPROCS,
//     GOGC, GOMEMLIMIT, GODEBUG) are the trial's, and watches the host meanwhile (noise.go).
//   - child.go: [Child] is what that process does: set up, collect garbage, run from a common time zero, observe.
//   - load.go starts requests when they are due, steps.go does their Steps, serve.go serves their inferences,
//     record.go keeps what was observed.
//   - heap.go does the steps on the heap and says what they cost beside, liveset.go and pool.go hold their objects,
//     gctrace.go puts the runtime's lines about its collections on the clock of the run.
//   - native holds the C, ort the inference library, model its models.
//
// Conventions that the simulator shares:
//
//   - At time zero one goroutine starts the classes in their order: the clients of a closed class and the requests of
//     a class that arrives once with one go statement each.
//   - A closed client's first request is due at 0, the next when the last ended, or a think time later. The think time
//     is drawn from the request's own stream, after the Times of its Steps. Only cpu, call, syscall and sleep steps
//     draw a Time.
//   - One C thread and one reader goroutine serve all the classes of a workload whose generator is the pipe.
//   - No request starts at or after Warmup+Run but children; what is open then is finished, within 10 seconds.
package realrun
