package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mount mounts a file system of that size on the directory disk, for the duration of the test.
func mount(t *testing.T, size string) {
	t.Helper()
	disk, err := filepath.Abs("disk")
	if err == nil {
		err = os.Mkdir(disk, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, size); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
}

// A disk that is full ends the run with one line, and costs nothing that was on it.
func TestFullDisk(t *testing.T) {
	args := small(t)
	mount(t, "size=96k") // room for one save of about 50 kB, but not for the second beside it
	o := execute(with(args, "-save", "disk/model")...)
	if o.status != 1 || strings.Count(o.stderr, "charlm: ") != 1 || !strings.Contains(o.stderr, "no space left on device") {
		t.Fatalf("status %d\n%s", o.status, o.stderr)
	}
	if _, err := os.Stat("disk/model/step-00000010/SHA256SUMS"); err != nil {
		t.Errorf("the save before is lost: %v", err)
	}
	before := listing(t)
	o = execute(with(args, "-save", "disk/model", "-resume", "-quiet")...)
	if o.status != 1 || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, "no space left on device") {
		t.Errorf("status %d\n%s", o.status, o.stderr)
	}
	if !maps.Equal(listing(t), before) {
		t.Error("what was on the disk has changed")
	}

	// Elsewhere, with the room that it needs, the run goes on.
	if err := os.CopyFS("elsewhere", os.DirFS("disk/model")); err != nil {
		t.Fatal(err)
	}
	got := succeed(t, with(args, "-save", "elsewhere", "-resume")...)
	if want := succeed(t, with(args, "-save", "straight")...); got != want {
		t.Errorf("resumed %s, straight %s", got, want)
	}
}

// On a disk that is full from the start, no step is made.
func TestDiskFullFromTheStart(t *testing.T) {
	args := small(t)
	mount(t, "size=4k")
	put(t, "disk/full", strings.Repeat("x", 4096))
	o := execute(with(args, "-save", "disk/model")...)
	if o.status != 1 || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, "no space left on device") {
		t.Errorf("status %d\n%s", o.status, o.stderr)
	}
}
