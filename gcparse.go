package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// GODEBUGLines is what a program wrote that ran with GODEBUG=gctrace=1, gcpacertrace=1 or schedtrace=X.
type GODEBUGLines struct {
	GCs     []GCCycle
	Scheds  []SchedTrace
	Rest    []string // the other lines, in order: the first and the last if there are more than MaxRest
	Dropped int      // how many of them are not in Rest, from its middle
}

// MaxRest is how many lines GODEBUGLines.Rest holds.
const MaxRest = 1024

// maxLine is how many bytes of a line are read; the longest that the runtime writes is that of schedtrace for 1024 Ps,
// below 30 kB.
const maxLine = 1 << 16

// maxMS is the longest time that is read, 31 years: sums of a few of them fit.
const maxMS = 1_000_000_000_000

// ParseGODEBUG reads the lines that Go 1.26 writes to standard error, and GODEBUG.Append for the simulator, among whatever
// else a program writes. A line that begins like one of these but is not exactly as they write it is an error; the
// others are read all the same, and it is in Rest. What was begun but cut off by the end is in Rest, without an error.
func ParseGODEBUG(r io.Reader) (GODEBUGLines, error) {
	p := godebugParser{}
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		p.n++
		p.last = err != nil
		switch {
		case long:
			p.rest(text)
		case !p.last || text != "":
			p.line(text)
		}
		if err != nil {
			p.end()
			if !errors.Is(err, io.EOF) {
				return p.GODEBUGLines, err
			}
			return p.GODEBUGLines, p.err
		}
	}
}

// godebugParser is in the middle of ParseGODEBUG.
type godebugParser struct {
	GODEBUGLines
	n    int // of the line, from 1
	err  error
	last bool    // it is the last one, and has no end
	next GCCycle // what is known of the cycle that has not begun
	open GCCycle // and of the one whose gc line has not come
	cut  string  // the beginning of a line of schedtrace that another line broke into
	cutN int     // its number
	text []byte  // scratch
}

// line reads one line. The runtime locks its output for the whole of each line of gctrace and gcpacertrace, but writes that
// of schedtrace piece by piece: between two pieces other lines may come, the first right behind the last piece.
func (p *godebugParser) line(text string) {
	sched := isSched(text)
	if sched && p.cut != "" {
		p.bad(p.cutN, p.cut, "schedtrace")
		p.cut = ""
	}
	if !sched && (p.cut == "" || begins(text)) {
		p.one(text)
		return
	}
	if i := breaksIn(text); i >= 0 {
		if p.cut == "" {
			p.cutN = p.n
		}
		p.cut += text[:i]
		p.one(text[i:])
		if len(p.cut) > maxLine {
			p.bad(p.cutN, p.cut, "schedtrace")
			p.cut = ""
		}
		return
	}
	s, ok := p.sched(p.cut + text)
	switch {
	case ok:
		p.Scheds = append(p.Scheds, s)
		p.cut = ""
	case sched && !strings.Contains(text, " gcwaiting="): // scheddetail=1, and a panic under schedtrace
		p.bad(p.n, text, "schedtrace")
	default:
		p.rest(text)
	}
}

// one reads a line that is none of schedtrace.
func (p *godebugParser) one(text string) {
	ok, kind := true, "gcpacertrace"
	switch {
	case text == timed:
		p.next.Timed = true
	case isGC(text):
		kind = "gctrace"
		ok = p.gc(text)
	case !strings.HasPrefix(text, "pacer: "):
		p.rest(text)
	case strings.HasPrefix(text, "pacer: sweep done"):
		ok = p.sweep(text)
	case strings.HasPrefix(text, "pacer: assist ratio"):
		ok = p.start(text)
	case !p.open.Paced: // the log begins in the middle of the cycle
		p.rest(text)
	default:
		ok = p.finish(text)
	}
	if !ok {
		p.bad(p.n, text, kind)
	}
}

// isSched tells whether a line begins like one of schedtrace.
func isSched(text string) bool {
	after, ok := strings.CutPrefix(text, "SCHED ")
	return ok && strings.HasPrefix(strings.TrimLeft(after, "0123456789"), "ms: gomaxprocs=")
}

// isGC tells whether a line begins like one of gctrace.
func isGC(text string) bool {
	after, ok := strings.CutPrefix(text, "gc ")
	return ok && strings.HasPrefix(strings.TrimLeft(after, "0123456789"), " @") && after[0] != ' '
}

// begins tells whether a line begins like one of gctrace or gcpacertrace.
func begins(text string) bool {
	return isGC(text) || strings.HasPrefix(text, "pacer: ") || text == timed
}

// breaksIn finds where in a line of schedtrace another line of the runtime begins; -1: nowhere.
func breaksIn(text string) int {
	at := -1
	for _, word := range []string{"gc ", "pacer: ", timed, "scav ", "panic: ", "fatal error: ", "runtime: "} {
		if i := strings.Index(text, word); i > 0 && (at < 0 || i < at) {
			at = i
		}
	}
	return at
}

// rest keeps a line that is none of ours.
func (p *godebugParser) rest(text string) {
	if len(p.Rest) == MaxRest {
		p.Rest = slices.Delete(p.Rest, MaxRest/2, MaxRest/2+1)
		p.Dropped++
	}
	p.Rest = append(p.Rest, text)
}

// bad keeps a line that is malformed, and the first such line's error. The last line may be cut off.
func (p *godebugParser) bad(n int, text, kind string) {
	if p.err == nil && !p.last {
		p.err = fmt.Errorf("line %d: %.200q is not a line of %s as Go 1.26 writes it", n, text, kind)
	}
	p.rest(text)
}

// end is called at the end of the input.
func (p *godebugParser) end() {
	if p.ended() && (len(p.GCs) == 0 || p.GCs[len(p.GCs)-1].N == 0) { // without gctrace
		p.close()
	}
	p.lose()
	p.open = p.next
	p.lose()
	if p.cut != "" {
		p.rest(p.cut)
	}
}

// close ends the cycle that is open.
func (p *godebugParser) close() {
	p.GCs = append(p.GCs, p.open)
	p.open = GCCycle{}
}

// lose gives up the cycle that is open. What was read of it is kept as lines.
func (p *godebugParser) lose() bool {
	if p.open.Timed {
		p.rest(timed)
	}
	for line := range strings.Lines(string(p.open.AppendPacer(nil))) {
		p.rest(strings.TrimSuffix(line, "\n"))
	}
	p.open = GCCycle{}
	return false
}

// ended tells whether the pacer has told of the end of the cycle that is open.
func (p *godebugParser) ended() bool { return p.open.HeapEnd > p.open.Trigger }

// same tells whether what was read prints as it was read: then nothing was lost, and every digit is as the runtime sets it.
func (p *godebugParser) same(text string, print func([]byte) []byte) bool {
	p.text = print(p.text[:0])
	return string(p.text) == text+"\n"
}

// gc reads a line of gctrace, which ends a cycle. What the pacer told of it exactly stays.
func (p *godebugParser) gc(text string) bool {
	if !p.open.Paced {
		p.open, p.next = p.next, GCCycle{}
	}
	c := p.open
	if !c.read(text) {
		return p.lose()
	}
	switch {
	case p.ended():
		c.HeapEnd, c.Goal = p.open.HeapEnd, p.open.Goal
	case c.Paced:
		c.Trigger = c.HeapEnd
	}
	if !p.same(text, c.AppendTrace) {
		return p.lose()
	}
	p.open = c
	p.close()
	return true
}

// start reads the pacer's line of the beginning of a cycle. If one is open there is no gctrace to end it.
func (p *godebugParser) start(text string) bool {
	if p.open.Paced {
		p.close()
	}
	c := p.next
	if !c.readStart(text) || !p.same(text, c.appendStart) {
		return false
	}
	p.open, p.next = c, GCCycle{}
	return true
}

// finish reads the pacer's line of the end of the cycle that is open.
func (p *godebugParser) finish(text string) bool {
	c := p.open
	if p.ended() || !c.readEnd(text) || !p.same(text, c.appendEnd) {
		return false
	}
	p.open = c
	return true
}

// sweep reads the line of a sweep. It may be over before the line of gctrace is written of the cycle that it belongs to,
// but always before the next one begins.
func (p *godebugParser) sweep(text string) bool {
	c := p.next
	if c.Swept || !c.readSweep(text) || !p.same(text, c.appendSweep) {
		return false
	}
	p.next = c
	return true
}

// sched reads a line of schedtrace.
func (p *godebugParser) sched(text string) (s SchedTrace, ok bool) {
	ok = s.read(text) && p.same(text, s.Append)
	return s, ok
}

// read reads a line of gctrace.
func (c *GCCycle) read(text string) bool {
	w := words{rest: text}
	c.N = w.count("gc ")
	w.bad = w.bad || c.N == 0
	c.At = time.Duration(w.uint(" @", maxMS/1000)) * time.Second
	c.At += time.Duration(w.uint(".", 999)) * time.Millisecond
	c.CPU = w.count("s ")
	w.lit("%")
	c.Leaks = w.has(" (checking for goroutine leaks)")
	for i, t := range []*time.Duration{&c.StopSweep, &c.Mark, &c.StopMark, &c.StopSweepCPU, &c.AssistCPU, &c.WorkerCPU, &c.IdleCPU, &c.StopMarkCPU} {
		*t = w.ms([]string{": ", "+", "+", " ms clock, ", "+", "/", "/", "+"}[i])
	}
	for i, size := range []*uint64{&c.HeapBegin, &c.HeapEnd, &c.HeapMarked, &c.Goal, &c.Stacks, &c.Globals} {
		*size = w.mb([]string{" ms cpu, ", "->", "->", " MB, ", " MB goal, ", " MB stacks, "}[i])
	}
	c.Procs = w.count(" MB globals, ")
	w.lit(" P")
	c.Forced = w.has(" (forced)")
	return w.done()
}

// readSweep reads the pacer's line of a sweep.
func (c *GCCycle) readSweep(text string) bool {
	w := words{rest: text}
	c.Swept = true
	c.SweptLive = w.mb("pacer: sweep done at heap size ")
	c.SweptAlloc = w.mb("MB; allocated ")
	c.SweptPages = w.uint("MB during sweep; swept ", math.MaxUint64)
	c.PagesPerByte = w.float(" pages at ")
	w.lit(" pages/byte")
	return w.done()
}

// readStart reads the pacer's line of the beginning of a cycle.
func (c *GCCycle) readStart(text string) bool {
	w := words{rest: text}
	c.Paced = true
	c.AssistRatio = w.float("pacer: assist ratio=")
	c.HeapScan = w.mb(" (scan ")
	c.HeapReset = w.mb(" MB in ")
	c.GoalBegin = w.mb("->")
	c.Dedicated = w.count(" MB) workers=")
	c.Fractional = w.float("+")
	return w.done()
}

// readEnd reads the pacer's line of the end of a cycle.
func (c *GCCycle) readEnd(text string) bool {
	w := words{rest: text}
	percent := w.count("pacer: ")
	c.Utilization = float64(percent) / 100
	for int(c.Utilization*100) < percent { // 0.29 × 100 is less than 29
		c.Utilization = math.Nextafter(c.Utilization, math.Inf(1))
	}
	c.Scanned = w.uint("% CPU (25 exp.) for ", math.MaxInt64)
	c.ScannedStacks = w.uint("+", math.MaxInt64)
	c.ScannedGlobals = w.uint("+", math.MaxInt64)
	c.Scanned += c.ScannedStacks + c.ScannedGlobals
	c.ScanExpected = w.uint(" B work (", math.MaxUint64)
	c.Trigger = w.uint(" B exp.) in ", math.MaxUint64)
	c.HeapEnd = w.uint(" B -> ", math.MaxUint64)
	c.GoalDelta = w.int(" B (∆goal ")
	c.Goal = c.HeapEnd - uint64(c.GoalDelta)
	c.ConsMark = w.float(", cons/mark ")
	w.lit(")")
	return w.done()
}

// read reads a line of schedtrace.
func (s *SchedTrace) read(text string) bool {
	w := words{rest: text}
	s.At = time.Duration(w.uint("SCHED ", maxMS)) * time.Millisecond
	s.Gomaxprocs = w.count("ms: gomaxprocs=")
	s.Idleprocs = w.count(" idleprocs=")
	s.Threads = w.count(" threads=")
	s.Spinning = w.count(" spinningthreads=")
	s.NeedSpinning = w.count(" needspinning=")
	s.Idlethreads = w.count(" idlethreads=")
	s.Runqueue = w.count(" runqueue=")
	w.lit(" [")
	for !w.has(" ]") && !w.bad {
		s.Local = append(s.Local, w.count(" "))
	}
	w.lit(" schedticks=[")
	for !w.has(" ]") && !w.bad {
		s.Schedticks = append(s.Schedticks, w.count(" "))
	}
	return w.done()
}

// words reads what is left of a line; bad once something was not as expected.
type words struct {
	rest string
	bad  bool
}

// done tells whether the line was read to its end.
func (w *words) done() bool { return !w.bad && w.rest == "" }

// has skips a text if it comes next.
func (w *words) has(text string) bool {
	after, ok := strings.CutPrefix(w.rest, text)
	w.rest = after
	return ok
}

// lit skips a text that must come next.
func (w *words) lit(text string) { w.bad = !w.has(text) || w.bad }

// chars skips a text and takes the characters of a number after it.
func (w *words) chars(before, set string) string {
	w.lit(before)
	after := strings.TrimLeft(w.rest, set)
	number := w.rest[:len(w.rest)-len(after)]
	w.rest = after
	return number
}

// uint reads a whole number up to a limit, after a text.
func (w *words) uint(before string, limit uint64) uint64 {
	n, err := strconv.ParseUint(w.chars(before, "0123456789"), 10, 64)
	w.bad = w.bad || err != nil || n > limit
	return n
}

// int reads a whole number that may have a sign, after a text.
func (w *words) int(before string) int64 {
	n, err := strconv.ParseInt(w.chars(before, "-0123456789"), 10, 64)
	w.bad = w.bad || err != nil
	return n
}

// count reads a number of things, after a text.
func (w *words) count(before string) int { return int(w.uint(before, math.MaxUint32)) }

// mb reads whole MiB, after a text, and gives bytes.
func (w *words) mb(before string) uint64 { return w.uint(before, math.MaxUint64>>20) << 20 }

// ms reads a time in ms of at most three decimals, after a text.
func (w *words) ms(before string) time.Duration {
	t := time.Duration(w.uint(before, maxMS)) * time.Millisecond
	if !w.has(".") {
		return t
	}
	digits := w.chars("", "0123456789")
	us, err := strconv.ParseUint((digits + "000")[:3], 10, 64)
	w.bad = w.bad || err != nil || len(digits) > 3
	return t + time.Duration(us)*time.Microsecond
}

// float reads a number as the runtime prints it, after a text.
func (w *words) float(before string) float64 {
	v, err := strconv.ParseFloat(w.chars(before, "+-.0123456789eInfNa"), 64)
	w.bad = w.bad || err != nil
	return v
}
