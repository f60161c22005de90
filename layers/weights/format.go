package weights

import (
	"fmt"
	"io"
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/npz"
	"github.com/gobptt/bptt/internal/safetensors"
)

// format is a kind of file.
type format struct {
	write func(w io.Writer, tensors []tensor) error
	read  func(r source, size int64) (map[string]stored, error)
}

// formats are by extension.
var formats = map[string]format{
	".safetensors": {
		writeSafetensors,
		func(r source, size int64) (map[string]stored, error) { return readSafetensors(r, size) },
	},
	".npz": {writeNPZ, readNPZ},
}

// source is a file that is read.
type source interface {
	io.Reader
	io.ReaderAt
}

// tensor is one of a file that is written.
type tensor struct {
	name string
	*graph.Tensor
}

// stored is a tensor of a file that is read. Its numbers may not have been read yet: those of a shape that isn't wanted
// never are, however many a file says that it has.
type stored struct {
	shape func() ([]int, error)
	read  func() (*graph.Tensor, error) // without its shape
}

func writeSafetensors(w io.Writer, tensors []tensor) error {
	f := &safetensors.File{}
	for _, t := range tensors {
		v := safetensors.Tensor{Name: t.name, DType: safetensors.F32, Shape: t.Shape, Data: t.F32}
		if t.DType() == graph.Float64 {
			v.DType, v.Data = safetensors.F64, t.F64
		}
		f.Tensors = append(f.Tensors, v)
	}
	return safetensors.Write(w, f)
}

func readSafetensors(r io.Reader, size int64) (map[string]stored, error) {
	f, err := safetensors.Read(r, size)
	if err != nil {
		return nil, err
	}
	tensors := map[string]stored{}
	for _, t := range f.Tensors {
		tensors[t.Name] = stored{
			shape: func() ([]int, error) { return t.Shape, nil },
			read: func() (*graph.Tensor, error) {
				switch data := t.Data.(type) {
				case []float64:
					return &graph.Tensor{F64: data}, nil
				case []float32:
					return &graph.Tensor{F32: data}, nil
				case []uint16:
					switch t.DType {
					case safetensors.F16:
						return &graph.Tensor{F32: widen(data, half)}, nil
					case safetensors.BF16:
						return &graph.Tensor{F32: widen(data, brain)}, nil
					}
				}
				return nil, fmt.Errorf("elements are of type %s, want F16, BF16, F32 or F64", t.DType)
			},
		}
	}
	return tensors, nil
}

func writeNPZ(w io.Writer, tensors []tensor) error {
	arrays := make([]npz.Array, len(tensors))
	for i, t := range tensors {
		arrays[i] = npz.Array{Name: t.name, Shape: t.Shape, Data: t.F32}
		if t.DType() == graph.Float64 {
			arrays[i].Data = t.F64
		}
	}
	return npz.Write(w, arrays)
}

func readNPZ(r source, size int64) (map[string]stored, error) {
	entries, err := npz.Open(r, size)
	if err != nil {
		return nil, err
	}
	tensors := map[string]stored{}
	for _, e := range entries {
		tensors[e.Name] = stored{
			shape: e.Shape,
			read: func() (*graph.Tensor, error) {
				data, err := e.Read()
				switch data := data.(type) {
				case []float64:
					return &graph.Tensor{F64: data}, nil
				case []float32:
					return &graph.Tensor{F32: data}, nil
				case []uint16:
					return &graph.Tensor{F32: widen(data, half)}, nil
				}
				return nil, err
			},
		}
	}
	return tensors, nil
}

// widen converts numbers of 16 bits.
func widen(bits []uint16, convert func(uint16) float32) []float32 {
	out := make([]float32, len(bits))
	for i, b := range bits {
		out[i] = convert(b)
	}
	return out
}

// half converts a number in IEEE 754's half precision: 1 bit of sign, 5 of exponent, 10 of fraction.
func half(b uint16) float32 {
	sign, exponent, fraction := uint32(b>>15), uint32(b>>10&31), uint32(b&1023)
	switch exponent {
	case 0: // subnormal
		v := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign<<31)
	case 31: // infinite, or not a number
		exponent = 255 - 112
	}
	return math.Float32frombits(sign<<31 | (exponent+112)<<23 | fraction<<13)
}

// brain converts a bfloat16, the upper half of a float32.
func brain(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
