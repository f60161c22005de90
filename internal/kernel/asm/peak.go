package main

import "fmt"

// peak writes a function that does nothing but independent multiply-adds in registers.
func peak(f *file) {
	n := peakOps(f.target)
	f.text("peak", fmt.Sprintf("does rounds of %d multiply-adds of whole vectors.", peakOps(f.target)), params("int", "rounds"), "")
	f.op("MOVQ", f.arg("rounds"), "CX")
	for i := range n + 2 {
		f.op("VXOR"+f.p, f.v(i), f.v(i), f.v(i))
	}
	loop := f.label("loop")
	f.place(loop)
	for i := range n {
		f.op("VFMADD231"+f.p, f.v(n), f.v(n+1), f.v(i))
	}
	f.op("DECQ", "CX")
	f.op("JNZ", loop)
	f.ret()
}

func peakOps(t *target) int { return min(t.regs-2, 24) }
