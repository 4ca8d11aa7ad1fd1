package gort

import (
	"fmt"
	"time"
)

// Sockets (internal/poll/fd_unix.go: FD.Read and FD.Write, fd_mutex.go; the kernel's TCP over loopback). A read or write
// is a system call on a descriptor that does not block: where there is nothing to read, or no room, it gives EAGAIN and the
// goroutine parks in the netpoller, then tries again. syscall.Read and syscall.Write go through syscall.Syscall, so each
// of these calls is an entersyscall and an exitsyscall, wakes sysmon, and may lose its P if it lasts.
//
// SIMPLIFIED(netpoll): a connection is one buffer, whose bytes are there for the reader when the write's call ends. There are
// no packets, acknowledgements, windows or delays; the kernel counts memory instead of bytes, and where socket buffers are
// set by hand it often wakes a writer earlier than when a third of the buffer is free.
//
// SIMPLIFIED(netpoll): every read and write of the same size costs the same; for real it depends on who has the socket's
// lock, on whether an acknowledgement is due, and on which core has its memory in the cache. And caches are warm in a calibration: a write of 1 KiB after
// milliseconds of idleness took 20 µs for real where 5 are charged, one of 256 KiB 43 where 17 are, one of 1 MiB 321 where 44 are.

// A conn is a TCP connection over loopback, in the one direction in which it is used.
type conn struct {
	w, r         netFD // its two ends
	id           int32
	buffer, used int64 // bytes that fit, and that are on the way
	sent         int64 // bytes that writes have taken in all
	received     int64 // bytes that reads have given
	nospace      bool  // a write has found it full: tell the writer when there is room (SOCK_NOSPACE)
}

// A netFD is one end of it, as internal/poll.FD.
type netFD struct {
	pd pollDesc
	mu fdMutex
	n  int64 // bytes of the call under way; 0: EAGAIN
}

// An fdMutex lets goroutines that use the same end in one after the other.
type fdMutex struct {
	locked  bool
	waiters int32
	sema    sema
}

// How far a read or write is.
const (
	netBegin    uint8 = iota // not begun
	netLock                  // takes the fdMutex
	netQueued                // was on its semaphore
	netTry                   // is about to make the call
	netCall                  // the Go code up to here is paid
	netReturned              // the call has returned
	netParked                // was parked in netpollblock
)

func (s *Sched) openConns(buffers []int64) {
	s.conns = make([]conn, len(buffers))
	for i, size := range buffers {
		c := &s.conns[i]
		c.id, c.buffer = int32(i), size
		c.w.pd.conn, c.r.pd.conn = c, c
	}
}

// writable is sk_stream_is_writeable: a third of the buffer is free.
func (c *conn) writable() bool { return c.buffer-c.used >= c.used/2 && c.used < c.buffer }

// events is what epoll_wait tells of a descriptor that is on its list, by its state now (tcp_poll): 'r', 'w', both, or 0.
func (pd *pollDesc) events() int32 {
	c := pd.conn
	switch {
	case c == nil: // the pipe, which nobody else empties
		return 'r'
	case pd == &c.w.pd && !c.writable():
		return 0
	case pd == &c.r.pd && c.used > 0:
		return 'r' + 'w' // nobody writes at that end, so that there is always room
	}
	return 'w'
}

// rwlock takes the end for mp's goroutine, or parks it until it may try again.
func (s *Sched) rwlock(mp *m, mu *fdMutex) uint8 {
	for mu.locked {
		mu.waiters++
		if did := s.semacquire(mp, &mu.sema, false); did != opDone {
			return did
		}
	}
	mu.locked = true
	return opDone
}

// rwunlock gives the end free and wakes one that waits, which has to be faster than others.
func (s *Sched) rwunlock(mp *m, mu *fdMutex) {
	mu.locked = false
	if mu.waiters > 0 {
		mu.waiters--
		s.semrelease(mp, &mu.sema, false)
	}
}

// doNet writes or reads the op's bytes: FD.Write, which keeps the end until all are written, or io.ReadFull, which takes it
// anew for each FD.Read.
func (s *Sched) doNet(mp *m, gp *g, op *Op) uint8 {
	c := &s.conns[op.I]
	fd, gpp := &c.r, &c.r.pd.rg
	if op.Do == NetWrite {
		fd, gpp = &c.w, &c.w.pd.wg
	}
	for {
		switch gp.op {
		case netBegin:
			gp.left, gp.op = time.Duration(op.N), netLock // bytes; no time is left over here
		case netLock:
			gp.op = netTry
			if did := s.rwlock(mp, &fd.mu); did != opDone {
				gp.op = netQueued
				return did
			}
		case netQueued:
			if did := s.woken(mp, &fd.mu.sema); did != opDone {
				return did
			}
			gp.op = netLock
		case netTry:
			gp.op = netCall
			if mp.charge > 0 { // see doCall
				s.host.Run(mp.thread, s.paid(&mp.actor))
				return opBusy
			}
		case netCall:
			gp.op = netReturned
			s.netCalls(mp, c, op.Do, int64(gp.left))
			return opBusy
		case netReturned:
			if fd.n == 0 {
				if gp.op = netTry; !s.netpollblock(mp, gpp) {
					gp.op = netParked
					return opParkStay
				}
				continue
			}
			if gp.left -= time.Duration(fd.n); gp.left > 0 && op.Do == NetWrite {
				gp.op = netTry
				continue
			}
			s.rwunlock(mp, &fd.mu)
			if gp.op = netLock; gp.left == 0 {
				gp.op = netBegin
				return opDone
			}
		case netParked:
			s.netpollunparked(gpp)
			gp.op = netTry
		}
	}
}

// netCalls begins the system call that reads or writes up to so many bytes. How many it will be is decided here: nobody
// else uses this end. A write that finds too little room asks to be told of more at once, as the other end may read
// everything while the call still lasts.
func (s *Sched) netCalls(mp *m, c *conn, do OpKind, want int64) {
	fd, price, each := &c.r, s.price.netRead, s.price.netReadKiB
	if do == NetRead {
		fd.n = min(want, c.used)
	} else {
		fd, price, each = &c.w, s.price.netWrite, s.price.netWriteKiB
		fd.n = min(want, c.buffer-c.used)
		c.nospace = c.nospace || fd.n < want
	}
	if fd.n == 0 {
		price = s.price.netAgain
	}
	mp.fd = fd
	s.entersyscall(mp)
	s.host.Run(mp.thread, s.paid(&mp.actor)+price+time.Duration(int64(each)*fd.n/1024))
}

// netReturns is the end of that call in the kernel: the bytes are moved, and the other end may have become ready. False:
// the thread first burns what it costs to wake the poller, within the call.
func (s *Sched) netReturns(mp *m) bool {
	fd := mp.fd
	c := fd.pd.conn
	mp.fd = nil
	switch {
	case fd.n == 0:
		s.note(tAgain, mp.p, mp.curg, b2i(fd == &c.w), c.id)
	case fd == &c.w:
		c.used += fd.n
		c.sent += fd.n
		s.note(tWrite, mp.p, mp.curg, int32(fd.n), c.id)
		s.epollCallback(&mp.actor, &c.r.pd)
	default:
		c.used -= fd.n
		c.received += fd.n
		s.note(tRead, mp.p, mp.curg, int32(fd.n), c.id)
		if c.nospace && c.writable() {
			c.nospace = false
			s.epollCallback(&mp.actor, &c.w.pd)
		}
	}
	if mp.charge == 0 {
		return true
	}
	s.host.Run(mp.thread, s.paid(&mp.actor))
	return false
}

// checkNet looks for a goroutine that nobody will tell of its descriptor, and for bytes that were lost or made.
func (s *Sched) checkNet() error {
	waiters := int32(0)
	for i := range s.conns {
		c := &s.conns[i]
		if c.used < 0 || c.used > c.buffer || c.sent-c.received != c.used {
			return fmt.Errorf("INV-9: connection %d holds %d of %d bytes; %d were written and %d read", i, c.used, c.buffer, c.sent, c.received)
		}
		for _, end := range [...]struct {
			fd    *netFD
			gp    *g
			ready bool
		}{{&c.r, c.r.pd.rg, c.used > 0}, {&c.w, c.w.pd.wg, c.writable()}} {
			mu := &end.fd.mu
			if !allWaiting(&mu.sema.queue) || !mu.sema.queue.empty() && !mu.locked && mu.sema.value == 0 {
				return fmt.Errorf("INV-9: connection %d: somebody waits for an end that is free, or is on its queue and does not wait", i)
			}
			if end.gp == nil || end.gp == pdReady {
				continue
			}
			waiters++
			if end.gp.status != _Gwaiting || end.ready && !end.fd.pd.linked {
				return fmt.Errorf("INV-9: connection %d: g%d could go on, and nobody will tell it, or it does not wait", i, end.gp.goid)
			}
		}
	}
	for _, src := range s.sources {
		if src.pd.rg != nil && src.pd.rg != pdReady {
			waiters++
		}
	}
	if waiters != s.netWaiters {
		return fmt.Errorf("INV-9: %d goroutines wait for descriptors, netWaiters is %d", waiters, s.netWaiters)
	}
	return nil
}
