// Package program is what the example programs share: how one starts, reads its flags and ends.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

// Main runs a program and exits. An interrupt ends the context of run, a second one the program at once.
func Main(name string, run func(ctx context.Context, args []string, stdout, stderr io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop)
	os.Exit(Status(name, run(ctx, os.Args[1:], os.Stdout, os.Stderr), os.Stderr))
}

// Status says in one line what is wrong, if anything is, and returns the exit status.
func Status(name string, err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, context.Canceled):
		return 130 // as a shell reports an interrupted program
	}
	fmt.Fprintln(stderr, name+":", strings.NewReplacer(":\n", ": ", "\n", "; ").Replace(err.Error()))
	return 1
}

// Parse reads flags, which are all arguments that a program takes. For -help it writes what the program does and its
// flags to stderr, and returns flag.ErrHelp.
func Parse(f *flag.FlagSet, args []string, about string, stderr io.Writer) error {
	f.SetOutput(io.Discard) // a wrong flag is one line on stderr, like every other error
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stderr, about, "Flags:")
		f.SetOutput(stderr)
		f.PrintDefaults()
		return err
	} else if err != nil {
		return fmt.Errorf("%w; -help lists the flags", err)
	}
	if f.NArg() > 0 {
		return fmt.Errorf("got the argument %q, want only flags", f.Arg(0))
	}
	return nil
}

// Range returns an error unless a flag's value lies within its bounds.
func Range(flag string, value, low, high int) error {
	if value < low || value > high {
		return fmt.Errorf("-%s is %d, want %d to %d", flag, value, low, high)
	}
	return nil
}

// Writable makes sure, before the long work, that a file can be made.
func Writable(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory", path)
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".probe-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
