package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gmplab/lab/sim/gort"
)

// A sheet is text in columns: the one layout of transcripts and of the step view.
type sheet struct {
	b      strings.Builder
	widths []int // of the columns; one of width 0 is left out
}

// fit widens the columns to hold the cells.
func (s *sheet) fit(cells []string) {
	for i, c := range cells {
		s.widths[i] = max(s.widths[i], utf8.RuneCountInString(c))
	}
}

// row writes cells, the first one to the right if right is set, with a separator between them.
func (s *sheet) row(cells []string, separator string, right bool) {
	var l strings.Builder
	for i, c := range cells {
		if s.widths[i] == 0 {
			continue
		}
		if i > 0 {
			l.WriteString(separator)
		}
		pad := strings.Repeat(" ", max(s.widths[i]-utf8.RuneCountInString(c), 0))
		if i == 0 && right {
			l.WriteString(pad + c)
		} else {
			l.WriteString(c + pad)
		}
	}
	s.b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
}

// wrap writes a head and a text that goes on below itself where it is longer than the line.
func (s *sheet) wrap(head, text string, width int) {
	indent := ""
	if head != "" {
		indent = strings.Repeat(" ", utf8.RuneCountInString(head)+2)
	}
	line := head
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			s.b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent + word
		default:
			line += " " + word
		}
	}
	s.b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// Transcript writes decisions: a time, a column for each P that made one, and a column for what has no P. An empty window
// stands for what is left out between two others.
func Transcript(windows [][]gort.Mark, ps int) string {
	for _, w := range windows { // GOMAXPROCS may have grown
		for _, k := range w {
			ps = max(ps, int(k.P)+1)
		}
	}
	s := &sheet{widths: make([]int, ps+2)}
	heads := []string{"time"}
	for i := range ps {
		heads = append(heads, fmt.Sprintf("P%d", i))
	}
	heads = append(heads, "no P")
	rows := [][]string{}
	s.fit(heads[:1])
	for _, w := range windows {
		if len(w) == 0 {
			rows = append(rows, append([]string{"⋮"}, make([]string, ps+1)...))
		}
		for _, k := range w {
			cells := make([]string, ps+2)
			column := int(k.P) + 1
			if k.P < 0 {
				column = ps + 1
			}
			cells[0], cells[column] = k.At.String(), k.String()
			s.fit(cells)
			s.widths[column] = max(s.widths[column], len(heads[column]))
			rows = append(rows, cells)
		}
	}
	for _, cells := range append([][]string{heads}, rows...) {
		s.row(cells, "  ", true)
	}
	return s.b.String()
}

const (
	narrowest = 18 // runes of a P's column
	oneLine   = 26 // runes of a P's column in which its ring has room behind its M
	forGlobal = 14 // runes of the global queue's, at least
	divider   = " │ "
)

// legend explains the line of the state.
const legend = `Each decision names the functions that made it; below stands the state it leaves, if it changed.
  P0 M3 g2 ◂5 4[1 6 …]  thread M3 has P0 and runs g2; g5 is in runnext, 4 in the ring, oldest first
  (g2)  it is in a call     ⟳  M spins, looking for work     →M3  woken for this P, not there yet

`

// Steps writes the decisions that the record kept, each with the functions that made it, and the state of every P and of
// the global queue behind it, in lines of that many runes where possible. It ends with how to see more.
func (r *Record) Steps(width int) string {
	v := &steps{r: r, width: width, per: max(min((width-2-forGlobal)/(narrowest+len(divider)-2), r.ps), 1)}
	v.b.WriteString(legend)
	marks, states := r.sched.Marks(), r.sched.States()
	at := 0
	for _, k := range marks {
		at = max(at, utf8.RuneCountInString(k.At.String()))
	}
	last := time.Duration(-1)
	for i := 0; i < len(marks); i++ {
		k := marks[i]
		stamp := ""
		if k.At != last {
			stamp, last = k.At.String(), k.At
		}
		who := ""
		if k.P >= 0 {
			who = fmt.Sprintf("P%d: ", k.P)
		}
		text := who + k.Long(&r.names)
		if k.Turn() == gort.Ends {
			text += v.number(k.B)
		}
		for i+1 < len(marks) && marks[i+1].Follows() && marks[i+1].At == k.At {
			i++
			text += "; " + marks[i].Long(&r.names)
		}
		head := strings.Repeat(" ", at-utf8.RuneCountInString(stamp)) + stamp + "  "
		v.wrap(head, text, width)
		v.state(&states[i])
	}
	v.b.WriteByte('\n')
	v.wrap("", r.more(len(marks)), width)
	return v.b.String()
}

// steps is a step view in the making.
type steps struct {
	sheet
	r     *Record
	width int
	per   int      // Ps in a line
	shown []string // the lines of the state that stand last

	numbers []int // of requests, by the time they were due
}

// number says under which number -why tells of the request that ended at that place.
func (v *steps) number(ended int32) string {
	if v.numbers == nil {
		v.numbers = make([]int, len(v.r.requests))
		for i, at := range v.r.observed() {
			v.numbers[at] = i + 1
		}
	}
	if n := v.numbers[ended]; n > 0 {
		return fmt.Sprintf(" (-why %d tells of it)", n)
	}
	return ""
}

// state writes the lines of a state that differ from what stands already.
func (v *steps) state(st *gort.State) {
	each := min((v.width-2-forGlobal)/v.per-3, 36)
	global := v.width - 2 - v.per*(each+3)
	var lines []string
	for from := 0; from < len(st.Ps); from += v.per {
		one := sheet{widths: append(slices.Repeat([]int{each}, v.per), global)}
		first, second := make([]string, v.per+1), make([]string, v.per+1)
		for i := range min(v.per, len(st.Ps)-from) {
			first[i], second[i] = cellOf(from+i, &st.Ps[from+i], each)
		}
		if from == 0 {
			first[v.per], second[v.per] = "global", queueOf(&st.Global, global)
			if each >= oneLine {
				first[v.per], second[v.per] = "global "+queueOf(&st.Global, global-len("global ")), ""
			}
		}
		one.b.WriteString("  ")
		one.row(first, divider, false)
		if slices.ContainsFunc(second, func(c string) bool { return c != "" }) {
			one.b.WriteString("  ")
			one.row(second, divider, false)
		}
		lines = append(lines, one.b.String())
	}
	for i, l := range lines {
		if i >= len(v.shown) || v.shown[i] != l {
			v.b.WriteString(l)
		}
	}
	v.shown = lines
}

// cellOf is a P's state in at most that many runes, if its ring can be cut to fit: in one line, or the ring in a second
// one where the first has no room.
func cellOf(id int, p *gort.PState, width int) (c, ring string) {
	c = fmt.Sprintf("P%d ", id)
	switch {
	case p.M < 0:
		c += "idle"
	case p.Coming:
		c += fmt.Sprintf("→M%d", p.M)
	default:
		c += fmt.Sprintf("M%d", p.M)
	}
	if p.Spins {
		c += " ⟳"
	}
	switch {
	case p.G >= 0 && p.Call:
		c += fmt.Sprintf(" (g%d)", p.G)
	case p.G >= 0:
		c += fmt.Sprintf(" g%d", p.G)
	}
	if p.Next >= 0 {
		c += fmt.Sprintf(" ◂%d", p.Next)
	}
	switch {
	case p.Ring.N == 0:
		return c, ""
	case width < oneLine:
		return c, queueOf(&p.Ring, width)
	}
	return c + " " + queueOf(&p.Ring, width-utf8.RuneCountInString(c)-1), ""
}

// queueOf is how many a queue holds, and as many of the first as there is room for.
func queueOf(q *gort.Queued, width int) string {
	if q.N == 0 {
		return "0"
	}
	for n := min(int(q.N), gort.Shown); ; n-- {
		var ids []string
		for _, g := range q.First[:n] {
			ids = append(ids, fmt.Sprint(g))
		}
		if n < int(q.N) {
			ids = append(ids, "…")
		}
		c := fmt.Sprintf("%d[%s]", q.N, strings.Join(ids, " "))
		if n == 0 || utf8.RuneCountInString(c) <= width {
			return c
		}
	}
}

// more says what was left out, and which flag shows it.
func (r *Record) more(shown int) string {
	part := "the run"
	if r.From > 0 || r.Until > 0 {
		part = "this part of the run"
	}
	rest := r.sched.Skipped()
	marks := r.sched.Marks()
	switch {
	case shown == 0:
		return fmt.Sprintf("There is no decision in %s; it ended at %v. Choose another part with -from and -until.", part, r.sched.Now())
	case rest == 0:
		return fmt.Sprintf("These are all %d decisions of %s, which ended at %v.", shown, part, r.sched.Now())
	}
	next := marks[len(marks)-1].At
	return fmt.Sprintf("%d of %d decisions of %s, which ended at %v. To see more: -limit %d, or -from %v.",
		shown, shown+rest, part, r.sched.Now(), 10*shown, next)
}
