package host

import (
	"time"
)

// Nodes (lab.Cost.NUMA): CPUs with numbers in succession that share the last cache and the memory next to it. A thread that
// wakes up looks for an idle CPU in its target's node alone (select_idle_sibling: sd_llc); a CPU that goes idle, or is
// found idle at a tick, takes threads of its own node first, and others over higher bars (sched_balance_newidle climbs the
// domains; sd_init: cache_nice_tries 2; adjust_numa_imbalance).
//
// A wake-up from another node has a longer latency, as the woken thread's run queue and idle state are in the other node's
// caches: Wake. A thread that moves burns more CPU once, while it fills caches anew: Move. It is not slowed down for good:
// a Go program's heap belongs to no thread, so that no node is nearer to its memory than another. migrationCost, up to which
// the kernel counts a thread's cache as hot, is an order of magnitude for Move.
//
// SIMPLIFIED(kernel): a node has one last cache; every two nodes are equally far apart, and no memory is moved between them
// (NUMA balancing); balances between nodes come as often as those inside one, and share its count of failures.

const (
	farNiceTries = 2   // sd->cache_nice_tries of nodes
	farPercent   = 117 // sd->imbalance_pct
)

// setNodes divides the CPUs into cores and nodes.
func (h *Host) setNodes() {
	n := int32(len(h.cores))
	h.smt = int32(h.cost.SMT.Of())
	h.llc = n / int32(h.cost.NUMA.Of())
	h.speed = uint64(float64(h.cost.SMT.Speed*(1<<speedBits)) + 0.5)
	if h.private {
		h.smt, h.llc = 1, 1<<30 // nobody chooses a core
	}
	for range n / h.llc {
		h.idleCores = append(h.idleCores, true)
	}
}

// node is the number of a CPU's node.
func (h *Host) node(ci int32) int32 {
	if int(h.llc) == len(h.cores) { // one node: no division
		return 0
	}
	return ci / h.llc
}

// far tells whether two CPUs are on different nodes.
func (h *Host) far(a, b int32) bool { return int(h.llc) < len(h.cores) && a/h.llc != b/h.llc }

// nodeNr counts the runnable threads of a node, and its idle CPUs.
func (h *Host) nodeNr(node int32) (threads, idle int) {
	for ci := node * h.llc; ci < (node+1)*h.llc; ci++ {
		n := h.nr(ci)
		threads += n
		if n == 0 {
			idle++
		}
	}
	return threads, idle
}

// busiestAfar is the CPU with the most waiting threads of all other nodes that have more threads than CPUs; none: such a
// one waits nowhere. A node with idle CPUs is left to help itself.
func (h *Host) busiestAfar(ci int32) int32 {
	busiest := none
	for node := range int32(len(h.cores)) / h.llc {
		if threads, _ := h.nodeNr(node); node == h.node(ci) || threads <= int(h.llc) {
			continue
		}
		if b := h.busiestOf(node); b != none && (busiest == none || len(h.cores[b].queue) > len(h.cores[busiest].queue)) {
			busiest = b
		}
	}
	return busiest
}

// pullByDomains is pullNewlyIdle on a machine with siblings or nodes: the core first, where caches are shared and no thread
// is hot, then the node, then the others, each with its own dice. Each wider search costs as much again as the node's.
// SIMPLIFIED(kernel): searching the core costs nothing.
func (h *Host) pullByDomains(ci int32) bool {
	c := &h.cores[ci]
	if !h.overloaded() {
		return false
	}
	if h.smt > 1 && c.beside.tries(c) {
		first, end := h.siblings(ci)
		from := none
		for i := first; i < end; i++ {
			if len(h.cores[i].queue) > 0 && (from == none || len(h.cores[i].queue) > len(h.cores[from].queue)) {
				from = i
			}
		}
		if c.beside.found(h.pull(ci, from, true)) {
			return true
		}
	}
	if c.avgIdle >= c.pullFrom && c.newidle.tries(c) && c.newidle.found(h.pull(ci, h.busiestOf(h.node(ci)), c.failed > cacheNiceTries)) {
		return true
	}
	if int(h.llc) == len(h.cores) || c.avgIdle < 2*c.pullFrom || !c.afar.tries(c) {
		return false
	}
	return c.afar.found(h.pull(ci, h.busiestAfar(ci), c.failed > farNiceTries))
}

// leastAfar is the CPU with the fewest threads of the node with the fewest, if that is so much less loaded than ci's that
// the kernel evens them out; ci: it is not.
func (h *Host) leastAfar(ci int32) int32 {
	mine, _ := h.nodeNr(h.node(ci))
	node, fewest := h.node(ci), mine
	for n := range int32(len(h.cores)) / h.llc {
		if threads, _ := h.nodeNr(n); threads < fewest {
			node, fewest = n, threads
		}
	}
	if mine*100 <= fewest*farPercent || mine < fewest+2 {
		return ci
	}
	if node == h.node(ci) {
		return ci
	}
	return h.leastFrom(node * h.llc)
}

// nodeFor is the node for a new thread: its creator's, as long as that is nearly idle (sd->imb_numa_nr, an eighth of all
// CPUs) or has as many idle CPUs as any other, or as few threads where no CPU is idle (sched_balance_find_dst_group).
func (h *Host) nodeFor(near int32) int32 {
	best := h.node(near)
	threads, idle := h.nodeNr(best)
	if threads < max(len(h.cores)/8, 1) {
		return best
	}
	for n := range int32(len(h.cores)) / h.llc {
		if t, i := h.nodeNr(n); i > idle || i == idle && idle == 0 && t < threads {
			best, threads, idle = n, t, i
		}
	}
	return best
}

// crowd ranks CPUs for a new thread: fewer threads first, then fewer busy siblings.
func (h *Host) crowd(ci int32) int32 {
	n := int32(h.nr(ci)) * (h.smt + 1)
	if h.smt > 1 {
		n += h.smt - h.idleSiblings(ci)
	}
	return n
}

// farther is how much longer a wake-up takes whose waker is on another node.
func (h *Host) farther(from, to int32) time.Duration {
	if from >= 0 && h.far(from, to) {
		return h.cost.NUMA.Wake
	}
	return 0
}
