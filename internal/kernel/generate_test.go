package kernel

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGenerated runs the generator and compares its output with the committed files.
func TestGenerated(t *testing.T) {
	gocmd, err := exec.LookPath("go")
	if err != nil || testing.Short() {
		t.Skip("needs the go command")
	}
	dir := t.TempDir()
	cmd := exec.Command(gocmd, "run", "-C", "asm", ".", "-out", dir)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOOS=", "GOARCH=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	written, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	assembly, err := filepath.Glob("*.s")
	if err != nil {
		t.Fatal(err)
	}
	if len(written) != len(assembly)+1 {
		t.Errorf("the generator writes %d files, here are %d", len(written), len(assembly)+1)
	}
	for _, name := range written {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Base(name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes (%v); run go generate", filepath.Base(name), err)
		}
	}
}
