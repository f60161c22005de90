//go:build !noasm && !linux

package kernel

// permitTiles is false where nobody has tried.
func permitTiles() bool { return false }
