package gort

// A pMask is a set of Ps (runtime/proc.go: pMask). Thieves pass over the Ps of idlepMask, which have no goroutines, and over
// those outside timerpMask, which have no timers.
type pMask []uint32

func (p pMask) read(id int32) bool { return p[uint32(id)/32]&(1<<(uint32(id)%32)) != 0 }

func (p pMask) set(id int32) { p[uint32(id)/32] |= 1 << (uint32(id) % 32) }

func (p pMask) clear(id int32) { p[uint32(id)/32] &^= 1 << (uint32(id) % 32) }

// resize gives a mask for n Ps; old ones beyond it are forgotten, and new ones are not in it.
func (p pMask) resize(n int) pMask {
	for i := int32(n); i < int32(len(p)*32); i++ {
		p.clear(i)
	}
	words := (n + 31) / 32
	for len(p) < words {
		p = append(p, 0)
	}
	return p[:words]
}
