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
	_        [64]byte // the next record lies in another cache line
}

// add keeps one finished request.
func (l *record) add(q lab.Request) {
	l.mu.Lock()
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
	l.requests = make([]lab.Request, 0, min(max(2*cap(l.requests), 16), chunk))
}

// addBatch keeps the size of one batch.
func (l *record) addBatch(n int) {
	l.mu.Lock()
	l.batches = append(l.batches, int32(n))
	l.mu.Unlock()
}

// merge puts the records into res, the requests by the time they ended.
func merge(records []*record, res *lab.Result) {
	for _, l := range records {
		l.mu.Lock()
		for _, c := range l.full {
			res.Requests = append(res.Requests, c...)
		}
		res.Requests = append(res.Requests, l.requests...)
		res.Batches = append(res.Batches, l.batches...)
		l.mu.Unlock()
	}
	slices.SortFunc(res.Requests, func(a, b lab.Request) int {
		return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.Due, b.Due))
	})
}
