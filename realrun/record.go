package realrun

import (
	"cmp"
	"slices"
	"sync"

	"github.com/gmplab/lab"
)

// chunk is how many records a full-grown log takes at once.
const chunk = 4096

// A record keeps what one client, one worker or one P observed. Its mutex is for the end of a run that is cut off;
// before, two goroutines want the same record only when one lost its P inside add.
type record struct {
	mu       sync.Mutex
	full     [][]lab.Request
	requests []lab.Request
	batches  []int32
	gets     int64      // from pools, by the requests that ended in the counted part
	misses   int64      // of them, those that found no buffer
	free     []*request // states that no goroutine has; a sync.Pool would lose them to the collector
	_        [64]byte   // the next record lies in another cache line
}

// take gives a state for a request, give takes it back.
func (l *record) take() *request {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.free)
	if n == 0 {
		return new(request)
	}
	q := l.free[n-1]
	l.free = l.free[:n-1]
	return q
}

func (l *record) give(q *request) {
	l.mu.Lock()
	l.free = append(l.free, q)
	l.mu.Unlock()
}

// add keeps one finished request, and what it got from pools.
func (l *record) add(q lab.Request, gets, misses int64) {
	l.mu.Lock()
	l.gets += gets
	l.misses += misses
	if len(l.requests) == cap(l.requests) {
		l.grow()
	}
	l.requests = append(l.requests, q)
	l.mu.Unlock()
}

// grow makes room without copying: chunks double up to their full size.
func (l *record) grow() {
	if len(l.requests) > 0 {
		l.full = append(l.full, l.requests)
	}
	l.requests = room[lab.Request](min(max(2*cap(l.requests), 16), chunk))[:0]
}

// addBatch keeps the size of one batch.
func (l *record) addBatch(n int) {
	l.mu.Lock()
	l.batches = append(l.batches, int32(n))
	l.mu.Unlock()
}

// merge puts the records into res, the requests by the time they ended.
func merge(records []*record, res *lab.Result) {
	var gets, misses int64
	for _, l := range records {
		l.mu.Lock()
		for _, c := range l.full {
			res.Requests = append(res.Requests, c...)
		}
		res.Requests = append(res.Requests, l.requests...)
		res.Batches = append(res.Batches, l.batches...)
		gets, misses = gets+l.gets, misses+l.misses
		l.mu.Unlock()
	}
	if len(res.Trial.Workload.Pools) > 0 {
		res.Values["/pool/gets:count"], res.Values["/pool/misses:count"] = float64(gets), float64(misses)
	}
	slices.SortFunc(res.Requests, func(a, b lab.Request) int {
		return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.Due, b.Due))
	})
}
