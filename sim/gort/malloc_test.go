package gort

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sizeClassTable reads a table of numbers from the Go tree's size classes.
func sizeClassTable(t *testing.T, name string) (numbers []int) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err, "go env GOROOT")
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "src/internal/runtime/gc/sizeclasses.go"))
	require.NoError(t, err)
	m := regexp.MustCompile(`var ` + name + ` = \[[^\]]*\]\w+\{([^}]*)\}`).FindStringSubmatch(string(text))
	require.NotNil(t, m, "%s is not there any more", name)
	for s := range strings.SplitSeq(m[1], ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		require.NoError(t, err)
		numbers = append(numbers, n)
	}
	return numbers
}

// The tables are those of the Go tree that runs this test.
func TestSizeClassTables(t *testing.T) {
	size, pages := sizeClassTable(t, "SizeClassToSize"), sizeClassTable(t, "SizeClassToNPages")
	require.Len(t, classToSize, len(size))
	require.Len(t, classToNPages, len(pages))
	for i := range size {
		assert.Equal(t, size[i], int(classToSize[i]), "size of class %d", i)
		assert.Equal(t, pages[i], int(classToNPages[i]), "pages of class %d", i)
	}
}

// heapBitsInSpan: the pointers of a span fit into one word each for a place of so many bytes.
func TestMinSizeHeader(t *testing.T) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err, "go env GOROOT")
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "src/internal/runtime/gc/malloc.go"))
	require.NoError(t, err)
	require.Regexp(t, `MinSizeForMallocHeader += goarch\.PtrSize \* goarch\.PtrBits`, string(text))
	assert.Equal(t, 8*64, minSizeHeader)
}

// What each kind of object takes, by mallocgc.
func TestSizeClasses(t *testing.T) {
	for _, c := range []struct {
		bytes    int64
		pointers float64
		size     uint64
		perTiny  int32
		elems    int32
		large    bool
	}{
		{1, 0, 16, 16, 512, false},
		{5, 0, 16, 3, 512, false},
		{15, 0, 16, 1, 512, false},
		{16, 0, 16, 1, 512, false},
		{8, 1, 8, 1, 1024, false}, // pointers are never tiny
		{512, 1, 512, 1, 16, false},
		{513, 1, 576, 1, 14, false},
		{1024, 0, 1024, 1, 8, false},
		{1024, 1, 1152, 1, 7, false}, // with a header of 8 bytes
		{32760, 0, 32768, 1, 1, false},
		{32760, 1, 32768, 1, 1, false},
		{32761, 0, 40960, 1, 1, true}, // large: MaxSmallSize less a header, for both kinds
		{32768, 0, 32768, 1, 1, true},
		{32761, 1, 40960, 1, 1, true},
		{1 << 30, 0, 1 << 30, 1, 1, true},
	} {
		k := newObject(Object{Bytes: c.bytes, Pointers: c.pointers})
		what := fmt.Sprintf("%d bytes, pointers %v", c.bytes, c.pointers)
		if c.bytes == 32761 {
			c.size = 32768
		}
		assert.Equal(t, c.size, k.size, what)
		assert.Equal(t, c.perTiny, k.perTiny, what)
		assert.Equal(t, c.elems, k.elems, what)
		assert.Equal(t, c.large, k.large, what)
		assert.LessOrEqual(t, k.scan, uint64(c.bytes), what)
		assert.Equal(t, c.pointers > 0, k.scan > 0, what)
	}
}

// heapOf is a process with those kinds of object and pools, on that many Ps.
func heapOf(ps int, objects []Object, pools ...PoolOf) *Sched {
	cost := &lab.Cost{}
	s := New(cost, Go126(), lab.Knobs{GOMAXPROCS: ps}.Filled(ps), 1)
	s.Objects, s.Pools = objects, pools
	s.openHeap()
	s.gcinit()
	return s
}

// Kinds share a P's span if they are of one class, and pointers are not mixed with others; tiny ones fill blocks of their own.
func TestCachesOfKinds(t *testing.T) {
	s := heapOf(1, []Object{{Bytes: 1000}, {Bytes: 1024}, {Bytes: 900, Pointers: 1}, {Bytes: 1}, {Bytes: 16}, {Bytes: 15}})
	class := func(i int) int32 { return s.objects[i].class }
	assert.Equal(t, class(0), class(1))
	assert.NotEqual(t, class(1), class(2))
	assert.NotEqual(t, class(3), class(4), "16 to a block, and one")
	assert.Equal(t, class(4), class(5))
}

// An object owes its whole place while a cycle marks; who has no credit gets one more object, for which it then assists.
func TestDeductAssistCredit(t *testing.T) {
	s := heapOf(1, []Object{{Bytes: 1000}})
	k, gp := &s.objects[0], &g{gcAssistBytes: 3000}
	assert.Equal(t, int64(2), s.deductAssistCredit(gp, k, 10), "two places of 1,024 bytes")
	assert.Equal(t, int64(3000-2048), gp.gcAssistBytes)
	assert.Equal(t, int64(0), s.deductAssistCredit(gp, k, 8))
	assert.Equal(t, int64(3000-3072), gp.gcAssistBytes)
	assert.Equal(t, int64(1), s.deductAssistCredit(gp, k, 8), "it is paid for")
	assert.Equal(t, int64(3000-3072), gp.gcAssistBytes)
}

// New memory is read before it is written where a header is stored under the write barrier; then its pages are copied, and the
// core that runs another thread of the process must hear of each.
func TestCopyPages(t *testing.T) {
	const fresh, copied, peer, stolen = 500, 300, 3000, 2000
	for name, c := range map[string]struct {
		object Object
		phase  uint8
		peers  bool
		kib    float64 // of copied pages
	}{
		"marking":            {Object{Bytes: 1024, Pointers: 1}, _GCmark, false, 8},
		"beside another":     {Object{Bytes: 1024, Pointers: 1}, _GCmark, true, 8},
		"not marking":        {Object{Bytes: 1024, Pointers: 1}, _GCoff, true, 0},
		"no pointers":        {Object{Bytes: 1024}, _GCmark, true, 0},
		"no header":          {Object{Bytes: 512, Pointers: 1}, _GCmark, true, 0},
		"in half the pages":  {Object{Bytes: 8192 - 8, Pointers: 1}, _GCmark, true, 4},
		"header in the span": {Object{Bytes: 32768, Pointers: 1}, _GCmark, true, 0},
	} {
		s := heapOf(2, []Object{c.object})
		s.cost.FreshKiB.P50, s.cost.CopyPageKiB.P50, s.cost.CopyPagePeerKiB.P50, s.cost.CopyPageStolenKiB.P50 = fresh, copied, peer, stolen
		mp := s.allm[0]
		s.gcphase, s.controller.HeapFree = c.phase, 0
		for th := range s.owners { // sysmon, as it begins
			if int32(th) != mp.thread && !c.peers {
				s.host.Block(int32(th), 0)
			}
		}
		k := &s.objects[0]
		before := mp.charge
		s.host.Watch()
		s.allocSpan(mp, k)
		want := float64(k.pages*pageSize/1024)*fresh + c.kib*copied
		if c.peers {
			want += c.kib * peer
		}
		assert.Equal(t, time.Duration(want), mp.charge-before, name)
		lost := time.Duration(0)
		for _, m := range s.host.Moves() {
			lost += m.For
		}
		assert.Equal(t, time.Duration(b2i(c.peers))*time.Duration(c.kib*stolen), lost, name)
	}
}

// Who takes a span while more memory is mapped than the limit allows gives back what is too much and is free, in whole pages, and
// pays for it; not while the limiter is on.
func TestScavengeAssist(t *testing.T) {
	const each, free = 100, 10 * pageSize // nanoseconds a KiB; bytes left when the span is taken
	for name, c := range map[string]struct {
		over     int64 // bytes above the limit
		limiting bool
		back     uint64
	}{
		"at the limit":         {over: 0},
		"a little above it":    {over: 1, back: pageSize},
		"above it":             {over: 3 * pageSize, back: 3 * pageSize},
		"by more than is free": {over: 11 * pageSize, back: free},
		"the limiter is on":    {over: 3 * pageSize, limiting: true},
	} {
		s := heapOf(2, []Object{{Bytes: 1024}})
		s.cost.Scavenge.P50 = each
		k, ctl, mp := &s.objects[0], &s.controller, s.allm[0]
		ctl.MappedReady += free + k.pages*pageSize - ctl.HeapFree
		ctl.HeapFree = free + k.pages*pageSize
		ctl.MemoryLimit = int64(ctl.MappedReady) - c.over
		if c.limiting {
			s.limiter.AddAssistTime(1 << 40)
			s.limiter.Update(int64(s.host.Now) + 1)
			require.True(t, s.limiter.Limiting())
			s.limiter.AssistTimePool = 0
		}
		before, mapped := mp.charge, ctl.MappedReady
		s.allocSpan(mp, k)
		took := time.Duration(each * c.back / 1024)
		assert.Equal(t, mapped-c.back, ctl.MappedReady, name)
		assert.Equal(t, free-c.back, ctl.HeapFree, name)
		assert.Equal(t, took, mp.charge-before, name)
		assert.Equal(t, int64(took), s.limiter.AssistTimePool, name)
	}
}

// How far apart objects lie is what was allocated between them, as far as they are new; what stays where it is keeps that.
func TestSpreadObjects(t *testing.T) {
	s := heapOf(1, []Object{{Bytes: 256, Pointers: 1}, {Bytes: 4096}})
	kept, buffer := &s.objects[0], &s.objects[1]
	cycle := func(keep, others int64) {
		kept.made += keep
		buffer.made += others
		s.spreadObjects()
	}
	kept.live = 1000
	cycle(1000, 0)
	assert.Zero(t, kept.among, "nothing else was allocated")
	cycle(0, 500)
	assert.Zero(t, kept.among, "they were not")
	cycle(160, 40)
	assert.InDelta(t, 0.16*4, kept.among, 1e-9, "four times the bytes among a sixth of them")
	cycle(0, 500)
	assert.InDelta(t, 0.16*4, kept.among, 1e-9, "they stay where they are")
	cycle(2000, 1000)
	assert.InDelta(t, 8, kept.among, 1e-9, "all are new")
	assert.Zero(t, buffer.among, "none is alive")
}

// Who sweeps a span within 20 µs of another M's sweep pays for that, and so does the other one: not who sweeps alone.
func TestSweepsBeside(t *testing.T) {
	s := heapOf(2, []Object{{Bytes: 1024}})
	s.price.sweepSpan, s.price.sweepPeer = us, 3*us
	h, a, b := &s.mheap, s.allm[0], s.allocm()
	h.unswept, h.unsweptIn, h.garbage = 1000, 2000, 0
	sweep := func(mp *m, at time.Duration) time.Duration {
		s.host.Now, mp.charge = at, 0
		s.sweepSpans(mp, 1)
		return mp.charge
	}
	require.Equal(t, us, sweep(a, 0), "nobody has swept before")
	require.Equal(t, us, sweep(a, 2*us))
	require.Equal(t, 4*us, sweep(b, 4*us))
	require.Equal(t, 4*us, sweep(b, 8*us), "the other one has swept 5 µs ago")
	require.Equal(t, 4*us, sweep(a, 8*us))
	require.Equal(t, us, sweep(a, 40*us), "it has stopped")
	require.Equal(t, us, sweep(a, 41*us))
}

// Where a new span owes much to sweeping, it is swept bit by bit, and each bit is paid before the next one begins.
func TestSweepFirst(t *testing.T) {
	for name, object := range map[string]Object{"small": {Bytes: 1024}, "large": {Bytes: 1 << 20}} {
		s := heapOf(2, []Object{object})
		mp, gp, h := s.allm[0], s.newG(_Grunning), &s.mheap
		s.price.sweepSpan = us
		h.unswept, h.unsweptIn, h.garbage, h.sweeper.SweepPagesPerByte = 1000, 2000, 0, 1
		mp.charge = 0
		for left := int64(1000); left > sweepAtOnce; left -= sweepAtOnce {
			require.Equal(t, left, h.unswept, name)
			require.Equal(t, opBusy, s.mallocgc(mp, gp, &s.objects[0], 1), name)
			require.Zero(t, mp.charge, "%s: it has been paid", name)
		}
		require.Equal(t, opStay, s.mallocgc(mp, gp, &s.objects[0], 1), name)
		require.Zero(t, h.unswept, "%s: a last bit is swept with the span", name)

		h.unswept, h.unsweptIn, h.sweeper.SweepPagesPerByte = 1000, 2000, 2*sweepAtOnce/float64(s.objects[0].pages*pageSize)
		h.sweeper.PagesSweptBasis, h.sweeper.SweepHeapLiveBasis = h.pagesSwept, s.controller.HeapLive
		require.False(t, s.sweepFirst(mp, s.objects[0].pages*pageSize, 0), "%s: little is owed", name)
	}
}

// What a collection drops from pools is not alive any more.
func TestPoolCleanup(t *testing.T) {
	s := heapOf(2, []Object{{Bytes: 64}}, PoolOf{Pool: lab.Pool{Name: "p", Bytes: 64}})
	p, k := &s.pools[0], &s.objects[0]
	k.live = 5
	*s.pin(p, 0), *s.pin(p, 1) = poolLocal{private: true, shared: 2}, poolLocal{shared: 1}
	s.poolCleanup()
	assert.Equal(t, int64(5), k.live, "victims")
	s.pin(p, 1).shared = 1
	s.poolCleanup()
	assert.Equal(t, int64(1), k.live, "one is in the hands of a request")
	s.poolCleanup()
	assert.Equal(t, int64(0), k.live)
}

// A get looks at its own victims' private slot, and at the shared parts of all, the next P's first.
func TestGetSlow(t *testing.T) {
	s := heapOf(3, []Object{{Bytes: 64}}, PoolOf{Pool: lab.Pool{Name: "p", Bytes: 64}})
	p := &s.pools[0]
	s.pin(p, 2).shared, s.pin(p, 0).shared = 1, 1
	require.True(t, s.getSlow(p, 1))
	assert.Zero(t, p.local[2].shared, "the next P first")
	require.True(t, s.getSlow(p, 1))
	require.False(t, s.getSlow(p, 1))
	*s.pin(p, 0), *s.pin(p, 1) = poolLocal{private: true}, poolLocal{shared: 1}
	s.poolCleanup()
	require.True(t, s.getSlow(p, 2), "a victim of another P, from its shared part")
	require.False(t, s.getSlow(p, 2), "private slots are their P's own")
	assert.False(t, p.victims)
	p.victims = true
	require.True(t, s.getSlow(p, 0))
}
