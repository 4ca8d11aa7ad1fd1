// Package calibrate measures a [lab.Cost] on this machine: what the primitives of the Go runtime, of the kernel and of
// the inference library cost here. It takes at most 90 s.
//
// The protocol is fixed. Short rounds of every measurement alternate over the whole time, because a host drifts
// between speed modes for seconds at a time. Within a round a measurement keeps the median of its repetitions; the
// P50, P10 and P90 of a field are those of the rounds. Distributions pool the samples of all rounds. Those of an idle core that
// gets a thread (WakeIdle, WakeRested, SleepOver, EpollOver, ArmLate) end a tenth of a millisecond above their median, for what
// comes later is a stall, which Stalls and Stall count; others leave out the longest hundredth, which is Gap's. Gap and Stall keep
// everything.
//
// Every number comes from a micro-benchmark of the primitive alone. No workload that is predicted is run: no clients,
// no batcher, no load generator.
//
// Two rules make costs add up to what a clock sees:
//
//   - A distribution is the whole time that a clock sees, from the call until the thread runs its own code again. The
//     CPU that the thread burns on the way back (SleepCPU and EpollCPU less SleepIn, FutexBackIdle) lies inside, and is no
//     addition to it. The kernel charges a woken thread from the wake-up on, so much of that CPU is the wake-up of a
//     halted core.
//   - What one operation is charged in several parts is measured as a whole and split, so that the parts sum to the
//     whole: Chan + Ready + Chan + Switch is one hop of an unbuffered ping-pong, Newproc + Goexit is the life of an
//     empty goroutine, 2 Timer + Switch + Ready is a sleep that is over at once.
//
// The heap: an allocation is measured where memory was used before and all is swept (Alloc), so what a span's sweep
// (SweepSpan, and SweepPeer where two Ps sweep at a time, with what else comes of that) and a page from the kernel (FreshKiB) cost comes on top. So does what a page costs more that is read before it is
// written (CopyPage…), which is measured on bare memory. Mark is the CPU of all workers for one object of
// a live set that was churned as a retain step churns it, beyond what a collection of the same process without the set takes,
// by runtime/metrics; it holds the visit of the ring's slot that leads to the object. Store and StoreMark are timed by the
// same loop as a store step, the latter in the middle of a long mark phase. What a collection costs that finds nothing
// (MarkSetup, SweepTerm, MarkTerm, Heap) is read from a process that is set up as a trial's.
//
// What needs Linux, cgo or the inference library is left zero without it, and [Missing] lists it.
package calibrate
