//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	binding "github.com/yalue/onnxruntime_go"
)

// Session is one loaded model with one float32 input and one float32 output,
// both with a dynamic batch axis in front. Any number of goroutines may Run it
// at once, each with its own slot.
type Session struct {
	InDim  int // numbers in one row of the input
	OutDim int // numbers in one row of the output

	mu                sync.RWMutex // Run holds it shared, Close alone
	inner             *binding.DynamicAdvancedSession
	inShape, outShape binding.Shape // the batch axis is 0 here
}

var (
	errSessionClosed = errors.New("ort: the session is closed or was never loaded: call Load")
	errNoSlot        = errors.New("ort: the slot is nil: make one with NewSlot")
)

// Load makes a session from the bytes of an ONNX file, which may be changed
// afterwards. The library must be open. It refuses bytes that are no model, a
// model without exactly one float32 tensor as input and one as output, a fixed
// batch axis, and any other axis that is not fixed. Close the session when done.
func Load(onnx []byte, o Options) (*Session, error) {
	if o.IntraOp < 0 {
		return nil, fmt.Errorf("ort: %d threads were asked for one Run: give IntraOp 0 or more", o.IntraOp)
	}
	if err := retain(); err != nil {
		return nil, err
	}
	s, err := load(onnx, o)
	if err != nil {
		release()
		return nil, err
	}
	return s, nil
}

func load(onnx []byte, o Options) (*Session, error) {
	ins, outs, err := binding.GetInputOutputInfoWithONNXData(onnx)
	if err != nil {
		return nil, modelError(err)
	}
	if len(ins) != 1 || len(outs) != 1 {
		return nil, fmt.Errorf("ort: the model has %d inputs and %d outputs: give a model with one of each", len(ins), len(outs))
	}
	s := &Session{}
	if s.inShape, s.InDim, err = rowShape("input", ins[0]); err != nil {
		return nil, err
	}
	if s.outShape, s.OutDim, err = rowShape("output", outs[0]); err != nil {
		return nil, err
	}
	options, err := sessionOptions(o)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	s.inner, err = binding.NewDynamicAdvancedSessionWithONNXData(onnx, []string{ins[0].Name}, []string{outs[0].Name}, options)
	if err != nil {
		return nil, modelError(err)
	}
	return s, nil
}

func modelError(err error) error {
	why := strings.TrimPrefix(strings.TrimSuffix(oneLine(err), "."), "Error creating temporary session: ")
	return fmt.Errorf("ort: the model cannot be loaded (%s): give the bytes of a valid ONNX file", why)
}

// rowShape returns the shape of a model's input or output with 0 for the batch
// axis, and the product of the other axes.
func rowShape(kind string, info binding.InputOutputInfo) (binding.Shape, int, error) {
	if info.OrtValueType != binding.ONNXTypeTensor || info.DataType != binding.TensorElementDataTypeFloat {
		return nil, 0, fmt.Errorf("ort: the %s %q is no float32 tensor but %s: give a model of float32", kind, info.Name, info.DataType)
	}
	dims := info.Dimensions
	if len(dims) == 0 || dims[0] >= 0 {
		return nil, 0, fmt.Errorf("ort: the model has a fixed batch axis (%s %q is %v): export it with a dynamic first axis", kind, info.Name, dims)
	}
	shape, width := dims.Clone(), int64(1)
	shape[0] = 0
	for _, d := range dims[1:] {
		if d < 1 || d > maxRow/width {
			return nil, 0, fmt.Errorf("ort: the %s %q is %v: give a model whose axes after the first are fixed and hold at most %d numbers a row", kind, info.Name, dims, maxRow)
		}
		width *= d
	}
	return shape, int(width), nil
}

// maxRow bounds a row, so that no product of sizes overflows.
const maxRow = 1 << 28

// sessionOptions translates Options into the library's.
func sessionOptions(o Options) (*binding.SessionOptions, error) {
	options, err := binding.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("ort: no session options can be made (%s): close sessions that are not needed", oneLine(err))
	}
	spin := "0"
	if o.Spin {
		spin = "1"
	}
	for _, set := range []func() error{
		func() error { return options.SetIntraOpNumThreads(max(o.IntraOp, 1)) },
		func() error { return options.SetInterOpNumThreads(1) },
		func() error { return options.SetExecutionMode(binding.ExecutionModeSequential) },
		func() error { return options.AddSessionConfigEntry("session.intra_op.allow_spinning", spin) },
	} {
		if err := set(); err != nil {
			options.Destroy()
			return nil, fmt.Errorf("ort: the library refuses the options %+v (%s): use ONNX Runtime %s or newer", o, oneLine(err), oldestRelease)
		}
	}
	return options, nil
}

// Run computes the first n rows of slot: it reads n rows of slot.In and writes n
// rows of slot.Out. It is safe for concurrent use with distinct slots, and
// allocates nothing of its own after the first Run with each n. It fails, and
// leaves the slot usable, when n is not between 1 and the slot's rows, when the
// slot is nil, closed, in use by another Run or of another session, and when
// the session is closed.
func (s *Session) Run(slot *Slot, n int) error {
	if s == nil {
		return errSessionClosed
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.inner == nil {
		return errSessionClosed
	}
	if slot == nil {
		return errNoSlot
	}
	return slot.run(s, n)
}

// Close frees the model after the Runs under way have ended. Its slots are
// closed on their own. A second Close does nothing.
func (s *Session) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inner == nil {
		return nil
	}
	err := s.inner.Destroy()
	s.inner = nil
	release()
	if err != nil {
		return fmt.Errorf("ort: the session cannot be freed (%s): end the process", oneLine(err))
	}
	return nil
}
