package sim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
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
	var all []int // in order of time due
	for i := range r.requests {
		if r.counted(&r.requests[i]) {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no request that is observed has ended in this run; there is none to tell of")
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(r.requests[a].Due, r.requests[b].Due) })
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
	from := max(w.At, q.Due)
	parts = add(parts, q.Due, from, "arrival", "is due; the generator's thread is late by this")
	for _, p := range r.turns(w.G, from, k.At, born, 1) {
		parts = add(parts, p.From, p.To, "arrival", fmt.Sprintf("is in the pipe; its reader g%d %s", w.G, p.What))
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
	case gort.Runs, gort.Calls:
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
			what += fmt.Sprintf(", behind %d others", before)
		}
	}
	if woken.A >= 0 {
		what += fmt.Sprintf(", until g%d wakes it", woken.A)
	}
	return add(parts, from, to, "waiting", what)
}

// mostLines is how many parts a text names one by one, where others are short enough to be put together.
const mostLines = 32

// Text writes the story in lines of that many runes where possible: for each part since when, how long, and what it was;
// the sum; and what the sum consists of. Parts that are too short to matter are put together where there are many.
func (s *Story) Text(width int) string {
	latency := s.Request.End - s.Request.Due
	v := &sheet{}
	v.wrap("", fmt.Sprintf("Request %d of %d, of class %q, runs as g%d: due at %v, done at %v.", s.Number, s.Of, s.Class, s.G, s.Request.Due, s.Request.End), width)
	v.b.WriteByte('\n')
	exact := func(d time.Duration) string { return fmt.Sprintf("%d.%03d", d/1000, d%1000) }
	w := max(len(exact(latency)), len("lasts µs"))
	fmt.Fprintf(&v.b, "%*s  %*s\n", w, "at µs", w, "lasts µs")
	for _, p := range s.short() {
		v.wrap(fmt.Sprintf("%*s  %*s  ", w, exact(p.From-s.Request.Due), w, exact(p.To-p.From)), p.What, width)
	}
	fmt.Fprintf(&v.b, "%*s  %*s  is the sum of all parts, and its latency\n\n", w, "", w, exact(latency))
	v.wrap("", "Of that: "+s.shares()+".", width)
	return v.b.String()
}

// short puts neighbouring short parts together until at most mostLines are left, if that can be.
func (s *Story) short() []Part {
	latency := s.Request.End - s.Request.Due
	parts := s.Parts
	for below := latency / 2000; len(parts) > mostLines && below < latency/10; below *= 2 {
		parts = nil
		for i := 0; i < len(s.Parts); {
			j := i
			var causes []string
			for ; j < len(s.Parts) && s.Parts[j].To-s.Parts[j].From < below; j++ {
				if !slices.Contains(causes, s.Parts[j].Cause) {
					causes = append(causes, s.Parts[j].Cause)
				}
			}
			switch {
			case j-i < 2:
				parts = append(parts, s.Parts[i])
				i++
			default:
				parts = append(parts, Part{s.Parts[i].From, s.Parts[j-1].To, "", fmt.Sprintf("%d short parts: %s", j-i, strings.Join(causes, ", "))})
				i = j
			}
		}
	}
	return parts
}

// shares are the causes with their part of the latency, the largest first.
func (s *Story) shares() string {
	var causes []Part
	for _, p := range s.Parts {
		i := slices.IndexFunc(causes, func(c Part) bool { return c.Cause == p.Cause })
		if i < 0 {
			i = len(causes)
			causes = append(causes, Part{Cause: p.Cause})
		}
		causes[i].To += p.To - p.From
	}
	slices.SortStableFunc(causes, func(a, b Part) int { return cmp.Compare(b.To, a.To) })
	var text []string
	for _, c := range causes {
		if c.To*1000 < s.Request.End-s.Request.Due {
			break // the rest is less than 0.1 % each
		}
		text = append(text, fmt.Sprintf("%s %.1f %%", c.Cause, 100*float64(c.To)/float64(s.Request.End-s.Request.Due)))
	}
	return strings.Join(text, ", ")
}
