package lab

import "time"

// Side says who made a Result.
const (
	Predicted = "predicted" // the simulator
	Measured  = "measured"  // the real run
)

// A Request is what was observed of one run of a Class's Steps. Times count from the start of the run.
type Request struct {
	Class int32         // index into Workload.Classes
	P     int32         // id of the P on which its first step began; -1: not observed
	Due   time.Duration // when it should have started: arrival, end of think time, or the go step that made it
	Start time.Duration // when its goroutine first ran
	End   time.Duration // when its last step was done
}

// A Result is what was observed of one Trial, raw: no percentile, no mean. Metrics derives every number from it.
type Result struct {
	Trial      Trial
	Side       string             // Predicted or Measured
	Host       Host               // the machine measured, or the one whose Cost was charged
	Requests   []Request          // the finished ones, by the time they ended
	Dropped    int                // started but not finished when the run was cut off
	Batches    []int32            // sizes of the batches run inside the counted part
	TimeSlices []time.Duration    // how long each goroutine ran that was preempted then, ascending; of a Traced trial
	GCs        []GCCycle          // every collection of the run, in order
	Sched      []SchedTrace       // of a Trial with SchedTrace
	Steals     []int32            // simulator only: goroutines moved by each successful steal
	Values     map[string]float64 // under the names of runtime/metrics, and our own in the same style; see Metrics
	Notes      []string           // what the reader of the numbers must know
}

// Host describes a machine.
type Host struct {
	Name    string // host name
	CPU     string // model
	Cores   int    // logical CPUs that the process may use
	Kernel  string // operating system and version
	Go      string // version of the toolchain
	Library string // version and source of the inference library; empty: none
}
