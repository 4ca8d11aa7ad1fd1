package gort_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ours are the functions of gort that the Go runtime does not have, each with the reason why we need it. Everything else
// carries the name of the function of the runtime that it models.
var ours = map[string]string{
	// What sim and an exercise see of the model.
	"New":       "makes a process: the runtime is one, and has no constructor",
	"Loop":      "the event loop; on a machine, time does this",
	"Now":       "virtual time",
	"Events":    "counts events, for benchmarks",
	"Values":    "what was counted, under the names of runtime/metrics",
	"Fill":      "writes what was observed into a lab.Result",
	"CPU":       "CPU time of all threads, which the kernel counts",
	"Record":    "what a Go execution trace would hold",
	"Recorded":  "the same",
	"keep":      "the same",
	"recordG":   "the same",
	"keepOf":    "the same",
	"recordM":   "the same",
	"recordP":   "the same",
	"HostSpeed": "what realrun times beside a trial",
	"Threads":   "number of OS threads, which the kernel counts",
	"Go126":     "the policy that is the runtime's",
	"Go113":     "the policy without preemption by signal",
	"Serve":     "sets up the service that infer steps call",
	"Check":     "switches the invariants on",
	"Trace":     "switches the record of decisions on",
	"Marks":     "the record of decisions",

	"SchedTrace": "sets GODEBUG=schedtrace, which the runtime reads from its environment",

	// Parts of a function of the runtime that sleeps, spins or blocks in its middle, or is too long for one of ours.
	"findLocal":      "findRunnable up to stealing",
	"dropP":          "findRunnable behind stealing, from giving the P away",
	"mark":           "the rest of note, which says what was decided",
	"steals":         "whether a policy lets thieves take from a ring",
	"maySpin":        "findRunnable's limit on spinners, which a policy may replace",
	"netpollPop":     "what findRunnable does with what a netpoll gave",
	"blockInNetpoll": "findRunnable's blocking netpoll, up to blocking",
	"pollReturned":   "findRunnable's blocking netpoll, behind it",
	"startSteal":     "stealWork, its beginning",
	"stealPasses":    "stealWork's number of passes, which a policy may replace",
	"stealPass":      "stealWork, one pass, which may sleep",
	"stealRunnext":   "runqgrab behind its short sleep",
	"backsOff":       "runqgrab's condition for it",
	"randomOrder":    "randomOrder.start, on the M that keeps the place",
	"startSysmon":    "sysmon before its loop",
	"sysmonStep":     "sysmon, one turn of its loop",
	"sysmonSleep":    "sysmon's usleep with its growing delay",
	"wakeSysmon":     "the end of sysmon's deep sleep, which exitsyscall and others cause",
	"locked":         "the end of sync.Mutex.Lock",
	"canSpin":        "internal_sync_runtime_canSpin",
	"checkTimers":    "timers.check",
	"stackRoom":      "how deep calls may go in a stack before their prologue asks newstack for a larger one",
	"gfpass":         "the loop that gfput and gfpurge share",
	"tryrecv":        "chanrecv without blocking",

	// A goroutine's life, which is data here and code in a program.
	"exec":         "goes on with a goroutine's program",
	"do":           "one op of it",
	"doCall":       "an op that is a C or system call",
	"enterCall":    "the op at the moment at which the call begins",
	"callDone":     "what follows a call",
	"doChildren":   "an op that starts goroutines or waits for them",
	"doService":    "the ops around a request",
	"doWorker":     "the ops of a worker of the batcher",
	"doneOrParked": "how an op that may block has ended",
	"await":        "a goroutine waits for its reply",
	"nextRequest":  "a client's next request",
	"arrive":       "starts the goroutine of an arrival",
	"generate":     "the loop of an in-process generator",
	"newSource":    "a source, with the first arrival of each of its classes",
	"first":        "the class of a source whose arrival is due next",
	"think":        "a client's sleep between two requests, which says when the next one is due",
	"sourceStep":   "one turn of the generator's C thread",
	"exhausted":    "whether no request can come any more",
	"runSession":   "one inference",
	"enlist":       "hands shares of an inference to the session's threads",
	"helperStep":   "one of these threads",
	"speedMode":    "draws the host's speed in a run",
	"copyRows":     "what copying between requests and a batch costs",

	// Locks of package sync, and what waits on their semaphores.
	"rLock":     "sync.RWMutex.RLock",
	"rUnlock":   "sync.RWMutex.RUnlock",
	"wLock":     "sync.RWMutex.Lock, beside lock, which is a sync.Mutex's",
	"wUnlock":   "sync.RWMutex.Unlock",
	"condWait":  "sync.Cond.Wait",
	"semaqueue": "semacquire1, its parking",
	"woken":     "semacquire1 behind its parking",
	"passed":    "the end of an op that waits on a semaphore",
	"lockWoken": "sync.Mutex.lockSlow behind its semaphore",
	"doSync":    "the ops of these locks",

	// Channels and select.
	"trysend": "chansend without blocking",
	"queueOf": "the queue on which a case of a select waits",

	// Sockets: FD.Read and FD.Write of internal/poll, and the kernel below.
	"doNet":           "a FD.Write, or the FD.Reads of an io.ReadFull, which block in several places",
	"netCalls":        "the system call that reads or writes, up to entering it",
	"netReturns":      "its end in the kernel",
	"netpollunparked": "netpollblock behind its parking",
	"epollCallback":   "the kernel's ep_poll_callback",
	"openConns":       "the connections of a process, which exist when it begins",
	"writable":        "the kernel's sk_stream_is_writeable",
	"events":          "the kernel's tcp_poll",

	// Stopping the world.
	"setGomaxprocs": "runtime.GOMAXPROCS with a number",
	"stopSleep":     "stopTheWorldWithSema's notetsleep",
	"stopWaited":    "stopTheWorldWithSema behind it",
	"gcstop":        "a P has stopped: what gcstopm, handoffp and entersyscallHandleGCWait do then",

	// The heap and its collector.
	"gcContinue":       "goes on with gcStart, gcAssistAlloc or gcMarkDone, which block in several places",
	"gcContinueOrStay": "the same for a state that has just been set",
	"gcBeginMark":      "gcStart from where the world stands",
	"gcStillWanted":    "gcTrigger.test behind startSema",
	"gcTriggered":      "gcTrigger.test for the heap",
	"gcRecord":         "what gctrace prints",
	"gcAssistDone":     "gcAssistAlloc1 behind its drain",
	"systemg":          "makes a goroutine of the collector's",
	"pay":              "lets an M burn what it owes in the middle of such a state",
	"wakeList":         "injectglist for a list that may be empty",
	"drainPiece":       "gcDrain, a piece of it",
	"drained":          "its end",
	"book":             "counts its work",
	"sync":             "counts the work of all that mark at the moment",
	"claim":            "takes a piece of what is left to mark",
	"rate":             "scan work for a nanosecond of marking",
	"workerGoesOn":     "gcDrain's conditions for going on",
	"workerLeaves":     "the check of a worker that is not dedicated",
	"workerPark":       "gcBgMarkWorker's gopark",
	"idleMarkWorker":   "the idle worker of findRunnable",
	"limiterConsume":   "what gcCPULimiter.updateLocked takes from the Ps",
	"limiterUpdate":    "gcCPULimiter.update with that",
	"beforeSafePoint":  "lock(&sched.lock) of gcstopm and runSafePointFn, and what came before it",
	"ranSafePointFn":   "runSafePointFn, or the same by another thread",
	"safePointSleep":   "forEachP's notetsleep",
	"safePointWaited":  "forEachP behind it",
	"sweepSpans":       "sweepone, several times",
	"sweptBeside":      "whether the cores take the sweeper's lines from each other",
	"sweepFirst":       "a part of deductSweepCredit's loop, which takes time",
	"sweptOne":         "sweepone's books",
	"sweepDone":        "what the last sweepone does",
	"nextIsGarbage":    "spreads what is dead over the spans",
	"forceGC":          "sysmon's look at the last collection",
	"collect":          "runtime.GC, which blocks in several places",
	"setPacer":         "debug.SetGCPercent and debug.SetMemoryLimit",
	"priceObjects":     "what allocation costs, read from the calibration once a cycle",
	"newObject":        "the size class of a kind of object",
	"copyPages":        "what the kernel does for new memory that is read before it is written",
	"allocPages":       "a part of mheap.allocSpan",
	"stackSpansFor":    "what stacks that lie densely take",
	"scavengeAssist":   "a part of mheap.allocSpan",
	"spreadObjects":    "how far apart the objects of a kind lie, which marking pays for",
	"openHeap":         "the heap of a process",
	"made":             "the books of mallocgc",
	"goClosure":        "what newproc's caller has allocated for the function and its arguments",
	"mcacheOf":         "mcache.alloc of a class",
	"liveBytes":        "what a kind of object takes of the heap",
	"retain":           "an object goes into a live set of the workload",
	"doHeap":           "the ops on the heap",
	"openPools":        "the pools of a process",
	"poolGet":          "sync.Pool.Get",
	"poolPut":          "sync.Pool.Put",
	"poolTake":         "sync.Pool.Get without New",
	"getSlow":          "sync.Pool.getSlow",
	"poolCleanup":      "sync's poolCleanup",

	// Readings under the names of runtime/metrics.
	"stopped":    "the first half of a stop's books",
	"HeapValues": "the metrics of the heap and of its collector",
	"spread":     "quantiles of the stops of the world",

	// Invariants and the record.
	"checkStopped": "invariants of a world that stops",
	"checkLocks":   "invariants of locks and conditions",
	"checkMutex":   "invariants of one mutex",
	"checkNet":     "invariants of connections and the netpoller",
	"checkGC":      "invariants of the collector",
	"checkMarking": "those of a mark phase",
	"checkHeap":    "those of the heap and its pools",
	"checkLocked":  "invariants of an M that belongs to one goroutine",
	"allWaiting":   "whether all on a wait queue wait",
	"checkMs":      "invariants of the Ms",
	"checkQueues":  "invariants of the queues",
	"stranded":     "the one case in which runnable work may lie beside an idle P",
	"note":         "records a decision",
	"left":         "what a decision left in the queue from which it took",
	"wants":        "which decisions a trace keeps",
	"snapshot":     "the state behind a decision, for the step view",
	"settle":       "the state once more, behind the rest of the decision",
	"state":        "the state of one P in it",
	"Detail":       "switches the record of every small decision on",
	"Watch":        "switches the record of states on, for the step view",
	"States":       "that record",
	"Skipped":      "how many decisions it left out",
	"Turn":         "what a decision means for its goroutine",
	"Thread":       "the M on which a decision puts a goroutine",
	"Follows":      "whether a decision is the end of the one before it",
	"Long":         "a decision in full, with the path of functions that led to it",
	"nameOf":       "the workload's name of a channel, mutex or class",
	"WatchThreads": "the same for the machine below",
	"Moves":        "that record",
	"Requests":     "what has ended, in the order of the marks",
	"ForeignCPU":   "what other processes on the machine used",
	"ThreadNames":  "what the machine's threads are to the process",
	"waitsForGC":   "the same in the collector",
	"waitsFor":     "what an op waits for, in words",
	"Reason":       "why a small decision came out as it did, in words",
	"goidOf":       "the number of a goroutine that may be absent",
	"retakeReason": "which of retake's conditions held",

	// Costs and actors of the simulation.
	"links":     "the time that links of the calibrated chain take",
	"pricesOf":  "reads the cost of each primitive once",
	"spinCost":  "what spinning burns",
	"paid":      "what an actor owes",
	"own":       "a thread that belongs to an actor of ours",
	"startIdle": "wakes Ms for an actor that is not Go code",
	"call":      "a C or system call that burns or sleeps",
	"epollWait": "how long the kernel really waits",
	"earlier":   "the earlier of two times of which 0 is none",
	"b2i":       "a flag as a number in the trace",
}

// TestNames keeps the promise that a reader of runtime/proc.go is at home: every function and method of gort has a
// namesake in the runtime of the Go tree that runs this test (or in internal/sync, for sync.Mutex, or internal/poll, for
// sockets), or is in ours. When a
// new Go release renames a function, this test says so.
func TestNames(t *testing.T) {
	have := functions(t, ".")
	if len(have) == 0 {
		t.Skip("gort has no functions yet")
	}
	src := filepath.Join(goroot(t), "src")
	theirs := functions(t, filepath.Join(src, "runtime"))
	for _, room := range []string{"sync", "poll"} {
		for name := range functions(t, filepath.Join(src, "internal", room)) {
			theirs[name] = ""
		}
	}
	require.Contains(t, theirs, "findRunnable", "the Go tree at %s was not read", src)

	for _, bad := range misnamed(have, theirs) {
		t.Error(bad)
	}
}

// misnamed says which names have no reason, and which reasons no name.
func misnamed(have, theirs map[string]string) (bad []string) {
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, known := theirs[name]; !known && ours[name] == "" {
			bad = append(bad, fmt.Sprintf("%s: the runtime has no function %s; use the runtime's name, or add it to ours with a reason", have[name], name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if _, there := have[name]; !there {
			bad = append(bad, fmt.Sprintf("ours lists %s, which gort does not have; delete it from ours", name))
		}
		if _, known := theirs[name]; known {
			bad = append(bad, fmt.Sprintf("ours lists %s, which the runtime has; delete it from ours", name))
		}
	}
	return bad
}

// TestMisnamed shows that TestNames can fail.
func TestMisnamed(t *testing.T) {
	have := map[string]string{"schedule": "proc.go:1", "stealEverything": "proc.go:2"}
	for name := range ours {
		have[name] = "policy.go:1"
	}
	theirs := map[string]string{"schedule": ""}
	assert.Equal(t, []string{"proc.go:2: the runtime has no function stealEverything; use the runtime's name, or add it to ours with a reason"},
		misnamed(have, theirs))
	delete(have, "stealEverything")
	delete(have, "Go126")
	assert.Equal(t, []string{"ours lists Go126, which gort does not have; delete it from ours"}, misnamed(have, theirs))
}

func goroot(t *testing.T) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err, "go env GOROOT")
	return strings.TrimSpace(string(out))
}

// functions gives the names of all functions and methods in the Go files of a folder, without tests, and where each is.
func functions(t *testing.T, dir string) map[string]string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	fset := token.NewFileSet()
	names := map[string]string{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				names[fn.Name.Name] = fset.Position(fn.Pos()).String()
			}
		}
	}
	return names
}
