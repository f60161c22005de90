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
	for u := range i {
		i[u], f[u], g[u], o[u] = sigmoid(i[u]), sigmoid(f[u]), tanh(g[u]), sigmoid(o[u])
		c[u] = f[u]*cPrev[u] + i[u]*g[u]
		tanhC[u] = tanh(c[u])
		h[u] = o[u] * tanhC[u]
	}
}

// LSTMBackward is the gradient of LSTMForward. i, f, g and o hold the activations and receive the gradients of the
// pre-activations. dh is the gradient of h. dc holds the gradient of c that comes from the next step and receives the
// gradient of cPrev.
func LSTMBackward[F Float](i, f, g, o, cPrev, tanhC, dh, dc []F) {
	checkLen(len(i), len(f), len(g), len(o), len(cPrev), len(tanhC), len(dh), len(dc))
	for u := range i {
		iu, fu, gu, ou, t, d := i[u], f[u], g[u], o[u], tanhC[u], dh[u]
		dcu := dc[u] + d*ou*(1-t*t)
		i[u] = dcu * gu * iu * (1 - iu)
		f[u] = dcu * cPrev[u] * fu * (1 - fu)
		g[u] = dcu * iu * (1 - gu*gu)
		o[u] = d * t * ou * (1 - ou)
		dc[u] = dcu * fu
	}
}
