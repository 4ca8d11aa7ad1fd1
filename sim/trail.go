package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/host"
)

// A trail is a full trace, in the order in which a story asks for it.
type trail struct {
	marks   []gort.Mark
	of      [][]int32     // of each goroutine: its turns, as indices of marks
	ends    []int32       // of each request that ended, in that order
	written [][]int32     // of each class: the requests that came through the pipe
	onP     [][]int32     // of each P: who had it, and from when on
	worker  []bool        // of each goroutine: it is the collector's
	queueOf []int32       // of each wake-up: the mark of the wait that it ended
	names   []string      // of threads
	thread  []int32       // of each M
	moves   [][]host.Move // of each thread
	cores   [][]host.Move // of each core: which thread comes, and that it becomes free (thread -1)
	gaps    [][]host.Move // of each core
	machine bool          // threads share cores
}

// grown gives s[i] and lengthens s so that it is there.
func grown[T any](s *[]T, i int32) *T {
	for int(i) >= len(*s) {
		var zero T
		*s = append(*s, zero)
	}
	return &(*s)[i]
}

func newTrail(s *gort.Sched) *trail {
	t := &trail{marks: s.Marks(), names: s.ThreadNames()}
	t.queueOf = make([]int32, len(t.marks))
	var parked []int32
	for i, k := range t.marks {
		ix := int32(i)
		switch k.Turn() {
		case gort.Ends:
			t.ends = append(t.ends, ix)
			continue
		case gort.Arrives:
			w := grown(&t.written, k.A)
			*w = append(*w, ix)
			continue
		case gort.NoTurn:
			continue
		case gort.Chosen:
			*grown(&t.worker, k.G) = true
			continue
		case gort.Waits:
			*grown(&parked, k.G) = ix
		case gort.Woken:
			t.queueOf[i] = *grown(&parked, k.G)
		}
		if k.P >= 0 && k.Turn() != gort.Born && k.Turn() != gort.Woken && k.Turn() != gort.Runnable {
			p := grown(&t.onP, k.P)
			*p = append(*p, ix)
		}
		if k.G >= 0 && k.Turn() != gort.LeavesP {
			g := grown(&t.of, k.G)
			*g = append(*g, ix)
		}
	}
	for i, name := range t.names {
		var m int32
		if n, _ := fmt.Sscanf(name, "M%d", &m); n == 1 {
			*grown(&t.thread, m) = int32(i)
		}
	}
	t.readMoves(s.Moves())
	return t
}

func (t *trail) readMoves(moves []host.Move) {
	for _, m := range moves {
		if m.Place == host.Gap {
			g := grown(&t.gaps, m.Core)
			*g = append(*g, m)
			continue
		}
		th, c := grown(&t.moves, m.Thread), grown(&t.cores, m.Core)
		free := len(*th) > 0 && (m.Place == host.Waiting || m.Place == host.Blocked)
		*th = append(*th, m)
		switch {
		case m.Place == host.Waiting:
			t.machine = true
			if last := len(*c) - 1; free && last >= 0 && (*c)[last].Thread == m.Thread {
				*c = append(*c, host.Move{At: m.At, Thread: -1, Core: m.Core})
			}
		case m.Place == host.Blocked:
			*c = append(*c, host.Move{At: m.At, Thread: -1, Core: m.Core})
		default:
			*c = append(*c, m)
		}
	}
}

// A Part is a piece of a request's latency.
type Part struct {
	From, To time.Duration
	Cause    string // one word for the sum: running, runnable, core …
	What     string // what the request did, as the end of a sentence
}

// add appends a part, if it has a length; one that says the same as the part before it makes that longer.
func add(parts []Part, from, to time.Duration, cause, what string) []Part {
	if to <= from {
		return parts
	}
	if n := len(parts) - 1; n >= 0 && parts[n].What == what && parts[n].Cause == cause && parts[n].To == from {
		parts[n].To = to
		return parts
	}
	return append(parts, Part{from, to, cause, what})
}

// within gives the moves that are in force from one time to another: the last one before it and those inside.
func within(moves []host.Move, from, to time.Duration) []host.Move {
	at := func(m host.Move, t time.Duration) int {
		if m.At <= t {
			return -1
		}
		return 1
	}
	i, _ := slices.BinarySearchFunc(moves, from, at)
	j, _ := slices.BinarySearchFunc(moves, to, at)
	return moves[max(i-1, 0):j]
}

// onThread are the parts of a time in which a goroutine has M m: on a core, or waiting for one.
func (r *Record) onThread(k gort.Mark, from, to time.Duration) (parts []Part) {
	t, m := r.trail, k.Thread()
	th := *grown(&t.thread, m)
	doing, cause := fmt.Sprintf("runs (P%d, M%d", k.P, m), "running"
	if k.Turn() == gort.Calls {
		doing, cause = fmt.Sprintf("computes in its call (M%d", m), "in a call"
	} else if k.Turn() == gort.Assists {
		doing, cause = fmt.Sprintf("marks for what it allocates (P%d, M%d", k.P, m), assisting
	}
	ms := within(*grown(&t.moves, th), from, to)
	if len(ms) == 0 || ms[0].At > from {
		return add(parts, from, to, cause, doing+")")
	}
	for i, mv := range ms {
		a, b := max(mv.At, from), to
		if i+1 < len(ms) {
			b = ms[i+1].At
		}
		switch mv.Place {
		case host.OnCore:
			what := doing + ")"
			if t.machine {
				what = fmt.Sprintf("%s, core %d)", doing, mv.Core)
			}
			parts = r.betweenGaps(parts, mv.Core, a, b, cause, what)
		case host.Waiting:
			parts = add(parts, a, b, noCore, r.whoHas(mv.Thread, mv.Core, a, b))
		case host.Waking:
			parts = add(parts, a, b, "waking", fmt.Sprintf("waits while core %d leaves its idle state for M%d", mv.Core, m))
		case host.Blocked:
			if k.Turn() != gort.Calls { // in stopTheWorldWithSema or forEachP
				parts = add(parts, a, b, "stopping others", fmt.Sprintf("waits until all other Ps have stopped or answered (M%d)", m))
				continue
			}
			parts = add(parts, a, b, "in a call", fmt.Sprintf("sleeps in its call (M%d)", m))
		}
	}
	return parts
}

// betweenGaps splits a time on a core by the moments in which the core was taken away.
func (r *Record) betweenGaps(parts []Part, core int32, from, to time.Duration, cause, what string) []Part {
	for _, g := range within(*grown(&r.trail.gaps, core), from, to) {
		a, b := max(g.At, from), min(g.At+g.For, to)
		if b <= a {
			continue
		}
		parts = add(parts, from, a, cause, what)
		parts = add(parts, a, b, byHost, fmt.Sprintf("stands still: host or interrupts have core %d", core))
		from = b
	}
	return add(parts, from, to, cause, what)
}

// whoHas says who has the core that a thread waits for, and whether another one is idle meanwhile.
func (r *Record) whoHas(thread, core int32, from, to time.Duration) string {
	t := r.trail
	var who []string
	for _, mv := range within(t.cores[core], from, to) {
		if mv.Thread >= 0 && mv.Thread != thread && !slices.Contains(who, t.names[mv.Thread]) {
			who = append(who, t.names[mv.Thread])
		}
	}
	what := fmt.Sprintf("has no core: %s waits for core %d", t.names[thread], core)
	if t.names[thread] == gort.GeneratorThread {
		what = fmt.Sprintf("waits for core %d", core)
	}
	if len(who) > 0 {
		has := " has"
		if len(who) > 1 {
			has = " share"
		}
		what += ", which " + list(who, 3) + has
	}
	for c := range t.cores {
		if d := t.idle(int32(c), from, to); d > 0 && int32(c) != core {
			what += fmt.Sprintf("; core %d is idle for %s of it", c, micros(d))
		}
	}
	return what
}

// idle is for how long nobody has a core.
func (t *trail) idle(core int32, from, to time.Duration) (sum time.Duration) {
	ms := within(t.cores[core], from, to)
	for i, mv := range ms {
		b := to
		if i+1 < len(ms) {
			b = ms[i+1].At
		}
		if mv.Thread < 0 {
			sum += max(b-max(mv.At, from), 0)
		}
	}
	return sum
}

// list joins words, and counts those behind the first n.
func list(words []string, n int) string {
	if len(words) > n {
		return fmt.Sprintf("%s and %d others", strings.Join(words[:n], ", "), len(words)-n)
	}
	if len(words) > 1 {
		return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
	}
	return strings.Join(words, "")
}

// inQueue says where a goroutine is runnable from mark a on, and why it waits until mark b, or until the end if that is
// negative. In front of mark a it was in the queue of P old, or in none if that is negative.
func (r *Record) inQueue(old, a, b int32, from, to time.Duration) string {
	k := r.trail.marks[a]
	why := ""
	if next := r.trail.marks[min(int(a)+1, len(r.trail.marks)-1)]; next.Turn() == gort.NoTurn && next.G == k.G && next.At == k.At {
		if why = next.Reason(&r.names); why != "" {
			why += "; "
		}
	}
	taker := int32(-1)
	if b >= 0 && r.trail.marks[b].P >= 0 {
		taker = r.trail.marks[b].P
	}
	if k.P < 0 {
		if old >= 0 {
			why = fmt.Sprintf("goes over with half of P%d's full ring; ", old)
		}
		why += "is runnable in the global queue"
		if taker >= 0 {
			why += fmt.Sprintf(", until P%d takes it", taker)
		}
		return why
	}
	what := fmt.Sprintf("%sis runnable in P%d's queue%s", why, k.P, r.busyP(k.P, k.G, from, to))
	if taker >= 0 && taker != k.P {
		what += fmt.Sprintf("; P%d steals it", taker)
	}
	return what
}

// busyP says what a P does between two times while goroutine g waits for it.
func (r *Record) busyP(p, g int32, from, to time.Duration) string {
	t := r.trail
	ix := *grown(&t.onP, p)
	at := func(i int32, d time.Duration) int {
		if t.marks[i].At < d {
			return -1
		}
		return 1
	}
	i, _ := slices.BinarySearchFunc(ix, from, at)
	others, first := 0, int32(-1)
	var calls, off time.Duration
	for j := max(i-1, 0); j < len(ix) && t.marks[ix[j]].At < to; j++ {
		k, b := t.marks[ix[j]], to
		if j+1 < len(ix) {
			b = min(t.marks[ix[j+1]].At, to)
		}
		if (k.Turn() == gort.Runs || k.Turn() == gort.Assists) && k.G != g && b > from && b > k.At {
			if first < 0 {
				first = k.G
			}
			if goesOn := j > 0 && t.marks[ix[j-1]].Turn() == gort.Assists; k.At >= from && k.Turn() == gort.Runs && !goesOn {
				others++
			}
			off += r.offCore(k.Thread(), max(k.At, from), b)
		}
		if k.Turn() == gort.Calls && k.G != g {
			calls += max(b-max(k.At, from), 0)
			if first < 0 {
				first = k.G
			}
		}
	}
	what, of := "", []string{}
	switch {
	case others > 1:
		what = fmt.Sprintf(", behind %s", count(others, "other"))
	case first >= 0:
		what = fmt.Sprintf(", behind g%d", first)
		if int(first) < len(t.worker) && t.worker[first] {
			what = fmt.Sprintf(", behind g%d, which marks", first)
		}
	}
	if calls > 0 {
		of = append(of, micros(calls)+" of it in a call")
	}
	if off > 0 {
		of = append(of, micros(off)+" of it without a core")
	}
	if len(of) > 0 {
		what += " (" + strings.Join(of, ", ") + ")"
	}
	return what
}

// offCore is for how long an M waits for a core.
func (r *Record) offCore(m int32, from, to time.Duration) (sum time.Duration) {
	if m < 0 || to <= from {
		return 0
	}
	ms := within(*grown(&r.trail.moves, *grown(&r.trail.thread, m)), from, to)
	for i, mv := range ms {
		b := to
		if i+1 < len(ms) {
			b = ms[i+1].At
		}
		if mv.Place == host.Waiting {
			sum += max(b-max(mv.At, from), 0)
		}
	}
	return sum
}

// count writes a number and what is counted, in the plural where it is not one.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// micros writes a duration in the unit of stories.
func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d)/1e3) }
