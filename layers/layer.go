package layers

import (
	"strconv"

	"github.com/gobptt/bptt/graph"
)

// Layer is a part of a model, or a whole one.
type Layer interface {
	// Apply writes the layer's nodes and returns its output.
	Apply(b *graph.Builder, x *graph.Node) *graph.Node
	// Params returns the parameters, always in the same order.
	Params() []graph.NamedParam
}

var (
	_ Layer = Sequential(nil)
	_ Layer = Named{}
)

// Sequential applies layers one after the other. Parameters are named by position, "0.weight", unless a layer is Named.
type Sequential []Layer

// Apply chains the layers.
func (s Sequential) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	for i, l := range s {
		if missing(l) {
			b.Fail(&graph.ArgumentError{Op: "Sequential", Name: "layer " + nameOf(i, l), Got: "nil", Want: "a layer"})
			return nil
		}
		b.Enter(nameOf(i, l))
		x = l.Apply(b, x)
		b.Leave()
	}
	return x
}

// missing reports whether there is no layer.
func missing(l Layer) bool {
	n, ok := l.(Named)
	return l == nil || ok && n.Layer == nil
}

// Params returns all layers' parameters.
func (s Sequential) Params() []graph.NamedParam {
	var params []graph.NamedParam
	for i, l := range s {
		if missing(l) {
			continue // Apply reports it
		}
		params = append(params, graph.Prefixed(nameOf(i, l), l.Params())...)
	}
	return params
}

func nameOf(i int, l Layer) string {
	if n, ok := l.(Named); ok {
		return n.Name
	}
	return strconv.Itoa(i)
}

// Named gives a layer of a Sequential a name in place of its position.
type Named struct {
	Name string
	Layer
}
