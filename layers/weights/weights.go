package weights

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/snapshot"
)

// Options say how a file names and lays out the parameters. The zero value is PyTorch's way, which is ours.
type Options struct {
	Layout Layout
	// Names are paths in the file for paths in the model, where they aren't the same: {"1.l0": "model/lstm"} in Keras,
	// {"1": "encoder.rnn"} in PyTorch. The longest path that a layer's own begins with counts; "" is the whole model.
	Names map[string]string
}

// Save writes parameters to a file, .safetensors or .npz. What was at path is replaced when the new file is whole.
//
// A file that can't be written is a *FileError; a parameter that the layout has no place for is a *LayoutError.
func Save(path string, params []graph.NamedParam, o Options) error {
	f, err := formatOf(path)
	if err != nil {
		return err
	}
	tensors, err := o.encode(params)
	if err != nil {
		return err
	}
	if err := snapshot.WriteFile(path, func(w io.Writer) error { return f.write(w, tensors) }); err != nil {
		return &FileError{Path: path, Err: errors.Unwrap(err)} // without the path that it names too
	}
	return nil
}

// Load sets parameters from a file, .safetensors or .npz, which must hold a tensor of the right shape for each and no
// others. Numbers of other precision, down to 16 bits, are converted.
//
// A file that can't be read or doesn't fit is a *FileError; a parameter that the layout has no place for is a
// *LayoutError. Nothing is changed if there is an error.
func Load(path string, params []graph.NamedParam, o Options) error {
	format, err := formatOf(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // a pipe would make Open wait
		err = errors.New("not a regular file")
	}
	if err != nil {
		return &FileError{Path: path, Err: err}
	}
	f, err := os.Open(path)
	if err != nil {
		return &FileError{Path: path, Err: err}
	}
	defer f.Close() // only read
	err = load(f, info.Size(), format, params, o)
	if e, ok := err.(*FileError); ok {
		e.Path = path
	}
	return err
}

// Write writes parameters as a safetensors file.
func Write(w io.Writer, params []graph.NamedParam, o Options) error {
	tensors, err := o.encode(params)
	if err != nil {
		return err
	}
	if err := writeSafetensors(w, tensors); err != nil {
		return &FileError{Err: err}
	}
	return nil
}

// Read sets parameters from a safetensors file of size bytes, as Load does.
func Read(r io.Reader, size int64, params []graph.NamedParam, o Options) error {
	stored, err := readSafetensors(r, size)
	if err != nil {
		return &FileError{Err: err}
	}
	return o.decode(params, stored)
}

func load(r source, size int64, f format, params []graph.NamedParam, o Options) error {
	stored, err := f.read(r, size)
	if err != nil {
		return &FileError{Err: err}
	}
	return o.decode(params, stored)
}

// encode returns the tensors of a file.
func (o Options) encode(params []graph.NamedParam) ([]tensor, error) {
	entries, err := o.entries(params, nil)
	if err != nil {
		return nil, err
	}
	tensors := make([]tensor, len(entries))
	for i, e := range entries {
		tensors[i] = tensor{e.name, e.encode()}
	}
	return tensors, nil
}

// decode sets parameters from the tensors of a file. All are read and checked before the first is set.
func (o Options) decode(params []graph.NamedParam, stored map[string]stored) error {
	entries, err := o.entries(params, stored)
	if err != nil {
		return err
	}
	if err := checkNames(entries, stored); err != nil {
		return err
	}
	values := map[string]*graph.Tensor{} // by parameter
	for _, e := range entries {
		t, err := e.read(stored[e.name])
		if err != nil {
			return err
		}
		e.decode(t, values)
	}
	if err := checkShared(entries, params, values); err != nil {
		return err
	}
	for _, p := range params {
		if err := p.Value.Copy(values[p.Name]); err != nil {
			panic("weights: " + err.Error()) // shapes were compared
		}
	}
	return nil
}

// checkNames holds the names in a file against those that are wanted.
func checkNames(entries []entry, stored map[string]stored) error {
	wanted := map[string]bool{}
	for _, e := range entries {
		wanted[e.name] = true
	}
	var others []string
	for name := range stored {
		if !wanted[name] {
			others = append(others, fmt.Sprintf("%.80s", name))
		}
	}
	slices.Sort(others)
	for _, e := range entries {
		if _, ok := stored[e.name]; ok {
			continue
		}
		got := "missing"
		switch n := len(others); {
		case n > 3:
			got += fmt.Sprintf(" (unknown are %s and %d more)", strings.Join(others[:3], ", "), n-3)
		case n > 0:
			got += fmt.Sprintf(" (unknown: %s)", strings.Join(others, ", "))
		}
		return &FileError{Tensor: e.name, Param: e.parts[0].param.Name, Got: got, Want: fmt.Sprint("shape ", e.shape)}
	}
	if len(others) > 0 {
		return &FileError{Tensor: others[0], Got: "in the file", Want: "only the model's parameters"}
	}
	return nil
}

// checkShared refuses a file in which a parameter that has two names has two values.
func checkShared(entries []entry, params []graph.NamedParam, values map[string]*graph.Tensor) error {
	first := map[*graph.Param]string{}
	for _, p := range params {
		name, ok := first[p.Param]
		if !ok {
			first[p.Param] = p.Name
			continue
		}
		a, b := values[name], values[p.Name]
		for i := range a.Len() {
			if math.Float64bits(a.At(i)) == math.Float64bits(b.At(i)) {
				continue
			}
			at := slices.IndexFunc(entries, func(e entry) bool { return e.holds(p.Name) })
			return &FileError{
				Tensor: entries[at].name, Param: p.Name,
				Got: fmt.Sprintf("different from that of %s", name), Want: "the same, since they are one parameter",
			}
		}
	}
	return nil
}

// formatOf returns the kind of a file.
func formatOf(path string) (format, error) {
	f, ok := formats[strings.ToLower(filepath.Ext(path))]
	if !ok {
		return format{}, argumentError("path", fmt.Sprintf("%q", path), "a name that ends with .safetensors or .npz")
	}
	return f, nil
}
