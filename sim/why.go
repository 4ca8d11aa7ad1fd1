package sim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/host"
)

// A Story says where the latency of one request went: Parts follow one another without a gap from its Due to its End.
type Story struct {
	Request lab.Request
	Number  int    // among the requests of the run, by the time they were due, from 1
	Of      int    // how many there are
	Class   string // its name
	G       int32  // its goroutine
	Parts   []Part
}

// The requests that a Story can be asked for by name, each with the quantile that it is.
var named = []struct {
	name string
	q    float64
}{{"median", 0.5}, {"p99", 0.99}, {"slowest", 1}}

// Story tells of the request of that number, by the time they were due and from 1, or of the one whose latency is the
// median, p99 or the maximum (slowest) of those due in the counted part. An error says which there are.
func (r *Record) Story(which string) (*Story, error) {
	all := r.observed()
	if len(all) == 0 {
		return nil, fmt.Errorf("no request that is observed has ended in this run; there is none to tell of")
	}
	n, err := strconv.Atoi(which)
	if err != nil {
		if n, err = r.quantile(which, all); err != nil {
			return nil, err
		}
	}
	if n < 1 || n > len(all) {
		return nil, fmt.Errorf("there is no request %d: they are numbered 1 to %d by the time they were due", n, len(all))
	}
	if r.trail == nil {
		r.trail = newTrail(r.sched)
	}
	i := all[n-1]
	end := r.trail.ends[i]
	s := &Story{Request: r.requests[i], Number: n, Of: len(all), G: r.trail.marks[end].G,
		Class: r.trial.Workload.Classes[r.requests[i].Class].Name}
	s.Parts = r.life(s, end)
	return s, nil
}

// observed lists the requests of observed classes by the time they were due, as places in the order in which they ended.
func (r *Record) observed() (all []int) {
	for i := range r.requests {
		if !r.trial.Workload.Classes[r.requests[i].Class].Background {
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(r.requests[a].Due, r.requests[b].Due) })
	return all
}

// quantile gives the number of the request whose latency is that quantile, by the rule of lab.Metrics.
func (r *Record) quantile(which string, all []int) (int, error) {
	i := slices.IndexFunc(named, func(v struct {
		name string
		q    float64
	}) bool {
		return v.name == which
	})
	if i < 0 {
		return 0, fmt.Errorf("-why %q: give a request's number, 1 to %d, or median, p99 or slowest", which, len(all))
	}
	w := &r.trial.Workload
	from, to := w.Warmup, w.Warmup+w.Run
	if w.Run == 0 {
		to = math.MaxInt64
	}
	var numbers []int
	for j, k := range all {
		if q := &r.requests[k]; q.Due >= from && q.Due < to {
			numbers = append(numbers, j+1)
		}
	}
	if len(numbers) == 0 {
		return 0, fmt.Errorf("no request was due in the counted part of the run; give a number, 1 to %d", len(all))
	}
	latency := func(n int) time.Duration { q := &r.requests[all[n-1]]; return q.End - q.Due }
	slices.SortStableFunc(numbers, func(a, b int) int { return cmp.Compare(latency(a), latency(b)) })
	k := int(math.Ceil(named[i].q*float64(len(numbers)))) - 1
	return numbers[min(max(k, 0), len(numbers)-1)], nil
}

// life are the parts of a request that ended with that mark: how it came to its goroutine, and what that did.
func (r *Record) life(s *Story, end int32) []Part {
	t := r.trail
	due, to := s.Request.Due, s.Request.End
	mine := t.of[s.G]
	last, _ := slices.BinarySearch(mine, end)
	born := last - 1
	for born > 0 && t.marks[mine[born]].Turn() != gort.Born {
		born--
	}
	start := t.marks[mine[born]]
	var parts []Part
	if start.At > due {
		parts = r.arrival(&s.Request, mine[born])
		due = start.At
	}
	return append(parts, r.turns(s.G, due, to, end, 0)...)
}

// arrival are the parts before a request has its goroutine, which begins with that mark.
func (r *Record) arrival(q *lab.Request, born int32) (parts []Part) {
	t := r.trail
	k := t.marks[born]
	if a := r.trial.Workload.Classes[q.Class].Arrivals; a.Kind != lab.Poisson && a.Kind != lab.Every {
		return add(parts, q.Due, k.At, "arrival", "waits to be started")
	} else if a.Generator != lab.Pipe {
		return add(parts, q.Due, k.At, "arrival", "is due; the goroutine that generates is late by this")
	}
	w := t.marks[t.written[q.Class][k.B]]
	parts = r.generatorLate(parts, q.Due, w.At)
	for _, p := range r.turns(w.G, w.At, k.At, born, 1) {
		parts = add(parts, p.From, p.To, "arrival", fmt.Sprintf("is in the pipe; its reader g%d %s", w.G, p.What))
	}
	return parts
}

// generatorLate adds the time between a request's due time and the moment at which the generator's thread wrote it.
func (r *Record) generatorLate(parts []Part, from, to time.Duration) []Part {
	th := slices.Index(r.trail.names, gort.GeneratorThread)
	ms := within(*grown(&r.trail.moves, int32(th)), from, to)
	first := to
	if len(ms) > 0 {
		first = ms[0].At
	}
	parts = add(parts, from, first, "arrival", "is due; the generator's thread has not begun") // nothing, if it has
	for i, mv := range ms {
		b := to
		if i+1 < len(ms) {
			b = ms[i+1].At
		}
		what := "is due; the generator's thread is late by this"
		if mv.Place == host.Waiting {
			what = "is due; the generator's thread " + r.whoHas(mv.Thread, mv.Core, max(mv.At, from), b)
		}
		parts = add(parts, max(mv.At, from), b, "arrival", what)
	}
	return parts
}

// turns are the parts of a goroutine's time up to a mark. What it waits for may have a goroutine of its own to follow.
func (r *Record) turns(g int32, from, to time.Duration, until int32, depth int) (parts []Part) {
	t := r.trail
	mine := t.of[g]
	last, _ := slices.BinarySearch(mine, until)
	mine = mine[:last]
	i, _ := slices.BinarySearchFunc(mine, from, func(ix int32, at time.Duration) int {
		if t.marks[ix].At <= at {
			return -1
		}
		return 1
	})
	if i == 0 {
		i = 1
		if len(mine) == 0 || t.marks[mine[0]].At >= to {
			return add(parts, from, to, "arrival", "is not started yet")
		}
		parts = add(parts, from, t.marks[mine[0]].At, "arrival", "is not started yet")
	}
	for ; i <= len(mine); i++ {
		a, b, at := mine[i-1], int32(-1), to
		if i < len(mine) {
			b = mine[i]
			at = min(t.marks[b].At, to)
		}
		old := int32(-1) // the P in whose queue it was before
		if i > 1 {
			if k := t.marks[mine[i-2]]; k.Turn() == gort.Born || k.Turn() == gort.Runnable || k.Turn() == gort.Woken {
				old = k.P
			}
		}
		parts = r.turn(parts, old, a, b, max(t.marks[a].At, from), at, depth)
	}
	return parts
}

// turn adds what mark a began and mark b ended; b is negative if nothing did, and old if the goroutine was in no P's queue
// before.
func (r *Record) turn(parts []Part, old, a, b int32, from, to time.Duration, depth int) []Part {
	if to <= from {
		return parts
	}
	k := r.trail.marks[a]
	switch k.Turn() {
	case gort.Runs, gort.Assists, gort.Calls:
		for _, p := range r.onThread(k, from, to) {
			parts = add(parts, p.From, p.To, p.Cause, p.What)
		}
		return parts
	case gort.Born, gort.Runnable, gort.Woken:
		return add(parts, from, to, "runnable", r.inQueue(old, a, b, from, to))
	case gort.Waits:
		return r.wait(parts, a, b, from, to, depth)
	}
	return add(parts, from, to, "arrival", "is not started yet")
}

// Causes that several functions know.
const (
	noCore = "waiting for a core"
	byHost = "stopped by the host"

	assisting = "assisting the collector"
)

// followed is how deep a story follows those who are waited for.
const followed = 3

// wait adds what a goroutine waits for. Where another one does the work meanwhile, a worker or a child, its turns are the
// parts.
func (r *Record) wait(parts []Part, a, b int32, from, to time.Duration, depth int) []Part {
	t := r.trail
	k := t.marks[a]
	what := "waits " + k.Reason(&r.names)
	if b < 0 {
		return add(parts, from, to, "waiting", what)
	}
	woken := t.marks[b]
	if woken.Turn() != gort.Woken {
		return add(parts, from, to, "waiting", what+", until the netpoller has seen it")
	}
	op := gort.OpKind(k.A)
	who := map[gort.OpKind]string{gort.Await: "worker ", gort.Wait: "child "}[op]
	if who != "" && woken.A >= 0 && depth < followed {
		for _, p := range r.turns(woken.A, from, to, b, depth+1) {
			parts = add(parts, p.From, p.To, who+p.Cause, fmt.Sprintf("waits for g%d, which %s", woken.A, p.What))
		}
		return parts
	}
	switch op {
	case gort.Send, gort.Recv, gort.Enqueue, gort.Lock:
		before := 0
		for i := a + 1; i < b; i++ {
			if w := t.marks[i]; w.Turn() == gort.Woken && t.marks[t.queueOf[i]].A == k.A && t.marks[t.queueOf[i]].B == k.B {
				before++
			}
		}
		if before > 0 {
			what += ", behind " + count(before, "other")
		}
	}
	if woken.A >= 0 {
		what += fmt.Sprintf(", until g%d wakes it", woken.A)
	}
	return add(parts, from, to, "waiting", what)
}

// How many parts a text names one by one.
const (
	manyLines = 16 // from here on turns on a core are one part
	mostLines = 28 // from here on the shortest neighbours are, too
)

// Text writes the story in lines of that many runes where possible: for each part since when, how long, and what it was;
// the sum; and what the sum consists of. Parts that are too short to matter are put together where there are many.
func (s *Story) Text(width int) string {
	latency := s.Request.End - s.Request.Due
	v := &sheet{}
	v.wrap("", fmt.Sprintf("Request %d of %d, of class %q, runs as g%d: due at %v, done at %v.", s.Number, s.Of, s.Class, s.G, s.Request.Due, s.Request.End), width)
	v.b.WriteByte('\n')
	exact := func(d time.Duration) string { return fmt.Sprintf("%d.%03d", d/1000, d%1000) }
	w := max(len(exact(latency)), utf8.RuneCountInString("lasts µs"))
	fmt.Fprintf(&v.b, "%*s  %*s\n", w, "at µs", w, "lasts µs")
	for _, p := range s.short() {
		v.wrap(fmt.Sprintf("%*s  %*s  ", w, exact(p.From-s.Request.Due), w, exact(p.To-p.From)), p.What, width)
	}
	fmt.Fprintf(&v.b, "%*s  %*s  is the sum of all parts, and its latency\n\n", w, "", w, exact(latency))
	v.wrap("", "Of that: "+s.shares()+".", width)
	return v.b.String()
}

// short puts parts together where there are many: those in which a thread has a core and loses it by turns, then the
// shortest neighbours.
func (s *Story) short() []Part {
	parts := slices.Clone(s.Parts)
	size := slices.Repeat([]int{1}, len(parts))
	merge := func(i int) { // part i and the one behind it
		parts[i].To = parts[i+1].To
		size[i] += size[i+1]
		parts, size = slices.Delete(parts, i+1, i+2), slices.Delete(size, i+1, i+2)
	}
	if len(parts) > manyLines {
		for i := 0; i+1 < len(parts); i++ {
			who, state, ok := onCore(parts[i].Cause)
			for ok && i+1 < len(parts) {
				w, st, on := onCore(parts[i+1].Cause)
				if !on || w != who || st != "" && state != "" && st != state {
					break
				}
				state = cmp.Or(state, st)
				merge(i)
			}
		}
	}
	for len(parts) > mostLines {
		best := 0
		for i := range len(parts) - 1 {
			if parts[i+1].To-parts[i].From < parts[best+1].To-parts[best].From {
				best = i
			}
		}
		merge(best)
	}
	first := 0
	for i := range parts {
		if n := size[i]; n > 1 {
			var text []string
			for _, c := range byCause(s.Parts[first : first+n]) {
				text = append(text, c.Cause+" "+micros(c.To))
			}
			parts[i].What = fmt.Sprintf("%d parts in turn: %s%s", n, strings.Join(text, ", "), worst(s.Parts[first:first+n]))
		}
		first += size[i]
	}
	return parts
}

// worst tells of the longest wait for a core among parts, if it makes up a tenth of them.
func worst(parts []Part) string {
	var w Part
	for _, p := range parts {
		if strings.HasSuffix(p.Cause, noCore) && p.To-p.From > w.To-w.From {
			w = p
		}
	}
	if all := parts[len(parts)-1].To - parts[0].From; (w.To-w.From)*10 < all {
		return ""
	}
	return fmt.Sprintf("; for %s it %s", micros(w.To-w.From), w.What)
}

// onCore tells whether a cause is a turn of a thread on a core or beside it, what the goroutine does there ("": it has no
// core), and who does it ("": the request itself).
func onCore(cause string) (who, state string, ok bool) {
	for _, c := range []string{"running", assisting, "in a call"} {
		if who, ok := strings.CutSuffix(cause, c); ok {
			return who, c, true
		}
	}
	for _, c := range []string{noCore, "waking", byHost} {
		if who, ok := strings.CutSuffix(cause, c); ok {
			return who, "", true
		}
	}
	return "", "", false
}

// byCause sums parts by their causes, the largest sum first: it is To.
func byCause(parts []Part) (causes []Part) {
	for _, p := range parts {
		i := slices.IndexFunc(causes, func(c Part) bool { return c.Cause == p.Cause })
		if i < 0 {
			i = len(causes)
			causes = append(causes, Part{Cause: p.Cause})
		}
		causes[i].To += p.To - p.From
	}
	slices.SortStableFunc(causes, func(a, b Part) int { return cmp.Compare(b.To, a.To) })
	return causes
}

// shares are the causes with their part of the latency, the largest first.
func (s *Story) shares() string {
	var text []string
	for _, c := range byCause(s.Parts) {
		if c.To*1000 < s.Request.End-s.Request.Due {
			break // the rest is less than 0.1 % each
		}
		text = append(text, fmt.Sprintf("%s %.1f %%", c.Cause, 100*float64(c.To)/float64(s.Request.End-s.Request.Due)))
	}
	return strings.Join(text, ", ")
}
