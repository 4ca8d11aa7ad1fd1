package lab

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// traceHead begins a file of Transitions.
const traceHead = "gmplab transitions 1"

// Write writes the trace as text: a head, then a line for each Transition with time in nanoseconds, whose state, its id,
// from, to, reason, P, M, and 1 for a goroutine that is foreign.
func (t *Trace) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\nside %s\nname %s\nfrom %d\nto %d\nmoves %d\n", traceHead, t.Side, strconv.Quote(t.Name), t.From, t.To, len(t.Moves))
	for _, n := range t.Notes {
		fmt.Fprintf(b, "note %s\n", strconv.Quote(n))
	}
	for _, m := range t.Moves {
		foreign := 0
		if m.Foreign {
			foreign = 1
		}
		fmt.Fprintf(b, "%d %v %d %v %v %v %d %d %d\n", int64(m.At), m.Of, m.ID, m.From, m.To, m.Reason, m.P, m.M, foreign)
	}
	return b.Flush()
}

// IsTrace tells whether a file that begins like that is one of Transitions.
func IsTrace(begin []byte) bool { return strings.HasPrefix(string(begin), traceHead+"\n") }

// ReadTrace reads what Write wrote. The error names the line and what is wrong with it.
func ReadTrace(r io.Reader) (*Trace, error) {
	t := &Trace{}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	line, moves := 0, 0
	for s.Scan() {
		line++
		text := s.Text()
		if line == 1 {
			if text != traceHead {
				return nil, fmt.Errorf("line 1: %.40q is not %q; give a file that gmplab trace predict wrote", text, traceHead)
			}
			continue
		}
		if n, ok := strings.CutPrefix(text, "moves "); ok {
			var err error
			if moves, err = strconv.Atoi(n); err != nil {
				return nil, fmt.Errorf("line %d: %.40q after moves is no whole number", line, n)
			}
			continue
		}
		if err := t.line(text); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if s.Err() != nil {
		return nil, fmt.Errorf("line %d: %w", line+1, s.Err())
	}
	switch {
	case line == 0:
		return nil, fmt.Errorf("the file is empty; give one that gmplab trace predict wrote")
	case t.To != 0 && t.To < t.From:
		return nil, fmt.Errorf("the counted part ends at %v, before it begins at %v; write the trace anew", t.To, t.From)
	case len(t.Moves) == 0 || len(t.Moves) != moves:
		return nil, fmt.Errorf("it holds %d changes of state and its head promises %d; it was cut off, so write it anew", len(t.Moves), moves)
	}
	return t, nil
}

// line reads one line after the head.
func (t *Trace) line(text string) (err error) {
	key, value, _ := strings.Cut(text, " ")
	switch key {
	case "side":
		t.Side = value
	case "name":
		t.Name, err = strconv.Unquote(value)
	case "note":
		var n string
		n, err = strconv.Unquote(value)
		t.Notes = append(t.Notes, n)
	case "from":
		t.From, err = nanos(value)
	case "to":
		t.To, err = nanos(value)
	default:
		return t.transition(strings.Fields(text))
	}
	if err != nil {
		return fmt.Errorf("%.40q after %s: %w", value, key, err)
	}
	return nil
}

func nanos(text string) (time.Duration, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("it is no whole number of nanoseconds, 0 or more")
	}
	return time.Duration(n), nil
}

// transition reads the fields of one.
func (t *Trace) transition(f []string) error {
	if len(f) != 9 {
		return fmt.Errorf("%d fields instead of the 9 of a transition", len(f))
	}
	var m Transition
	var of, from, to, reason uint8
	at, err := nanos(f[0])
	if err != nil {
		return fmt.Errorf("field 1, %.40q: %w", f[0], err)
	}
	for i, e := range []struct {
		names names
		to    *uint8
	}{1: {ofNames, &of}, 3: {stateNames, &from}, 4: {stateNames, &to}, 5: {reasonNames, &reason}} {
		if e.names == nil {
			continue
		}
		if err := e.names.unmarshal(e.to, []byte(f[i])); err != nil {
			return fmt.Errorf("field %d: %w", i+1, err)
		}
	}
	var numbers [4]int64 // id, P, M, foreign
	for i, field := range [...]int{2, 6, 7, 8} {
		if numbers[i], err = strconv.ParseInt(f[field], 10, 64); err != nil || i == 1 && int64(int32(numbers[i])) != numbers[i] {
			return fmt.Errorf("field %d, %.40q: it is no whole number of that size", field+1, f[field])
		}
	}
	m = Transition{At: at, Of: Of(of), ID: numbers[0], From: State(from), To: State(to), Reason: Reason(reason),
		P: int32(numbers[1]), M: numbers[2], Foreign: numbers[3] != 0}
	t.Moves = append(t.Moves, m)
	return nil
}
