//go:build cgo

package ort

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab/realrun/model"
)

var small = model.MLP{Dims: []int{64, 128, 32}, Seed: 3}

// tolerance is between ONNX Runtime's float32 sums and the reference's.
const tolerance = 1e-4

// loaded returns a session of m, closed with the test.
func loaded(t *testing.T, m model.MLP, o Options) *Session {
	t.Helper()
	openLibrary(t)
	file, err := m.ONNX()
	require.NoError(t, err)
	s, err := Load(file, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// slotOf returns a slot of s, closed with the test.
func slotOf(t *testing.T, s *Session, rows int) *Slot {
	t.Helper()
	slot, err := s.NewSlot(rows)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, slot.Close()) })
	return slot
}

// same tells whether two outputs agree within the tolerance.
func same(want, got []float32) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d numbers instead of %d", len(got), len(want))
	}
	for i := range want {
		if d := want[i] - got[i]; d != d || d > tolerance || d < -tolerance {
			return fmt.Errorf("number %d is %v instead of %v", i, got[i], want[i])
		}
	}
	return nil
}

func TestRunEqualsTheReference(t *testing.T) {
	const rows = 32
	m := model.Headline
	x := m.Inputs(rows, 5)
	want := m.Forward(x, rows)
	for _, o := range []Options{{}, {IntraOp: 2}, {IntraOp: 2, Spin: true}} {
		s := loaded(t, m, o)
		assert.Equal(t, 512, s.InDim)
		assert.Equal(t, 512, s.OutDim)
		slot := slotOf(t, s, rows)
		require.Len(t, slot.In, rows*s.InDim)
		require.Len(t, slot.Out, rows*s.OutDim)
		copy(slot.In, x)
		for _, n := range []int{1, 2, 5, 32, 5, 1} {
			for i := range slot.Out {
				slot.Out[i] = -1000
			}
			require.NoError(t, s.Run(slot, n))
			require.NoError(t, same(want[:n*s.OutDim], slot.Out[:n*s.OutDim]), "%d rows, %+v", n, o)
			for _, v := range slot.Out[n*s.OutDim:] {
				require.Equal(t, float32(-1000), v, "rows behind n stay untouched")
			}
		}
	}
}

func TestConcurrentRuns(t *testing.T) {
	const callers, runs, rows = 8, 150, 6
	s := loaded(t, small, Options{})
	var wg sync.WaitGroup
	for c := range callers {
		slot := slotOf(t, s, rows)
		x := small.Inputs(rows, uint64(c))
		want := small.Forward(x, rows)
		wg.Go(func() {
			for i := range runs {
				n := 1 + (i+c)%rows
				clear(slot.Out)
				copy(slot.In, x)
				if err := s.Run(slot, n); !assert.NoError(t, err) {
					return
				}
				if !assert.NoError(t, same(want[:n*s.OutDim], slot.Out[:n*s.OutDim])) {
					return
				}
			}
		})
	}
	wg.Wait()
}

// Collections and garbage of the same size neither move nor overwrite what C holds.
func TestPinsUnderGCPressure(t *testing.T) {
	const rows = 4
	s := loaded(t, small, Options{})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			runtime.GC()
			for range 64 {
				waste := make([]float32, rows*s.InDim)
				for i := range waste {
					waste[i] = 1000
				}
			}
		}
	})
	x := small.Inputs(rows, 8)
	want := small.Forward(x, rows)
	for start := time.Now(); time.Since(start) < time.Second; {
		slot, err := s.NewSlot(rows)
		require.NoError(t, err)
		copy(slot.In, x)
		for n := 1; n <= rows; n++ {
			clear(slot.Out)
			require.NoError(t, s.Run(slot, n))
			require.NoError(t, same(want[:n*s.OutDim], slot.Out[:n*s.OutDim]))
		}
		require.NoError(t, slot.Close())
	}
	close(stop)
	wg.Wait()
}

// A slot that its owner forgot is closed by the collector, not by a crash.
func TestAForgottenSlotIsFreed(t *testing.T) {
	s := loaded(t, small, Options{})
	users := func() int {
		env.mu.Lock()
		defer env.mu.Unlock()
		return env.users
	}
	before := users()
	func() {
		slot, err := s.NewSlot(2)
		require.NoError(t, err)
		require.NoError(t, s.Run(slot, 1))
	}()
	require.Eventually(t, func() bool { runtime.GC(); return users() == before }, 10*time.Second, 10*time.Millisecond)
}

func TestRunRefuses(t *testing.T) {
	s, other := loaded(t, small, Options{}), loaded(t, small, Options{})
	slot := slotOf(t, s, 4)
	for _, n := range []int{0, -1, 5} {
		sentence(t, s.Run(slot, n), "of a slot for 4", "give 1 to 4")
	}
	require.ErrorIs(t, s.Run(nil, 1), errNoSlot)
	require.ErrorIs(t, s.Run(&Slot{}, 1), errSlotClosed)
	require.ErrorIs(t, other.Run(slot, 1), errSlotForeign)
	require.ErrorIs(t, (*Session)(nil).Run(slot, 1), errSessionClosed)
	require.ErrorIs(t, (&Session{}).Run(slot, 1), errSessionClosed)

	slot.busy.Store(true)
	require.ErrorIs(t, s.Run(slot, 1), errSlotBusy)
	require.ErrorIs(t, slot.Close(), errSlotBusy)
	slot.busy.Store(false)

	in := slot.In
	slot.In = make([]float32, len(in))
	require.ErrorIs(t, s.Run(slot, 1), errSlotBuffers)
	slot.In = nil
	require.ErrorIs(t, s.Run(slot, 1), errSlotBuffers)
	slot.In = in

	copy(slot.In, small.Inputs(4, 1))
	require.NoError(t, s.Run(slot, 4), "the slot is usable after all this")
	require.NoError(t, slot.Close())
	require.NoError(t, slot.Close(), "closing twice does nothing")
	require.NoError(t, (*Slot)(nil).Close())
	require.ErrorIs(t, s.Run(slot, 1), errSlotClosed)

	for _, rows := range []int{0, -1, maxRow} {
		_, err := s.NewSlot(rows)
		sentence(t, err, "rows was asked for")
	}
	sentence(t, Close(), "still open", "close them")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing twice does nothing")
	require.NoError(t, (*Session)(nil).Close())
	require.ErrorIs(t, s.Run(slot, 1), errSessionClosed)
	_, err := s.NewSlot(1)
	require.ErrorIs(t, err, errSessionClosed)
}

// Closing a session waits for the Runs under way and ends the later ones.
func TestCloseDuringRuns(t *testing.T) {
	s := loaded(t, small, Options{})
	var wg sync.WaitGroup
	for range 4 {
		slot := slotOf(t, s, 2)
		copy(slot.In, small.Inputs(2, 1))
		wg.Go(func() {
			for {
				if err := s.Run(slot, 2); err != nil {
					assert.ErrorIs(t, err, errSessionClosed)
					return
				}
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, s.Close())
	wg.Wait()
}

// A Run allocates what the binding allocates and nothing more.
func TestRunAllocations(t *testing.T) {
	s := loaded(t, small, Options{})
	slot := slotOf(t, s, 2)
	require.NoError(t, s.Run(slot, 2))
	c := slot.calls[2]
	bare := testing.AllocsPerRun(100, func() { _ = s.inner.Run(c.in[:], c.out[:]) })
	ours := testing.AllocsPerRun(100, func() { _ = s.Run(slot, 2) })
	assert.Equal(t, bare, ours)
}

func TestLoadRefuses(t *testing.T) {
	openLibrary(t)
	file, err := small.ONNX()
	require.NoError(t, err)
	// {dim_param: "batch"} and {dim_value: 1} of the same length.
	fixed := bytes.ReplaceAll(file, []byte("\x12\x05batch"), []byte("\x08\x81\x80\x80\x80\x80\x00"))
	require.NotEqual(t, file, fixed)
	for _, c := range []struct {
		name  string
		file  []byte
		o     Options
		parts []string
	}{
		{"nothing", nil, Options{}, []string{"model cannot be loaded"}},
		{"garbage", []byte("no model"), Options{}, []string{"model cannot be loaded"}},
		{"half a file", file[:len(file)/2], Options{}, []string{"model cannot be loaded"}},
		{"threads", file, Options{IntraOp: -1}, []string{"-1 threads", "0 or more"}},
		{"fixed batch", fixed, Options{}, []string{"fixed batch axis", `input "x" is [1 64]`, "dynamic first axis"}},
		{"several inputs", bindingModel(t, "example_several_inputs_and_outputs.onnx"), Options{}, []string{"inputs and", "one of each"}},
		{"float16", bindingModel(t, "example_float16.onnx"), Options{}, []string{"no float32 tensor"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.file, c.o)
			sentence(t, err, c.parts...)
		})
	}
	require.NoError(t, Close(), "a refused model leaves nothing open")
}

// bindingModel reads a model that the binding's module brings for its own tests.
func bindingModel(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	require.NoError(t, err)
	file, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "test_data", name))
	require.NoError(t, err)
	return file
}
