package gort

import "github.com/gmplab/lab"

// Channels (runtime/chan.go). A value that meets a waiting partner is handed over directly, and the partner becomes the
// runnext of the P that hands it over.

// An hchan is a channel. Its values are requests, or nil where only the hand-over matters.
type hchan struct {
	size         int  // how many values it holds (dataqsiz)
	buf          []*g // a ring of those, as large as it has had to be so far: the batcher's queue holds 65,536, and hardly ever does
	head, count  int
	recvq, sendq gQueue
}

func makechan(size int) *hchan { return &hchan{size: size} }

// chansend sends elem for mp's goroutine; false: the goroutine has parked, and the send is done when it runs again.
func (s *Sched) chansend(mp *m, c *hchan, elem *g) bool {
	if s.trysend(mp, c, elem) {
		return true
	}
	mp.curg.elem = elem
	c.sendq.pushBack(mp.curg)
	s.gopark(mp, lab.ChanSend)
	return false
}

// trysend sends without blocking.
func (s *Sched) trysend(mp *m, c *hchan, elem *g) bool {
	mp.charge += s.price.chanop
	if r := dequeue(&c.recvq); r != nil {
		r.elem = elem
		if r.waitq != nil { // it waits with a time-out, which comes to nothing now
			r.waitq = nil
			r.timer++
		}
		s.ready(mp, r, true)
		return true
	}
	if c.count < c.size {
		c.put(elem)
		return true
	}
	return false
}

func (c *hchan) put(elem *g) {
	if c.count == len(c.buf) {
		c.grow()
	}
	i := c.head + c.count
	if i >= len(c.buf) {
		i -= len(c.buf)
	}
	c.buf[i] = elem
	c.count++
}

// grow doubles the ring, which is full.
func (c *hchan) grow() {
	buf := make([]*g, min(max(2*c.count, 8), c.size))
	n := copy(buf, c.buf[c.head:])
	copy(buf[n:], c.buf[:c.head])
	c.buf, c.head = buf, 0
}

// tryrecv receives without blocking.
func (s *Sched) tryrecv(mp *m, c *hchan) (elem *g, ok bool) {
	mp.charge += s.price.chanop
	if c.count > 0 {
		elem = c.buf[c.head]
		if c.head++; c.head == len(c.buf) {
			c.head = 0
		}
		c.count--
		if w := dequeue(&c.sendq); w != nil {
			c.put(w.elem)
			s.ready(mp, w, true)
		}
		return elem, true
	}
	if w := dequeue(&c.sendq); w != nil {
		s.ready(mp, w, true)
		return w.elem, true
	}
	return nil, false
}

// chanrecv receives for mp's goroutine into its elem; false: it has parked, and has received when it runs again.
func (s *Sched) chanrecv(mp *m, c *hchan) bool {
	gp := mp.curg
	elem, ok := s.tryrecv(mp, c)
	if ok {
		gp.elem = elem
		return true
	}
	c.recvq.pushBack(gp)
	s.gopark(mp, lab.ChanReceive)
	return false
}
