package realrun

import (
	"bytes"
	"encoding/gob"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
)

// stacksIn counts the goroutines whose stacks hold a name.
func stacksIn(name string) int {
	buf := make([]byte, 1<<20)
	n := 0
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, name) {
			n++
		}
	}
	return n
}

// echo is a workload in which each request sends a message and waits for its answer over another connection.
func echo(n int, message int64, buffer int64) lab.Workload {
	return lab.Workload{Name: "echo", Conns: []lab.Conn{{Name: "ping", Buffer: buffer}, {Name: "pong"}}, Classes: []lab.Class{
		{Name: "asks", Arrivals: lab.Arrivals{Kind: lab.Once, Count: n}, Steps: []lab.Step{
			{Do: lab.NetWrite, Name: "ping", Bytes: message}, {Do: lab.NetRead, Name: "pong", Bytes: 3}}},
		{Name: "answers", Arrivals: lab.Arrivals{Kind: lab.Once, Count: n}, Steps: []lab.Step{
			{Do: lab.NetRead, Name: "ping", Bytes: message}, {Do: lab.Sleep, Time: lab.Const(2 * ms)}, {Do: lab.NetWrite, Name: "pong", Bytes: 3}}},
	}}
}

func TestStepsWriteAndRead(t *testing.T) {
	res := runOnce(t, echo(5, 1000, 0))
	require.Len(t, res.Requests, 10)
	assert.Zero(t, res.Dropped)
	for _, q := range res.Requests {
		assert.GreaterOrEqual(t, q.End-q.Start, 2*ms, "an answer takes two milliseconds, and who asks waits for it")
	}
	assert.Zero(t, stacksIn("realrun.(*run).transfer"))
}

// A write that does not fit waits for the reader: so the buffer is of about the size asked for.
func TestAWriteBlocksOnAFullConnection(t *testing.T) {
	const buffer = lab.ConnBufferMin
	for _, c := range []struct {
		bytes  int64
		blocks bool
	}{{buffer / 2, false}, {4 * buffer, true}} {
		w := lab.Workload{Name: "full", Conns: []lab.Conn{{Name: "c", Buffer: buffer}}, Classes: []lab.Class{
			{Name: "writer", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{{Do: lab.NetWrite, Name: "c", Bytes: c.bytes}}},
			{Name: "reader", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{
				{Do: lab.Sleep, Time: lab.Const(300 * ms)}, {Do: lab.NetRead, Name: "c", Bytes: c.bytes}}}}}
		res := runOnce(t, w)
		require.Len(t, res.Requests, 2)
		for _, q := range res.Requests {
			if q.Class == 0 {
				assert.Equal(t, c.blocks, q.End-q.Start > 200*ms, "%d bytes took %v", c.bytes, q.End-q.Start)
			}
		}
	}
}

// A client that waits for bytes which no longer come is dropped at once, and leaves no goroutine behind.
func TestAReadThatNobodyAnswers(t *testing.T) {
	w := lab.Workload{Name: "alone", Run: 50 * ms, Conns: []lab.Conn{{Name: "c"}}, Classes: []lab.Class{
		{Name: "writer", Arrivals: lab.Arrivals{Kind: lab.Once, Count: 1}, Steps: []lab.Step{{Do: lab.NetWrite, Name: "c", Bytes: 10}}},
		{Name: "reader", Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 3}, Steps: []lab.Step{{Do: lab.NetRead, Name: "c", Bytes: 10}}}}}
	begin := time.Now()
	var out bytes.Buffer
	require.NoError(t, Child(t.Context(), input(t, envelope{Trial: lab.Trial{Workload: w}}), &out))
	var res lab.Result
	require.NoError(t, gob.NewDecoder(&out).Decode(&res))
	assert.Len(t, res.Requests, 2)
	assert.Equal(t, 3, res.Dropped)
	assert.Less(t, time.Since(begin), lab.DrainLimit/2)
	assert.Eventually(t, func() bool { return stacksIn("realrun.(*run).transfer") == 0 }, 5*time.Second, 5*ms)
}
