package lab

import "time"

// perRequest is what the process allocated in the counted part, for each observed request that ended in it. The other
// classes' part is in it.
func perRequest(name string) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		v, ok := r.Values[name]
		perSecond, served := throughput(r)
		run := r.Trial.Workload.Run.Seconds()
		if !ok || !served || perSecond == 0 || run == 0 {
			return 0, false
		}
		return v / (perSecond * run), true
	}
}

// whileMarking is the throughput in the mark phases that lie in the counted part, as a share of that of all of it: 1 if a
// mark phase holds up nobody, 0 if it stops the world.
func whileMarking(r *Result) (float64, bool) {
	from, to := r.window()
	all, ok := throughput(r)
	if !ok || all == 0 {
		return 0, false
	}
	var marking time.Duration
	n, i := 0, 0 // Requests are in the order of their ends, collections in the order of theirs
	for _, g := range r.GCs {
		begin, end := g.At+g.StopSweep, g.At+g.StopSweep+g.Mark
		if begin < from || end > to {
			continue
		}
		marking += g.Mark
		for ; i < len(r.Requests) && r.Requests[i].End < end; i++ {
			if q := &r.Requests[i]; q.End >= begin && r.counted(q) {
				n++
			}
		}
	}
	if marking == 0 {
		return 0, false
	}
	return float64(n) / marking.Seconds() / all, true
}
