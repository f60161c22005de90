package main

import "fmt"

// panelVectors is the width of a panel of the right operand in vectors.
const panelVectors = 2

// tileShape is the size of a micro-kernel's block of C.
type tileShape struct{ rows, vectors int }

func (s tileShape) name() string { return fmt.Sprintf("tile%dx%d", s.rows, s.vectors) }

// tileWidths are the widths of the micro-kernels in vectors: one half of a panel, for the end of a row of C, and one, two
// and four panels.
var tileWidths = []int{1, panelVectors, 2 * panelVectors, 4 * panelVectors}

// tileShapes lists the micro-kernels of a target by width and rows. One row of panels hides the latency of the
// multiply-add only with enough rows, so the low tiles also exist in wider forms.
func tileShapes(t *target) [][]tileShape {
	most := []int{6, 6, 3, 1}
	if t.masks() {
		most = []int{14, 14, 6, 3}
	}
	shapes := make([][]tileShape, len(tileWidths))
	for i, vectors := range tileWidths {
		for r := range most[i] {
			shapes[i] = append(shapes[i], tileShape{r + 1, vectors})
		}
	}
	return shapes
}

func gemm(f *file) {
	for _, width := range tileShapes(f.target) {
		for _, s := range width {
			tile(f, s)
		}
	}
	f.stubs.tiles(f.target)
}

// tile writes a micro-kernel: the block of C stays in registers while k runs.
//
// Integer additions compete with the multiply-adds for their ports, so the loop is unrolled and addresses its operands
// with few pointers: one for three rows of A, as an index scales by 1, 2, 4 or 8 only, and one for each panel and four
// rows of B.
func tile(f *file, s tileShape) {
	rows, vectors := s.rows, s.vectors
	panels := max(vectors/panelVectors, 1)
	doc := fmt.Sprintf("computes tiles of %d rows and %d vectors, see tileFunc.", rows, vectors)
	args := append(params("int", "k", "tiles"), params("*"+f.elem, "a")...)
	args = append(args, params("int", "aRow", "aTile")...)
	args = append(args, params("*"+f.elem, "b")...)
	args = append(args, params("int", "bRow", "bPanel")...)
	args = append(args, params("*"+f.elem, "c")...)
	args = append(args, params("int", "cRow", "cols")...)
	args = append(args, params("*"+f.elem, "old")...)
	args = append(args, params("int", "oldRow")...)
	args = append(args, params(f.elem, "alpha", "beta")...)
	f.text(s.name(), doc, args, "")

	acc := func(r, v int) string { return f.v(r*vectors + v) }
	free := rows * vectors // first free vector register
	unroll := 4
	if panels == 1 {
		unroll = 8
	}

	groups := []string{"SI", "R12", "R13", "R14", "R15"}[:(rows+2)/3]
	aAddr := func(r, u int) string {
		return fmt.Sprintf("%d(%s)", u*f.size, groups[r/3]) + []string{"", "(R8*1)", "(R8*2)"}[r%3]
	}
	// Pointers to four rows of B each: of all panels, or of two times four rows of one panel.
	bPointers := []string{"DI", "R9"}
	switch panels {
	case 2:
		bPointers = []string{"DI", "R15"}
	case 4:
		bPointers = []string{"DI", "R12", "R13", "R14"}
	}
	bAddr := func(v, u int) string {
		p := bPointers[v/panelVectors+u/4]
		return fmt.Sprintf("%d(%s)", v%panelVectors*f.width, p) + []string{"", "(BX*1)", "(BX*2)", "(R10*1)"}[u%4]
	}
	step := func(u int) {
		if rows <= vectors && panels > 1 {
			// Few rows: hold their elements of A, stream the vectors of B.
			for r := range rows {
				f.op("VBROADCAST"+f.s, aAddr(r, u), f.v(free+r))
			}
			for v := range vectors {
				x := f.v(free + rows + v%min(4, f.regs-free-rows))
				f.op("VMOVU"+f.p, bAddr(v, u), x)
				for r := range rows {
					f.op("VFMADD231"+f.p, x, f.v(free+r), acc(r, v))
				}
			}
			return
		}
		for v := range vectors {
			f.op("VMOVU"+f.p, bAddr(v, u), f.v(free+v))
		}
		for r := range rows {
			x := f.v(free + vectors + r%min(4, f.regs-free-vectors))
			f.op("VBROADCAST"+f.s, aAddr(r, u), x)
			for v := range vectors {
				f.op("VFMADD231"+f.p, f.v(free+v), x, acc(r, v))
			}
		}
	}

	load := func(arg, reg string, scaled bool) {
		f.op("MOVQ", f.arg(arg), reg)
		if scaled {
			f.op("SHLQ", f.shift(), reg)
		}
	}
	load("aRow", "R8", true)
	load("bRow", "BX", true)
	load("c", "DX", false)
	load("cRow", "R11", true)
	f.op("SHLQ", f.shift(), f.arg("aTile"))
	f.op("SHLQ", f.shift(), f.arg("bPanel"))
	f.op("SHLQ", f.shift(), f.arg("oldRow"))
	f.op("LEAQ", "(BX)(BX*2)", "R10")
	if f.masks() {
		// K1 and K2 are the masks of the last panel's vectors.
		load("cols", "CX", false)
		f.edgeMasks("CX", []string{"K1", "K2"}[:min(vectors, panelVectors)]...)
	}

	next, loop, rest, single, end := f.label("tile"), f.label("k"), f.label("rest"), f.label("single"), f.label("end")
	f.place(next)
	load("a", "SI", false)
	load("b", "DI", false)
	load("k", "CX", false)
	f.op("LEAQ", "(R8)(R8*2)", "AX")
	for i := 1; i < len(groups); i++ {
		f.op("LEAQ", fmt.Sprintf("(%s)(AX*1)", groups[i-1]), groups[i])
	}
	if panels == 1 {
		f.op("LEAQ", "(DI)(BX*4)", bPointers[1])
	} else {
		load("bPanel", "AX", false)
		for i := 1; i < panels; i++ {
			f.op("LEAQ", fmt.Sprintf("(%s)(AX*1)", bPointers[i-1]), bPointers[i])
		}
	}
	// C is far away as a rule: the gates of a time step that no cache holds. Fetch it while k runs.
	f.op("MOVQ", "DX", "AX")
	for r := range rows {
		for at := 0; at < vectors*f.width; at += 64 {
			f.op("PREFETCHT0", fmt.Sprintf("%d(AX)", at))
		}
		if r < rows-1 {
			f.op("ADDQ", "R11", "AX")
		}
	}
	for i := range rows * vectors {
		f.op("VXOR"+f.p, f.v(i), f.v(i), f.v(i))
	}
	f.op("SUBQ", unroll, "CX")
	f.op("JL", rest)
	ahead := vectors == panelVectors && rows > 6
	if ahead {
		load("bPanel", "AX", false)
	}
	f.op("PCALIGN", 32)
	f.place(loop)
	for u := range unroll {
		step(u)
		if ahead {
			// The next panel of a packed operand, into the second-level cache: together they may be more than it holds.
			for at := 0; at < panelVectors*f.width; at += 64 {
				f.op("PREFETCHT1", fmt.Sprintf("%d(DI)(AX*1)", u*panelVectors*f.width+at))
			}
		}
	}
	f.op("LEAQ", fmt.Sprintf("(%s)(BX*%d)", bPointers[0], unroll), bPointers[0])
	for _, p := range bPointers[1:] {
		f.op("LEAQ", fmt.Sprintf("(%s)(BX*%d)", p, unroll), p)
	}
	for _, g := range groups {
		f.op("ADDQ", unroll*f.size, g)
	}
	f.op("SUBQ", unroll, "CX")
	f.op("JGE", loop)
	f.place(rest)
	f.op("ADDQ", unroll, "CX")
	f.op("JZ", end)
	f.place(single)
	step(0)
	for _, p := range bPointers[:panels] {
		f.op("ADDQ", "BX", p)
	}
	for _, g := range groups {
		f.op("ADDQ", f.size, g)
	}
	f.op("DECQ", "CX")
	f.op("JNZ", single)
	f.place(end)

	// The pointers into A and B are free now: SI and DI walk along what is added.
	load("old", "SI", false)
	load("oldRow", "DI", false)
	alpha := f.v(free)
	f.op("VBROADCAST"+f.s, f.arg("alpha"), alpha)
	for i := range rows * vectors {
		f.op("VMUL"+f.p, alpha, f.v(i), f.v(i))
	}
	if f.masks() {
		epilogue(f, rows, vectors, true)
	} else {
		// Masked stores are slow on some processors of this set, so full tiles avoid them.
		edge, done := f.label("edge"), f.label("done")
		f.op("CMPQ", f.arg("cols"), min(vectors, panelVectors)*f.lanes())
		f.op("JNE", edge)
		epilogue(f, rows, vectors, false)
		f.op("JMP", done)
		f.place(edge)
		epilogue(f, rows, vectors, true)
		f.place(done)
	}
	f.op("MOVQ", "SI", f.arg("old"))
	load("aTile", "AX", false)
	f.op("ADDQ", "AX", f.arg("a"))
	f.op("DECQ", f.arg("tiles"))
	f.op("JNZ", next)
	f.ret()
}

// epilogue adds beta times the old block to the accumulators, unless beta is 0, and stores them in C. If edge is set, the
// vectors of the last panel are masked.
func epilogue(f *file, rows, vectors int, edge bool) {
	beta, old := f.v(rows*vectors), f.v(rows*vectors+1)
	mask := func(v int) string {
		n := v - max(vectors-panelVectors, 0) // in the last panel
		if !edge || n < 0 {
			return ""
		}
		if f.masks() {
			return fmt.Sprintf("K%d", n+1)
		}
		return f.v(14 + n)
	}
	if edge && !f.masks() {
		table := f.edgeTable(panelVectors)
		f.op("MOVQ", panelVectors*f.lanes(), "AX")
		f.op("SUBQ", f.arg("cols"), "AX")
		f.op("LEAQ", table, "CX")
		for n := range panelVectors {
			f.op("VMOVU"+f.p, fmt.Sprintf("%d(CX)(AX*%d)", n*f.width, f.size), f.v(14+n))
		}
	}
	store := f.label("store")
	sfx := map[int]string{4: "L", 8: "Q"}[f.size]
	f.op("MOV"+sfx, f.arg("beta"), "AX")
	f.op("ADD"+sfx, "AX", "AX") // drops the sign of zero
	f.op("JZ", store)
	f.op("VBROADCAST"+f.s, f.arg("beta"), beta)
	for r := range rows {
		for v := range vectors {
			f.load(fmt.Sprintf("%d(SI)", v*f.width), mask(v), old)
			f.op("VFMADD231"+f.p, old, beta, f.v(r*vectors+v))
		}
		f.op("ADDQ", "DI", "SI")
	}
	f.place(store)
	for r := range rows {
		for v := range vectors {
			f.store(f.v(r*vectors+v), mask(v), fmt.Sprintf("%d(DX)", v*f.width))
		}
		f.op("ADDQ", "R11", "DX")
	}
}
