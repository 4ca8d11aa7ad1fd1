// Package theory holds closed forms of queueing theory: M/M/c, M/G/1 and M/D/1 first come, first served, M/G/1 under
// processor sharing, and the bound of work stealing. They refute the simulator: at zero Cost it is the machine that they
// describe, and must agree with them (the tests of package sim ask for |z| < 3 over replications, and for Little's law on every
// result). GCLine is the cost line of the Go GC guide, by which the collector is judged as a whole.
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

// MG1WaitSquare is the second moment of the waiting time before service in a first-come-first-served M/G/1 queue, in
// units of the squared mean service time, for utilisation rho < 1 and a service time whose second and third moments are m2
// and m3 in units of powers of its mean (Takács 1962: E[W²] = 2·E[W]² + λ·E[S³]/(3(1-ρ))). Unlike the mean it depends on
// the order of service.
func MG1WaitSquare(rho, m2, m3 float64) float64 {
	wait := rho * m2 / (2 * (1 - rho))
	return 2*wait*wait + rho*m3/(3*(1-rho))
}

// MD1Wait is the probability that an arrival of a first-come-first-served M/D/1 queue waits for at most t service times,
// for utilisation rho < 1 (Erlang 1909; here as Beneš 1963 writes its tail, P(W > t) = (1-ρ)·Σ e^-ρ(k-t)·(ρ(k-t))^k/k! over
// whole k > t, whose terms are all positive and so cost no digits).
func MD1Wait(rho, t float64) float64 {
	tail, last := 0.0, 0.0
	for k := math.Floor(t) + 1; ; k++ {
		x := rho * (k - t)
		lg, _ := math.Lgamma(k + 1)
		term := math.Exp(k*math.Log(x) - x - lg)
		tail += term
		if term <= last && term < 1e-13 || rho == 0 { // beyond their largest the terms descend geometrically
			return 1 - (1-rho)*tail
		}
		last = term
	}
}

// MD1Quantile is the q-quantile of the time in system of a first-come-first-served M/D/1 queue in units of the service
// time, found by bisection of MD1Wait. It is 1 for q ≤ 1-rho: such a request does not wait.
func MD1Quantile(rho, q float64) float64 {
	if q <= 1-rho {
		return 1
	}
	lo, hi := 0.0, 1.0
	for MD1Wait(rho, hi) < q {
		hi *= 2
	}
	for range 60 {
		if mid := (lo + hi) / 2; MD1Wait(rho, mid) < q {
			lo = mid
		} else {
			hi = mid
		}
	}
	return 1 + hi
}

// PS is the mean time in system of a request that needs x under processor sharing, M/G/1-PS, in the unit of x, for
// utilisation rho < 1 (Sakata, Noguchi and Oizumi 1969; Kleinrock, Queueing Systems II, 4.4). It is proportional to what
// the request needs, and so the mean over all of them depends on the mean of the service time only, not on its
// distribution.
func PS(rho, x float64) float64 { return x / (1 - rho) }

// MM1PSSquare is the second moment of the time in system of M/M/1 under processor sharing in units of the squared mean
// service time, for utilisation rho < 1 (Coffman, Muntz and Trotter 1970). It tells sharing from last come, first served
// with preemption, whose means are the same and whose second moment is 2/(1-rho)³.
func MM1PSSquare(rho float64) float64 { return 4 / ((2 - rho) * (1 - rho) * (1 - rho)) }

// ForkJoin bounds the time that a fork-join program takes on so many Ps, in the unit of work and span: work is what it
// takes on one (T_1), span its longest chain (T_∞). With c = 1 - 1/ps it holds for every scheduler that leaves no P idle
// while something can run (Graham 1969, Brent 1974); random work stealing, which may fail to find it at once, has some
// constant c on average (Blumofe and Leiserson 1999).
func ForkJoin(work, span float64, ps int, c float64) float64 { return work/float64(ps) + c*span }
