package main

import "fmt"

func pack(f *file) {
	copyRows(f)
	transpose(f)
}

// copyRows writes the function that copies a narrow block: panels of a row-major right operand, tiles of a transposed
// left one.
func copyRows(f *file) {
	args := append(params("int", "rows", "cols"), params("*"+f.elem, "dst")...)
	args = append(args, params("int", "dstRow", "dstCols")...)
	args = append(args, params("*"+f.elem, "src")...)
	args = append(args, params("int", "srcRow")...)
	f.text("copyRows", "copies rows of cols elements and adds zeros up to dstCols, at most a panel.", args, "")
	masks := []string{"K1", "K2", "K3", "K4"}
	for i, arg := range []string{"cols", "dstCols"} {
		f.op("MOVQ", f.arg(arg), "CX")
		if f.masks() {
			f.edgeMasks("CX", masks[2*i:2*i+2]...)
			continue
		}
		f.op("LEAQ", f.edgeTable(panelVectors), "DX")
		f.op("MOVQ", panelVectors*f.lanes(), "AX")
		f.op("SUBQ", "CX", "AX")
		for n := range panelVectors {
			masks[2*i+n] = f.v(4 + 2*i + n)
			f.op("VMOVU"+f.p, fmt.Sprintf("%d(DX)(AX*%d)", n*f.width, f.size), masks[2*i+n])
		}
	}
	f.op("MOVQ", f.arg("rows"), "CX")
	f.op("MOVQ", f.arg("dst"), "DI")
	f.op("MOVQ", f.arg("dstRow"), "R8")
	f.op("MOVQ", f.arg("src"), "SI")
	f.op("MOVQ", f.arg("srcRow"), "R9")
	f.op("SHLQ", f.shift(), "R8")
	f.op("SHLQ", f.shift(), "R9")
	loop, end := f.label("row"), f.label("end")
	f.op("TESTQ", "CX", "CX")
	f.op("JZ", end)
	f.place(loop)
	second := fmt.Sprint(f.width)
	f.load("(SI)", masks[0], f.v(0))
	f.load(second+"(SI)", masks[1], f.v(1))
	f.store(f.v(0), masks[2], "(DI)")
	f.store(f.v(1), masks[3], second+"(DI)")
	f.op("ADDQ", "R9", "SI")
	f.op("ADDQ", "R8", "DI")
	f.op("DECQ", "CX")
	f.op("JNZ", loop)
	f.place(end)
	f.ret()
}

// transpose writes the function that transposes square blocks of one vector a side, one after the other along the rows of
// the source.
func transpose(f *file) {
	args := append(params("int", "blocks"), params("*"+f.elem, "dst")...)
	args = append(args, params("int", "dstRow")...)
	args = append(args, params("*"+f.elem, "src")...)
	args = append(args, params("int", "srcRow")...)
	f.text("transpose", "transposes blocks of one vector a side that follow each other in the rows of src and in the columns' direction of dst.", args, "")
	f.op("MOVQ", f.arg("blocks"), "CX")
	f.op("MOVQ", f.arg("dst"), "DI")
	f.op("MOVQ", f.arg("dstRow"), "R8")
	f.op("MOVQ", f.arg("src"), "SI")
	f.op("MOVQ", f.arg("srcRow"), "R9")
	f.op("SHLQ", f.shift(), "R8")
	f.op("SHLQ", f.shift(), "R9")
	n := f.lanes()
	loop := f.label("block")
	f.place(loop)
	f.op("MOVQ", "SI", "R10")
	in := make([]string, n)
	for i := range n {
		in[i] = f.v(i)
		f.load("(R10)", "", in[i])
		if i < n-1 {
			f.op("ADDQ", "R9", "R10")
		}
	}
	out := f.transposed(in)
	for i := range n {
		f.store(out[i], "", "(DI)")
		f.op("ADDQ", "R8", "DI")
	}
	f.op("ADDQ", f.width, "SI")
	f.op("DECQ", "CX")
	f.op("JNZ", loop)
	f.ret()
}

// transposed writes the shuffles that transpose the square block in the given registers, with as many others as
// scratch. It returns the registers of the result.
func (f *file) transposed(in []string) []string {
	n := len(in)
	other := make([]string, n)
	for i := range n {
		other[i] = f.v(n + i)
	}
	stage := func(from, to []string, distance int, low, high func(a, b, dst string)) {
		for i := range n {
			if i&distance == 0 {
				low(from[i], from[i+distance], to[i])
				high(from[i], from[i+distance], to[i+distance])
			}
		}
	}
	op := func(name string) func(a, b, dst string) {
		return func(a, b, dst string) { f.op(name, b, a, dst) }
	}
	imm := func(name string, i int) func(a, b, dst string) {
		return func(a, b, dst string) { f.op(name, i, b, a, dst) }
	}
	from, to := in, other
	next := func(distance int, low, high func(a, b, dst string)) {
		stage(from, to, distance, low, high)
		from, to = to, from
	}
	// Within the 128-bit lanes, then whole lanes.
	next(1, op("VUNPCKL"+f.p), op("VUNPCKH"+f.p))
	if f.size == 4 {
		next(2, op("VUNPCKLPD"), op("VUNPCKHPD"))
	}
	lane := 16 / f.size // rows of one 128-bit lane
	switch {
	case f.width == 32:
		next(lane, imm("VPERM2F128", 0x20), imm("VPERM2F128", 0x31))
	default:
		next(lane, imm("VSHUFF64X2", 0x88), imm("VSHUFF64X2", 0xdd))
		next(2*lane, imm("VSHUFF64X2", 0x88), imm("VSHUFF64X2", 0xdd))
	}
	if f.size == 8 {
		return from
	}
	// The first two stages split the columns by their bits 1 and 0, in this order.
	out := make([]string, n)
	for i := range n {
		out[i] = from[i&^3|i&1<<1|i>>1&1]
	}
	return out
}
