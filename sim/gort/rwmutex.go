package gort

// sync.RWMutex (sync/rwmutex.go). A writer that has the inner mutex subtracts rwmutexMaxReaders from the count of readers:
// from then on readers queue behind it, and it waits for those that were there before. When it unlocks, it admits all
// readers that have come meanwhile, before another writer gets the inner mutex.
//
// SIMPLIFIED(rwmutex): each call costs what a call of sync.Mutex does.

type rwmutex struct {
	w                    mutex
	writerSem, readerSem sema
	readerCount          int32 // minus rwmutexMaxReaders while a writer holds it or waits for readers
	readerWait           int32 // readers that the writer waits for
}

// rLock is RLock by mp's goroutine.
func (s *Sched) rLock(mp *m, rw *rwmutex) uint8 {
	gp := mp.curg
	if gp.op == 1 {
		return s.passed(gp, s.woken(mp, &rw.readerSem))
	}
	mp.charge += s.price.mutex
	if rw.readerCount++; rw.readerCount >= 0 {
		return opDone
	}
	gp.op = 1
	return s.passed(gp, s.semacquire(mp, &rw.readerSem, false))
}

// passed ends the op when its goroutine has passed the semaphore.
func (s *Sched) passed(gp *g, did uint8) uint8 {
	if did == opDone {
		gp.op = 0
	}
	return did
}

// rUnlock is RUnlock by mp's goroutine: the last reader that the writer waits for lets it in.
func (s *Sched) rUnlock(mp *m, rw *rwmutex) {
	mp.charge += s.price.mutex
	if rw.readerCount--; rw.readerCount >= 0 {
		return
	}
	if rw.readerWait--; rw.readerWait == 0 {
		s.semrelease(mp, &rw.writerSem, false)
	}
}

// wLock is Lock by mp's goroutine.
func (s *Sched) wLock(mp *m, rw *rwmutex) uint8 {
	gp := mp.curg
	if gp.op == 1 {
		return s.passed(gp, s.woken(mp, &rw.writerSem))
	}
	if did := s.lock(mp, &rw.w); did != opDone {
		return did
	}
	r := rw.readerCount
	rw.readerCount -= rwmutexMaxReaders
	if r == 0 {
		return opDone
	}
	if rw.readerWait += r; rw.readerWait == 0 {
		return opDone
	}
	gp.op = 1
	return s.passed(gp, s.semacquire(mp, &rw.writerSem, false))
}

// wUnlock is Unlock by mp's goroutine; false: the mutex inside is starving and takes the time slice along.
func (s *Sched) wUnlock(mp *m, rw *rwmutex) bool {
	rw.readerCount += rwmutexMaxReaders
	for range rw.readerCount {
		s.semrelease(mp, &rw.readerSem, false)
	}
	return s.unlock(mp, &rw.w)
}
