// Package lab is the language that both sides of gmplab speak.
//
// gmplab predicts how a Go program behaves — its goroutines, threads and inference calls — with a
// discrete-event simulator of the Go runtime (package sim), then runs the very same workload for real
// (package realrun) and shows both on one plot, with intervals on both sides and a verdict computed from data
// (package experiments). This package holds what the two sides share and imports nothing of ours.
//
// To read the project, start with four files:
//
//   - workload.go: what is asked of the machine, as data
//   - result.go and metric.go: what is observed, and every number that is derived from it
//   - sim/gort/findrunnable.go: the heart of the model, under the names of runtime/proc.go
//   - experiments/batching/experiment.go: a question, from prediction to verdict
//
// The path of the data:
//
//	Experiment ── points × repetitions ──► Trial ──► sim.Runner(cost)  ──► Result ┐
//	                                        └──────► realrun.Runner(…) ──► Result ┤ one type
//	                                                                              ▼
//	                    Metrics ──► predicted.bench, measured.bench ──► Compare ──► figure, report, verdict
//
// Units: times are time.Duration since the start of the run, sizes are bytes, rates are per second. A metric's name
// carries its unit, as in runtime/metrics.
package lab
