// Command asm writes the assembly files of package kernel, and the Go file that declares their functions.
//
// The kernels differ between instruction sets and element types only in register names, suffixes and sizes, so a program
// that prints them is shorter than the assembly and keeps the variants alike. Run it with "go generate" in the directory
// of the package.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "..", "directory of package kernel")
	flag.Parse()
	var stubs stubs
	for _, t := range targets {
		for _, part := range parts {
			if part.only != "" && part.only != t.file {
				continue
			}
			f := newFile(t, &stubs)
			f.flush = part.flush
			part.write(f)
			name := part.name + "_" + t.file + "_amd64.s"
			if err := os.WriteFile(filepath.Join(*out, name), f.bytes(), 0o644); err != nil {
				log.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(*out, "asm_amd64.go"), stubs.bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// part is one assembly file of a target.
type part struct {
	name  string
	write func(*file)
	flush bool   // see file
	only  string // the target that has it; empty: all
}

var parts = []part{
	{"gemm", gemm, true, ""},
	{"matrix", matrix, true, "avx512_f32"},
	{"pack", pack, false, ""},
	{"activate", activations, false, ""},
	{"arith", arith, true, ""},
	{"reduce", reduce, false, ""},
	{"cells", cells, true, ""},
	{"peak", peak, false, ""},
}
