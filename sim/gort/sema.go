package gort

import "github.com/gmplab/lab"

// sync.Mutex (internal/sync/mutex.go) and its semaphore (runtime/sema.go). In normal mode whoever comes takes a free
// lock, and a woken waiter competes; a waiter that has waited for more than a millisecond switches the mutex to
// starvation mode, in which the lock is handed over.

type mutex struct {
	locked, woken, starving bool
	waiters                 int32 // on the semaphore's queue, or on the way to it
	sema                    sema
}

// A sema is a semaphore of package sync: how many may pass, and who waits.
type sema struct {
	value uint32
	queue gQueue
}

// semacquire passes or parks mp's goroutine; what parks passes when woken says so. lifo: it waits at the front.
func (s *Sched) semacquire(mp *m, sm *sema, lifo bool) uint8 {
	if sm.value > 0 {
		sm.value--
		return opDone
	}
	mp.curg.lifo = lifo
	return s.semaqueue(mp, sm)
}

// semaqueue parks mp's goroutine on the semaphore.
func (s *Sched) semaqueue(mp *m, sm *sema) uint8 {
	if mp.curg.lifo {
		sm.queue.push(mp.curg)
	} else {
		sm.queue.pushBack(mp.curg)
	}
	s.gopark(mp, lab.Sync)
	return opParkStay
}

// woken is semacquire behind its parking: the goroutine passes if it was given a ticket, or nobody has been faster; else
// it parks again.
func (s *Sched) woken(mp *m, sm *sema) uint8 {
	gp := mp.curg
	if !gp.ticket {
		if sm.value == 0 {
			return s.semaqueue(mp, sm)
		}
		sm.value--
	}
	gp.ticket = false
	return opDone
}

// semrelease lets one more pass and wakes the first that waits. With handoff that one passes for certain (a ticket), and
// the caller must yield: the answer is true.
func (s *Sched) semrelease(mp *m, sm *sema, handoff bool) (yield bool) {
	sm.value++
	gp := sm.queue.pop()
	if gp == nil {
		return false
	}
	if handoff && sm.value > 0 {
		sm.value--
		gp.ticket = true
	}
	s.ready(mp, gp, true)
	return gp.ticket
}

// lock tries to lock for mp's goroutine. It answers opDone, opBusy while the goroutine spins, or opParkStay.
func (s *Sched) lock(mp *m, mu *mutex) uint8 {
	gp := mp.curg
	if gp.awaits == awaitsLock { // it was on the queue
		if did := s.woken(mp, &mu.sema); did != opDone {
			return did
		}
		gp.awaits = awaitsNothing
		if s.lockWoken(gp, mu) {
			return s.locked(mp)
		}
	}
	for {
		if !mu.locked && !mu.starving {
			mu.locked = true
			if gp.awoke {
				mu.woken = false
			}
			return s.locked(mp)
		}
		if mu.locked && !mu.starving && s.canSpin(mp) {
			if !gp.awoke && !mu.woken && mu.waiters != 0 {
				gp.awoke, mu.woken = true, true
			}
			gp.spins++
			s.note(dMutexSpin, mp.p, gp, int32(gp.spins), 0)
			s.host.Run(mp.thread, s.paid(&mp.actor)+s.price.spin)
			return opBusy
		}
		if gp.starving && mu.locked {
			mu.starving = true
		}
		if gp.awoke {
			gp.awoke, mu.woken = false, false
		}
		mu.waiters++
		lifo := gp.waited
		if !gp.waited {
			gp.waited, gp.since = true, s.host.Now
		}
		if s.semacquire(mp, &mu.sema, lifo) != opDone {
			gp.awaits = awaitsLock
			return opParkStay
		}
		if s.lockWoken(gp, mu) {
			return s.locked(mp)
		}
	}
}

// lockWoken is what a goroutine does that has passed the mutex's semaphore; true: the lock is handed over to it.
func (s *Sched) lockWoken(gp *g, mu *mutex) bool {
	gp.starving = gp.starving || s.host.Now-gp.since > starvationThreshold
	if mu.starving { // mu.locked has stayed
		if mu.waiters--; !gp.starving || mu.waiters == 0 {
			mu.starving = false
		}
		return true
	}
	gp.awoke, gp.spins = true, 0
	return false
}

// locked ends a lock that has succeeded.
func (s *Sched) locked(mp *m) uint8 {
	gp := mp.curg
	gp.spins, gp.waited, gp.awoke, gp.starving = 0, false, false, false
	mp.charge += s.price.mutex
	return opDone
}

// canSpin tells whether spinning may help (internal_sync_runtime_canSpin).
func (s *Sched) canSpin(mp *m) bool {
	return mp.curg.spins < activeSpin && s.cost.Cores > 1 && s.price.spin > 0 &&
		int32(len(s.allp)) > s.sched.npidle+s.sched.nmspinning+1 && runqempty(mp.p)
}

// unlock unlocks for mp's goroutine; false: in starvation mode it hands over its time slice too.
func (s *Sched) unlock(mp *m, mu *mutex) bool {
	mp.charge += s.price.mutex
	if mu.starving {
		if s.semrelease(mp, &mu.sema, true) { // the waiter finds the lock its own
			s.goyield(mp)
			return false
		}
		return true
	}
	mu.locked = false
	if mu.waiters == 0 || mu.woken {
		return true
	}
	mu.waiters--
	mu.woken = true
	s.semrelease(mp, &mu.sema, false)
	return true
}
