package gort

import (
	"time"

	"github.com/gmplab/lab"
)

// sync.Pool (sync/pool.go: Get, Put, pin, getSlow, poolCleanup): of each P a private slot and a shared part, from which other
// Ps steal the oldest; at each collection what is in the pool becomes its victim cache, and what was that is dropped.

// A pool is a lab.Pool at work.
type pool struct {
	lab.Pool
	kind          int32 // of its buffers
	header        int32 // PoolSlice: kind of the slice header that each put boxes
	local, victim []poolLocal
	victims       bool // the victim cache may hold something (victimSize)
	free          int64
	gets, misses  int64
}

// A poolLocal is the part of one P.
type poolLocal struct {
	private bool
	shared  int64
}

// openPools makes the pools of the service.
func (s *Sched) openPools() {
	for i := range s.Pools {
		v := &s.Pools[i]
		s.pools = append(s.pools, pool{Pool: v.Pool, kind: v.Kind, header: v.Header})
	}
}

// pin is the part of mp's P; it makes room when there are more Ps than before.
func (s *Sched) pin(p *pool, id int32) *poolLocal {
	for len(p.local) < len(s.allp) {
		p.local = append(p.local, poolLocal{})
	}
	return &p.local[id]
}

// poolGet takes a buffer, or allocates one.
func (s *Sched) poolGet(mp *m, gp *g, p *pool) uint8 {
	if !gp.missed { // else it allocates
		p.gets++
		if s.poolTake(mp, p) {
			return opDone
		}
		p.misses++
		gp.missed = true
		s.note(tPoolMiss, mp.p, gp, 0, 0)
	}
	did := s.mallocgc(mp, gp, &s.objects[p.kind], 1)
	if did == opDone {
		gp.missed = false
	}
	return did
}

// poolTake takes a buffer out of the pool; false: there is none.
func (s *Sched) poolTake(mp *m, p *pool) bool {
	switch p.Pool.Kind {
	case lab.PoolNone:
		return false
	case lab.PoolFree:
		mp.charge += s.price.chanop
		if p.free == 0 {
			return false
		}
		p.free--
		return true
	}
	l := s.pin(p, mp.p.id)
	mp.charge += time.Duration(s.cost.PoolGet.P50)
	if l.private {
		l.private = false
		return true
	}
	mp.charge += time.Duration(s.cost.PoolShared.P50)
	if l.shared > 0 {
		l.shared--
		return true
	}
	return s.getSlow(p, mp.p.id)
}

// getSlow steals from the other Ps' shared parts, then from the victim cache.
func (s *Sched) getSlow(p *pool, id int32) bool {
	for i := range p.local {
		if l := &p.local[(int(id)+i+1)%len(p.local)]; l.shared > 0 {
			l.shared--
			return true
		}
	}
	if !p.victims || int(id) >= len(p.victim) {
		return false
	}
	if l := &p.victim[id]; l.private {
		l.private = false
		return true
	}
	for i := range p.victim {
		if l := &p.victim[(int(id)+i)%len(p.victim)]; l.shared > 0 {
			l.shared--
			return true
		}
	}
	p.victims = false // mark it as empty for the others
	return false
}

// poolPut puts a buffer back; a slice is boxed, which allocates its header.
func (s *Sched) poolPut(mp *m, gp *g, p *pool) uint8 {
	switch p.Pool.Kind {
	case lab.PoolNone:
		s.objects[p.kind].live--
		return opDone
	case lab.PoolFree:
		mp.charge += s.price.chanop
		if p.free == int64(p.Cap) {
			s.objects[p.kind].live--
		} else {
			p.free++
		}
		return opDone
	case lab.PoolSlice:
		if did := s.mallocgc(mp, gp, &s.objects[p.header], 1); did != opDone {
			return did
		}
		s.objects[p.header].live-- // it dies at the next get: SIMPLIFIED(pool) below
	}
	l := s.pin(p, mp.p.id)
	mp.charge += time.Duration(s.cost.PoolPut.P50)
	if !l.private {
		l.private = true
		return opDone
	}
	mp.charge += time.Duration(s.cost.PoolShared.P50)
	l.shared++
	return opDone
}

// SIMPLIFIED(pool): the header of a slice that lies in a pool does not count as alive, and a miss of a pool of pointers
// allocates the buffer without the header that the pointer leads to.

// poolCleanup drops the victims and makes what the pools hold the victims. The world is stopped (clearpools).
func (s *Sched) poolCleanup() {
	for i := range s.pools {
		p := &s.pools[i]
		for _, l := range p.victim {
			s.objects[p.kind].live -= l.shared + int64(b2i(l.private))
		}
		p.victim, p.local = p.local, p.victim
		clear(p.local)
		p.victims = len(p.victim) > 0
	}
}

// A PoolOf is a pool of the workload with the kinds of its buffers and of the headers that a slice is boxed in.
type PoolOf struct {
	lab.Pool
	Kind, Header int32
}
