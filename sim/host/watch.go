package host

import "time"

// Place is where a thread is.
type Place uint8

// The places of a thread, and the moments that host and interrupts take from a core.
const (
	Blocked Place = iota // it waits for something
	Waking               // it was put on an idle core that has not left its idle state yet
	Waiting              // it waits for a core that runs another thread
	OnCore               // it runs
	Gap                  // no thread: the core is taken away for a moment, whoever is on it
)

// A Move is one change of a thread's place.
type Move struct {
	At           time.Duration
	Thread, Core int32
	Place        Place
	For          time.Duration // Gap: how long
}

// Watch records every move from now on; Moves gives them.
func (h *Host) Watch() { h.watching = true }

// Moves are the moves recorded so far, in order.
func (h *Host) Moves() []Move { return h.moves }

// moved records a move if the run is watched.
func (h *Host) moved(t, core int32, p Place, d time.Duration) {
	if h.watching {
		h.record(Move{h.Now, t, core, p, d})
	}
}

func (h *Host) record(m Move) { h.moves = append(h.moves, m) }
