package main

// arith writes the element-wise arithmetic.
func arith(f *file) {
	three := params("[]"+f.elem, "dst", "a", "b")
	binary := func(name, doc, op string) {
		f.elementwise(name, doc, three, nil, nil, func(b *body) {
			x, y := b.get("a"), b.get("b")
			b.op(op+b.p, y, x, x)
			b.put(x, "dst")
			b.give(x, y)
		})
	}
	binary("add", "computes dst = a + b.", "VADD")
	binary("sub", "computes dst = a - b.", "VSUB")
	binary("mul", "computes dst = a * b.", "VMUL")
	f.elementwise("mulAdd", "computes dst += a * b.", three, nil, nil, func(b *body) {
		x, y, d := b.get("a"), b.get("b"), b.get("dst")
		b.accumulate(x, y, d)
		b.put(d, "dst")
		b.give(x, y, d)
	})
	var alpha string
	setup := func(b *body) { alpha = b.scalar("alpha") }
	f.elementwise("axpy", "computes y += alpha * x.", params("[]"+f.elem, "x", "y"), params(f.elem, "alpha"), setup, func(b *body) {
		x, y := b.get("x"), b.get("y")
		b.accumulate(x, alpha, y)
		b.put(y, "y")
		b.give(x, y)
	})
	f.elementwise("scale", "computes x *= alpha.", params("[]"+f.elem, "x"), params(f.elem, "alpha"), setup, func(b *body) {
		x := b.get("x")
		b.mul(x, alpha, x)
		b.put(x, "x")
		b.give(x)
	})
}
