package main

import (
	"fmt"
	"math"
)

// pointers are the registers for the slices of an element-wise function. AX is the offset in bytes, CX counts elements,
// and R12 and R13 are free.
var pointers = []string{"SI", "DI", "BX", "DX", "R8", "R9", "R10", "R11"}

// body is the code of an element-wise function for one vector.
type body struct {
	*file
	mask  string // of the lanes in use, empty for all
	base  map[string]string
	taken []bool // vector registers
}

// elementwise writes a function over slices of equal length: the code of each pass for whole vectors and, masked, for the
// rest, so that an element gets the same result wherever it is. setup may load registers before the loops, which it must
// take.
func (f *file) elementwise(name, doc string, slices, others []param, setup func(*body), passes ...func(*body)) {
	f.text(name, doc, append(slices, others...), "")
	b := &body{file: f, base: map[string]string{}, taken: make([]bool, f.regs)}
	for i, s := range slices {
		b.base[s.name] = pointers[i]
		f.op("MOVQ", f.base(s.name), pointers[i])
	}
	if setup != nil {
		setup(b)
	}
	for _, code := range passes {
		loop, tail, end := f.label("loop"), f.label("tail"), f.label("end")
		f.op("MOVQ", f.length(slices[0].name), "CX")
		f.op("XORL", "AX", "AX")
		f.op("SUBQ", f.lanes(), "CX")
		f.op("JL", tail)
		f.op("PCALIGN", 32)
		f.place(loop)
		code(b)
		f.op("ADDQ", f.width, "AX")
		f.op("SUBQ", f.lanes(), "CX")
		f.op("JGE", loop)
		f.place(tail)
		f.op("ADDQ", f.lanes(), "CX")
		f.op("JZ", end)
		reg := ""
		if !f.masks() {
			reg = b.take()
		}
		b.mask = f.tailMask(reg)
		code(b)
		b.mask = ""
		b.give(reg)
		f.place(end)
	}
	f.ret()
}

// tailMask sets the mask of the first CX lanes, K1 or the given vector register, and returns it.
func (f *file) tailMask(reg string) string {
	if f.masks() {
		f.op("MOVQ", -1, "R12")
		f.op("BZHIQ", "CX", "R12", "R12")
		f.op("KMOVW", "R12", "K1")
		return "K1"
	}
	f.op("LEAQ", f.edgeTable(1), "R12")
	f.op("MOVQ", f.lanes(), "R13")
	f.op("SUBQ", "CX", "R13")
	f.op("VMOVU"+f.p, fmt.Sprintf("(R12)(R13*%d)", f.size), reg)
	return reg
}

// take returns a free vector register; give frees it again.
func (b *body) take() string {
	for i, t := range b.taken {
		if !t {
			b.taken[i] = true
			return b.v(i)
		}
	}
	panic("out of registers")
}

func (b *body) give(regs ...string) {
	for _, r := range regs {
		for i := range b.taken {
			if b.v(i) == r {
				b.taken[i] = false
			}
		}
	}
}

// get reads the vector of a slice into a new register, put writes one.
func (b *body) get(slice string) string {
	r := b.take()
	b.load(fmt.Sprintf("(%s)(AX*1)", b.base[slice]), b.mask, r)
	return r
}

func (b *body) put(reg, slice string) {
	b.store(reg, b.mask, fmt.Sprintf("(%s)(AX*1)", b.base[slice]))
}

// scalar reads an argument into all lanes of a new register.
func (b *body) scalar(arg string) string {
	r := b.take()
	b.op("VBROADCAST"+b.s, b.arg(arg), r)
	return r
}

// operand is a register or a constant.
type operand any

// The arithmetic, with the destination last: sums and products, x - y, x / y, dst += x*y and dst -= x*y.
func (b *body) add(x operand, y, dst string)        { b.op("VADD"+b.p, x, y, dst) }
func (b *body) mul(x operand, y, dst string)        { b.op("VMUL"+b.p, x, y, dst) }
func (b *body) sub(x string, y operand, dst string) { b.op("VSUB"+b.p, y, x, dst) }
func (b *body) div(x string, y operand, dst string) { b.op("VDIV"+b.p, y, x, dst) }
func (b *body) accumulate(x operand, y, dst string) { b.op("VFMADD231"+b.p, x, y, dst) }
func (b *body) subtract(x operand, y, dst string)   { b.op("VFNMADD231"+b.p, x, y, dst) }

// horner computes dst = dst*x + c.
func (b *body) horner(dst, x string, c operand) { b.op("VFMADD213"+b.p, c, x, dst) }

// oneMinus computes dst = 1 - x*y.
func (b *body) oneMinus(x, y, dst string) {
	b.op("VMOVU"+b.p, b.constant(1), dst)
	b.subtract(x, y, dst)
}

// constant returns the address of a vector with the value in all lanes.
func (f *file) constant(v float64) constant {
	if f.size == 8 {
		return f.bits(math.Float64bits(v))
	}
	return f.bits(uint64(math.Float32bits(float32(v))))
}

// bits is constant for a bit pattern.
func (f *file) bits(v uint64) constant {
	size := f.width
	if f.masks() {
		size = f.size
	}
	name := fmt.Sprintf("c%x%s", v, f.suffix)
	if !f.consts[name] {
		f.consts[name] = true
		f.data.WriteString("\n")
		for i := 0; i < size; i += f.size {
			fmt.Fprintf(&f.data, "DATA %s<>+%d(SB)/%d, $0x%x\n", name, i, f.size, v)
		}
		fmt.Fprintf(&f.data, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", name, size)
	}
	return constant(name + "<>(SB)")
}

// signBit is the address of vectors of sign bits.
func (f *file) signBit() constant { return f.bits(1 << (8*f.size - 1)) }
