package observe

import (
	"bytes"
	"context"
	"runtime/trace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

// record traces f in this process.
func record(t *testing.T, f func()) *bytes.Buffer {
	t.Helper()
	if trace.IsEnabled() {
		t.Skip("this process is traced already")
	}
	var b bytes.Buffer
	require.NoError(t, trace.Start(&b))
	trace.Log(context.Background(), LogCategory, LogFrom)
	f()
	trace.Log(context.Background(), LogCategory, LogTo)
	trace.Stop()
	return &b
}

// TestReadTrace: a real execution trace passes the validator that simulated ones pass, and shows what the program did.
func TestReadTrace(t *testing.T) {
	const sleepers, nap = 20, 5 * time.Millisecond
	b := record(t, func() {
		var all sync.WaitGroup
		gate := make(chan struct{})
		for range sleepers {
			all.Go(func() {
				time.Sleep(nap)
				<-gate
			})
		}
		time.Sleep(4 * nap)
		close(gate)
		all.Wait()
	})
	got, err := ReadTrace(bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	require.NoError(t, lab.Validate(got.Moves))
	assert.Equal(t, lab.Measured, got.Side)
	assert.Greater(t, got.To-got.From, 4*nap)
	a := got.Activity()
	assert.Equal(t, got.To-got.From, a.Span)
	assert.GreaterOrEqual(t, a.Waiting[lab.Sleeping], sleepers*nap*9/10, "goroutines from before the trace, such as the test's own, do not count")
	assert.Less(t, a.Waiting[lab.Sleeping], sleepers*nap*4)
	assert.Greater(t, a.Waiting[lab.ChanReceive], sleepers*nap)
	assert.GreaterOrEqual(t, a.Starts, 3*sleepers, "each began, woke, and got through the gate")
	assert.Positive(t, a.PsBusy)
}

// Every trace of a program under load is legal, whatever the scheduler did.
func TestRealTracesAreLegal(t *testing.T) {
	b := record(t, func() {
		ping, pong := make(chan int), make(chan int)
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 200 {
					ping <- 1
					<-pong
				}
			})
			all.Go(func() {
				for range 200 {
					<-ping
					mu.Lock()
					time.Sleep(time.Microsecond)
					mu.Unlock()
					pong <- 1
				}
			})
		}
		all.Wait()
	})
	got, err := ReadTrace(b)
	require.NoError(t, err)
	require.NoError(t, lab.Validate(got.Moves))
}

func TestBadTraces(t *testing.T) {
	b := record(t, func() { time.Sleep(time.Millisecond) })
	_, err := ReadTrace(strings.NewReader("no trace"))
	assert.ErrorContains(t, err, "this is no Go execution trace")
	_, err = ReadTrace(bytes.NewReader(nil))
	assert.ErrorContains(t, err, "this is no Go execution trace")
	_, err = ReadTrace(bytes.NewReader(b.Bytes()[:b.Len()*2/3]))
	assert.Error(t, err, "a part of a trace")
}
