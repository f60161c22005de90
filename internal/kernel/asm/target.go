package main

import "fmt"

// target is an instruction set together with an element type.
type target struct {
	file   string // part of file names
	suffix string // of function names
	isa    string // constant of package kernel
	elem   string // Go type
	p      string // instruction suffix of packed elements
	s      string // instruction suffix of one element
	size   int    // bytes of an element
	reg    string // prefix of vector registers
	width  int    // bytes of a vector
	regs   int    // number of vector registers
}

var targets = []*target{
	{"avx512_f32", "F32AVX512", "avx512", "float32", "PS", "SS", 4, "Z", 64, 32},
	{"avx512_f64", "F64AVX512", "avx512", "float64", "PD", "SD", 8, "Z", 64, 32},
	{"avx2_f32", "F32AVX2", "avx2", "float32", "PS", "SS", 4, "Y", 32, 16},
	{"avx2_f64", "F64AVX2", "avx2", "float64", "PD", "SD", 8, "Y", 32, 16},
}

// masks reports whether the target has mask registers.
func (t *target) masks() bool { return t.reg == "Z" }

// lanes is the number of elements of a vector.
func (t *target) lanes() int { return t.width / t.size }

// v names vector register i.
func (t *target) v(i int) string {
	if i >= t.regs {
		panic(fmt.Sprintf("%s has no vector register %d", t.suffix, i))
	}
	return fmt.Sprintf("%s%d", t.reg, i)
}

// shift is the binary logarithm of the element size.
func (t *target) shift() int {
	if t.size == 8 {
		return 3
	}
	return 2
}
