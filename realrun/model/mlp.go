package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// MLP is a multi-layer perceptron: one Gemm per pair of neighbouring widths,
// with a Relu between the layers and none after the last. Its weights follow
// from Seed alone.
type MLP struct {
	Dims []int  // widths from the input to the output, at least two, each at least 1
	Seed uint64 // seed of the weights and biases
}

// Headline is the model of the headline experiments: 2.1 million parameters,
// 8.4 MB, larger than a core's second-level cache and smaller than a usual
// last-level cache, so that batching pays.
var Headline = MLP{Dims: []int{512, 1024, 1024, 512}, Seed: 20260101}

// maxFile bounds a file's weights: protobuf cannot carry 2 GiB.
const maxFile = 1 << 30

// inputStream is the PCG stream of Inputs. The streams of the layers count
// from 0, so no input shares one with a weight.
const inputStream = math.MaxUint64

// check says in one sentence why m cannot be written.
func (m MLP) check() error {
	if len(m.Dims) < 2 {
		return fmt.Errorf("model: an MLP needs at least 2 widths, not %d: give the input and the output width", len(m.Dims))
	}
	bytes := int64(0)
	for i, d := range m.Dims {
		if d < 1 || d > maxFile/4 {
			return fmt.Errorf("model: width %d of the MLP is %d: give a width from 1 to %d", i, d, maxFile/4)
		}
		if i == 0 {
			continue
		}
		if bytes += 4 * int64(d) * int64(m.Dims[i-1]+1); bytes > maxFile {
			return fmt.Errorf("model: the weights of the MLP %v take more than the %d bytes that an ONNX file may hold: give smaller widths", m.Dims, maxFile)
		}
	}
	return nil
}

// layer returns the weights of layer i, [in, out] in row-major order, and its
// biases, both as little-endian float32 bytes. The scale is 1/sqrt(in), which
// keeps activations near 1 through the layers.
func (m MLP) layer(i int) (weights, biases []byte) {
	in, out := m.Dims[i], m.Dims[i+1]
	src := rand.NewPCG(m.Seed, uint64(i))
	scale := math.Sqrt(3 / float64(in))
	weights = make([]byte, 0, 4*in*out)
	for range in * out {
		weights = appendFloat(weights, uniformSum(src)*scale)
	}
	biases = make([]byte, 0, 4*out)
	for range out {
		biases = appendFloat(biases, uniformSum(src)*scale)
	}
	return weights, biases
}

// uniformSum returns a roughly normal number with mean 0 and variance 1/3: the
// sum of four uniforms made of 16 bits each. It is never zero, because the
// doubled sum is shifted to an odd integer.
func uniformSum(src *rand.PCG) float64 {
	bits := src.Uint64()
	sum := int64(bits&0xffff + bits>>16&0xffff + bits>>32&0xffff + bits>>48)
	return float64(2*sum-4*0xffff+1) / (1 << 17)
}

func appendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
}

func floatAt(b []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
}

// ONNX returns the model as an ONNX file (IR version 8, opset 17) with the
// input "x" of [batch, first width] and the output "y" of [batch, last width];
// the batch axis is dynamic. It fails when Dims has fewer than two widths, a
// width below 1, or more weights than a file may hold.
func (m MLP) ONNX() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	last := len(m.Dims) - 2
	var graph []byte
	graph = appendBytes(graph, graphName, "mlp")
	from := "x"
	for i := 0; i <= last; i++ {
		w, b := fmt.Sprintf("w%d", i), fmt.Sprintf("b%d", i)
		to := fmt.Sprintf("h%d", i)
		if i == last {
			to = "y"
		}
		graph = appendNode(graph, "Gemm", fmt.Sprintf("gemm%d", i), []string{from, w, b}, to)
		if from = to; i < last {
			from = fmt.Sprintf("r%d", i)
			graph = appendNode(graph, "Relu", fmt.Sprintf("relu%d", i), []string{to}, from)
		}
		weights, biases := m.layer(i)
		graph = appendWeights(graph, w, weights, m.Dims[i], m.Dims[i+1])
		graph = appendWeights(graph, b, biases, m.Dims[i+1])
	}
	graph = appendValue(graph, graphInput, "x", m.Dims[0])
	graph = appendValue(graph, graphOutput, "y", m.Dims[last+1])
	return appendModel(make([]byte, 0, len(graph)+64), graph), nil
}

// Forward computes the model in plain Go: x holds batch rows of the first
// width, the result batch rows of the last. It is the reference that tests
// compare an inference library with (sums are taken in float64), not a fast
// implementation. It returns nil when x is not batch rows or ONNX would fail.
func (m MLP) Forward(x []float32, batch int) []float32 {
	if m.check() != nil || batch < 1 || len(x)/batch != m.Dims[0] || len(x)%batch != 0 {
		return nil
	}
	for i := range len(m.Dims) - 1 {
		in, out := m.Dims[i], m.Dims[i+1]
		weights, biases := m.layer(i)
		y := make([]float32, batch*out)
		sums := make([]float64, out)
		for row := range batch {
			for j := range sums {
				sums[j] = float64(floatAt(biases, j))
			}
			for k, v := range x[row*in : (row+1)*in] {
				for j := range sums {
					sums[j] += float64(v) * float64(floatAt(weights, k*out+j))
				}
			}
			for j, s := range sums {
				if i < len(m.Dims)-2 {
					s = max(s, 0)
				}
				y[row*out+j] = float32(s)
			}
		}
		x = y
	}
	return x
}

// Inputs returns batch rows of random inputs with mean 0 and variance 1, none
// of them zero: some matrix kernels skip zeros, so a model fed with zeros runs
// many times too fast. The first n rows for a seed are the same at every batch
// size. It returns nil for a batch below 1 or a model that ONNX would refuse.
func (m MLP) Inputs(batch int, seed uint64) []float32 {
	if m.check() != nil || batch < 1 || batch > maxFile/4/m.Dims[0] {
		return nil
	}
	src := rand.NewPCG(seed, inputStream)
	x := make([]float32, batch*m.Dims[0])
	for i := range x {
		x[i] = float32(uniformSum(src) * math.Sqrt(3))
	}
	return x
}
