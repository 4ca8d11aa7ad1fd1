package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// field is one decoded protobuf field: a number, and either an integer or bytes.
type field struct {
	num  int
	v    uint64
	data []byte
}

// decode splits a message into its fields; a slow twin of the encoder.
func decode(t *testing.T, b []byte) []field {
	t.Helper()
	var fields []field
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		require.Positive(t, n)
		b = b[n:]
		v, n := binary.Uvarint(b)
		require.Positive(t, n)
		b = b[n:]
		f := field{num: int(key >> 3), v: v}
		if key&7 == wireBytes {
			require.LessOrEqual(t, v, uint64(len(b)))
			f.data, b = b[:v], b[v:]
		}
		fields = append(fields, f)
	}
	return fields
}

// all returns the payloads of one field.
func all(fields []field, num int) (out [][]byte) {
	for _, f := range fields {
		if f.num == num {
			out = append(out, f.data)
		}
	}
	return out
}

func TestONNXStructure(t *testing.T) {
	file, err := MLP{Dims: []int{3, 5, 2}, Seed: 1}.ONNX()
	require.NoError(t, err)
	top := decode(t, file)
	assert.EqualValues(t, irVersion, top[0].v)
	opset := decode(t, all(top, modelOpset)[0])
	assert.EqualValues(t, opsetVersion, opset[1].v)

	graph := decode(t, all(top, modelGraph)[0])
	var ops []string
	for _, n := range all(graph, graphNode) {
		node := decode(t, n)
		op := string(all(node, nodeOpType)[0])
		for _, in := range all(node, nodeInput) {
			op += " " + string(in)
		}
		ops = append(ops, op+" > "+string(all(node, nodeOutput)[0]))
	}
	assert.Equal(t, []string{"Gemm x w0 b0 > h0", "Relu h0 > r0", "Gemm r0 w1 b1 > y"}, ops)

	var sizes []int
	for _, w := range all(graph, graphInitializer) {
		sizes = append(sizes, len(all(decode(t, w), tensorRawData)[0]))
	}
	assert.Equal(t, []int{4 * 3 * 5, 4 * 5, 4 * 5 * 2, 4 * 2}, sizes)

	in := decode(t, all(graph, graphInput)[0])
	assert.Equal(t, "x", string(in[0].data))
	assert.Contains(t, string(in[1].data), "batch")
	out := decode(t, all(graph, graphOutput)[0])
	assert.Equal(t, "y", string(out[0].data))
	assert.Contains(t, string(out[1].data), "batch")
}

// The same seed gives the same bytes on every machine and Go release.
func TestONNXChecksum(t *testing.T) {
	for _, c := range []struct {
		m   MLP
		sum string
	}{
		{MLP{Dims: []int{4, 4}, Seed: 1}, "4cb2cf5ec9162a43a21423b4fb410d715468684003fe860210e458cc110c19f2"},
		{Headline, "62f7246385ca976306103002e6d4201bc329fd5b202f7f4561220e32e5c87cbd"},
	} {
		file, err := c.m.ONNX()
		require.NoError(t, err)
		sum := sha256.Sum256(file)
		assert.Equal(t, c.sum, hex.EncodeToString(sum[:]), "%v", c.m.Dims)
	}
}

func TestSeedsDiffer(t *testing.T) {
	a, err := MLP{Dims: []int{4, 4}, Seed: 1}.ONNX()
	require.NoError(t, err)
	b, err := MLP{Dims: []int{4, 4}, Seed: 2}.ONNX()
	require.NoError(t, err)
	assert.NotEqual(t, a, b)
	assert.Len(t, b, len(a))
}

func TestONNXRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		dims []int
		want string
	}{
		"none":     {nil, "at least 2 widths, not 0"},
		"one":      {[]int{4}, "at least 2 widths, not 1"},
		"zero":     {[]int{4, 0, 4}, "width 1 of the MLP is 0"},
		"negative": {[]int{-1, 4}, "width 0 of the MLP is -1"},
		"huge":     {[]int{4, math.MaxInt}, "width 1 of the MLP is"},
		"large":    {[]int{1 << 17, 1 << 17}, "take more than"},
	} {
		t.Run(name, func(t *testing.T) {
			m := MLP{Dims: c.dims}
			_, err := m.ONNX()
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.Nil(t, m.Inputs(1, 1))
			assert.Nil(t, m.Forward([]float32{1, 2, 3, 4}, 1))
		})
	}
}

// Forward is checked against one layer computed by hand from the same bytes.
func TestForwardByHand(t *testing.T) {
	m := MLP{Dims: []int{2, 3, 1}, Seed: 7}
	x := []float32{0.5, -2}
	w0, b0 := m.layer(0)
	w1, b1 := m.layer(1)
	y := float64(floatAt(b1, 0))
	for j := range 3 {
		h := float64(floatAt(b0, j)) + 0.5*float64(floatAt(w0, j)) - 2*float64(floatAt(w0, 3+j))
		y += float64(float32(max(h, 0))) * float64(floatAt(w1, j))
	}
	got := m.Forward(x, 1)
	require.Len(t, got, 1)
	assert.InDelta(t, y, float64(got[0]), 1e-6)

	two := m.Forward(append(x, x...), 2)
	assert.Equal(t, []float32{got[0], got[0]}, two, "rows are independent")
	assert.Nil(t, m.Forward(x, 2))
	assert.Nil(t, m.Forward(x, 0))
	assert.Nil(t, m.Forward(x, -1))
	assert.Nil(t, m.Forward(nil, 1))
}

func TestInputs(t *testing.T) {
	x := Headline.Inputs(32, 9)
	require.Len(t, x, 32*512)
	assert.NotContains(t, x, float32(0))
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(x))
	assert.InDelta(t, 0, sum/n, 4/math.Sqrt(n), "mean")
	assert.InDelta(t, 1, squares/n, 6/math.Sqrt(n), "variance")
	assert.Equal(t, x[:512], Headline.Inputs(1, 9), "a shorter batch is a prefix")
	assert.NotEqual(t, x[:512], Headline.Inputs(1, 10))
	assert.Nil(t, Headline.Inputs(0, 1))
	assert.Nil(t, Headline.Inputs(-3, 1))
	assert.Nil(t, Headline.Inputs(math.MaxInt, 1))
}

// Activations stay near 1 through the layers, so that no output is degenerate.
func TestActivationsKeepTheirScale(t *testing.T) {
	y := Headline.Forward(Headline.Inputs(2, 3), 2)
	var squares float64
	for _, v := range y {
		squares += float64(v) * float64(v)
	}
	rms := math.Sqrt(squares / float64(len(y)))
	assert.Greater(t, rms, 0.1)
	assert.Less(t, rms, 10.0)
}
