package gopacer

import "math"

// A Stream gives a value of a scenario for each cycle, in order. It is used up as it is read; so is each that it is made of.
type Stream func() float64

// Constant always gives v.
func Constant(v float64) Stream { return func() float64 { return v } }

// Unit gives v once and then zero.
func Unit(v float64) Stream {
	return func() float64 {
		out := v
		v = 0
		return out
	}
}

// Ramp goes from 0 to height in so many cycles and stays there; so a ramp of one cycle gives a zero first.
func Ramp(height float64, cycles int) Stream {
	i := 0
	return func() float64 {
		v := height * float64(i) / float64(cycles)
		if i < cycles {
			i++
		}
		return v
	}
}

// Oscillate gives a sine of that amplitude, with a period in cycles.
func Oscillate(amplitude float64, period int) Stream {
	i := 0
	return func() float64 {
		p := float64(i) / float64(period) * 2 * math.Pi
		i = (i + 1) % period
		return math.Sin(p) * amplitude
	}
}

// Random draws uniformly within ± amplitude, by draw, which gives numbers in [0, 1). The runtime's scenarios draw from a
// math/rand source with a seed.
func Random(amplitude float64, draw func() float64) Stream {
	return func() float64 { return (draw() - 0.5) * 2 * amplitude }
}

// Delay gives zero for so many cycles and then the stream from its beginning.
func (f Stream) Delay(cycles int) Stream {
	i := 0
	return func() float64 {
		if i < cycles {
			i++
			return 0
		}
		return f()
	}
}

// Sum gives the sum of the streams, added in their order.
func (f Stream) Sum(others ...Stream) Stream {
	return func() float64 {
		sum := f()
		for _, g := range others {
			sum += float64(g())
		}
		return sum
	}
}
