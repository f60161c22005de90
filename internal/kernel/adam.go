package kernel

// AdamStep makes one step of Adam over a parameter, as PyTorch's torch.optim.Adam and AdamW do:
//
//	g     = scale*grad + l2*value
//	value = value - decay*value
//	m     = m + (1-beta1)*(g-m)
//	v     = beta2*v + (1-beta2)*g*g
//	value = value - stepSize*m/(sqrt(v)/sqrtBias2 + eps)
//
// stepSize is the learning rate divided by 1-beta1**t and sqrtBias2 the root of 1-beta2**t at step t. l2 is the weight
// decay of Adam, decay the learning rate times the weight decay of AdamW; either may be 0. scale is the factor of a clipped
// gradient, else 1. grad is only read.
func AdamStep[F Float](value, grad, m, v []F, scale, beta1, beta2, eps, stepSize, sqrtBias2, l2, decay float64) {
	checkLen(len(value), len(grad), len(m), len(v))
	kernels[F]().adam(value, grad, m, v,
		F(scale), F(1-beta1), F(beta2), F(1-beta2), F(eps), F(stepSize), F(1/sqrtBias2), F(l2), F(1-decay))
}
