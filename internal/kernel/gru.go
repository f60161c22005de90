package kernel

// GRUForward makes one GRU step, PyTorch's variant, for a range of units of a row. xr, xz and xn hold the input's part of
// the pre-activations (biases included) and receive r, z and n; hr, hz and hn hold the recurrent part (biases included)
// and are only read:
//
//	r = sigmoid(xr + hr)
//	z = sigmoid(xz + hz)
//	n = tanh(xn + r*hn)
//	h = (1-z)*n + z*hPrev
//
// h may be the same slice as hPrev.
func GRUForward[F Float](xr, xz, xn, hr, hz, hn, hPrev, h []F) {
	checkLen(len(xr), len(xz), len(xn), len(hr), len(hz), len(hn), len(hPrev), len(h))
	kernels[F]().gruForward(xr, xz, xn, hr, hz, hn, hPrev, h)
}

// GRUBackward is the gradient of GRUForward. r, z and n hold the activations and receive the gradients of xr, xz and xn;
// hr, hz and hn receive their own gradients, of which the first two are those of xr and xz again. dh holds the gradient of
// h and receives the part of the gradient of hPrev that does not pass through hr, hz and hn.
func GRUBackward[F Float](r, z, n, hr, hz, hn, hPrev, dh []F) {
	checkLen(len(r), len(z), len(n), len(hr), len(hz), len(hn), len(hPrev), len(dh))
	kernels[F]().gruBackward(r, z, n, hr, hz, hn, hPrev, dh)
}
