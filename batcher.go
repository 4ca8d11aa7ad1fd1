package lab

import "time"

// A Batcher decides when waiting requests become a batch. It is not modelled: the simulator and the real run call the
// same Take, so the two sides cannot disagree on the rule.
type Batcher struct {
	Max  int           `yaml:"max"`  // the largest batch, at least 1
	Wait time.Duration `yaml:"wait"` // how long the oldest request may wait for company; 0: run what is there
}

// Take is asked with the number of requests waiting, the time since which the oldest waits, and the time now.
// It answers n > 0: run n of them at once; or n = 0: ask again when another request came or after wait, whichever is
// first. With waiting 0 it answers (0, 0): there is nothing to decide before a request comes.
func (b Batcher) Take(waiting int, oldest, now time.Duration) (n int, wait time.Duration) {
	if waiting == 0 {
		return 0, 0
	}
	if waiting >= b.Max {
		return b.Max, 0
	}
	if left := oldest + b.Wait - now; left > 0 {
		return 0, left
	}
	return waiting, 0
}
