package track

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writeFile writes what the extension of a file's name asks for.
func writeFile(what, path string, formats map[string]func() []byte) error {
	write, ok := formats[strings.ToLower(filepath.Ext(path))]
	if !ok {
		return &ArgumentError{Name: fmt.Sprintf("extension of %q", path), Got: fmt.Sprintf("%q", filepath.Ext(path)), Want: listed(formats)}
	}
	if err := os.WriteFile(path, write(), 0o666); err != nil {
		return fmt.Errorf("track: write %s: %w", what, err)
	}
	return nil
}

// listed names the formats.
func listed(formats map[string]func() []byte) string {
	names := slices.Sorted(maps.Keys(formats))
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
