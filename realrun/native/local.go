package native

// Local has an object of that many bytes, at most 128 KiB, on the stack of the calling goroutine, as a variable is that
// does not escape: zeroed, and gone when Local returns. It allocates nothing, but the stack grows until the object fits.
// The object is a few arrays in frames one below the other, so that it has the size that was asked for to within 16 bytes.
func Local(bytes int64) uint64 {
	switch {
	case bytes > 16<<10:
		return frame[[16 << 10]byte](bytes)
	case bytes > 4<<10:
		return frame[[4 << 10]byte](bytes)
	case bytes > 1<<10:
		return frame[[1 << 10]byte](bytes)
	case bytes > 256:
		return frame[[256]byte](bytes)
	case bytes > 64:
		return frame[[64]byte](bytes)
	case bytes > 0:
		return frame[[16]byte](bytes)
	}
	return 0
}

// blocks are the sizes of the parts of which Local makes its object.
type blocks interface {
	[16]byte | [64]byte | [256]byte | [1 << 10]byte | [4 << 10]byte | [16 << 10]byte
}

// frame has one part in its own frame, and the rest below it.
//
//go:noinline
func frame[T blocks](bytes int64) uint64 {
	var part T
	x := Local(bytes - int64(len(part)))
	return x + uint64(part[x%16]) // the compiler cannot know which byte is read, so that it zeroes them all
}
