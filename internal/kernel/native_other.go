//go:build !amd64 || noasm

package kernel

func native() []*implementation { return nil }
