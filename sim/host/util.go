package host

import (
	"math"
	"time"
)

// util is the share of recent time that a core was busy, as the kernel tracks it (PELT, kernel/sched/pelt.c): an
// exponential mean with a half-life of 32 periods of 1024 µs, in integers so that every machine computes the same.
type util struct {
	value uint64 // 0 … utilOne
	since time.Duration
	busy  bool
}

const (
	utilOne    = 1 << 20
	utilPeriod = 1024 * time.Microsecond
)

var decay = decayTable()

// decayTable holds 2^(-n/32) in 32-bit fixed point.
func decayTable() (t [33]uint64) {
	for n := range t {
		t[n] = uint64(math.Round(math.Exp2(-float64(n)/32) * (1 << 32)))
	}
	return t
}

// at gives the utilisation at a time not before the last change.
func (u *util) at(now time.Duration) uint64 {
	d := uint64(max(now-u.since, 0))
	n, rest := d/uint64(utilPeriod), d%uint64(utilPeriod)
	if n >= 32*40 {
		n, rest = 32*40, 0
	}
	keep := decay[n%32]
	keep -= (keep - decay[n%32+1]) * rest / uint64(utilPeriod) // linear inside a period
	keep >>= n / 32
	v := u.value * keep >> 32
	if u.busy {
		v += utilOne * (1<<32 - keep) >> 32
	}
	return v
}

// set records that the core becomes busy or idle.
func (u *util) set(now time.Duration, busy bool) {
	if u.busy != busy {
		u.value, u.since, u.busy = u.at(now), now, busy
	}
}
