package lab

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// A Stream is one seeded source of randomness. Every concern (arrivals, service, stealing, …) draws from a stream of
// its own, so that a change of policy moves no arrival and two runs that differ by one Knob see the same requests.
// A Stream is a value and holds no pointer: a goroutine of the simulator carries its own.
type Stream struct{ pcg rand.PCG }

// NewStream gives the stream of one concern under a seed; n tells streams of the same concern apart
// (the number of a request, of a client, of a core).
func NewStream(seed uint64, concern string, n uint64) Stream {
	h := fnv.New64a()
	h.Write([]byte(concern))
	return StreamOf(seed, h.Sum64(), n)
}

// StreamOf is NewStream for a concern whose hash is already known: it allocates nothing.
func StreamOf(seed, concern, n uint64) (s Stream) {
	s.Seed(seed, concern, n)
	return s
}

// Seed makes s what StreamOf gives, in place: a copy of what was just written is what a processor waits for.
func (s *Stream) Seed(seed, concern, n uint64) {
	s.pcg.Seed(mix(seed^concern), mix(concern+n*0x9e3779b97f4a7c15))
}

// mix is the finaliser of SplitMix64: neighbouring seeds give unrelated streams.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// Uint64 gives 64 random bits.
func (s *Stream) Uint64() uint64 { return s.pcg.Uint64() }

// Uint32n gives a whole number in [0, n); n must not be 0.
func (s *Stream) Uint32n(n uint32) uint32 {
	return uint32(uint64(uint32(s.pcg.Uint64()>>32)) * uint64(n) >> 32)
}

// Float64 gives a number in [0, 1) with 53 random bits.
func (s *Stream) Float64() float64 { return float64(s.pcg.Uint64()>>11) / (1 << 53) }

// Normal gives a standard normal number (Box and Muller, the cosine branch, so that one draw costs two words always).
func (s *Stream) Normal() float64 {
	r := math.Sqrt(-2 * log(1-s.Float64()))
	return r * math.Cos(2*math.Pi*s.Float64())
}

// log is math.Log for x in (0, 1], bit for bit that of amd64, on every machine: elsewhere math.Log is compiled with fused
// multiplications and gives other last bits, and so other runs. It has no branch, where a random x would have the
// processor guess.
func log(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		l1    = 6.666666666666735130e-01
		l2    = 3.999999999940941908e-01
		l3    = 2.857142874366239149e-01
		l4    = 2.222219843214978396e-01
		l5    = 1.818357216161805012e-01
		l6    = 1.531383769920937332e-01
		l7    = 1.479819860511658591e-01

		mantissa = 1<<52 - 1
		half     = 0x3fe << 52 // the exponent of [½, 1)
		sqrtHalf = 0x3fe6a09e667f3bcd
	)
	// x is f1·2^k with f1 in (√½, √2].
	b := math.Float64bits(x)
	f1 := b&mantissa | half
	small := (f1 - sqrtHalf - 1) >> 63 // 1 if f1 is at most √½
	k := float64(int64(b>>52) - 0x3fe - int64(small))
	f := math.Float64frombits(f1+small<<52) - 1

	s := f / (2 + f)
	s2 := s * s
	s4 := s2 * s2
	t1 := s2 * (l1 + float64(s4*(l3+float64(s4*(l5+float64(s4*l7))))))
	t2 := s4 * (l2 + float64(s4*(l4+float64(s4*l6))))
	hfsq := float64(0.5 * f * f)
	r := hfsq + (float64(t1) + float64(t2))
	return float64(k*ln2Hi) - ((hfsq - (float64(s*r) + float64(k*ln2Lo))) - f)
}
