package bptt

import (
	"maps"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Programs compiles a model for the windows that come, once for every T, B, mode and shape of the data.
type Programs struct {
	// Write writes the model and its cost. Arrays of the batch are inputs of the builder, by name: a sequence
	// [T, B, F] as [T*B, F], ids [T, B] as [T*B].
	Write   func(b *graph.Builder) (cost *graph.Node)
	Options graph.Options

	compiled []compiled // the most recently used last
}

type compiled struct {
	window  graph.Window
	shapes  map[string][]int // of the batch's arrays
	program *graph.Program
}

// maxPrograms bounds the memory of windows of ever different lengths.
const maxPrograms = 16

// For returns the program for a batch, with the batch's arrays as its inputs' values. In training it has a backward
// pass.
func (p *Programs) For(batch *seqdata.Batch, train bool) (*graph.Program, error) {
	if err := batch.Validate(); err != nil {
		return nil, err
	}
	program, err := p.find(batch, train)
	if err != nil {
		return nil, err
	}
	for name, a := range batch.Arrays {
		if a.Ints != nil {
			err = program.SetInts(name, a.Ints)
		} else {
			err = program.SetFloats(name, a.Floats)
		}
		if err != nil {
			return nil, err
		}
	}
	return program, nil
}

func (p *Programs) find(batch *seqdata.Batch, train bool) (*graph.Program, error) {
	window := graph.Window{T: batch.T, B: batch.B, Train: train}
	last := len(p.compiled) - 1
	for i := last; i >= 0; i-- {
		if c := p.compiled[i]; c.window == window && c.fits(batch) {
			copy(p.compiled[i:], p.compiled[i+1:])
			p.compiled[last] = c
			return c.program, nil
		}
	}
	program, err := p.compile(batch, window)
	if err != nil {
		return nil, err
	}
	if len(p.compiled) == maxPrograms {
		p.compiled = slices.Delete(p.compiled, 0, 1)
	}
	shapes := map[string][]int{}
	for name, a := range batch.Arrays {
		shapes[name] = slices.Clone(a.Shape)
	}
	p.compiled = append(p.compiled, compiled{window, shapes, program})
	return program, nil
}

// fits reports whether a batch has arrays of the names and shapes that the program was compiled for.
func (c compiled) fits(batch *seqdata.Batch) bool {
	if len(batch.Arrays) != len(c.shapes) {
		return false
	}
	for name, a := range batch.Arrays {
		if shape, ok := c.shapes[name]; !ok || !slices.Equal(shape, a.Shape) {
			return false
		}
	}
	return true
}

func (p *Programs) compile(batch *seqdata.Batch, window graph.Window) (*graph.Program, error) {
	b := graph.NewBuilder(window, p.Options)
	for _, name := range slices.Sorted(maps.Keys(batch.Arrays)) {
		a := batch.Arrays[name]
		shape := a.Shape
		if len(shape) > 1 {
			shape = append([]int{shape[0] * shape[1]}, shape[2:]...)
		}
		if a.Ints != nil {
			b.Ints(name, shape...)
		} else {
			b.Floats(name, shape...)
		}
	}
	cost := p.Write(b)
	if window.Train {
		return b.Compile(cost, graph.Gradients{})
	}
	return b.Forward(cost)
}
