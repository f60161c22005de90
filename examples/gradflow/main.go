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
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	os.Exit(status(run(ctx, os.Args[1:], os.Stdout, os.Stderr), os.Stderr))
}

// status says in one line what is wrong, if anything is, and returns the exit status.
func status(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, context.Canceled):
		return 130 // as a shell reports an interrupted program
	}
	fmt.Fprintln(stderr, "gradflow:", strings.NewReplacer(":\n", ": ", "\n", "; ").Replace(err.Error()))
	return 1
}
