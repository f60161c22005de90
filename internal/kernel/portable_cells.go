package kernel

import "math"

func lstmForward[F Float](i, f, g, o, cPrev, c, tanhC, h []F) {
	for u := range i {
		i[u], f[u], g[u], o[u] = sigmoid(i[u]), sigmoid(f[u]), tanh(g[u]), sigmoid(o[u])
		c[u] = f[u]*cPrev[u] + i[u]*g[u]
		tanhC[u] = tanh(c[u])
		h[u] = o[u] * tanhC[u]
	}
}

func lstmBackward[F Float](i, f, g, o, cPrev, tanhC, dh, dc []F) {
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

func gruForward[F Float](xr, xz, xn, hr, hz, hn, hPrev, h []F) {
	for u := range xr {
		r, z := sigmoid(xr[u]+hr[u]), sigmoid(xz[u]+hz[u])
		n := tanh(xn[u] + r*hn[u])
		xr[u], xz[u], xn[u] = r, z, n
		h[u] = n + z*(hPrev[u]-n)
	}
}

func gruBackward[F Float](r, z, n, hr, hz, hn, hPrev, dh []F) {
	for u := range r {
		ru, zu, nu, d := r[u], z[u], n[u], dh[u]
		dn := d * (1 - zu) * (1 - nu*nu)
		r[u] = dn * hn[u] * ru * (1 - ru)
		z[u] = d * (hPrev[u] - nu) * zu * (1 - zu)
		n[u] = dn
		hr[u], hz[u] = r[u], z[u]
		hn[u] = dn * ru
		dh[u] = d * zu
	}
}

func tanhBackward[F Float](dx, y, dy []F) {
	for u, v := range y {
		dx[u] = dy[u] * (1 - v*v)
	}
}

func adam[F Float](value, grad, m, v []F, scale, mix1, keep2, mix2, eps, step, root, l2, keep F) {
	for i, w := range value {
		g := F(scale*grad[i]) + l2*w // the product is rounded, as it would be if it were stored
		m[i] += mix1 * (g - m[i])
		v[i] = keep2*v[i] + mix2*g*g
		value[i] = keep*w - step*m[i]/(F(math.Sqrt(float64(v[i])))*root+eps)
	}
}
