// Package model writes ONNX files from a seed, so that the laboratory ships no
// weights: the same seed gives the same file, byte for byte, on every machine.
//
// A file is written with a protobuf encoder of this package (proto.go): ONNX
// needs a dozen fields of onnx.proto and no generated code. Weights come from
// the raw bits of math/rand/v2's PCG, whose stream is specified, and from
// IEEE arithmetic that no compiler may fuse, so the file's checksum can be
// asserted in a test.
//
// Nothing here needs cgo or the inference library.
package model
