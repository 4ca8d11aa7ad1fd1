package gort

import (
	"context"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// connected is a process with one connection of that size, on a machine where sockets cost something.
func connected(ps int, buffer int64) *Sched {
	cost := priced()
	n := func(ns float64) lab.Nanos { return lab.Nanos{P50: ns} }
	cost.NetWrite, cost.NetWriteKiB, cost.NetRead, cost.NetReadKiB, cost.NetAgain = n(4000), n(100), n(1000), n(80), n(500)
	s := newProcess(ps, cost)
	s.openConns([]int64{buffer})
	return s
}

// netOp gives mp's goroutine one op on connection 0.
func (s *Sched) netOp(mp *m, do OpKind, n int64) *Op {
	mp.curg.prog = &Program{Ops: []Op{{Do: do, N: n}, {Do: Exit}}}
	mp.curg.op, mp.curg.pc = netBegin, 0
	mp.charge = 0
	return &mp.curg.prog.Ops[0]
}

// netCall makes the op's next system call, up to its end in the kernel, and returns how it went on then.
func (s *Sched) netCall(mp *m, op *Op) uint8 {
	gp := mp.curg
	s.doNet(mp, gp, op)
	return s.netBack(mp, op)
}

// netBack ends the call that is under way.
func (s *Sched) netBack(mp *m, op *Op) uint8 {
	gp := mp.curg
	s.netReturns(mp)
	mp.charge = 0
	s.exitsyscall(mp)
	return s.doNet(mp, gp, op)
}

// One netpoll takes 128 descriptors, the oldest; the last of them comes first.
func TestNetpollTakes128(t *testing.T) {
	s := newProcess(1, priced())
	var gs []*g
	for range netpollEvents + 2 {
		gs = append(gs, s.newG(_Gwaiting))
		s.netReady(gs[len(gs)-1])
	}
	list := s.netpoll()
	require.EqualValues(t, netpollEvents, list.size)
	require.Same(t, gs[netpollEvents-1], list.head)
	require.Same(t, gs[0], list.tail)
	require.EqualValues(t, 2, s.netWaiters)
	list = s.netpoll()
	require.Equal(t, idsOf(gs[netpollEvents+1], gs[netpollEvents]), ids(&list))
	require.False(t, s.netpollAnyWaiters())
}

// A notice that nobody waits for is kept, once: the next who would wait tries again instead.
func TestAnEdgeIsKept(t *testing.T) {
	s := connected(2, 100)
	mp, _ := s.runs()
	pd := &s.conns[0].r.pd
	s.conns[0].used = 1
	s.epollCallback(&mp.actor, pd)
	s.epollCallback(&mp.actor, pd)
	require.Same(t, pd, s.epoll.tail)
	require.Nil(t, pd.link, "on the list once")
	list := s.netpoll()
	require.True(t, list.empty())
	require.False(t, pd.linked)
	require.Same(t, pdReady, pd.rg)
	require.True(t, s.netpollblock(mp, &pd.rg))
	gp := mp.curg
	require.False(t, s.netpollblock(mp, &pd.rg))
	require.Same(t, gp, pd.rg)
	require.Equal(t, _Gwaiting, gp.status)
	require.True(t, s.netpollAnyWaiters())

	s.epollCallback(&mp.actor, pd)
	s.conns[0].used = 0 // another one has read it all
	list = s.netpoll()
	require.True(t, list.empty(), "epoll_wait looks at the state as it is now")
	require.Same(t, gp, pd.rg)
	s.conns[0].used = 1
	s.epollCallback(&mp.actor, pd)
	list = s.netpoll()
	require.Equal(t, idsOf(gp), ids(&list))
	require.Same(t, pdReady, pd.rg, "until it runs")
	s.epollCallback(&mp.actor, pd)
	list = s.netpoll()
	require.True(t, list.empty())
	s.netpollunparked(&pd.rg)
	require.Nil(t, pd.rg)
	require.NoError(t, s.err)
}

// The first descriptor on the list wakes the M that polls, at the cost of who made it ready; the next ones find it awake.
func TestTheFirstEdgeWakesThePoller(t *testing.T) {
	s := connected(3, 100)
	s.polls(0)
	mp, _ := s.runs()
	mp.charge = 0
	s.epollCallback(&mp.actor, &s.conns[0].r.pd)
	require.Equal(t, 5*us, mp.charge)
	s.epollCallback(&mp.actor, &s.conns[0].w.pd)
	require.Equal(t, 5*us, mp.charge)
}

// A write that finds too little room is told when a third of the buffer is free, not before, and once.
func TestWriterIsToldAtAThird(t *testing.T) {
	s := connected(3, 90)
	w, _ := s.runs()
	r, _ := s.runs()
	c := &s.conns[0]
	op := s.netOp(w, NetWrite, 100)
	require.Equal(t, opBusy, s.netCall(w, op), "90 fit, and it goes on with the rest")
	require.EqualValues(t, 90, c.used)
	writer := w.curg
	require.Equal(t, opParkStay, s.netBack(w, op))
	require.Same(t, writer, c.w.pd.wg)
	s.netpoll() // the reader's end
	for _, n := range []int64{20, 9} {
		require.Equal(t, opDone, s.netCall(r, s.netOp(r, NetRead, n)))
		require.False(t, c.w.pd.linked, "%d are free", c.buffer-c.used)
	}
	require.Equal(t, opDone, s.netCall(r, s.netOp(r, NetRead, 1)))
	require.True(t, c.w.pd.linked)
	require.False(t, c.nospace)
	list := s.netpoll()
	require.Equal(t, idsOf(writer), ids(&list))
	require.Equal(t, opDone, s.netCall(r, s.netOp(r, NetRead, 1)))
	require.Nil(t, s.epoll.head, "nobody asks any more")
}

// Room that comes while a write still lasts that has found none is not missed.
func TestRoomComesWhileTheWriteLasts(t *testing.T) {
	s := connected(3, 90)
	w, _ := s.runs()
	r, _ := s.runs()
	c := &s.conns[0]
	c.used = 90
	c.sent = 90
	op := s.netOp(w, NetWrite, 10)
	s.doNet(w, w.curg, op)
	require.Equal(t, _Gsyscall, w.curg.status)
	require.Equal(t, opDone, s.netCall(r, s.netOp(r, NetRead, 90)))
	require.True(t, c.w.pd.linked)
	writer := w.curg
	require.Equal(t, opParkStay, s.netBack(w, op))
	require.NoError(t, s.checkNet())
	list := s.netpoll()
	require.Equal(t, idsOf(writer), ids(&list))
}

// The call charges what it moves, and burns it within the call; waking the poller too.
func TestWhatSocketsCost(t *testing.T) {
	s := connected(3, 1<<20)
	w, _ := s.runs()
	r, _ := s.runs()
	busy := func(mp *m, op *Op) time.Duration {
		s.until(s.Now() + 100*us)
		s.host.Wake(mp.thread, -1)
		before := s.host.CPU(mp.thread)
		s.doNet(mp, mp.curg, op)
		s.until(s.Now() + 100*us)
		return s.host.CPU(mp.thread) - before
	}
	require.Equal(t, 500*time.Nanosecond, busy(r, s.netOp(r, NetRead, 4096)))
	require.Zero(t, s.conns[0].r.n)
	r.fd = nil
	s.exitsyscall(r)
	require.Equal(t, 4*us+300*time.Nanosecond, busy(w, s.netOp(w, NetWrite, 3<<10)))
	require.True(t, s.netReturns(w), "nobody to wake")
	r.curg.op, s.conns[0].r.mu.locked = netBegin, false
	require.Equal(t, us+240*time.Nanosecond, busy(r, s.netOp(r, NetRead, 4096)))

	s.epoll = epoll{}
	s.conns[0].r.pd.linked = false
	s.polls(0)
	w.fd, s.conns[0].w.n = &s.conns[0].w, 1
	s.host.Wake(w.thread, -1)
	require.False(t, s.netReturns(w), "the wake-up is a part of the call")
	require.Nil(t, w.fd)
}

// The bytes are moved although the call has lost its P and its goroutine does not run for long.
func TestBytesMoveWithoutP(t *testing.T) {
	s := connected(1, 100)
	mp := s.allm[0]
	s.execute(mp, s.newG(_Grunnable), false)
	gp := mp.curg
	op := s.netOp(mp, NetWrite, 100)
	s.doNet(mp, gp, op)
	s.takeP(mp)
	other := s.allocm()
	s.acquirep(other, s.allp[0])
	s.mstart(mp)
	require.EqualValues(t, 100, s.conns[0].used)
	require.Equal(t, idsOf(gp), ids(&s.sched.runq))
}

// Goroutines on one end are served one after the other. Who is woken may be overtaken, and then waits again.
func TestEndsServeOneAfterTheOther(t *testing.T) {
	s := connected(4, 100)
	m1, _ := s.runs()
	m2, _ := s.runs()
	m3, _ := s.runs()
	mu := &s.conns[0].r.mu
	second := m2.curg
	require.Equal(t, opDone, s.rwlock(m1, mu))
	require.Equal(t, opParkStay, s.rwlock(m2, mu))
	require.Equal(t, idsOf(second), ids(&mu.sema.queue))
	s.rwunlock(m1, mu)
	require.Equal(t, _Grunnable, second.status)
	require.Zero(t, mu.waiters)
	require.NoError(t, s.checkNet())
	require.Equal(t, opDone, s.rwlock(m3, mu), "it is faster")
	s.execute(m2, second, false)
	require.Equal(t, opDone, s.woken(m2, &mu.sema))
	require.Equal(t, opParkStay, s.rwlock(m2, mu))
	s.rwunlock(m3, mu)
	require.Equal(t, _Grunnable, second.status)
}

// FD.Write keeps its end until all is written, io.ReadFull gives its end free between two reads.
func TestWhoKeepsTheEnd(t *testing.T) {
	s := connected(4, 90)
	w, _ := s.runs()
	r, _ := s.runs()
	c := &s.conns[0]
	m3, _ := s.runs()
	second := m3.curg
	op := s.netOp(w, NetWrite, 100)
	s.doNet(w, w.curg, op)
	require.Equal(t, opParkStay, s.rwlock(m3, &c.w.mu))
	s.netBack(w, op)
	s.netBack(w, op)
	require.True(t, c.w.mu.locked, "it waits for room")
	require.Equal(t, _Gwaiting, second.status, "nobody else may write meanwhile")
	s.execute(m3, s.newG(_Grunnable), false)
	read := s.netOp(r, NetRead, 100)
	s.doNet(r, r.curg, read)
	require.Equal(t, opParkStay, s.rwlock(m3, &c.r.mu))
	s.netBack(r, read)
	require.Zero(t, c.r.mu.waiters, "woken between two reads")
	require.True(t, c.r.mu.locked, "and overtaken")
}

// sockets is a process in which pairs of goroutines send each other messages that do not fit into the connection.
func sockets(tb testing.TB, pairs int) *Sched {
	s := connected(2, 0)
	s.conns = nil
	v := Service{Seed: 1, Stop: time.Hour, To: time.Hour, Programs: []Program{{Class: -1}}}
	for i := range int32(pairs) {
		v.Conns = append(v.Conns, 700)
		for _, do := range []OpKind{NetWrite, NetRead} {
			v.Programs[0].Ops = append(v.Programs[0].Ops, Op{Do: Start, I: int32(len(v.Programs)), N: 2})
			v.Programs = append(v.Programs, Program{Ops: []Op{{Do: Begin}, {Do: do, I: i, N: 1000}, {Do: End}, {Do: Next}}})
		}
	}
	v.Programs[0].Ops = append(v.Programs[0].Ops, Op{Do: Started}, Op{Do: Exit})
	s.Serve(v)
	require.NoError(tb, s.Loop(context.Background(), 10*time.Millisecond, false))
	return s
}

// Writers and readers that block all the time go on for ever, bytes are neither lost nor made, and nothing is allocated.
func TestSocketsUnderPressure(t *testing.T) {
	s := sockets(t, 3)
	s.Check()
	require.NoError(t, s.Loop(context.Background(), s.Now()+20*time.Millisecond, false))
	for i := range s.conns {
		c := &s.conns[i]
		assert.Greater(t, c.received, int64(100_000), "connection %d has stopped", i)
		assert.Equal(t, c.sent, c.received+c.used)
	}
	s.checking = false
	s.requests = make([]lab.Request, 0, 1<<20)
	before := s.Events()
	allocs := testing.AllocsPerRun(5, func() {
		s.requests = s.requests[:0]
		require.NoError(t, s.Loop(context.Background(), s.Now()+20*time.Millisecond, false))
	})
	require.Greater(t, s.Events()-before, 20_000)
	require.Less(t, allocs, 5.0)
}

// checkNet sees each breach.
func TestCheckNet(t *testing.T) {
	for name, breach := range map[string]func(*Sched, *conn){
		"more than fits":       func(_ *Sched, c *conn) { c.used, c.sent = 101, 101 },
		"bytes lost":           func(_ *Sched, c *conn) { c.sent = 1 },
		"reader not told":      func(s *Sched, c *conn) { c.r.pd.rg, c.used, c.sent, s.netWaiters = s.newG(_Gwaiting), 1, 1, 1 },
		"writer not told":      func(s *Sched, c *conn) { c.w.pd.wg, s.netWaiters = s.newG(_Gwaiting), 1 },
		"waits and runs":       func(s *Sched, c *conn) { c.r.pd.rg, s.netWaiters = s.newG(_Grunning), 1 },
		"not counted":          func(s *Sched, c *conn) { c.r.pd.rg = s.newG(_Gwaiting) },
		"queued at a free end": func(s *Sched, c *conn) { c.w.mu.sema.queue.push(s.newG(_Gwaiting)) },
	} {
		s := connected(2, 100)
		require.NoError(t, s.checkNet())
		breach(s, &s.conns[0])
		require.ErrorContains(t, s.checkNet(), "INV-9", name)
	}
}
