package main

import "math"

// The exponential is 2**n * e**r with n the integer nearest to x/ln 2 and r = x - n*ln 2 in about ±0.35. ln 2 is
// subtracted in two parts, the first short enough for n times it to be exact in the type with one rounding less.

// expRange is outside of what gives finite results other than 0, with room for the halves of the exponent.
func (f *file) expRange() (low, high float64) {
	if f.size == 8 {
		return -760, 720
	}
	return -110, 90
}

// expPolynomial returns Q, highest power first, with e**r = 1 + r + r*r*Q(r) within a fraction of an ulp. For float32 it
// is that of the Cephes library, for float64 the Taylor series.
func (f *file) expPolynomial() []float64 {
	if f.size == 4 {
		return []float64{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}
	}
	var q []float64
	factorial := 1.0
	for k := 2; k <= 13; k++ {
		factorial *= float64(k)
		q = append([]float64{1 / factorial}, q...)
	}
	return q
}

// roundingConstant plus a small number is that number rounded to an integer, in the low bits of the sum.
func (f *file) roundingConstant() float64 {
	if f.size == 8 {
		return 3 << 51
	}
	return 3 << 22
}

func (f *file) ln2() (high, low float64) {
	if f.size == 8 {
		return 6.93147180369123816490e-01, 1.90821492927058770002e-10
	}
	return 0.693359375, -2.12194440e-4
}

// expm1Parts replaces x by q = e**r - 1 and returns n and n + roundingConstant, so that e**x = 2**n * (1+q). x must be
// within expRange; a NaN gives q = NaN.
func (b *body) expm1Parts(x string) (n, bits string) {
	n, bits = b.take(), b.take()
	q := b.take()
	high, low := b.ln2()
	b.op("VMOVU"+b.p, b.constant(math.Log2E), bits)
	b.horner(bits, x, b.constant(b.roundingConstant()))
	b.sub(bits, b.constant(b.roundingConstant()), n)
	b.subtract(b.constant(high), n, x)
	b.subtract(b.constant(low), n, x)
	for i, c := range b.expPolynomial() {
		if i == 0 {
			b.op("VMOVU"+b.p, b.constant(c), q)
		} else {
			b.horner(q, x, b.constant(c))
		}
	}
	square := b.take()
	b.mul(x, x, square)
	b.accumulate(square, q, x)
	b.give(q, square)
	return n, bits
}

// power replaces bits, an integer plus roundingConstant, by two to the integer. The result must be a normal number.
func (b *body) power(bits string) {
	suffix, bias, mantissa := "D", uint64(127), 23
	if b.size == 8 {
		suffix, bias, mantissa = "Q", 1023, 52
	}
	b.op("VPADD"+suffix, b.bits(bias), bits, bits)
	b.op("VPSLL"+suffix, mantissa, bits, bits)
}

// exp replaces x by e**x. The clamps name x last because the minimum and maximum instructions return the last operand if
// one is NaN. negative says that x is not above 0.
func (b *body) exp(x string, negative bool) {
	low, high := b.expRange()
	t := b.take()
	b.op("VMOVU"+b.p, b.constant(low), t)
	b.op("VMAX"+b.p, x, t, x)
	if !negative {
		b.op("VMOVU"+b.p, b.constant(high), t)
		b.op("VMIN"+b.p, x, t, x)
	}
	b.give(t)
	n, bits := b.expm1Parts(x)
	b.add(b.constant(1), x, x)
	if b.masks() {
		b.op("VSCALEF"+b.p, n, x, x)
	} else {
		t := b.take()
		// In two halves, since 2**n itself may not be a normal number. The first product is exact.
		b.op("VMOVU"+b.p, b.constant(0.5), bits)
		b.horner(bits, n, b.constant(b.roundingConstant()))
		b.sub(bits, b.constant(b.roundingConstant()), t)
		b.sub(n, t, n)
		b.add(b.constant(b.roundingConstant()), n, n)
		b.power(bits)
		b.power(n)
		b.mul(bits, x, x)
		b.mul(n, x, x)
		b.give(t)
	}
	b.give(n, bits)
}

// sigmoid replaces x by 1/(1+e**-x), computed from e = e**-|x| as 1/(1+e) or e/(1+e), which keeps its relative accuracy.
func (b *body) sigmoid(x string) {
	e := b.take()
	b.op("VOR"+b.p, b.signBit(), x, e)
	b.exp(e, true)
	top, sum := b.take(), b.take()
	b.op("VMOVU"+b.p, b.constant(1), top)
	b.add(e, top, sum)
	if b.masks() {
		b.op(map[int]string{4: "VPMOVD2M", 8: "VPMOVQ2M"}[b.size], x, "K2")
		b.op("VMOVA"+b.p, e, "K2", top)
	} else {
		b.op("VBLENDV"+b.p, x, e, top, top)
	}
	b.div(top, sum, x)
	b.give(e, top, sum)
}

// tanh replaces x by its hyperbolic tangent, e/(e+2) with e = e**2|x| - 1 and the sign of x. e is formed without
// cancellation as 2**n * q + (2**n - 1), so small arguments keep their relative accuracy.
func (b *body) tanh(x string) {
	limit := 10.0 // above, the result rounds to 1
	if b.size == 8 {
		limit = 20
	}
	sign, t := b.take(), b.take()
	b.op("VAND"+b.p, b.signBit(), x, sign)
	b.op("VXOR"+b.p, sign, x, x)
	b.op("VMOVU"+b.p, b.constant(limit), t)
	b.op("VMIN"+b.p, x, t, x)
	b.add(x, x, x)
	b.give(t)
	n, bits := b.expm1Parts(x)
	b.power(bits)
	t = b.take()
	b.sub(bits, b.constant(1), t)
	b.accumulate(bits, x, t)
	b.add(b.constant(2), t, x)
	b.div(t, x, x)
	b.op("VOR"+b.p, sign, x, x)
	b.give(sign, t, n, bits)
}

// activations writes the element-wise functions of one argument.
func activations(f *file) {
	slices := params("[]"+f.elem, "dst", "src")
	unary := func(name, doc string, code func(b *body, x string)) {
		f.elementwise(name, doc, slices, nil, nil, func(b *body) {
			x := b.get("src")
			code(b, x)
			b.put(x, "dst")
			b.give(x)
		})
	}
	unary("exp", "computes dst = e**src.", func(b *body, x string) { b.exp(x, false) })
	unary("sigmoid", "computes dst = 1/(1+e**-src).", (*body).sigmoid)
	unary("tanh", "computes dst = tanh(src).", (*body).tanh)

	var shift string
	f.elementwise("expSub", "computes dst = e**(src-shift).", slices, params(f.elem, "shift"),
		func(b *body) { shift = b.scalar("shift") },
		func(b *body) {
			x := b.get("src")
			b.sub(x, shift, x)
			b.exp(x, false)
			b.put(x, "dst")
			b.give(x)
		})
}
