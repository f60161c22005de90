package kernel

// LSTMForward makes one LSTM step for a range of units of a row. i, f, g and o hold the pre-activations of the input,
// forget, cell and output gates and receive the activations; cPrev is the cell state before the step:
//
//	i, f, o = sigmoid(i), sigmoid(f), sigmoid(o)
//	g       = tanh(g)
//	c       = f*cPrev + i*g
//	tanhC   = tanh(c)
//	h       = o*tanhC
//
// c may be the same slice as cPrev.
func LSTMForward[F Float](i, f, g, o, cPrev, c, tanhC, h []F) {
	checkLen(len(i), len(f), len(g), len(o), len(cPrev), len(c), len(tanhC), len(h))
	kernels[F]().lstmForward(i, f, g, o, cPrev, c, tanhC, h)
}

// LSTMBackward is the gradient of LSTMForward. i, f, g and o hold the activations and receive the gradients of the
// pre-activations. dh is the gradient of h. dc holds the gradient of c that comes from the next step and receives the
// gradient of cPrev.
func LSTMBackward[F Float](i, f, g, o, cPrev, tanhC, dh, dc []F) {
	checkLen(len(i), len(f), len(g), len(o), len(cPrev), len(tanhC), len(dh), len(dc))
	kernels[F]().lstmBackward(i, f, g, o, cPrev, tanhC, dh, dc)
}
