package snapshot

import (
	"errors"
	"io"
	"syscall"
	"testing"
)

// A file system that is really full, where the user may mount one.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	mustSave(t, dir, 1, 0)
	path, err := Save(dir, 2, 1, func(create func(string) (io.Writer, error)) error {
		w, err := create("big")
		if err != nil {
			return err
		}
		_, err = w.Write(make([]byte, 128<<10))
		return err
	})
	if path != "" || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %q, %v", path, err)
	}
	wantNames(t, dir, "step-00000001")
	mustLoad(t, dir, 1, 0)
	if path := mustSave(t, dir, 2, 1); path == "" {
		t.Error("no space was freed")
	}
	wantNames(t, dir, "step-00000002")
}
