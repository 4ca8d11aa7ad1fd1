package lab

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// DistKind names a family of distributions of durations.
type DistKind uint8

// The families. The zero Dist is Fixed at 0.
const (
	Fixed     DistKind = iota // always Mean
	Exp                       // exponential with Mean
	Lognormal                 // log-normal with Mean and coefficient of variation CV
	Uniform                   // uniform in [Min, Max]
	Empirical                 // piecewise linear between equally spaced Quantiles
)

var distNames = names{"fixed", "exp", "lognormal", "uniform", "empirical"}

// A Dist is a distribution of durations, as data: it is written down in workloads and in calibration files alike.
type Dist struct {
	Kind      DistKind        `yaml:"dist"`                        // the family: fixed, exp, lognormal, uniform or empirical
	Mean      time.Duration   `yaml:"mean"`                        // fixed, exp, lognormal: the mean
	CV        float64         `yaml:"cv" json:",omitempty"`        // lognormal: standard deviation over mean, above 0
	Min       time.Duration   `yaml:"min" json:",omitempty"`       // uniform: the smallest value
	Max       time.Duration   `yaml:"max" json:",omitempty"`       // uniform: the largest value
	Quantiles []time.Duration `yaml:"quantiles" json:",omitempty"` // empirical: the 0, 1/n, … 1 quantiles, ascending, at least two
}

// Const is the distribution that always gives d.
func Const(d time.Duration) Dist { return Dist{Kind: Fixed, Mean: d} }

// ExpDist is the exponential distribution with the given mean.
func ExpDist(mean time.Duration) Dist { return Dist{Kind: Exp, Mean: mean} }

// Sample draws one duration, never negative.
func (d *Dist) Sample(s *Stream) time.Duration {
	switch d.Kind {
	case Exp:
		return time.Duration(float64(d.Mean) * s.Exp())
	case Lognormal:
		v := math.Log1p(d.CV * d.CV)
		return time.Duration(float64(d.Mean) * math.Exp(float64(math.Sqrt(v)*s.Normal())-v/2))
	case Uniform:
		return d.Min + time.Duration(float64(d.Max-d.Min)*s.Float64())
	case Empirical:
		return d.Quantile(s.Float64())
	}
	return d.Mean
}

// Quantile gives the q-quantile of an empirical distribution, and the Mean of any other.
func (d *Dist) Quantile(q float64) time.Duration {
	n := len(d.Quantiles)
	if d.Kind != Empirical || n == 0 {
		return d.Mean
	}
	x := float64(q * float64(n-1))
	i := min(int(x), n-2)
	if i < 0 {
		return d.Quantiles[0]
	}
	a, b := d.Quantiles[i], d.Quantiles[i+1]
	return a + time.Duration(float64(b-a)*float64(x-float64(i)))
}

// Average gives the mean of the distribution.
func (d *Dist) Average() time.Duration {
	switch d.Kind {
	case Uniform:
		return (d.Min + d.Max) / 2
	case Empirical:
		var sum time.Duration
		for i := 1; i < len(d.Quantiles); i++ {
			sum += (d.Quantiles[i-1] + d.Quantiles[i]) / 2
		}
		return sum / time.Duration(max(len(d.Quantiles)-1, 1))
	}
	return d.Mean
}

// validate says what is impossible about d; where names the field for the reader.
func (d *Dist) validate(where string) error {
	switch {
	case d.Mean < 0 || d.Min < 0 || d.Max < 0:
		return fmt.Errorf("%s: a duration is negative; give 0 or more", where)
	case d.Kind == Lognormal && !(d.CV > 0 && d.CV <= 100):
		return fmt.Errorf("%s.cv: %v is not above 0 and at most 100; a lognormal needs its coefficient of variation", where, d.CV)
	case d.Kind == Uniform && d.Max < d.Min:
		return fmt.Errorf("%s: max %v is below min %v; swap them", where, d.Max, d.Min)
	case d.Kind == Empirical && len(d.Quantiles) < 2:
		return fmt.Errorf("%s.quantiles: %d given; an empirical distribution needs at least two", where, len(d.Quantiles))
	case d.Kind > Empirical:
		return fmt.Errorf("%s.dist: unknown family; use one of %v", where, distNames)
	}
	for i := 1; i < len(d.Quantiles); i++ {
		if d.Quantiles[i] < d.Quantiles[i-1] {
			return fmt.Errorf("%s.quantiles[%d]: %v is below the one before it; they must ascend", where, i, d.Quantiles[i])
		}
	}
	return nil
}

// String writes the distribution as a reader would: "50µs", "exp(50µs)".
func (d Dist) String() string {
	switch d.Kind {
	case Fixed:
		return d.Mean.String()
	case Lognormal:
		return fmt.Sprintf("lognormal(%v, cv %g)", d.Mean, d.CV)
	case Uniform:
		return fmt.Sprintf("uniform(%v…%v)", d.Min, d.Max)
	}
	return fmt.Sprintf("%v(%v)", d.Kind, d.Average())
}

// String gives the family's name as workload files write it.
func (k DistKind) String() string { return distNames.of(uint8(k)) }

// MarshalText writes the family's name.
func (k DistKind) MarshalText() ([]byte, error) { return distNames.marshal(uint8(k)) }

// UnmarshalText reads the family's name.
func (k *DistKind) UnmarshalText(b []byte) error { return distNames.unmarshal((*uint8)(k), b) }

// names are the words of an enumeration, in order; an unknown word's error lists the allowed ones.
type names []string

func (n names) of(i uint8) string {
	if int(i) < len(n) {
		return n[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

// known lists the words that may be written: all but the empty one.
func (n names) known() []string {
	return slices.DeleteFunc(slices.Clone(n), func(s string) bool { return s == "" })
}

func (n names) marshal(i uint8) ([]byte, error) {
	if int(i) >= len(n) {
		return nil, fmt.Errorf("value %d has no name; the names are %q", i, []string(n))
	}
	return []byte(n[i]), nil
}

func (n names) unmarshal(i *uint8, b []byte) error {
	for j, s := range n {
		if s != "" && s == string(b) {
			*i = uint8(j)
			return nil
		}
	}
	return fmt.Errorf("unknown value %q; use one of %q", b, n.known())
}
