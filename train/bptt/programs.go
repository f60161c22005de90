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
	// [T, B, F] as [T*B, F], ids [T, B] as [T*B]. The array seqdata.Mask is the builder's step mask.
	Write   func(b *graph.Builder) (cost *graph.Node)
	Options graph.Options

	compiled []compiled // the most recently used last
}

// mode is what a program is used for.
type mode int

const (
	evaluate mode = iota // forward, as the model is in use
	single               // forward and backward; the window is one by itself
	chained              // forward, and backward from the gradient of the states after the window
	repeated             // chained, and backward any number of times
	local                // repeated, without what passes through recurrent weights
)

func (m mode) gradients() graph.Gradients {
	return graph.Gradients{States: m >= chained, Repeat: m >= repeated, Local: m == local}
}

// compiled are the programs of one kind. Each holds the activations of another window.
type compiled struct {
	window    graph.Window
	mode      mode
	shapes    map[string][]int // of the batch's arrays
	instances []*graph.Program
}

// maxKinds bounds the memory of windows of ever different lengths.
const maxKinds = 16

// For returns the program for a batch, with the batch's arrays as its inputs' values. In training it has a backward
// pass.
func (p *Programs) For(batch *seqdata.Batch, train bool) (*graph.Program, error) {
	if train {
		return p.get(batch, single, 0)
	}
	return p.get(batch, evaluate, 0)
}

// get returns the i-th program of its kind for a batch. There are as many as the largest i so far.
func (p *Programs) get(batch *seqdata.Batch, m mode, i int) (*graph.Program, error) {
	if err := batch.Validate(); err != nil {
		return nil, err
	}
	program, err := p.find(batch, m, i)
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

func (p *Programs) find(batch *seqdata.Batch, m mode, i int) (*graph.Program, error) {
	window := graph.Window{T: batch.T, B: batch.B, Train: m != evaluate}
	at := slices.IndexFunc(p.compiled, func(c compiled) bool { return c.window == window && c.mode == m && c.fits(batch) })
	kind := compiled{window: window, mode: m}
	if at >= 0 {
		kind = p.compiled[at]
	}
	for len(kind.instances) <= i {
		program, err := p.compile(batch, window, m)
		if err != nil {
			return nil, err
		}
		kind.instances = append(kind.instances, program)
	}
	switch {
	case at >= 0:
		p.compiled = slices.Delete(p.compiled, at, at+1)
	default:
		if len(p.compiled) == maxKinds {
			p.compiled = slices.Delete(p.compiled, 0, 1)
		}
		kind.shapes = map[string][]int{}
		for name, a := range batch.Arrays {
			kind.shapes[name] = slices.Clone(a.Shape)
		}
	}
	p.compiled = append(p.compiled, kind)
	return kind.instances[i], nil
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

func (p *Programs) compile(batch *seqdata.Batch, window graph.Window, m mode) (*graph.Program, error) {
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
	if _, ok := batch.Arrays[seqdata.Mask]; ok {
		b.SetStepMask(b.Input(seqdata.Mask))
	}
	cost := p.Write(b)
	if m == evaluate {
		return b.Forward(cost)
	}
	return b.Compile(cost, m.gradients())
}
