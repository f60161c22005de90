// Gradflow shows what becomes of gradients on their way back through time: it trains recurrent networks on the adding
// problem, prints what reaches the first time steps, and draws it.
//
//	go run ./examples/gradflow               # takes about a minute; pictures in gradflow-pictures
//	go run ./examples/gradflow -out DIR
//
// Three questions: how fast does the gradient vanish or explode, in which network; what does clipping do; and how wrong is
// a gradient that is truncated.
package main

import (
	"github.com/gobptt/bptt/internal/program"
)

func main() { program.Main("gradflow", run) }
