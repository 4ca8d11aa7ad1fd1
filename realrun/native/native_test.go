//go:build cgo && linux

package native_test

import (
	"errors"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab/realrun/native"
)

// busy is the CPU that f used on one thread.
func busy(t *testing.T, f func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := native.ThreadCPU()
	require.NoError(t, err)
	f()
	after, err := native.ThreadCPU()
	require.NoError(t, err)
	return after - before
}

func TestSpinCCostsAsMuchAsTheGoChain(t *testing.T) {
	const links = 20_000_000
	inGo := busy(t, func() { sink = native.Chain(links) })
	inC := busy(t, func() { require.NoError(t, native.SpinC(links)) })
	assert.Greater(t, inC, inGo/3)
	assert.Less(t, inC, inGo*3)
}

func TestSleepCLastsAndUsesNoCPU(t *testing.T) {
	from := time.Now()
	used := busy(t, func() { require.NoError(t, native.SleepC(30*time.Millisecond)) })
	assert.GreaterOrEqual(t, time.Since(from), 30*time.Millisecond)
	assert.Less(t, used, 10*time.Millisecond)
	require.NoError(t, native.SleepC(-time.Second))
}

func TestNopAndCheck(t *testing.T) {
	require.NoError(t, native.Nop())
	require.NoError(t, native.Check())
}

func TestGeneratorWritesEveryArrivalOnceAndNotEarly(t *testing.T) {
	var due []time.Duration
	for i := range 3000 { // the first half is due at once: more than one write, and more than one read
		due = append(due, time.Duration(max(i-1500, 0))*10*time.Microsecond)
	}
	zero, err := native.Monotonic()
	require.NoError(t, err)
	g, err := native.StartGenerator(zero, due)
	require.NoError(t, err)
	next, index := uint32(0), make([]uint32, 100)
	for {
		n, err := g.Read(index)
		now, _ := native.Monotonic()
		for _, i := range index[:n] {
			require.Equal(t, next, i)
			require.GreaterOrEqual(t, now-zero, int64(due[i]))
			next++
		}
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
	}
	assert.EqualValues(t, len(due), next)
	require.NoError(t, g.Stop())
	require.NoError(t, g.Stop())
}

func TestGeneratorStopsWhileNothingIsDue(t *testing.T) {
	zero, err := native.Monotonic()
	require.NoError(t, err)
	g, err := native.StartGenerator(zero, []time.Duration{time.Hour})
	require.NoError(t, err)
	end := make(chan error)
	go func() {
		_, err := g.Read(make([]uint32, 1))
		end <- err
	}()
	time.Sleep(5 * time.Millisecond)
	require.NoError(t, g.Stop())
	assert.True(t, errors.Is(<-end, os.ErrClosed))
}

func TestGeneratorStopsWhileThePipeIsFull(t *testing.T) {
	zero, err := native.Monotonic()
	require.NoError(t, err)
	g, err := native.StartGenerator(zero, make([]time.Duration, 1<<20))
	require.NoError(t, err)
	time.Sleep(5 * time.Millisecond)
	require.NoError(t, g.Stop())
}

func TestGeneratorWithoutArrivalsIsAtItsEnd(t *testing.T) {
	g, err := native.StartGenerator(0, nil)
	require.NoError(t, err)
	_, err = g.Read(make([]uint32, 1))
	assert.Equal(t, io.EOF, err)
	require.NoError(t, g.Stop())
}
