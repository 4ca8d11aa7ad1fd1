package gort

// What the marks mean for the life of a goroutine, for whoever tells of one.

// Turn is what a decision means for its goroutine.
type Turn uint8

// The turns in a goroutine's life, and what else its story needs.
const (
	NoTurn    Turn = iota
	Born           // it is made, and runnable on P; A and B are class and number of its request
	Runnable       // it is runnable on P, or on the global queue (-1)
	Woken          // the same after it waited: A is the goroutine that woke it, or -1
	Runs           // it runs on P, on its Thread
	Assists        // the same, and it marks for what it allocates
	Calls          // it is in a call that began with P, on its Thread
	Waits          // it is parked: Reason says for what, A is the OpKind, B its number
	Gone           // it has ended
	Ends           // its request has ended: B is the request's index among those that ended
	Arrives        // request B of class A is in the pipe that goroutine G reads
	Chosen         // it is a mark worker, and P runs it next
	LeavesP        // the P is without thread
	AcquiresP      // the P is its Thread's
)

// turns leaves out goschedImpl and exitsyscallNoP, whose globrunqput is a mark of its own.
var turns = [dLast]Turn{
	tExecute: Runs, tNewproc: Born, tExit: Gone, tPark: Waits, tReady: Woken, tIdle: LeavesP, tRetake: LeavesP,
	tEnter: Calls, tExitFast: Runs, tExitSlow: Runs, tYieldStop: Runnable, tAssist: Assists, dAssisted: Runs, tGCWorker: Chosen, tGcstop: LeavesP,
	dMoved: Runnable, dAcquire: AcquiresP, dGoyield: Runnable, dEnd: Ends, dWritten: Arrives,
}

// Turn is what the decision means for its goroutine.
func (k Mark) Turn() Turn {
	return turns[k.What]
}

// Thread is the M on which the decision lets a goroutine run, call or get a P; -1: it does none of these.
func (k Mark) Thread() int32 {
	switch k.What {
	case tExecute, tAssist:
		return k.B
	case tEnter, tExitFast, tExitSlow, dAcquire, dAssisted:
		return k.A
	}
	return -1
}
