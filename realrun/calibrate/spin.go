package calibrate

import _ "unsafe" // for go:linkname

// doSpin is one active spin of a sync.Mutex (runtime/proc.go: sync_runtime_doSpin). The runtime lets programs link to it.
//
//go:linkname doSpin sync.runtime_doSpin
func doSpin()
