// Package golden reads reference vectors computed by PyTorch, one case a file. testdata holds a set of them with the
// program that made it; the environment variable BPTT_GOLDEN names a directory with another.
package golden

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/safetensors"
)

// Case is one file: what it is a case of, in JSON, and its tensors.
type Case struct {
	Op string

	spec    []byte
	tensors *safetensors.File
}

// Decode fills v from the JSON object that describes the case. Its fields depend on the op.
func (c *Case) Decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(c.spec, v); err != nil {
		t.Fatal(err)
	}
}

// Run runs a subtest for every case of the given ops, named after its file. The directory is BPTT_GOLDEN if that is
// set, else the given one. It fails if there is no case at all.
func Run(t *testing.T, dir string, ops []string, test func(t *testing.T, c *Case)) {
	if d := os.Getenv("BPTT_GOLDEN"); d != "" {
		dir = d
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no reference vectors in %s (%v)", dir, err)
	}
	ran := 0
	for _, file := range files {
		f, err := safetensors.ReadFile(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		c := &Case{spec: []byte(f.Metadata["case"]), tensors: f}
		if err := json.Unmarshal(c.spec, c); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if !slices.Contains(ops, c.Op) {
			continue
		}
		ran++
		t.Run(strings.TrimSuffix(filepath.Base(file), ".safetensors"), func(t *testing.T) { test(t, c) })
	}
	if ran == 0 {
		t.Errorf("no case of %v in %s", ops, dir)
	}
}

// Precision is that of a case's tensors: float32 if any is.
func (c *Case) Precision() graph.DType {
	for _, v := range c.tensors.Tensors {
		if v.DType == safetensors.F32 {
			return graph.Float32
		}
	}
	return graph.Float64
}

// Has reports whether the case has a tensor.
func (c *Case) Has(name string) bool {
	_, ok := c.tensors.Tensor(name)
	return ok
}

// Tensor returns a floating-point tensor in float64.
func (c *Case) Tensor(t *testing.T, name string) *graph.Tensor {
	t.Helper()
	v, ok := c.tensors.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %q", name)
	}
	out := graph.NewTensor(graph.Float64, v.Shape...)
	switch data := v.Data.(type) {
	case []float64:
		copy(out.F64, data)
	case []float32:
		for i, x := range data {
			out.F64[i] = float64(x)
		}
	default:
		t.Fatalf("tensor %q is of type %s", name, v.DType)
	}
	return out
}

// Ints returns a tensor of integers.
func (c *Case) Ints(t *testing.T, name string) []int32 {
	t.Helper()
	v, ok := c.tensors.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %q", name)
	}
	data, ok := v.Data.([]int64)
	if !ok {
		t.Fatalf("tensor %q is of type %s", name, v.DType)
	}
	out := make([]int32, len(data))
	for i, x := range data {
		out[i] = int32(x)
	}
	return out
}

// SetParams sets parameters from the tensors "param.<name>", and fails if a name or shape differs or one is left over.
func (c *Case) SetParams(t *testing.T, params []graph.NamedParam) {
	t.Helper()
	names := map[string]bool{}
	for _, p := range params {
		v := c.Tensor(t, "param."+p.Name)
		if !slices.Equal(v.Shape, p.Shape()) {
			t.Fatalf("%s has shape %v, PyTorch's has %v", p.Name, p.Shape(), v.Shape)
		}
		if err := p.Value.Copy(v); err != nil {
			t.Fatal(err)
		}
		names["param."+p.Name] = true
	}
	for _, v := range c.tensors.Tensors {
		if strings.HasPrefix(v.Name, "param.") && !names[v.Name] {
			t.Errorf("PyTorch's %s is not a parameter here", v.Name)
		}
	}
}

// Compare holds a tensor against the case's, within 1e-9 of its largest element in float64 and 2e-5 in float32.
func (c *Case) Compare(t *testing.T, name string, got *graph.Tensor) {
	t.Helper()
	want := c.Tensor(t, name)
	if got == nil || got.Len() != want.Len() {
		t.Errorf("%s: got %v, want %v", name, got, want.Shape)
		return
	}
	tolerance := 1e-9
	if c.Precision() == graph.Float32 {
		tolerance = 2e-5
	}
	largest := 0.0
	for _, v := range want.F64 {
		largest = math.Max(largest, math.Abs(v))
	}
	for i, w := range want.F64 {
		if g := got.At(i); !(math.Abs(g-w) <= tolerance*largest) {
			t.Errorf("%s[%d] = %.12g, want %.12g (largest %.3g)", name, i, g, w, largest)
			return
		}
	}
}
