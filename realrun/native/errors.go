package native

import "errors"

// ErrNoC is the error of everything that needs the C part in a program built without it.
var ErrNoC = errors.New("native: built without the C part: build on Linux with CGO_ENABLED=1 and a C compiler")
