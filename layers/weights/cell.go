package weights

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

// cell is a recurrent cell with one, three or four gates, each of which is H consecutive rows of the parameters.
type cell struct {
	layout               Layout
	gates, hidden, input int
	ih, hh               graph.NamedParam   // [G·H, F], [G·H, H]
	biases               []graph.NamedParam // none, bias_ih, or bias_ih and bias_hh; [G·H] each
}

// newCell checks that a module is one.
func newCell(l Layout, m *module) (*cell, error) {
	c := &cell{layout: l, ih: m.params["weight_ih"], hh: m.params["weight_hh"]}
	for _, name := range []string{"bias_ih", "bias_hh"} {
		if b, ok := m.params[name]; ok {
			c.biases = append(c.biases, b)
		}
	}
	first := m.params[m.names[0]]
	unknown := func(p graph.NamedParam, reason string) (*cell, error) {
		return nil, &LayoutError{Layout: l, Param: p.Name, Reason: reason}
	}
	if c.ih.Param == nil || c.hh.Param == nil {
		return unknown(first, "weight_ih or weight_hh is missing beside it")
	}
	if _, ok := m.params["bias_ih"]; !ok && len(c.biases) > 0 {
		return unknown(c.biases[0], "bias_ih is missing beside it")
	}
	shape := c.hh.Shape()
	if len(shape) != 2 || shape[0]%shape[1] != 0 {
		return unknown(c.hh, fmt.Sprintf("its shape is %v, want [gates·H, H]", shape))
	}
	rows := shape[0]
	c.hidden, c.gates = shape[1], rows/shape[1]
	if c.gates != 1 && c.gates != 3 && c.gates != 4 {
		return unknown(c.hh, fmt.Sprintf("the cell has %d gates, want 1 (simple RNN), 3 (GRU) or 4 (LSTM)", c.gates))
	}
	if shape := c.ih.Shape(); len(shape) != 2 || shape[0] != rows {
		return unknown(c.ih, fmt.Sprintf("its shape is %v, want [%d, F]", shape, rows))
	}
	c.input = c.ih.Shape()[1]
	for _, b := range c.biases {
		if shape := b.Shape(); len(shape) != 1 || shape[0] != rows {
			return unknown(b, fmt.Sprintf("its shape is %v, want [%d]", shape, rows))
		}
	}
	return c, nil
}

// gate is the part of a parameter that belongs to a gate: [H, F], [H, H], or [H, 1] of a bias.
func (c *cell) gate(p graph.NamedParam, gate int, there grid) part {
	columns := p.Value.Len() / (c.gates * c.hidden)
	return part{param: p, rows: c.hidden, columns: columns, here: grid{gate * c.hidden * columns, columns, 1}, there: there}
}

// bias is a gate of all biases, which add up.
func (c *cell) bias(gate int, there grid) []part {
	var parts []part
	for i, b := range c.biases {
		p := c.gate(b, gate, there)
		p.added = i > 0
		parts = append(parts, p)
	}
	return parts
}

// kerasOrder holds our gates in Keras's order, by the number of gates: i, f, g, o are its i, f, c, o; r, z, n are its r,
// z, h.
var kerasOrder = map[int][]int{1: {0}, 3: {1, 0, 2}, 4: {0, 1, 2, 3}}

// keras lists the tensors of SimpleRNN, GRU and LSTM.
func (c *cell) keras() []entry {
	width := c.gates * c.hidden
	kernel := entry{name: "kernel", shape: []int{c.input, width}}
	recurrent := entry{name: "recurrent_kernel", shape: []int{c.hidden, width}}
	bias := entry{name: "bias", shape: []int{width}}
	resetAfter := c.gates == 3 && len(c.biases) == 2
	if resetAfter {
		bias.shape = []int{2, width}
	}
	for place, gate := range kerasOrder[c.gates] {
		start := place * c.hidden
		kernel.parts = append(kernel.parts, c.gate(c.ih, gate, grid{start, 1, width}))
		recurrent.parts = append(recurrent.parts, c.gate(c.hh, gate, grid{start, 1, width}))
		if resetAfter {
			bias.parts = append(bias.parts,
				c.gate(c.biases[0], gate, grid{start, 1, 0}),
				c.gate(c.biases[1], gate, grid{width + start, 1, 0}))
		} else {
			bias.parts = append(bias.parts, c.bias(gate, grid{start, 1, 0})...)
		}
	}
	entries := []entry{kernel, recurrent}
	if len(c.biases) > 0 {
		entries = append(entries, bias)
	}
	return entries
}

// flaxGates are what Flax calls our gates, by their number.
var flaxGates = map[int][]string{1: {""}, 3: {"r", "z", "n"}, 4: {"i", "f", "g", "o"}}

// flax lists the tensors of SimpleCell, GRUCell and LSTMCell: a Dense for each gate and each of input and state.
func (c *cell) flax() ([]entry, error) {
	if len(c.biases) == 0 {
		return nil, &LayoutError{Layout: c.layout, Param: c.ih.Name, Reason: "cells there have biases"}
	}
	if c.gates == 3 && len(c.biases) == 1 {
		return nil, &LayoutError{
			Layout: c.layout, Param: c.biases[0].Name,
			Reason: "GRUs there have a second bias, since the reset gate comes after the product",
		}
	}
	var entries []entry
	for gate, name := range flaxGates[c.gates] {
		add := func(tensor string, shape []int, parts ...part) {
			entries = append(entries, entry{tensor, shape, parts})
		}
		add("i"+name+"/kernel", []int{c.input, c.hidden}, c.gate(c.ih, gate, grid{0, 1, c.hidden}))
		add("h"+name+"/kernel", []int{c.hidden, c.hidden}, c.gate(c.hh, gate, grid{0, 1, c.hidden}))
		vector, shape := grid{0, 1, 0}, []int{c.hidden}
		switch {
		case name == "n": // a GRU's candidate, where the two don't add up
			add("in/bias", shape, c.gate(c.biases[0], gate, vector))
			add("hn/bias", shape, c.gate(c.biases[1], gate, vector))
		case c.gates == 4:
			add("h"+name+"/bias", shape, c.bias(gate, vector)...)
		default:
			add("i"+name+"/bias", shape, c.bias(gate, vector)...)
		}
	}
	return entries, nil
}
