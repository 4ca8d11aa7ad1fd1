package gort

import "github.com/gmplab/lab"

// select (runtime/select.go: selectgo). It looks at its cases in a random order and does the first that can go on; if none
// can, its goroutine waits on all channels, and the first partner to come takes it: the others find it done and pass over
// it. When it runs again it takes itself off the other queues.
//
// SIMPLIFIED(select): a case looked at costs a channel operation; there is no order of locks, no default and no closed
// channel.

// A Case is one communication of a select.
type Case struct {
	Chan int32
	Send bool
}

// A selection is a select that waits.
type selection struct {
	gp     *g
	done   bool  // a partner has taken it
	won    int32 // with this case
	sudogs []g   // one for each case, which stands for gp on the queue of its channel
	order  []int32
}

// selectgo does a select for mp's goroutine.
func (s *Sched) selectgo(mp *m, cases []Case) uint8 {
	gp := mp.curg
	if gp.op == 1 {
		gp.op = 0
		s.note(tSelect, mp.p, gp, gp.sel.won, int32(len(cases)))
		s.releaseSudog(gp, cases)
		return opDone
	}
	sel := s.acquireSudog(gp, len(cases))
	for i := range int32(len(cases)) {
		j := int32(s.random.Uint32n(uint32(i) + 1))
		sel.order = append(sel.order, i)
		sel.order[i], sel.order[j] = sel.order[j], i
	}
	for _, i := range sel.order {
		c := s.chans[cases[i].Chan]
		var ok bool
		if cases[i].Send {
			ok = s.trysend(mp, c, nil)
		} else {
			gp.elem, ok = s.tryrecv(mp, c)
		}
		if ok {
			s.note(tSelect, mp.p, gp, i, int32(len(cases)))
			s.releaseSudog(gp, cases)
			return opDone
		}
	}
	for i := range cases {
		sg := &sel.sudogs[i]
		*sg = g{pc: int32(i), sel: sel}
		s.queueOf(cases[i]).pushBack(sg)
	}
	gp.elem, gp.op = nil, 1
	s.gopark(mp, lab.Select)
	return opParkStay
}

// queueOf is where a case waits.
func (s *Sched) queueOf(c Case) *gQueue {
	if c.Send {
		return &s.chans[c.Chan].sendq
	}
	return &s.chans[c.Chan].recvq
}

// acquireSudog gives gp a selection.
func (s *Sched) acquireSudog(gp *g, cases int) *selection {
	var sel *selection
	if n := len(s.selections); n > 0 {
		sel = s.selections[n-1]
		s.selections = s.selections[:n-1]
	} else {
		sel = &selection{}
	}
	if len(sel.sudogs) < cases {
		sel.sudogs = make([]g, cases)
	}
	sel.gp, sel.done, sel.order = gp, false, sel.order[:0]
	gp.sel = sel
	return sel
}

// releaseSudog takes gp's selection off the queues on which it still is, and back.
func (s *Sched) releaseSudog(gp *g, cases []Case) {
	sel := gp.sel
	for i := range cases {
		if sg := &sel.sudogs[i]; sg.sel != nil {
			s.queueOf(cases[i]).remove(sg)
			sg.sel = nil
		}
	}
	gp.sel = nil
	s.selections = append(s.selections, sel)
}

// dequeue takes the first goroutine of a channel's queue, and passes over selects that another partner has taken.
func dequeue(q *gQueue) *g {
	for {
		sg := q.pop()
		if sg == nil || sg.sel == nil {
			return sg
		}
		sel := sg.sel
		sg.sel = nil
		if !sel.done {
			sel.done, sel.won = true, sg.pc
			return sel.gp
		}
	}
}
