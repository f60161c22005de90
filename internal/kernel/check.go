package kernel

import "fmt"

// checkMatrix panics unless a slice of length n holds rows×cols elements with leading dimension ld.
func checkMatrix(name string, n, rows, cols, ld int) {
	if rows < 0 || cols < 0 {
		panic(fmt.Sprintf("kernel: %s has negative size %d×%d", name, rows, cols))
	}
	if rows == 0 || cols == 0 {
		return
	}
	if ld < cols {
		panic(fmt.Sprintf("kernel: leading dimension %d of %s is below its width %d", ld, name, cols))
	}
	if n < cols || (n-cols)/ld < rows-1 {
		panic(fmt.Sprintf("kernel: %s has %d elements, %d×%d with leading dimension %d needs more", name, n, rows, cols, ld))
	}
}

// checkLen panics unless all lengths are n.
func checkLen(n int, others ...int) {
	for _, o := range others {
		if o != n {
			panic(fmt.Sprintf("kernel: slices of different lengths %d and %d", n, o))
		}
	}
}
