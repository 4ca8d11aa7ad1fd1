package realrun

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gmplab/lab"
)

// A trial that uses the heap runs with GODEBUG=gctrace=1, whose lines become Result.GCs. The runtime writes a line in some
// twenty or forty pieces, with a system call for each; so standard error is a file in memory and no pipe, whose reader would
// be woken for each piece. The line of gctrace is written when the world has been started again. The two of gcpacertrace
// are written while it is stopped: on the reference host the first stop took 16 µs longer with them, and the second one
// 28 µs instead of 3 µs. So they come only if Trial.PacerTrace asks for them.

// godebug gives the settings of GODEBUG for a trial, without the trial's own.
func godebug(t *lab.Trial) []string {
	var s []string
	if t.Workload.Allocates() {
		s = append(s, "gctrace=1")
		if t.PacerTrace {
			s = append(s, "gcpacertrace=1")
		}
	}
	if t.SchedTrace > 0 {
		s = append(s, fmt.Sprintf("schedtrace=%d", t.SchedTrace.Milliseconds()))
	}
	return s
}

// A gcClock is what a trial's process tells about its collections, so that the lines, which count time from the start of
// the runtime in whole ms, can be put on the clock of the run.
type gcClock struct {
	Before, After int // collections that had ended when the run began, and when it was over
	Last          int // number of the latest one in Ends
	Ends          []time.Duration
}

// gcCount is how many collections have ended.
func gcCount() int {
	var s debug.GCStats
	debug.ReadGCStats(&s)
	return int(s.NumGC)
}

// readGCClock reads when the latest collections ended, up to 256.
func readGCClock(zero time.Time, before int) gcClock {
	var s debug.GCStats
	debug.ReadGCStats(&s)
	c := gcClock{Before: before, After: int(s.NumGC), Last: int(s.NumGC)}
	for _, end := range s.PauseEnd { // the latest first
		c.Ends = append(c.Ends, end.Sub(zero))
	}
	return c
}

// gcTick is the unit of a line's @: T seconds stand for T to T plus a tick.
const gcTick = time.Millisecond

// place gives the cycles of the run, with their times counted from its start: to within half a ms, and with their
// distances as the lines have them. A cycle's end is known exactly, and its length; so its beginning is at most a tick later
// than the line says. The earliest of n such beginnings is, on average, late by a tick/(n+1).
func (c *gcClock) place(cycles []lab.GCCycle) (run []lab.GCCycle) {
	var offset time.Duration
	n := 0
	for _, g := range cycles {
		if i := c.Last - g.N; i >= 0 && i < len(c.Ends) {
			if o := c.Ends[i] - (g.StopSweep + g.Mark + g.StopMark) - g.At; n == 0 || o < offset {
				offset = o
			}
			n++
		}
	}
	offset -= gcTick / time.Duration(n+1)
	for _, g := range cycles {
		if g.N > c.Before && g.N <= c.After {
			g.At = max(g.At+offset+gcTick/2, 0)
			run = append(run, g)
		}
	}
	return run
}

// messages is what a trial's process writes to standard error.
type messages struct {
	file *os.File // of a trial with godebug settings
	head head     // of any other
}

// openMessages prepares to take them.
func openMessages(t *lab.Trial) (*messages, error) {
	if len(godebug(t)) == 0 {
		return &messages{}, nil
	}
	f, err := memoryFile("gmplab-messages")
	if err != nil {
		return nil, fmt.Errorf("realrun: there is no room for the runtime's messages: %w", err)
	}
	return &messages{file: f}, nil
}

// read gives the runtime's lines, and the text of the others. It fails where a line cannot be read.
func (m *messages) read() (lines lab.GODEBUGLines, text []byte, err error) {
	if m.file == nil {
		return lines, m.head.text, nil
	}
	if _, err = m.file.Seek(0, io.SeekStart); err == nil {
		lines, err = lab.ParseGODEBUG(m.file)
	}
	return lines, []byte(strings.Join(lines.Rest, "\n")), err
}

// close gives their room back.
func (m *messages) close() {
	if m.file != nil {
		_ = m.file.Close()
	}
}
