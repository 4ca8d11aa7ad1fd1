//go:build !cgo

package ort

// Session stands in for a loaded model; without cgo there is none.
type Session struct {
	InDim  int // numbers in one row of the input
	OutDim int // numbers in one row of the output
}

// Slot stands in for one caller's buffers; without cgo there are none.
type Slot struct {
	In  []float32 // rows of Session.InDim numbers
	Out []float32 // rows of Session.OutDim numbers
}

// Open returns [ErrNoCgo].
func Open(Library) error { return ErrNoCgo }

// Close does nothing: no library can be open.
func Close() error { return nil }

// Version returns "": no library can be open.
func Version() string { return "" }

// Providers returns none: no library can be open.
func Providers() []string { return nil }

// Load returns [ErrNoCgo].
func Load([]byte, Options) (*Session, error) { return nil, ErrNoCgo }

// NewSlot returns [ErrNoCgo].
func (*Session) NewSlot(int) (*Slot, error) { return nil, ErrNoCgo }

// Run returns [ErrNoCgo].
func (*Session) Run(*Slot, int) error { return ErrNoCgo }

// Close does nothing.
func (*Session) Close() error { return nil }

// Close does nothing.
func (*Slot) Close() error { return nil }
