// Package cell holds the recurrent cells, one a file: the state, one time step in graph ops, and the fused arithmetic.
//
// A cell that is only the first of these is a full citizen: layers.NewRecurrent unrolls any [Cell] over a window, and
// the autodiff does the rest. The fused form makes it fast.
//
// LSTM, ProjectedLSTM, GRU and RNN are PyTorch's, with its two biases, bias_ih and bias_hh. The other cells have one,
// bias_ih, since only the sum of the two would matter; cells with layer normalization have the shifts of their
// normalizations. Unless a cell says otherwise, parameters are drawn from U(-1/√H, 1/√H), as in PyTorch.
package cell
