package main

import "fmt"

// The matrix unit (AMX) multiplies tiles of 16 rows of 64 bytes. In a tile of bfloat16 a row has 32 elements of the summed
// dimension; a right operand's tile has pairs of them, 16 columns wide. Go's assembler doesn't know the instructions.

const (
	tileBytes  = 1024
	splitParts = 3
)

// matrix writes the functions for the matrix unit.
func matrix(f *file) {
	splitRows(f)
	splitPairs(f)
	matrixStore(f)
	f.flush = false // the matrix unit does it always
	matrixTile(f, 1)
	matrixTile(f, 2)
}

// vector registers of the split
const (
	halfUnit = 20 + iota // what rounds to the upper half
	upper                // the upper half of each element
	noSign
	limit     // from here on, without the sign, rounding would overflow
	infinity  // without the sign
	highWords // the odd words of two vectors
)

func splitConstants(f *file) {
	for _, c := range []struct {
		reg  int
		bits uint32
	}{{halfUnit, 0x8000}, {upper, 0xffff0000}, {noSign, 0x7fffffff}, {limit, 0x7f7f8000}, {infinity, 0x7f800000}} {
		f.op("MOVL", fmt.Sprintf("$%#x", c.bits), "AX")
		f.op("VPBROADCASTD", "AX", f.v(c.reg))
	}
}

// split replaces the vector in register x by its upper half, rounded, and leaves the rounded upper half of the rest in
// second and what is then left in third. All three have zeros below. The rest of an infinity or a NaN is 0.
func split(f *file, x, second, third, size int) {
	f.op("VPANDD", f.v(noSign), f.v(x), f.v(size))
	f.op("VPADDD", f.v(halfUnit), f.v(x), f.v(second))
	f.op("VPANDD", f.v(upper), f.v(second), f.v(second))
	f.op("VPCMPUD", 5, f.v(limit), f.v(size), "K3")
	f.op("VPANDD", f.v(upper), f.v(x), "K3", f.v(second))
	f.op("VPCMPUD", 5, f.v(infinity), f.v(size), "K4")
	f.op("VSUBPS", f.v(second), f.v(x), f.v(third)) // the rest
	f.op("VPXORD", f.v(third), f.v(third), "K4", f.v(third))
	f.op("VMOVAPS", f.v(second), f.v(x))
	f.op("VPADDD", f.v(halfUnit), f.v(third), f.v(second))
	f.op("VPANDD", f.v(upper), f.v(second), f.v(second))
	f.op("VSUBPS", f.v(second), f.v(third), f.v(third))
}

// splitParams are the parameters of both functions that split: of dst, the distances from part to part and from chunk to
// chunk, and more.
func splitParams(f *file, more ...string) []param {
	args := append(params("int", "rows", "cols"), params("*"+f.elem, "dst")...)
	args = append(args, params("int", append([]string{"part", "chunk"}, more...)...)...)
	args = append(args, params("*"+f.elem, "src")...)
	return append(args, params("int", "srcRow")...)
}

// splitStart loads what both have in common.
func splitStart(f *file) {
	splitConstants(f)
	f.op("MOVQ", f.arg("part"), "R8")
	f.op("MOVQ", f.arg("src"), "SI")
	f.op("MOVQ", f.arg("srcRow"), "R9")
	f.op("MOVQ", f.arg("chunk"), "R12")
	f.op("SHLQ", f.shift(), "R8")
	f.op("SHLQ", f.shift(), "R9")
	f.op("SHLQ", f.shift(), "R12")
}

// firstBits makes masks of the lowest lanes of two vectors, as many as a register says.
func firstBits(f *file, count, low, high string) {
	f.op("MOVQ", 32, "R11")
	f.op("CMPQ", count, "R11")
	f.op("CMOVQLT", count, "R11")
	f.edgeMasks("R11", low, high)
}

// splitRows writes the function that splits rows, one after the other.
func splitRows(f *file) {
	f.text("splitRows", "stores the three parts of up to 16 rows as rows of tiles, 32 elements in each, filled up with zeros.", splitParams(f), "")
	splitStart(f)
	f.op("VMOVDQU64", f.wordTable()+"(SB)", f.v(highWords))
	f.op("MOVQ", f.arg("rows"), "R10")
	f.op("MOVQ", f.arg("dst"), "DX")
	row, chunk := f.label("row"), f.label("chunk")
	f.place(row)
	f.op("MOVQ", "SI", "BX")
	f.op("MOVQ", "DX", "DI")
	f.op("MOVQ", f.arg("cols"), "CX")
	f.place(chunk)
	firstBits(f, "CX", "K1", "K2")
	f.load("(BX)", "K1", f.v(0))
	f.load("64(BX)", "K2", f.v(1))
	split(f, 0, 2, 4, 6)
	split(f, 1, 3, 5, 7)
	for i, address := range []string{"(DI)", "(DI)(R8*1)", "(DI)(R8*2)"} {
		f.op("VPERMT2W", f.v(2*i+1), f.v(highWords), f.v(2*i))
		f.op("VMOVDQU64", f.v(2*i), address)
	}
	f.op("ADDQ", 128, "BX")
	f.op("ADDQ", "R12", "DI")
	f.op("SUBQ", 32, "CX")
	f.op("JG", chunk)
	f.op("ADDQ", "R9", "SI")
	f.op("ADDQ", 64, "DX")
	f.op("DECQ", "R10")
	f.op("JNZ", row)
	f.ret()
}

// splitPairs writes the function that splits rows and interleaves the elements of two. It goes along the rows, so that it
// reads lines that follow each other.
func splitPairs(f *file) {
	f.text("splitPairs", "stores the three parts of rows as rows of tiles that have 16 elements of two rows in turn, filled up with zeros to 32 rows a tile. A panel has two tiles for 32 columns.", splitParams(f, "panel"), "")
	splitStart(f)
	f.op("MOVQ", f.arg("panel"), "R13")
	f.op("SHLQ", f.shift(), "R13")
	f.op("MOVQ", f.arg("rows"), "R15")
	f.op("MOVQ", f.arg("dst"), "DX")
	chunk, pair, panel, next := f.label("chunk"), f.label("pair"), f.label("panel"), f.label("next")
	f.place(chunk)
	f.op("MOVQ", 0, "R10")
	f.place(pair)
	// K5 and K6 are the masks of the two rows: all, or nothing of one that isn't there.
	for i, mask := range []string{"K5", "K6"} {
		f.op("XORL", "AX", "AX")
		f.op("CMPQ", "R15", i)
		f.op("SETGT", "AX")
		f.op("NEGQ", "AX")
		f.op("KMOVW", "AX", mask)
	}
	f.op("MOVQ", "SI", "BX")
	f.op("LEAQ", "(DX)(R10*1)", "DI")
	f.op("MOVQ", f.arg("cols"), "CX")
	f.place(panel)
	firstBits(f, "CX", "K1", "K2")
	for v, mask := range []string{"K1", "K2"} {
		if v > 0 {
			f.op("CMPQ", "CX", 16)
			f.op("JLE", next)
		}
		for row, address := range []string{fmt.Sprintf("%d(BX)", 64*v), fmt.Sprintf("%d(BX)(R9*1)", 64*v)} {
			f.op("KANDW", mask, []string{"K5", "K6"}[row], "K7")
			f.load(address, "K7", f.v(row))
		}
		split(f, 0, 2, 4, 6)
		split(f, 1, 3, 5, 7)
		for i, index := range []string{"", "(R8*1)", "(R8*2)"} {
			f.op("VPSRLD", 16, f.v(2*i), f.v(2*i))
			f.op("VPORD", f.v(2*i), f.v(2*i+1), f.v(2*i))
			f.op("VMOVDQU64", f.v(2*i), fmt.Sprintf("%d(DI)%s", v*tileBytes, index))
		}
	}
	f.place(next)
	f.op("ADDQ", 128, "BX")
	f.op("ADDQ", "R13", "DI")
	f.op("SUBQ", 32, "CX")
	f.op("JG", panel)
	f.op("LEAQ", "(SI)(R9*2)", "SI")
	f.op("SUBQ", 2, "R15")
	f.op("ADDQ", 64, "R10")
	f.op("CMPQ", "R10", tileBytes)
	f.op("JLT", pair)
	f.op("ADDQ", "R12", "DX")
	f.op("TESTQ", "R15", "R15")
	f.op("JG", chunk)
	f.ret()
}

// wordTable is the permutation that picks the odd words of two vectors.
func (f *file) wordTable() string {
	name := "oddWords" + f.suffix
	f.data.WriteString("\n")
	for i := 0; i < 32; i += 4 {
		word := func(i int) int { return 2*i + 1 }
		bits := uint64(word(i)) | uint64(word(i+1))<<16 | uint64(word(i+2))<<32 | uint64(word(i+3))<<48
		fmt.Fprintf(&f.data, "DATA %s<>+%d(SB)/8, $%#x\n", name, 2*i, bits)
	}
	fmt.Fprintf(&f.data, "GLOBL %s<>(SB), RODATA|NOPTR, $64\n", name)
	return name + "<>"
}

// tileConfig declares eight full tiles.
func (f *file) tileConfig() string {
	name := "tileConfig" + f.suffix
	if f.consts[name] {
		return name + "<>"
	}
	f.consts[name] = true
	f.data.WriteString("\n")
	rowBytes, rows := uint64(0x0040004000400040), uint64(0x1010101010101010)
	for i, v := range []uint64{1, 0, rowBytes, rowBytes, 0, 0, rows, 0} {
		fmt.Fprintf(&f.data, "DATA %s<>+%d(SB)/8, $%#x\n", name, 8*i, v)
	}
	fmt.Fprintf(&f.data, "GLOBL %s<>(SB), RODATA|NOPTR, $64\n", name)
	return name + "<>"
}

// code writes an instruction that the assembler doesn't know.
func (f *file) code(comment string, b ...byte) {
	for i, x := range b {
		if i == 0 {
			f.buf.WriteString("\t")
		} else {
			f.buf.WriteString("; ")
		}
		fmt.Fprintf(&f.buf, "BYTE $%#02x", x)
	}
	fmt.Fprintf(&f.buf, " // %s\n", comment)
}

// Base registers of tile accesses; their stride is in DX.
const (
	inSI = 6
	inDI = 7
)

func (f *file) tileAccess(name string, prefix byte, base, offset, tile int) {
	f.code(fmt.Sprintf("%s %d(%s)(DX*1), tile %d", name, offset, []string{inSI: "SI", inDI: "DI"}[base], tile),
		0xc4, 0xe2, prefix, 0x4b, byte(0x84|tile<<3), byte(2<<3|base), byte(offset), byte(offset>>8), byte(offset>>16), byte(offset>>24))
}

func (f *file) tileLoad(base, offset, tile int)  { f.tileAccess("load", 0x7b, base, offset, tile) }
func (f *file) tileStore(base, offset, tile int) { f.tileAccess("store", 0x7a, base, offset, tile) }
func (f *file) tileZero(tile int) {
	f.code(fmt.Sprintf("zero tile %d", tile), 0xc4, 0xe2, 0x7b, 0x49, byte(0xc0|tile<<3))
}

// tileMultiply adds the product of tiles a and b to another one.
func (f *file) tileMultiply(a, b, sum int) {
	f.code(fmt.Sprintf("tile %d += tile %d * tile %d", sum, a, b), 0xc4, 0xe2, byte(0x02|(15-b)<<3), 0x5c, byte(0xc0|sum<<3|a))
}

// matrixTile writes the product of 16 or 32 rows and 32 columns. Of the nine products of parts the three smallest, below
// the rounding of the others, are left out.
func matrixTile(f *file, rows int) {
	args := append(params("int", "chunks"), params("*"+f.elem, "a", "b", "c")...)
	f.text(fmt.Sprintf("matrixTile%d", rows), fmt.Sprintf("computes %d rows and 32 columns, see matrixUnit.", 16*rows), args, "")
	const cols = 2
	f.op("MOVQ", "$"+f.tileConfig()+"(SB)", "AX")
	f.code("configure tiles from (AX)", 0xc4, 0xe2, 0x78, 0x49, 0x00)
	f.op("MOVQ", f.arg("chunks"), "CX")
	f.op("MOVQ", f.arg("a"), "SI")
	f.op("MOVQ", f.arg("b"), "DI")
	f.op("MOVQ", 64, "DX")
	for i := range rows * cols {
		f.tileZero(i)
	}
	// The tiles of the next chunk come near in the meantime: few loads of tiles can be under way at once.
	fetch := func(base string, from, size int) {
		for at := 0; at < tileBytes; at += 64 {
			f.op("PREFETCHT0", fmt.Sprintf("%d(%s)", from+size+at, base))
		}
	}
	left := func(part int) {
		for r := range rows {
			f.tileLoad(inSI, (part*rows+r)*tileBytes, 4+r)
			fetch("SI", (part*rows+r)*tileBytes, splitParts*rows*tileBytes)
		}
	}
	fetched := map[int]bool{}
	right := func(part int) {
		for c := range cols {
			f.tileLoad(inDI, (part*cols+c)*tileBytes, 6+c)
			if !fetched[part*cols+c] {
				fetch("DI", (part*cols+c)*tileBytes, splitParts*cols*tileBytes)
			}
			fetched[part*cols+c] = true
		}
	}
	multiply := func() {
		for r := range rows {
			for c := range cols {
				f.tileMultiply(4+r, 6+c, r*cols+c)
			}
		}
	}
	loop := f.label("chunk")
	f.place(loop)
	left(2)
	right(0)
	multiply()
	left(1)
	multiply()
	right(1)
	multiply()
	left(0)
	multiply()
	right(2)
	multiply()
	right(0)
	multiply()
	f.op("ADDQ", splitParts*rows*tileBytes, "SI")
	f.op("ADDQ", splitParts*cols*tileBytes, "DI")
	f.op("DECQ", "CX")
	f.op("JNZ", loop)
	f.op("MOVQ", f.arg("c"), "DI")
	f.op("MOVQ", cols*64, "DX")
	for r := range rows {
		for c := range cols {
			f.tileStore(inDI, r*16*cols*64+c*64, r*cols+c)
		}
	}
	f.code("release tiles", 0xc4, 0xe2, 0x78, 0x49, 0xc0)
	f.op("RET")
}

// matrixStore writes what adds a product to C.
func matrixStore(f *file) {
	args := append(params("int", "rows", "cols"), params("*"+f.elem, "sum", "c")...)
	args = append(args, params("int", "cRow")...)
	args = append(args, params("*"+f.elem, "old")...)
	args = append(args, params("int", "oldRow")...)
	args = append(args, params(f.elem, "alpha", "beta")...)
	f.text("matrixStore", "stores alpha*sum + beta*old in c; sum has 32 columns.", args, "")
	f.op("MOVQ", f.arg("cols"), "CX")
	f.edgeMasks("CX", "K1", "K2")
	f.op("MOVQ", f.arg("rows"), "CX")
	f.op("MOVQ", f.arg("sum"), "BX")
	f.op("MOVQ", f.arg("c"), "DI")
	f.op("MOVQ", f.arg("cRow"), "R8")
	f.op("MOVQ", f.arg("old"), "SI")
	f.op("MOVQ", f.arg("oldRow"), "R9")
	f.op("SHLQ", f.shift(), "R8")
	f.op("SHLQ", f.shift(), "R9")
	f.op("VBROADCASTSS", f.arg("alpha"), f.v(4))
	f.op("VBROADCASTSS", f.arg("beta"), f.v(5))
	f.op("MOVL", f.arg("beta"), "R10")
	f.op("ADDL", "R10", "R10") // drops the sign of zero
	loop, store := f.label("row"), f.label("store")
	f.place(loop)
	f.op("VMULPS", "(BX)", f.v(4), f.v(0))
	f.op("VMULPS", "64(BX)", f.v(4), f.v(1))
	f.op("TESTL", "R10", "R10")
	f.op("JZ", store)
	f.load("(SI)", "K1", f.v(2))
	f.load("64(SI)", "K2", f.v(3))
	f.op("VFMADD231PS", f.v(2), f.v(5), f.v(0))
	f.op("VFMADD231PS", f.v(3), f.v(5), f.v(1))
	f.place(store)
	f.store(f.v(0), "K1", "(DI)")
	f.store(f.v(1), "K2", "64(DI)")
	f.op("ADDQ", 128, "BX")
	f.op("ADDQ", "R8", "DI")
	f.op("ADDQ", "R9", "SI")
	f.op("DECQ", "CX")
	f.op("JNZ", loop)
	f.ret()
}
