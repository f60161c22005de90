package train

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/safetensors"
)

// writeWeights writes parameters as a safetensors file.
func writeWeights(w io.Writer, params []graph.NamedParam) error {
	tensors := map[string]*graph.Tensor{}
	for _, p := range params {
		tensors[p.Name] = p.Value
	}
	return writeTensors(w, tensors)
}

// readWeights reads tensors that fit the parameters: a tensor of the same name and shape for each and no others.
func readWeights(path string, data []byte, params []graph.NamedParam) (map[string]*graph.Tensor, error) {
	tensors, err := readTensors(data)
	if err != nil {
		return nil, &CheckpointError{Path: path, Err: err}
	}
	for _, p := range params {
		t := tensors[p.Name]
		switch {
		case t == nil:
			return nil, &CheckpointError{Path: path, What: "tensor " + p.Name, Got: "missing", Want: fmt.Sprint("shape ", p.Shape())}
		case !slices.Equal(t.Shape, p.Shape()):
			return nil, &CheckpointError{Path: path, What: "tensor " + p.Name, Got: fmt.Sprint("of shape ", t.Shape), Want: fmt.Sprint(p.Shape())}
		}
	}
	if len(tensors) != len(params) {
		for _, name := range slices.Sorted(maps.Keys(tensors)) {
			if !slices.ContainsFunc(params, func(p graph.NamedParam) bool { return p.Name == name }) {
				return nil, &CheckpointError{Path: path, What: "tensor " + name, Got: "in the file", Want: "only the model's parameters"}
			}
		}
	}
	return tensors, nil
}

func setWeights(params []graph.NamedParam, tensors map[string]*graph.Tensor) error {
	for _, p := range params {
		if err := p.Value.Copy(tensors[p.Name]); err != nil {
			return err
		}
	}
	return nil
}

func writeTensors(w io.Writer, tensors map[string]*graph.Tensor) error {
	f := &safetensors.File{}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		t := tensors[name]
		if t.DType() == graph.Float64 {
			f.Tensors = append(f.Tensors, safetensors.Tensor{Name: name, DType: safetensors.F64, Shape: t.Shape, Data: t.F64})
		} else {
			f.Tensors = append(f.Tensors, safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: t.Shape, Data: t.F32})
		}
	}
	return safetensors.Write(w, f)
}

func readTensors(data []byte) (map[string]*graph.Tensor, error) {
	f, err := safetensors.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	out := map[string]*graph.Tensor{}
	for _, t := range f.Tensors {
		switch v := t.Data.(type) {
		case []float32:
			out[t.Name] = &graph.Tensor{Shape: t.Shape, F32: v}
		case []float64:
			out[t.Name] = &graph.Tensor{Shape: t.Shape, F64: v}
		default:
			return nil, fmt.Errorf("tensor %s is of type %s, want F32 or F64", t.Name, t.DType)
		}
	}
	return out, nil
}
