// Package cell holds the recurrent cells, one a file: the state, one time step in graph ops, and the fused arithmetic.
//
// A cell that is only the first of these is a full citizen: layers.NewRecurrent unrolls any [Cell] over a window, and
// the autodiff does the rest. The fused form makes it fast.
package cell
