package model

// The protobuf wire format, as far as ONNX needs it: varints and
// length-delimited fields. A message is the concatenation of its fields, so
// each function appends one field to a byte slice.

// Wire types of the protobuf encoding.
const (
	wireVarint = 0
	wireBytes  = 2
)

// appendVarint appends v in base 128, low groups first.
func appendVarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// appendInt appends an integer field.
func appendInt(b []byte, field int, v uint64) []byte {
	b = appendVarint(b, uint64(field)<<3|wireVarint)
	return appendVarint(b, v)
}

// appendBytes appends a field that carries bytes, a string or a message.
func appendBytes[T ~[]byte | ~string](b []byte, field int, v T) []byte {
	b = appendVarint(b, uint64(field)<<3|wireBytes)
	b = appendVarint(b, uint64(len(v)))
	return append(b, v...)
}

// What the files of this package say about themselves. Opset 17 is the first
// with LayerNormalization; IR version 8 belongs to it.
const (
	irVersion    = 8
	opsetVersion = 17
	producer     = "gmplab"
	elemFloat    = 1 // TensorProto.FLOAT
)

// Field numbers of onnx.proto.
const (
	modelIRVersion, modelProducer, modelGraph, modelOpset = 1, 2, 7, 8
	opsetDomain, opsetNumber                              = 1, 2
	graphNode, graphName, graphInitializer                = 1, 2, 5
	graphInput, graphOutput                               = 11, 12
	nodeInput, nodeOutput, nodeName, nodeOpType           = 1, 2, 3, 4
	tensorDims, tensorDataType, tensorName, tensorRawData = 1, 2, 8, 9
	valueName, valueType, typeTensor                      = 1, 2, 1
	tensorTypeElem, tensorTypeShape, shapeDim             = 1, 2, 1
	dimValue, dimParam                                    = 1, 2
)

// appendModel appends the ModelProto around a graph.
func appendModel(b, graph []byte) []byte {
	b = appendInt(b, modelIRVersion, irVersion)
	b = appendBytes(b, modelProducer, producer)
	b = appendBytes(b, modelGraph, graph)
	var opset []byte
	opset = appendBytes(opset, opsetDomain, "")
	opset = appendInt(opset, opsetNumber, opsetVersion)
	return appendBytes(b, modelOpset, opset)
}

// appendNode appends a NodeProto without attributes to a graph.
func appendNode(graph []byte, op, name string, inputs []string, output string) []byte {
	var n []byte
	for _, in := range inputs {
		n = appendBytes(n, nodeInput, in)
	}
	n = appendBytes(n, nodeOutput, output)
	n = appendBytes(n, nodeName, name)
	n = appendBytes(n, nodeOpType, op)
	return appendBytes(graph, graphNode, n)
}

// appendWeights appends an initializer: a float tensor whose raw little-endian
// bytes are given.
func appendWeights(graph []byte, name string, raw []byte, dims ...int) []byte {
	t := make([]byte, 0, len(raw)+64)
	for _, d := range dims {
		t = appendInt(t, tensorDims, uint64(d))
	}
	t = appendInt(t, tensorDataType, elemFloat)
	t = appendBytes(t, tensorName, name)
	t = appendBytes(t, tensorRawData, raw)
	return appendBytes(graph, graphInitializer, t)
}

// appendValue appends a graph input or output (field says which) of the shape
// [batch, width]. The named dimension is all that a dynamic axis takes.
func appendValue(graph []byte, field int, name string, width int) []byte {
	var shape []byte
	shape = appendBytes(shape, shapeDim, appendBytes(nil, dimParam, "batch"))
	shape = appendBytes(shape, shapeDim, appendInt(nil, dimValue, uint64(width)))
	var tensor []byte
	tensor = appendInt(tensor, tensorTypeElem, elemFloat)
	tensor = appendBytes(tensor, tensorTypeShape, shape)
	var v []byte
	v = appendBytes(v, valueName, name)
	v = appendBytes(v, valueType, appendBytes(nil, typeTensor, tensor))
	return appendBytes(graph, field, v)
}
