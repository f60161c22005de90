package main

import "fmt"

// accumulators is the number of independent sums of a reduction, enough to hide the latency of an addition.
const accumulators = 4

// reduce writes the sums in float64, over a multiple of the number of float64 in a vector, the maximum, over a multiple of
// the vector's elements, and the column sums.
func reduce(f *file) {
	sum(f, "sum", "adds the elements of x.", params("[]"+f.elem, "x"), func(x, y, acc string) {
		f.op("VADDPD", x, acc, acc)
	})
	sum(f, "sumSquares", "adds the squares of x.", params("[]"+f.elem, "x"), func(x, y, acc string) {
		f.op("VFMADD231PD", x, x, acc)
	})
	sum(f, "dot", "adds the products of x and y.", params("[]"+f.elem, "x", "y"), func(x, y, acc string) {
		f.op("VFMADD231PD", y, x, acc)
	})
	maximum(f)
	addRows(f)
}

// wide reads a vector of float64 from elements of a slice.
func (f *file) wide(mem, reg string) {
	if f.size == 8 {
		f.op("VMOVUPD", mem, reg)
	} else {
		f.op("VCVTPS2PD", mem, reg)
	}
}

// half names the low half of register i.
func (f *file) half(i int) string {
	if f.width == 64 {
		return fmt.Sprintf("Y%d", i)
	}
	return fmt.Sprintf("X%d", i)
}

func sum(f *file, name, doc string, slices []param, step func(x, y, acc string)) {
	lanes := f.width / 8
	f.text(name, doc+fmt.Sprintf(" The length is a multiple of %d.", lanes), slices, "float64")
	regs := []string{"SI", "DI"}
	f.op("MOVQ", f.length(slices[0].name), "CX")
	for i, s := range slices {
		f.op("MOVQ", f.base(s.name), regs[i])
	}
	for i := range accumulators {
		f.op("VXORPD", f.v(i), f.v(i), f.v(i))
	}
	run := func(n int) {
		loop, next := f.label("loop"), f.label("next")
		f.op("SUBQ", n*lanes, "CX")
		f.op("JL", next)
		f.place(loop)
		for i := range n {
			var in [2]string
			for j := range slices {
				in[j] = f.v(4 + 2*i + j)
				f.wide(fmt.Sprintf("%d(%s)", i*lanes*f.size, regs[j]), in[j])
			}
			step(in[0], in[1], f.v(i))
		}
		for j := range slices {
			f.op("ADDQ", n*lanes*f.size, regs[j])
		}
		f.op("SUBQ", n*lanes, "CX")
		f.op("JGE", loop)
		f.place(next)
		f.op("ADDQ", n*lanes, "CX")
	}
	run(accumulators)
	run(1)
	f.op("VADDPD", f.v(1), f.v(0), f.v(0))
	f.op("VADDPD", f.v(3), f.v(2), f.v(2))
	f.op("VADDPD", f.v(2), f.v(0), f.v(0))
	if f.width == 64 {
		f.op("VEXTRACTF64X4", 1, "Z0", "Y1")
		f.op("VADDPD", "Y1", "Y0", "Y0")
	}
	f.op("VEXTRACTF128", 1, "Y0", "X1")
	f.op("VADDPD", "X1", "X0", "X0")
	f.op("VPERMILPD", 1, "X0", "X1")
	f.op("VADDSD", "X1", "X0", "X0")
	f.op("VMOVSD", "X0", f.arg("ret"))
	f.ret()
}

func maximum(f *file) {
	f.text("maximum", fmt.Sprintf("returns the maximum of x, whose length is a positive multiple of %d. NaNs may be ignored.", f.lanes()), params("[]"+f.elem, "x"), f.elem)
	f.op("MOVQ", f.length("x"), "CX")
	f.op("MOVQ", f.base("x"), "SI")
	f.op("VMOVU"+f.p, "(SI)", f.v(0))
	loop := f.label("loop")
	f.place(loop)
	f.op("VMAX"+f.p, "(SI)", f.v(0), f.v(0))
	f.op("ADDQ", f.width, "SI")
	f.op("SUBQ", f.lanes(), "CX")
	f.op("JNE", loop)
	if f.width == 64 {
		f.op("VEXTRACTF64X4", 1, "Z0", "Y1")
		f.op("VMAX"+f.p, "Y1", "Y0", "Y0")
	}
	f.op("VEXTRACTF128", 1, "Y0", "X1")
	f.op("VMAX"+f.p, "X1", "X0", "X0")
	f.op("VPERMILPD", 1, "X0", "X1")
	f.op("VMAX"+f.p, "X1", "X0", "X0")
	if f.size == 4 {
		f.op("VMOVSHDUP", "X0", "X1")
		f.op("VMAXPS", "X1", "X0", "X0")
	}
	f.op("VMOV"+f.s, "X0", f.arg("ret"))
	f.ret()
}

// addRows keeps a strip of the sums in registers while the rows pass.
func addRows(f *file) {
	args := append(params("[]"+f.elem, "dst"), params("int", "rows")...)
	args = append(args, params("*"+f.elem, "a")...)
	args = append(args, params("int", "lda")...)
	f.text("addRows", "adds rows of a matrix to dst, one after the other.", args, "")
	f.op("MOVQ", f.base("dst"), "DI")
	f.op("MOVQ", f.length("dst"), "CX")
	f.op("MOVQ", f.arg("a"), "SI")
	f.op("MOVQ", f.arg("lda"), "R8")
	f.op("SHLQ", f.shift(), "R8")
	strip := func(n int, mask string) {
		row := f.label("row")
		for i := range n {
			f.load(fmt.Sprintf("%d(DI)", i*f.width), mask, f.v(i))
		}
		f.op("MOVQ", "SI", "DX")
		f.op("MOVQ", f.arg("rows"), "BX")
		f.place(row)
		for i := range n {
			mem := fmt.Sprintf("%d(DX)", i*f.width)
			if mask != "" {
				f.load(mem, mask, f.v(n))
				mem = f.v(n)
			}
			f.op("VADD"+f.p, mem, f.v(i), f.v(i))
		}
		f.op("ADDQ", "R8", "DX")
		f.op("DECQ", "BX")
		f.op("JNZ", row)
		for i := range n {
			f.store(f.v(i), mask, fmt.Sprintf("%d(DI)", i*f.width))
		}
	}
	for _, n := range []int{8, 1} {
		loop, next := f.label("strip"), f.label("next")
		f.op("SUBQ", n*f.lanes(), "CX")
		f.op("JL", next)
		f.place(loop)
		strip(n, "")
		f.op("ADDQ", n*f.width, "SI")
		f.op("ADDQ", n*f.width, "DI")
		f.op("SUBQ", n*f.lanes(), "CX")
		f.op("JGE", loop)
		f.place(next)
		f.op("ADDQ", n*f.lanes(), "CX")
	}
	end := f.label("end")
	f.op("JZ", end)
	strip(1, f.tailMask(f.v(2)))
	f.place(end)
	f.ret()
}
