package sim

import (
	"context"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
)

// A Record is the trace of one run: Steps writes it as a film of the scheduler, Story tells of one request. A Runner
// fills the Record that its context carries; one Record takes one run.
type Record struct {
	From, Until time.Duration // the part of the run that Steps shows; Until 0: to its end
	Limit       int           // decisions that Steps shows at most; 0: keep what Story needs, and no states

	trial    *lab.Trial
	ps       int
	names    gort.Names
	sched    *gort.Sched
	trail    *trail        // made from the trace when a story is asked for
	requests []lab.Request // in the order in which they ended, as the marks have them
}

type recordKey struct{}

// In gives a context in which a Runner fills the record.
func (r *Record) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, recordKey{}, r)
}

// Filled tells whether a run has been recorded.
func (r *Record) Filled() bool { return r.sched != nil }

func (r *Record) begin(s *gort.Sched, t *lab.Trial, ps int, names gort.Names) {
	r.sched, r.trial, r.ps, r.names = s, t, ps, names
	if r.Limit > 0 {
		s.Watch(r.From, r.Until, r.Limit)
		return
	}
	s.Detail()
	s.WatchThreads()
}

// Ps is the number of Ps of the run.
func (r *Record) Ps() int { return r.ps }
