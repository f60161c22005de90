package weights

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
)

// FuzzLoad holds any file, of any kind and in any layout, to: refused with an error of the package and nothing changed,
// or the weights that were set can be written and read again.
func FuzzLoad(f *testing.F) {
	model := func(kind uint8) []graph.NamedParam {
		rng := rand.New(rand.NewPCG(1, 2))
		news := []func(int, int, layers.RecurrentOptions, *rand.Rand) *layers.Recurrent{layers.NewRNN, layers.NewGRU, layers.NewLSTM}
		return layers.Sequential{
			layers.NewEmbedding(2, 1, rng),
			news[int(kind)%3](1, 2, layers.RecurrentOptions{Bidirectional: kind&8 != 0}, rng),
			layers.NewLinear(2, 1, rng),
		}.Params()
	}
	extensions := []string{".npz", ".safetensors"}
	for kind := range uint8(3) {
		for layout := range uint8(3) {
			for e, extension := range extensions {
				tensors, err := Options{Layout: Layout(layout)}.encode(model(kind))
				if err != nil {
					f.Fatal(err)
				}
				var b bytes.Buffer
				if err := formats[extension].write(&b, tensors); err != nil {
					f.Fatal(err)
				}
				f.Add(b.Bytes(), uint8(e), layout, kind)
			}
		}
	}
	files, err := filepath.Glob("testdata/*.npz")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(0), uint8(1), uint8(2))
	}
	f.Fuzz(func(t *testing.T, file []byte, extension, layout, kind uint8) {
		format, o := formats[extensions[extension%2]], Options{Layout: Layout(layout % 3)}
		params := model(kind)
		bits := func() []uint32 {
			var all []uint32
			for _, p := range params {
				for _, v := range p.Value.F32 {
					all = append(all, math.Float32bits(v))
				}
			}
			return all
		}
		before := bits()
		if err := load(bytes.NewReader(file), int64(len(file)), format, params, o); err != nil {
			if _, ok := errors.AsType[*FileError](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			if !slices.Equal(bits(), before) {
				t.Fatalf("weights have changed in spite of %v", err)
			}
			return
		}
		if !finite(params) {
			return // sums of these aren't read as they were written
		}
		before = bits()
		tensors, err := o.encode(params)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := format.write(&b, tensors); err != nil {
			t.Fatal(err)
		}
		if err := load(bytes.NewReader(b.Bytes()), int64(b.Len()), format, params, o); err != nil || !slices.Equal(bits(), before) {
			t.Fatalf("weights differ after another round, or %v", err)
		}
	})
}

func finite(params []graph.NamedParam) bool {
	for _, p := range params {
		for _, v := range p.Value.Floats() {
			if math.IsNaN(v) || math.IsInf(v, 0) || v == 0 && math.Signbit(v) {
				return false
			}
		}
	}
	return true
}
