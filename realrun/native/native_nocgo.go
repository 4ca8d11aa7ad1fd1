//go:build !cgo || !linux

package native

import "time"

// Check says whether this program has the C part: it has not, so it returns [ErrNoC].
func Check() error { return ErrNoC }

// SpinC returns [ErrNoC].
func SpinC(int64) error { return ErrNoC }

// SleepC returns [ErrNoC].
func SleepC(time.Duration) error { return ErrNoC }

// Nop returns [ErrNoC].
func Nop() error { return ErrNoC }

// Monotonic returns [ErrNoC].
func Monotonic() (int64, error) { return 0, ErrNoC }

// ThreadCPU returns [ErrNoC].
func ThreadCPU() (time.Duration, error) { return 0, ErrNoC }

// Generator stands in for the load generator; without C there is none.
type Generator struct{}

// StartGenerator returns [ErrNoC].
func StartGenerator(int64, []time.Duration) (*Generator, error) { return nil, ErrNoC }

// Read returns [ErrNoC].
func (*Generator) Read([]uint32) (int, error) { return 0, ErrNoC }

// Stop does nothing: no generator can have started.
func (*Generator) Stop() error { return nil }
