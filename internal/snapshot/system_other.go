//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package snapshot

// lock does nothing: the standard library has no file locks here.
func lock(string) (unlock func(), err error) { return func() {}, nil }

// syncDir does nothing: not all of these systems can flush a directory.
func syncDir(string) error { return nil }
