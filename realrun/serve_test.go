package realrun

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/model"
)

var inferStep = lab.Step{Do: lab.Infer, Name: "mlp"}

func TestInferInEveryWayOfServing(t *testing.T) {
	lib := library(t)
	for _, k := range []lab.Knobs{
		{Serve: lab.Direct},
		{Serve: lab.Semaphore, Permits: 1},
		{Serve: lab.Batched, Workers: 2, Batcher: lab.Batcher{Max: 3}},
		{Serve: lab.Batched, Batcher: lab.Batcher{Max: 8, Wait: 2 * ms}, IntraOp: 2},
	} {
		t.Run(k.Serve.String(), func(t *testing.T) {
			w := closed(8, lab.Dist{}, inferStep)
			w.Classes = append(w.Classes, lab.Class{Name: "open", Steps: []lab.Step{inferStep},
				Arrivals: lab.Arrivals{Kind: lab.Every, Rate: 200, Generator: lab.InProcess}})
			res := inProcess(t, envelope{Trial: lab.Trial{Workload: w, Knobs: k}, Library: lib})
			assert.Greater(t, len(res.Requests), 8)
			assert.Greater(t, res.Values["/cgo/go-to-c-calls:calls"], 8.0)
			if k.Serve != lab.Batched {
				assert.Empty(t, res.Batches)
				return
			}
			assert.LessOrEqual(t, int(slices.Max(res.Batches)), k.Batcher.Max)
			assert.GreaterOrEqual(t, int(slices.Max(res.Batches)), 2)
		})
	}
}

// TestInferBatchedWaitsForCompany: with 4 clients and a long wait every batch has all four.
func TestInferBatchedWaitsForCompany(t *testing.T) {
	k := lab.Knobs{Serve: lab.Batched, Batcher: lab.Batcher{Max: 4, Wait: time.Second}}
	res := inProcess(t, envelope{Trial: lab.Trial{Workload: closed(4, lab.Const(ms), inferStep), Knobs: k}, Library: library(t)})
	require.NotEmpty(t, res.Batches)
	full := 0
	for _, n := range res.Batches {
		if n == 4 {
			full++
		}
	}
	assert.Greater(t, full, 3*len(res.Batches)/4)
}

// TestInferBatchedSleepsWhileItWaits: a lone client waits the whole time, and the worker meanwhile burns no CPU.
func TestInferBatchedSleepsWhileItWaits(t *testing.T) {
	k := lab.Knobs{Serve: lab.Batched, Batcher: lab.Batcher{Max: 4, Wait: 30 * ms}}
	res := inProcess(t, envelope{Trial: lab.Trial{Workload: closed(1, lab.Dist{}, inferStep), Knobs: k}, Library: library(t)})
	assert.GreaterOrEqual(t, slices.Min(took(res)), 30*ms)
	assert.Less(t, res.Values["/cpu/used:cores"], 0.3)
}

// TestInferBatchedGivesEachRequestItsOwnAnswer compares the outputs with the model in plain Go.
func TestInferBatchedGivesEachRequestItsOwnAnswer(t *testing.T) {
	const n = 5
	knobs := lab.Knobs{Serve: lab.Batched, Workers: 2, Batcher: lab.Batcher{Max: 3, Wait: 5 * ms}}
	r, err := newRun(envelope{Trial: lab.Trial{Workload: once(1, inferStep), Knobs: knobs, Seed: 5}, Library: library(t)})
	require.NoError(t, err)
	r.zero = time.Now()
	requests, done := make([]request, n), make(chan error)
	for i := range requests {
		go func() { done <- r.service.infer(&requests[i], uint64(i)) }()
	}
	for range requests {
		require.NoError(t, <-done)
	}
	want := model.Headline.Forward(model.Headline.Inputs(n, 5), n)
	for i := range requests {
		out := requests[i].pending.out
		assert.InDeltaSlice(t, want[i*len(out):(i+1)*len(out)], out, 1e-4, "request %d", i)
	}
	r.leave()
	r.close()
}

func TestInferAllocatesNoSlotDuringTheRun(t *testing.T) {
	r, err := newRun(envelope{Trial: lab.Trial{Workload: closed(5, lab.Dist{}, inferStep)}, Library: library(t)})
	require.NoError(t, err)
	made := len(r.service.all)
	for i, q := range r.clients()[0] {
		require.NotNil(t, q.slot)
		require.NoError(t, r.service.infer(q, uint64(i)))
	}
	assert.Len(t, r.service.all, made)
	require.NoError(t, r.service.infer(&request{}, 1)) // not a client: it takes a free slot, here a new one
	require.NoError(t, r.service.infer(&request{}, 2))
	assert.LessOrEqual(t, len(r.service.all), made+1)
	r.leave()
	r.close()
}
