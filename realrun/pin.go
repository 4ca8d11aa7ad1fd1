package realrun

import _ "unsafe" // for go:linkname

// procPin keeps the goroutine on its P and gives the P's id (runtime/proc.go). The runtime lets programs link to it.
//
//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// currentP is the id of the P that runs the caller.
func currentP() int32 {
	p := procPin()
	procUnpin()
	return int32(p)
}
