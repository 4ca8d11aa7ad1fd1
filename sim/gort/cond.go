package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// sync.Cond (sync/cond.go) on its notifyList (runtime/sema.go): waiters take tickets before they unlock, and are
// notified in the order of the tickets.

type notifyList struct {
	wait, notify int32 // the next ticket given out, and the next one notified
	queue        gQueue
}

// cond is a sync.Cond with its Locker.
type cond struct {
	l      *mutex
	notify notifyList
}

// The parts of a condWait.
const (
	condAdd uint8 = iota
	condPark
	condLock
)

// condWait is Cond.Wait by mp's goroutine.
func (s *Sched) condWait(mp *m, c *cond) uint8 {
	gp := mp.curg
	switch gp.op {
	case condAdd:
		gp.left = time.Duration(s.notifyListAdd(&c.notify))
		gp.op = condPark
		if !s.unlock(mp, c.l) {
			return opParkStay
		}
		return opStay
	case condPark:
		gp.op = condLock
		if s.notifyListWait(mp, &c.notify, int32(gp.left)) {
			return opStay
		}
		return opParkStay
	}
	did := s.lock(mp, c.l)
	if did == opDone {
		gp.op, gp.left = condAdd, 0
	}
	return did
}

// notifyListAdd gives the next ticket.
func (s *Sched) notifyListAdd(l *notifyList) int32 {
	l.wait++
	return l.wait - 1
}

// notifyListWait parks mp's goroutine until its ticket is notified; true: it is already.
func (s *Sched) notifyListWait(mp *m, l *notifyList, t int32) bool {
	if t < l.notify {
		return true
	}
	l.queue.pushBack(mp.curg)
	s.gopark(mp, lab.SyncCond)
	return false
}

// notifyListNotifyOne is Cond.Signal: the holder of the next ticket becomes runnable, if it has parked already.
func (s *Sched) notifyListNotifyOne(mp *m, l *notifyList) {
	mp.charge += s.price.mutex
	if l.wait == l.notify {
		return
	}
	t := l.notify
	l.notify++
	for gp := l.queue.head; gp != nil; gp = gp.schedlink {
		if int32(gp.left) == t {
			l.queue.remove(gp)
			s.ready(mp, gp, true)
			return
		}
	}
}

// notifyListNotifyAll is Cond.Broadcast.
func (s *Sched) notifyListNotifyAll(mp *m, l *notifyList) {
	mp.charge += s.price.mutex
	l.notify = l.wait
	for gp := l.queue.pop(); gp != nil; gp = l.queue.pop() {
		s.ready(mp, gp, true)
	}
}
