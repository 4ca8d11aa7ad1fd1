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
func StreamOf(seed, concern, n uint64) Stream {
	var s Stream
	s.pcg.Seed(mix(seed^concern), mix(concern+n*0x9e3779b97f4a7c15))
	return s
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

// Exp gives an exponentially distributed number with mean 1.
func (s *Stream) Exp() float64 { return -math.Log(1 - s.Float64()) }

// Normal gives a standard normal number (Box and Muller, the cosine branch, so that one draw costs two words always).
func (s *Stream) Normal() float64 {
	r := math.Sqrt(-2 * math.Log(1-s.Float64()))
	return r * math.Cos(2*math.Pi*s.Float64())
}
