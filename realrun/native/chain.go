package native

// The multiplier and the increment of Knuth's MMIX generator: any odd numbers would do, as only the dependence matters.
const (
	chainMul = 6364136223846793005
	chainAdd = 1442695040888963407
)

// partLinks is how far ChainCalls computes between two calls: about 2 µs.
const partLinks = 2000

// Chain computes links links of the dependent chain and returns its end, which the caller should keep, so that no
// compiler can remove the work. There is no call in the loop: only a preemption by signal stops it. links below 1
// compute nothing.
func Chain(links int64) uint64 { return chainFrom(1, links) }

// ChainCalls computes the same as Chain, with a call to a Go function every 2000 links. The prologue of that function
// compares the stack pointer with g.stackguard0, where the runtime asks for preemption (runtime/preempt.go).
func ChainCalls(links int64) uint64 {
	x := uint64(1)
	for ; links > partLinks; links -= partLinks {
		x = part(x, partLinks)
	}
	return part(x, links)
}

// part is a preemption point: as it calls a function, it is no leaf, and only leaves go without the check of the stack.
//
//go:noinline
func part(x uint64, links int64) uint64 { return chainFrom(x, links) }

//go:noinline
func chainFrom(x uint64, links int64) uint64 {
	for ; links > 0; links-- {
		x = x*chainMul + chainAdd
	}
	return x
}
