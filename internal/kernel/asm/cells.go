package main

// cells writes the fused steps of the recurrent cells and of the optimizer. The formulas are in the comments of the Go
// functions.
func cells(f *file) {
	slices := func(names ...string) []param { return params("[]"+f.elem, names...) }

	// What waits for the result of a long chain, here the last tangent, is a pass of its own: in the same one, it would
	// fill the processor's window and leave no room for the work of the next vectors. Loads come before stores, since a
	// load right after a store at the same place of another page would wait for it.
	f.elementwise("lstmForward", "is the body of LSTMForward.", slices("i", "f", "g", "o", "cPrev", "c", "tanhC", "h"), nil, nil, func(b *body) {
		i, g, forget, c, o := b.get("i"), b.get("g"), b.get("f"), b.get("cPrev"), b.get("o")
		b.sigmoid(i)
		b.tanh(g)
		b.sigmoid(forget)
		b.sigmoid(o)
		b.put(i, "i")
		b.put(g, "g")
		b.put(forget, "f")
		b.put(o, "o")
		b.mul(i, g, i)
		b.horner(c, forget, i)
		b.put(c, "c")
		b.give(i, g, forget, c, o)
	}, func(b *body) {
		c, o := b.get("c"), b.get("o")
		b.tanh(c)
		b.put(c, "tanhC")
		b.mul(o, c, c)
		b.put(c, "h")
		b.give(c, o)
	})

	// gate multiplies the gradient d of a sigmoid's value s by its derivative s - s*s.
	gate := func(b *body, d, s string) {
		t := b.take()
		b.op("VMOVA"+b.p, s, t)
		b.subtract(s, s, t)
		b.mul(t, d, d)
		b.give(t)
	}
	// curve multiplies the gradient d of a tangent's value s by its derivative 1 - s*s.
	curve := func(b *body, d, s string) {
		t := b.take()
		b.oneMinus(s, s, t)
		b.mul(t, d, d)
		b.give(t)
	}

	f.elementwise("lstmBackward", "is the body of LSTMBackward.", slices("i", "f", "g", "o", "cPrev", "tanhC", "dh", "dc"), nil, nil, func(b *body) {
		o, tanhC, dh, dc := b.get("o"), b.get("tanhC"), b.get("dh"), b.get("dc")
		t := b.take()
		b.mul(dh, o, t)
		curve(b, t, tanhC)
		b.add(t, dc, dc)
		b.mul(tanhC, dh, dh)
		gate(b, dh, o)
		b.put(dh, "o")
		b.give(o, tanhC, dh)

		i, g := b.get("i"), b.get("g")
		b.mul(g, dc, t)
		gate(b, t, i)
		b.put(t, "i")
		b.mul(i, dc, t)
		curve(b, t, g)
		b.put(t, "g")
		b.give(i, g)

		forget, cPrev := b.get("f"), b.get("cPrev")
		b.mul(cPrev, dc, t)
		gate(b, t, forget)
		b.put(t, "f")
		b.mul(forget, dc, dc)
		b.put(dc, "dc")
		b.give(forget, cPrev, t, dc)
	})

	f.elementwise("gruForward", "is the body of GRUForward.", slices("xr", "xz", "xn", "hr", "hz", "hn", "hPrev", "h"), nil, nil, func(b *body) {
		r, z, n := b.get("xr"), b.get("xz"), b.get("xn")
		hr, hz, hn := b.get("hr"), b.get("hz"), b.get("hn")
		b.add(hr, r, r)
		b.add(hz, z, z)
		b.give(hr, hz)
		b.sigmoid(r)
		b.sigmoid(z)
		b.accumulate(r, hn, n)
		b.put(r, "xr")
		b.put(z, "xz")
		b.put(n, "xn")
		b.give(r, z, n, hn)
	}, func(b *body) {
		z, n, h := b.get("xz"), b.get("xn"), b.get("hPrev")
		b.tanh(n)
		b.put(n, "xn")
		b.sub(h, n, h)
		b.horner(h, z, n)
		b.put(h, "h")
		b.give(z, n, h)
	})

	f.elementwise("gruBackward", "is the body of GRUBackward.", slices("r", "z", "n", "hr", "hz", "hn", "hPrev", "dh"), nil, nil, func(b *body) {
		z, n, dh, t := b.get("z"), b.get("n"), b.get("dh"), b.get("hPrev")
		b.sub(t, n, t)
		b.mul(t, dh, t)
		gate(b, t, z)
		b.put(t, "z")
		b.put(t, "hz")
		b.mul(dh, z, z) // the part of dh that goes to hPrev
		b.put(z, "dh")
		b.sub(dh, z, dh)
		curve(b, dh, n)
		b.put(dh, "n")
		r, hn := b.get("r"), b.get("hn")
		b.mul(hn, dh, t)
		gate(b, t, r)
		b.put(t, "r")
		b.put(t, "hr")
		b.mul(r, dh, t)
		b.put(t, "hn")
		b.give(z, n, dh, t, r, hn)
	})

	f.elementwise("tanhBackward", "is the body of TanhBackward.", slices("dx", "y", "dy"), nil, nil, func(b *body) {
		y, dy := b.get("y"), b.get("dy")
		curve(b, dy, y)
		b.put(dy, "dx")
		b.give(y, dy)
	})

	names := []string{"scale", "mix1", "keep2", "mix2", "eps", "step", "root", "l2", "keep"}
	coef := map[string]string{}
	f.elementwise("adam", "is the body of AdamStep.", slices("value", "grad", "m", "v"), params(f.elem, names...), func(b *body) {
		for _, n := range names {
			coef[n] = b.scalar(n)
		}
	}, func(b *body) {
		w, g := b.get("value"), b.get("grad")
		b.mul(coef["scale"], g, g)
		b.accumulate(w, coef["l2"], g)
		m, t := b.get("m"), b.take()
		b.sub(g, m, t)
		b.accumulate(t, coef["mix1"], m)
		b.put(m, "m")
		b.mul(g, g, g)
		b.mul(coef["mix2"], g, g)
		b.op("VMOVA"+b.p, g, t)
		b.give(g)
		v := b.get("v")
		b.accumulate(v, coef["keep2"], t)
		b.put(t, "v")
		b.op("VSQRT"+b.p, t, t)
		b.op("VMOVA"+b.p, coef["eps"], v)
		b.accumulate(t, coef["root"], v)
		b.mul(coef["step"], m, m)
		b.div(m, v, t)
		b.op("VFMSUB213"+b.p, t, coef["keep"], w)
		b.put(w, "value")
		b.give(w, m, t, v)
	})
}
