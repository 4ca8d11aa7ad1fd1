package calibrate

import "github.com/gmplab/lab/realrun/native"

// cgoProbes measure calls into C; there are none without cgo.
func cgoProbes() []probe {
	if native.Check() != nil {
		return nil
	}
	return []probe{{"calls into C", (*bench).cgoCall}}
}

func (b *bench) cgoCall() error {
	procs(1, func() {
		b.add("CgoCall", b.each(5000, func(n int) {
			for range n {
				native.Nop()
			}
		})...)
	})
	return nil
}
