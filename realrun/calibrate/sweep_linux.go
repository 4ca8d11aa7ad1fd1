package calibrate

import (
	"runtime"
	"runtime/debug"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A live set of churnLive objects of spanBytes is replaced, the oldest first, a stretch at a time.
const (
	churnLive   = 32 << 10
	stretchLen  = 512 // objects
	churnCycles = 24  // collections, about
)

// A stretch is stretchLen allocations in a row: when they began, and how much CPU the process has used when they end.
type stretch struct {
	at  time.Time
	cpu int64
}

// sweepPeer measures what sweeping a span costs more while another P sweeps, too. A goroutine replaces the objects of a live set
// while the collector runs by itself; they have no pointers, so that marking takes little. After each mark phase the background
// sweeper sweeps on another P, and the goroutine what it allocates from. What the process uses more CPU until all is swept than
// allocation takes later is what sweeping costs. It is measured from outside, and so all is in it that comes with that: lines
// of memory that go to and fro between the cores, and memory that is zeroed in the order in which it is swept, which is not
// that of addresses.
func (b *bench) sweepPeer() error {
	span, free := b.nanos["SweepSpan"], b.nanos["SweepFree"]
	if len(span) == 0 {
		return nil
	}
	stretches := make([]stretch, 0, churnCycles*churnLive/stretchLen)
	var stats debug.GCStats
	procs(2, func() {
		defer debug.SetGCPercent(debug.SetGCPercent(100))
		object, ring, at := objectKind{bytes: spanBytes}.object(), make([]unsafe.Pointer, churnLive), 0
		churn := func(n int) {
			for range n {
				begin := time.Now()
				for range stretchLen {
					ring[at%churnLive] = object.New()
					at++
				}
				stretches = append(stretches, stretch{begin, clock(unix.CLOCK_PROCESS_CPUTIME_ID)})
			}
		}
		churn(4 * churnLive / stretchLen)
		stretches = stretches[:0]
		churn(b.times(cap(stretches)))
		debug.ReadGCStats(&stats)
		runtime.KeepAlive(ring)
	})
	each, garbage := sweptBeside(stretches, stats.PauseEnd)
	if len(each) > 2 {
		b.add("SweepPeer", max(median(each)-span[len(span)-1]-garbage*free[len(free)-1], 0))
	}
	return nil
}

// sweptBeside gives the nanoseconds of CPU that each span took to sweep, in each collection whose end lies within the stretches,
// and how large a part of the spans was garbage. All is taken to be swept when as much has been allocated as 55 % of the live
// set. The next collection cannot begin before 70 % of the way to its goal, which is as far away as the set is large.
func sweptBeside(stretches []stretch, ends []time.Time) (each []float64, garbage float64) {
	cycles, made := byCycle(stretches, ends), 0
	const swept, over = churnLive * 55 / 100 / stretchLen, churnLive * 68 / 100 / stretchLen
	for i, c := range cycles {
		if i == 0 || len(c) <= over {
			continue
		}
		plain := float64(c[over].cpu-c[swept].cpu) / (over - swept)
		n := (len(cycles[i-1]) - 1) * stretchLen
		made += n
		each = append(each, (float64(c[swept].cpu-c[0].cpu)-plain*swept)/float64((churnLive+n)/spanObjects))
	}
	return each, float64(made) / float64(made+churnLive*max(len(each), 1))
}

// byCycle splits stretches at the ends of mark phases, and leaves out those before the first end and behind the last one. Each
// part begins with the stretch before its first one, in which marking ended: its CPU is what had been used when that one began.
func byCycle(stretches []stretch, ends []time.Time) (cycles [][]stretch) {
	slices.SortFunc(ends, time.Time.Compare)
	for i := 1; i < len(ends); i++ {
		from, _ := slices.BinarySearchFunc(stretches, ends[i-1], func(s stretch, t time.Time) int { return s.at.Compare(t) })
		to, _ := slices.BinarySearchFunc(stretches, ends[i], func(s stretch, t time.Time) int { return s.at.Compare(t) })
		if from < to && from > 0 {
			cycles = append(cycles, stretches[from-1:to])
		}
	}
	return cycles
}
