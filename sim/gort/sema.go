package gort

import "github.com/gmplab/lab"

// sync.Mutex (internal/sync/mutex.go) and its semaphore (runtime/sema.go). In normal mode whoever comes takes a free
// lock, and a woken waiter competes; a waiter that has waited for more than a millisecond switches the mutex to
// starvation mode, in which the lock is handed over.

type mutex struct {
	locked, woken, starving bool
	waiters                 gQueue
}

// lock tries to lock for mp's goroutine. It answers opDone, opBusy while the goroutine spins, or opParkStay.
func (s *Sched) lock(mp *m, mu *mutex) uint8 {
	gp := mp.curg
	if gp.awaits == awaitsLock { // woken from the queue
		gp.awaits = awaitsNothing
		gp.starving = gp.starving || s.host.Now-gp.since > starvationThreshold
		if mu.starving { // it owns the lock already
			if !gp.starving || mu.waiters.empty() {
				mu.starving = false
			}
			return s.locked(mp)
		}
		gp.awoke, gp.spins = true, 0
	}
	if !mu.locked && !mu.starving {
		mu.locked = true
		if gp.awoke {
			mu.woken = false
		}
		return s.locked(mp)
	}
	if mu.locked && !mu.starving && s.canSpin(mp) {
		if !gp.awoke && !mu.woken && !mu.waiters.empty() {
			gp.awoke, mu.woken = true, true
		}
		gp.spins++
		s.host.Run(mp.thread, s.paid(&mp.actor)+s.price.spin)
		return opBusy
	}
	if gp.starving && mu.locked {
		mu.starving = true
	}
	if gp.awoke {
		gp.awoke, mu.woken = false, false
	}
	if gp.waited {
		mu.waiters.push(gp)
	} else {
		gp.waited, gp.since = true, s.host.Now
		mu.waiters.pushBack(gp)
	}
	gp.awaits = awaitsLock
	s.gopark(mp, lab.Sync)
	return opParkStay
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
		w := mu.waiters.pop() // it finds the lock its own; mu.locked stays
		s.ready(mp, w, true)
		s.goyield(mp)
		return false
	}
	mu.locked = false
	if mu.waiters.empty() || mu.woken {
		return true
	}
	mu.woken = true
	s.ready(mp, mu.waiters.pop(), true)
	return true
}
