// Package safetensors reads and writes the safetensors format, in which
// models are exchanged with PyTorch and other frameworks.
//
// A file is an 8-byte little-endian header length, a JSON header and the
// tensors' bytes:
//
//	{"__metadata__": {"key": "text"},
//	 "name": {"dtype": "F32", "shape": [2,3], "data_offsets": [0,24]}}
//
// Tensors are row-major and little-endian, and fill the data without a gap or
// an overlap. An empty shape is a scalar.
//
// # Basics
//
// [Read] and [ReadFile] return every tensor of a file with its data converted
// to a Go slice. [Write] is deterministic: the same tensors and metadata give
// the same bytes, in whatever order the tensors are listed. They are laid out
// as the reference implementation does, widest type first and then by name,
// with the header padded so that each tensor is aligned to its element size.
// No bit of a number is changed, which includes the payloads of NaNs.
//
// # Caveats
//
// Files come from strangers, so reading is strict where a lenient reader
// would have to guess: a name or a key that occurs twice, an unknown key, text
// that is not UTF-8, a gap, an overlap and trailing bytes are all errors. What
// is refused is a [*FormatError]; what is allocated is bounded by a small
// multiple of the size of the input.
package safetensors
