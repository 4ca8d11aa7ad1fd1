//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	binding "github.com/yalue/onnxruntime_go"
)

// Slot owns what one concurrent caller of a session needs: the buffers, the
// tensors over them, and the pins that keep the buffers where C knows them.
// Write rows into In, Run, read rows from Out; keep the slot for the next Run.
type Slot struct {
	In  []float32 // rows of Session.InDim numbers, one after the other
	Out []float32 // rows of Session.OutDim numbers

	session *Session
	rows    int
	busy    atomic.Bool // a Run or the Close is under way
	in, out []float32   // the pinned buffers; In and Out must stay these
	pins    runtime.Pinner
	calls   []*call // by number of rows; made when first used
}

// call is the pair of tensors over the first n rows of a slot.
type call struct {
	in, out [1]binding.Value
}

var (
	errSlotClosed  = errors.New("ort: the slot is closed: make a new one with NewSlot")
	errSlotBusy    = errors.New("ort: the slot is in use by another Run: give each concurrent caller its own slot")
	errSlotForeign = errors.New("ort: the slot belongs to another session: use the session that made it")
	errSlotBuffers = errors.New("ort: In or Out of the slot was replaced: copy into the buffers instead")
)

// NewSlot returns a slot for at most rows rows a Run. It fails for a closed
// session and for fewer than 1 or absurdly many rows. Close the slot when done.
func (s *Session) NewSlot(rows int) (*Slot, error) {
	if s == nil {
		return nil, errSessionClosed
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.inner == nil {
		return nil, errSessionClosed
	}
	inDim, outDim := width(s.inShape), width(s.outShape)
	if most := maxRow / max(inDim, outDim); rows < 1 || rows > most {
		return nil, fmt.Errorf("ort: a slot for %d rows was asked for: give 1 to %d rows for this model", rows, most)
	}
	if err := retain(); err != nil {
		return nil, err
	}
	slot := &Slot{session: s, rows: rows, calls: make([]*call, rows+1)}
	slot.in, slot.out = make([]float32, rows*inDim), make([]float32, rows*outDim)
	slot.In, slot.Out = slot.in, slot.out
	slot.pins.Pin(&slot.in[0])
	slot.pins.Pin(&slot.out[0])
	// A pinned slot that is dropped without Close would end the process; this
	// closes it first.
	runtime.SetFinalizer(slot, (*Slot).Close)
	return slot, nil
}

// width is the number of numbers in a row.
func width(shape binding.Shape) int {
	w := 1
	for _, d := range shape[1:] {
		w *= int(d)
	}
	return w
}

// run is Session.Run, whose lock is held, behind the checks of the session.
func (slot *Slot) run(s *Session, n int) error {
	if !slot.busy.CompareAndSwap(false, true) {
		return errSlotBusy
	}
	defer slot.busy.Store(false)
	switch {
	case slot.session == nil:
		return errSlotClosed
	case slot.session != s:
		return errSlotForeign
	case n < 1 || n > slot.rows:
		return fmt.Errorf("ort: a Run of %d rows was asked of a slot for %d: give 1 to %d", n, slot.rows, slot.rows)
	case unsafe.SliceData(slot.In) != &slot.in[0] || unsafe.SliceData(slot.Out) != &slot.out[0]:
		return errSlotBuffers
	}
	c, err := slot.call(n)
	if err != nil {
		return err
	}
	err = s.inner.Run(c.in[:], c.out[:])
	runtime.KeepAlive(slot)
	if err != nil {
		return fmt.Errorf("ort: the Run of %d rows failed: %s", n, oneLine(err))
	}
	return nil
}

// call returns the tensors for n rows, making them the first time.
func (slot *Slot) call(n int) (*call, error) {
	if c := slot.calls[n]; c != nil {
		return c, nil
	}
	in, err := tensor(slot.session.inShape, slot.in, n)
	if err != nil {
		return nil, err
	}
	out, err := tensor(slot.session.outShape, slot.out, n)
	if err != nil {
		in.Destroy()
		return nil, err
	}
	c := &call{in: [1]binding.Value{in}, out: [1]binding.Value{out}}
	slot.calls[n] = c
	return c, nil
}

// tensor lays a tensor of n rows over a pinned buffer.
func tensor(shape binding.Shape, data []float32, n int) (*binding.Tensor[float32], error) {
	shape = shape.Clone()
	shape[0] = int64(n)
	t, err := binding.NewTensor(shape, data)
	if err != nil {
		return nil, fmt.Errorf("ort: no tensor of %v can be made (%s): close slots that are not needed", shape, oneLine(err))
	}
	return t, nil
}

// Close frees the tensors and unpins the buffers. It fails while a Run of the
// slot is under way; a second Close does nothing.
func (slot *Slot) Close() error {
	if slot == nil {
		return nil
	}
	if !slot.busy.CompareAndSwap(false, true) {
		return errSlotBusy
	}
	defer slot.busy.Store(false)
	if slot.session == nil {
		return nil
	}
	for _, c := range slot.calls {
		if c != nil {
			c.in[0].Destroy()
			c.out[0].Destroy()
		}
	}
	slot.pins.Unpin()
	runtime.SetFinalizer(slot, nil)
	slot.session, slot.calls = nil, nil
	release()
	return nil
}
