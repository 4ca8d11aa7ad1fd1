package calibrate

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// copied measures what a page of new memory costs more that is read before it is written: at the read the kernel maps a page
// of zeroes that all share, at the write it takes that out again and gives a page of its own, and every other core that runs
// the process must forget the first one (a TLB shootdown by interrupt). Once alone, once beside a thread that computes on
// another core, and what that thread loses.
func (b *bench) copied() (err error) {
	here, there := b.pair()
	size := os.Getpagesize()
	mem, err := unix.Mmap(-1, 0, b.times(2048)*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("memory for the probe of copied pages: %w", err)
	}
	defer func() { _ = unix.Munmap(mem) }()
	_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE) // where there are none it fails
	kib := float64(len(mem) >> 10)
	touch := func(read bool) (from, to int64) {
		if e := unix.Madvise(mem, unix.MADV_DONTNEED); e != nil {
			err = fmt.Errorf("new memory for the probe of copied pages: %w", e)
		}
		from = now()
		for i := 0; i < len(mem); i += size {
			if !read || mem[i] == 0 { // an increment would be a write
				mem[i] = 1
			}
		}
		return from, now()
	}
	procs(4, func() {
		var from, to int64
		var alone float64
		<-pinned(here, true, func() {
			touch(true) // what the kernel keeps of the mapping itself
			from, to = touch(false)
			written := float64(to-from) / kib
			from, to = touch(true)
			alone = float64(to-from) / kib
			b.add("CopyPageKiB", max(alone-written, 0))
		})
		var ready, stop, left int64
		log := make([]step, 1<<16)
		hog := pinned(there, true, func() {
			atomic.StoreInt64(&ready, 1)
			log = log[:spin(now()+int64(patience), &stop, 800, log)]
			left = now()
		})
		<-pinned(here, true, func() {
			until(&ready, 1, time.Second)
			pause(1e6)
			from, to = touch(true)
			atomic.StoreInt64(&stop, 1)
		})
		<-hog
		if err != nil || left < to || len(log) == cap(log) { // it was alone for a part
			return
		}
		b.add("CopyPagePeerKiB", max(float64(to-from)/kib-alone, 0))
		stolen := 0.0
		for _, s := range log {
			if s.from > from && s.to < to && !s.switched {
				stolen += float64(s.to - s.from)
			}
		}
		b.add("CopyPageStolenKiB", stolen/kib)
	})
	return err
}
