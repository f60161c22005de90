package weights_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/npz"
	"github.com/gobptt/bptt/internal/safetensors"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/weights"
)

// linear is a small model, with 0.weight [2, 3] and 0.bias [2].
func linear(seed uint64) layers.Layer {
	return layers.Sequential{layers.NewLinear(3, 2, source(seed))}
}

func encode(t testing.TB, params []graph.NamedParam, o weights.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := weights.Write(&b, params, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func decode(file string, params []graph.NamedParam, o weights.Options) error {
	return weights.Read(strings.NewReader(file), int64(len(file)), params, o)
}

func pack(t testing.TB, tensors ...safetensors.Tensor) string {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, &safetensors.File{Tensors: tensors}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStream(t *testing.T) {
	for _, layout := range []weights.Layout{weights.PyTorch, weights.Keras, weights.Flax} {
		from, to, o := linear(1).Params(), linear(2).Params(), weights.Options{Layout: layout}
		file := encode(t, from, o)
		if err := decode(file, to, o); err != nil {
			t.Fatal(err)
		}
		if encode(t, to, o) != file {
			t.Errorf("%s: weights differ", layout)
		}
	}
}

// The extension counts in any case, and a file takes the place of another.
func TestSaveReplaces(t *testing.T) {
	dir := t.TempDir()
	for _, extension := range []string{".safetensors", ".npz", ".NPZ"} {
		path := filepath.Join(dir, "model"+extension)
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		from, to := linear(1).Params(), linear(2).Params()
		if err := weights.Save(path, from, weights.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := weights.Load(path, to, weights.Options{}); err != nil {
			t.Fatal(err)
		}
		if encode(t, to, weights.Options{}) != encode(t, from, weights.Options{}) {
			t.Errorf("%s: weights differ", extension)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("left %v, %v", left, err)
	}
}

// Other precisions are converted exactly where they can be.
func TestPrecisions(t *testing.T) {
	want := []float32{1, -2, 0.5, 65504, 1.0 / (1 << 24), 1.0 / (1 << 14)} // largest, smallest and smallest normal half
	halves := []uint16{0x3c00, 0xc000, 0x3800, 0x7bff, 0x0001, 0x0400}
	brains := []uint16{0x3f80, 0xc000, 0x3f00, 0x4780, 0x3380, 0x3880}
	doubles := make([]float64, len(want))
	for i, v := range want {
		doubles[i] = float64(v)
	}
	for _, v := range []safetensors.Tensor{
		{DType: safetensors.F16, Data: halves},
		{DType: safetensors.BF16, Data: brains},
		{DType: safetensors.F32, Data: want},
		{DType: safetensors.F64, Data: doubles},
	} {
		v.Name, v.Shape = "0.weight", []int{2, 3}
		file := pack(t, v, safetensors.Tensor{Name: "0.bias", DType: safetensors.F32, Shape: []int{2}, Data: make([]float32, 2)})
		for _, d := range []graph.DType{graph.Float32, graph.Float64} {
			p := linear(1).Params()
			graph.SetDType(p, d)
			if err := decode(file, p, weights.Options{}); err != nil {
				t.Fatal(err)
			}
			expect := slices.Clone(doubles)
			if v.DType == safetensors.BF16 {
				expect[3] = 65536 // the nearest that a bfloat16 can hold
			}
			if got := p[0].Value.Floats(); !slices.Equal(got, expect) || p[0].DType() != d {
				t.Errorf("%s into %v: %v, want %v", v.DType, d, got, expect)
			}
		}
	}
	special := pack(t,
		safetensors.Tensor{Name: "0.weight", DType: safetensors.F16, Shape: []int{2, 3}, Data: []uint16{0x7c00, 0xfc00, 0x7e00, 0x8000, 0x83ff, 0}},
		safetensors.Tensor{Name: "0.bias", DType: safetensors.BF16, Shape: []int{2}, Data: []uint16{0x7f80, 0x7fc0}})
	p := linear(1).Params()
	if err := decode(special, p, weights.Options{}); err != nil {
		t.Fatal(err)
	}
	w := append(p[0].Value.Floats(), p[1].Value.Floats()...)
	if !math.IsInf(w[0], 1) || !math.IsInf(w[1], -1) || !math.IsNaN(w[2]) || w[3] != 0 || !math.Signbit(w[3]) ||
		w[4] != -1023.0/(1<<24) || w[5] != 0 || !math.IsInf(w[6], 1) || !math.IsNaN(w[7]) {
		t.Errorf("special numbers became %v", w)
	}
	npzFile := writeNPZ(t, temporary(t),
		npz.Array{Name: "0.weight", Shape: []int{2, 3}, Data: doubles},
		npz.Array{Name: "0.bias", Shape: []int{2}, Data: []float32{1, 2}})
	if err := weights.Load(npzFile, p, weights.Options{}); err != nil || !slices.Equal(p[0].Value.Floats(), doubles) {
		t.Errorf("%v, %v", p[0].Value.Floats(), err)
	}
}

// A file that doesn't fit is refused with the name of the tensor, and nothing is changed.
func TestLoadRefuses(t *testing.T) {
	f32 := func(name string, data []float32, shape ...int) safetensors.Tensor {
		return safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shape, Data: data}
	}
	weight, bias := f32("0.weight", make([]float32, 6), 2, 3), f32("0.bias", make([]float32, 2), 2)
	whole := pack(t, weight, bias)
	for _, c := range []struct {
		name, file, tensor, mention string
	}{
		{"missing", pack(t, weight), "0.bias", "missing, want shape [2]"},
		{"extra", pack(t, weight, bias, f32("1.bias", nil, 0)), "1.bias", "in the file"},
		{"renamed", pack(t, weight, f32("b", make([]float32, 2), 2)), "0.bias", "missing (unknown: b)"},
		{"all others", pack(t, f32("a", []float32{1}, 1), f32("b", []float32{1}, 1), f32("c", []float32{1}, 1), f32("d", []float32{1}, 1), f32("e", []float32{1}, 1)),
			"0.weight", "missing (unknown are a, b, c and 2 more)"},
		{"transposed", pack(t, f32("0.weight", make([]float32, 6), 3, 2), bias), "0.weight", "of shape [3 2], want [2 3]"},
		{"flat", pack(t, f32("0.weight", make([]float32, 6), 6), bias), "0.weight", "of shape [6], want [2 3]"},
		{"integers", pack(t, weight, safetensors.Tensor{Name: "0.bias", DType: safetensors.I64, Shape: []int{2}, Data: make([]int64, 2)}), "0.bias", "I64"},
		{"16 bits", pack(t, weight, safetensors.Tensor{Name: "0.bias", DType: safetensors.U16, Shape: []int{2}, Data: make([]uint16, 2)}), "0.bias", "U16"},
		{"too large", pack(t, weight, safetensors.Tensor{Name: "0.bias", DType: safetensors.F64, Shape: []int{2}, Data: []float64{1, 1e300}}), "0.bias", "1e+300 at 1"},
		{"nothing", "", "", "too few"},
		{"no tensors", pack(t), "0.weight", "missing"},
		{"cut", whole[:len(whole)-1], "", "safetensors"},
		{"text", strings.Repeat("no weights ", 100), "", "safetensors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := linear(1).Params()
			before := encode(t, p, weights.Options{})
			path := filepath.Join(t.TempDir(), "w.safetensors")
			if err := os.WriteFile(path, []byte(c.file), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, err := range []error{weights.Load(path, p, weights.Options{}), decode(c.file, p, weights.Options{})} {
				var fe *weights.FileError
				if !errors.As(err, &fe) || fe.Tensor != c.tensor || !strings.Contains(err.Error(), c.mention) || strings.Contains(err.Error(), "\n") {
					t.Errorf("got %v, want a *FileError for %q that mentions %q", err, c.tensor, c.mention)
				}
				if fe != nil && fe.Path != "" && !strings.Contains(err.Error(), path) {
					t.Errorf("no path in %v", err)
				}
			}
			if encode(t, p, weights.Options{}) != before {
				t.Error("weights have changed")
			}
		})
	}
}

// The same for .npz, where tensors are read one by one: what comes before the wrong one mustn't be kept either.
func TestLoadRefusesNPZ(t *testing.T) {
	weight := npz.Array{Name: "0/kernel", Shape: []int{3, 2}, Data: make([]float32, 6)}
	for mention, bias := range map[string]npz.Array{
		"tensor 0/bias for 0.bias is of shape [3], want [2]": {Name: "0/bias", Shape: []int{3}, Data: make([]float32, 3)},
		"tensor 0/bias for 0.bias is of shape [], want [2]":  {Name: "0/bias", Data: make([]float32, 1)},
		"tensor 0/bias for 0.bias is missing (unknown: b)":   {Name: "b", Shape: []int{2}, Data: make([]float32, 2)},
	} {
		p := linear(1).Params()
		before := encode(t, p, weights.Options{})
		err := weights.Load(writeNPZ(t, temporary(t), weight, bias), p, weights.Options{Layout: weights.Keras})
		if fe, ok := errors.AsType[*weights.FileError](err); !ok || fe.Param != "0.bias" || !strings.Contains(err.Error(), mention) {
			t.Errorf("got %v, want %q", err, mention)
		}
		if encode(t, p, weights.Options{}) != before {
			t.Error("weights have changed")
		}
	}
	// Damaged numbers are found by their checksum.
	path := filepath.Join(t.TempDir(), "w.npz")
	if err := weights.Save(path, linear(1).Params(), weights.Options{}); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file[bytes.LastIndex(file, []byte("(2,)"))+64] ^= 1
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	p := linear(2).Params()
	before := encode(t, p, weights.Options{})
	if _, ok := errors.AsType[*weights.FileError](weights.Load(path, p, weights.Options{})); !ok {
		t.Errorf("damage: %v", err)
	}
	if encode(t, p, weights.Options{}) != before {
		t.Error("weights have changed")
	}
}

// Numbers of a shape that isn't wanted are never read: a zip bomb costs nothing.
func TestZipBomb(t *testing.T) {
	const elements = 1 << 20
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }", elements)
	path := filepath.Join(t.TempDir(), "bomb.npz")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"0.weight.npy", "0.bias.npy"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = fmt.Fprintf(w, "\x93NUMPY\x01\x00%c\x00%s", len(header), header)
		}
		if err == nil {
			_, err = w.Write(make([]byte, 4*elements))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := weights.Load(path, linear(1).Params(), weights.Options{})
	runtime.ReadMemStats(&after)
	if fe, ok := errors.AsType[*weights.FileError](err); !ok || !strings.Contains(err.Error(), "tensor 0.weight is of shape [1048576], want [2 3]") {
		t.Errorf("got %v, %v", fe, err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 300<<10 {
		t.Errorf("allocated %d bytes", got)
	}
}

// Shared weights: one parameter under two names must have one value.
func TestSharedWeights(t *testing.T) {
	rng := source(1)
	tied := func() layers.Sequential {
		l := layers.NewLinear(3, 3, rng)
		return layers.Sequential{l, l}
	}
	from, to := tied(), tied()
	for _, layout := range []weights.Layout{weights.PyTorch, weights.Keras} {
		o := weights.Options{Layout: layout}
		for _, d := range []graph.DType{graph.Float32, graph.Float64} {
			graph.SetDType(from.Params(), d) // a file of float64 is rounded once for both names
			if err := decode(encode(t, from.Params(), o), to.Params(), o); err != nil {
				t.Error(err)
			}
		}
		graph.SetDType(from.Params(), graph.Float32)
		untied := layers.Sequential{layers.NewLinear(3, 3, rng), layers.NewLinear(3, 3, rng)}
		before := encode(t, to.Params(), o)
		err := decode(encode(t, untied.Params(), o), to.Params(), o)
		if fe, ok := errors.AsType[*weights.FileError](err); !ok || fe.Param != "1.weight" || !strings.Contains(err.Error(), "one parameter") {
			t.Errorf("untied weights: %v", err)
		}
		if encode(t, to.Params(), o) != before {
			t.Error("weights have changed")
		}
	}
}

// The same where the file holds the parameter once as it is and once transposed.
func TestSharedEmbedding(t *testing.T) {
	tied := func(seed uint64) []graph.NamedParam {
		m := layers.Sequential{layers.NewEmbedding(4, 3, source(seed)), layers.NewLinear(3, 4, source(seed))}
		m[1].(*layers.Linear).Weight = m[0].(*layers.Embedding).Weight
		return m.Params()
	}
	from, to, o := tied(1), tied(2), weights.Options{Layout: weights.Keras}
	graph.SetDType(from, graph.Float64)
	from[0].Value.F64[0] = math.Pi // not a float32
	if err := decode(encode(t, from, o), to, o); err != nil {
		t.Fatal(err)
	}
	if got := to[0].Value.F32[0]; got != math.Pi {
		t.Errorf("the first number is %v", got)
	}
}

func named(name string, shape ...int) graph.NamedParam {
	return graph.NamedParam{Name: name, Param: graph.NewParam(graph.Normal(1), source(1), shape...)}
}

// What Keras or Flax has no place for.
func TestLayoutErrors(t *testing.T) {
	lstm := func(more ...graph.NamedParam) []graph.NamedParam {
		return append([]graph.NamedParam{named("1.weight_ih_l0", 8, 3), named("1.weight_hh_l0", 8, 2)}, more...)
	}
	biases := []graph.NamedParam{named("1.bias_ih_l0", 8), named("1.bias_hh_l0", 8)}
	both := []weights.Layout{weights.Keras, weights.Flax}
	for _, c := range []struct {
		name    string
		layouts []weights.Layout
		params  []graph.NamedParam
		param   string
		mention string
	}{
		{"peepholes", both, lstm(append(biases, named("1.weight_peephole_l0", 6))...), "1.weight_peephole_l0", "no layer there"},
		{"initial state", both, append(lstm(biases...), named("1.h0_l0", 2)), "1.h0_l0", "no layer there"},
		{"two gates", both, []graph.NamedParam{named("weight_ih", 4, 3), named("weight_hh", 4, 2)}, "weight_hh", "2 gates"},
		{"recurrent vector", both, []graph.NamedParam{named("weight_ih", 2, 3), named("weight_hh", 2)}, "weight_hh", "[2]"},
		{"no whole gate", both, []graph.NamedParam{named("weight_ih", 7, 3), named("weight_hh", 7, 2)}, "weight_hh", "[7 2]"},
		{"input of other width", both, []graph.NamedParam{named("weight_ih", 7, 3), named("weight_hh", 8, 2)}, "weight_ih", "want [8, F]"},
		{"bias of other width", both, lstm(named("1.bias_ih_l0", 7)), "1.bias_ih_l0", "want [8]"},
		{"only the second bias", both, lstm(biases[1]), "1.bias_hh_l0", "bias_ih is missing"},
		{"no recurrent weight", both, lstm()[:1], "1.weight_ih_l0", "weight_hh is missing"},
		{"only a bias", both, []graph.NamedParam{named("0.bias", 3)}, "0.bias", "without a weight"},
		{"a cell and more", both, lstm(named("1.weight_l0", 2)), "1.weight_ih_l0", "beside a weight"},
		{"three dimensions", both, []graph.NamedParam{named("0.weight", 2, 2, 2)}, "0.weight", "[2 2 2]"},
		{"a bias of the width", both, []graph.NamedParam{named("0.weight", 2, 3), named("0.bias", 3)}, "0.bias", "[2 3]"},
		{"another parameter", both, []graph.NamedParam{named("0.weight", 2, 3), named("0.alpha", 1)}, "0.alpha", "no layer there"},
		{"no biases", []weights.Layout{weights.Flax}, lstm(), "1.weight_ih_l0", "have biases"},
		{"one bias of a GRU", []weights.Layout{weights.Flax}, newResetBefore(source(1)).Params(), "bias_ih", "second bias"},
	} {
		for _, layout := range c.layouts {
			o := weights.Options{Layout: layout}
			errs := map[string]error{
				"Write": weights.Write(&bytes.Buffer{}, c.params, o),
				"Read":  decode(pack(t), c.params, o),
				"Save":  weights.Save(filepath.Join(t.TempDir(), "w.npz"), c.params, o),
			}
			for what, err := range errs {
				le, ok := errors.AsType[*weights.LayoutError](err)
				if !ok || le.Layout != layout || le.Param != c.param || !strings.Contains(err.Error(), c.mention) || !strings.Contains(err.Error(), layout.String()) {
					t.Errorf("%s, %s in %s: got %v, want a *LayoutError for %s that mentions %q", c.name, what, layout, err, c.param, c.mention)
				}
			}
		}
	}
}

func TestMisuse(t *testing.T) {
	dir := t.TempDir()
	p := linear(1).Params()
	good := filepath.Join(dir, "good.npz")
	if err := weights.Save(good, p, weights.Options{}); err != nil {
		t.Fatal(err)
	}
	bad := &graph.Param{Value: &graph.Tensor{Shape: []int{3}, F32: make([]float32, 2)}}
	huge := &graph.Param{Value: &graph.Tensor{Shape: []int{math.MaxInt, math.MaxInt}}}
	for _, c := range []struct {
		name, path string
		params     []graph.NamedParam
		o          weights.Options
		mention    string
	}{
		{"no extension", filepath.Join(dir, "model"), p, weights.Options{}, ".safetensors or .npz"},
		{"other extension", filepath.Join(dir, "model.h5"), p, weights.Options{}, ".safetensors or .npz"},
		{"no path", "", p, weights.Options{}, ".safetensors or .npz"},
		{"unknown layout", good, p, weights.Options{Layout: 9}, "Layout(9)"},
		{"unknown path", good, p, weights.Options{Names: map[string]string{"9": "dense"}}, `"9"`},
		{"part of a name", good, linears(11), weights.Options{Names: map[string]string{"1": "dense"}}, ""},
		{"one name for two", good, linears(2), weights.Options{Names: map[string]string{"0": "a", "1": "a"}}, `two tensors "a.weight"`},
		{"nil parameter", good, []graph.NamedParam{{Name: "x"}}, weights.Options{}, "parameter x is nil"},
		{"no value", good, []graph.NamedParam{{Name: "x", Param: &graph.Param{}}}, weights.Options{}, "parameter x is nil"},
		{"impossible shape", good, []graph.NamedParam{named("x", -1)}, weights.Options{}, "parameter x"},
		{"too few elements", good, []graph.NamedParam{{Name: "x", Param: bad}}, weights.Options{}, "parameter x is shape [3] with 2"},
		{"endless shape", good, []graph.NamedParam{{Name: "x", Param: huge}}, weights.Options{}, "with 0 elements"},
		{"same name twice", good, append(linear(1).Params(), p...), weights.Options{}, `two named "0.weight"`},
	} {
		if c.mention == "" { // no misuse
			if err := weights.Write(&bytes.Buffer{}, c.params, c.o); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		for what, err := range map[string]error{"Save": weights.Save(c.path, c.params, c.o), "Load": weights.Load(c.path, c.params, c.o)} {
			var ae *graph.ArgumentError
			var se *graph.ShapeError // of graph.NewParam
			if !errors.As(err, &ae) && !errors.As(err, &se) || !strings.Contains(err.Error(), c.mention) {
				t.Errorf("%s, %s: got %v, want %q", c.name, what, err, c.mention)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}

	for what, err := range map[string]error{
		"no file":         weights.Load(filepath.Join(dir, "none.npz"), p, weights.Options{}),
		"no directory":    weights.Save(filepath.Join(dir, "none", "w.npz"), p, weights.Options{}),
		"not a directory": weights.Save(filepath.Join(good, "w.npz"), p, weights.Options{}),
	} {
		fe, ok := errors.AsType[*weights.FileError](err)
		if !ok || fe.Path == "" || strings.Count(err.Error(), dir) > 2 {
			t.Errorf("%s: got %v", what, err)
		}
		if strings.HasPrefix(what, "no ") && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "w.npz"), 0o755); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"Load": weights.Load(filepath.Join(dir, "w.npz"), p, weights.Options{}),
		"Save": weights.Save(filepath.Join(dir, "w.npz"), p, weights.Options{}),
	} {
		if _, ok := errors.AsType[*weights.FileError](err); !ok {
			t.Errorf("%s of a directory: %v", what, err)
		}
	}
	invalid := named("\xff", 1)
	if _, ok := errors.AsType[*weights.FileError](weights.Save(filepath.Join(dir, "x.safetensors"), []graph.NamedParam{invalid}, weights.Options{})); !ok {
		t.Error("a name that isn't UTF-8 was written")
	}
}

// linears are n linear layers.
func linears(n int) []graph.NamedParam {
	var params []graph.NamedParam
	for i := range n {
		params = append(params, graph.Prefixed(fmt.Sprint(i), layers.NewLinear(3, 2, source(1)).Params())...)
	}
	return params
}
