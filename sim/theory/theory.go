// Package theory holds closed forms of queueing theory. They refute the simulator: at zero Cost it is the machine that
// they describe, and must agree with them.
package theory

import "math"

// ErlangC is the probability that an arrival has to wait in M/M/c, for c servers with the offered load a = λ/μ < c
// (Erlang 1917; by the recursion of Erlang B, which does not overflow).
func ErlangC(c int, a float64) float64 {
	b := 1.0
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b)
	}
	rho := a / float64(c)
	return b / (1 - rho + rho*b)
}

// MMc gives the mean time in system of M/M/c in units of the mean service time, for utilisation rho < 1.
// With c = 1 it is M/M/1: 1/(1-rho).
func MMc(c int, rho float64) float64 {
	return 1 + ErlangC(c, rho*float64(c))/(float64(c)*(1-rho))
}

// MMcQuantile is the q-quantile of the time in system of a first-come-first-served M/M/c queue in units of the mean
// service time, found by bisection of its distribution function.
func MMcQuantile(c int, rho, q float64) float64 {
	pw, gap := ErlangC(c, rho*float64(c)), float64(c)*(1-rho)
	tail := func(t float64) float64 {
		if math.Abs(gap-1) < 1e-9 {
			return math.Exp(-t) * (1 + pw*t)
		}
		return math.Exp(-t)*(1+pw/(gap-1)) - pw/(gap-1)*math.Exp(-gap*t)
	}
	lo, hi := 0.0, 1.0
	for tail(hi) > 1-q {
		hi *= 2
	}
	for range 100 {
		if mid := (lo + hi) / 2; tail(mid) > 1-q {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// MG1 is the mean time in system of M/G/1 in units of the mean service time, for utilisation rho < 1 and a service time
// with coefficient of variation cv (Pollaczek and Khinchine).
func MG1(rho, cv float64) float64 { return 1 + rho*(1+cv*cv)/(2*(1-rho)) }
