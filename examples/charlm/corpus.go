package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gobptt/bptt/seqdata"
)

// read returns the text to learn from.
func (s *settings) read() (*seqdata.Text, error) {
	if s.text != "" {
		return seqdata.ReadText(s.text)
	}
	files, err := standardLibrary()
	if err != nil {
		return nil, fmt.Errorf("no -text given, and the Go standard library's source can't be read: %w", err)
	}
	return seqdata.ReadText(files...)
}

// corpusBytes is about what is taken of the standard library.
const corpusBytes = 4 << 20

// standardLibrary lists .go files under `go env GOROOT`, sorted and evenly spread, a few megabytes in all. Tests, the
// commands, and huge files, which are tables, are left out.
func standardLibrary() ([]string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	// Linux distributions make src a symbolic link, which WalkDir wouldn't follow.
	root, err := filepath.EvalSymlinks(filepath.Join(strings.TrimSpace(string(out)), "src"))
	if err != nil {
		return nil, err
	}
	var files []string
	total := int64(0)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{"cmd", "internal", "testdata", "vendor"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || info.Size() > 100<<10 {
			return nil
		}
		files = append(files, path)
		total += info.Size()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("no .go files under " + root)
	}
	slices.Sort(files)
	var chosen []string
	for i := 0; i < len(files); i += int(total/corpusBytes) + 1 {
		chosen = append(chosen, files[i])
	}
	return chosen, nil
}
