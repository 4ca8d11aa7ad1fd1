package host

import (
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/des"
)

// Other processes (lab.Cost.Foreign): their threads burn CPU and sleep by turns, on the same cores and under the same rules
// as those of the process that is looked at. They have the first numbers, and Step gives them their orders, so that whoever
// owns the host never meets them.
//
// SIMPLIFIED(foreign): a thread of another process wakes nobody and takes no lock; each begins as a process of its own does,
// on the least busy core, in the middle of a pause. Autogroups and cgroups, which would share the cores among
// processes first and among their threads then, are off.

// minRun is the shortest run of a thread of another process, so that a draw of nothing at all cannot stop the clock.
const minRun = time.Microsecond

// A foreign is a thread of another process.
type foreign struct {
	load *lab.Foreign
	ran  bool // its next order is to sleep
	draw lab.Stream
}

// addForeign adds the threads of other processes; they begin by themselves.
func (h *Host) addForeign(seed uint64) {
	if h.private {
		return
	}
	for i := range h.cost.Foreign {
		load := &h.cost.Foreign[i]
		for range load.Threads {
			t := h.NewThread()
			f := foreign{load: load, draw: lab.NewStream(seed, "host/foreign", uint64(t))}
			first := load.Pause.Sample(&f.draw)
			if load.Pause.Kind != lab.Exp { // what is left of an exponential pause is as long as a whole one
				first = time.Duration(f.draw.Float64() * float64(first))
			}
			h.foreign = append(h.foreign, f)
			h.q.Push(des.Event{At: h.Now + first, Kind: evStart, Who: t})
		}
	}
}

// asks passes on that a thread waits for its next order, unless it is another process's, which gets it here.
func (h *Host) asks(t int32) int32 {
	if int(t) < len(h.foreign) {
		h.goOn(t)
		return none
	}
	return t
}

// goOn gives a thread of another process its next order.
func (h *Host) goOn(t int32) {
	f := &h.foreign[t]
	switch {
	case f.load.Never():
		h.Run(t, time.Hour)
	case f.ran:
		f.ran = false
		h.Sleep(t, 0, h.Now+f.load.Pause.Sample(&f.draw))
	default:
		f.ran = true
		h.Run(t, max(f.load.Run.Sample(&f.draw), minRun))
	}
}

// Foreign gives the CPU time that other processes have burnt so far, and how many threads they have.
func (h *Host) Foreign() (cpu time.Duration, threads int) {
	for t := range h.foreign {
		cpu += h.CPU(int32(t))
	}
	return cpu, len(h.foreign)
}
