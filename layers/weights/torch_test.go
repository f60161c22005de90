package weights_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobptt/bptt/internal/npz"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/weights"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
)

// TestPyTorch moves trained models to PyTorch and fresh ones back: both sides compute the same. It is skipped where
// neither python3 nor Debian's own has PyTorch.
func TestPyTorch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const tolerance = 1e-5
	kinds := map[string]constructor{"LSTM": layers.NewLSTM, "GRU": layers.NewGRU, "RNN": layers.NewRNN}
	for kind, c := range kinds {
		m := bidirectional(1, c)
		ids := learn(t, m)
		y := apply(t, m, ids)
		y32, ids32 := make([]float32, len(y)), make([]float32, len(ids))
		for i, v := range y {
			y32[i] = float32(v)
		}
		for i, v := range ids {
			ids32[i] = float32(v)
		}
		if err := weights.Save(filepath.Join(dir, kind+".safetensors"), m.Params(), weights.Options{}); err != nil {
			t.Fatal(err)
		}
		writeNPZ(t, filepath.Join(dir, kind+".npz"),
			npz.Array{Name: "ids", Shape: []int{len(ids) / B, B}, Data: ids32},
			npz.Array{Name: "y", Shape: []int{len(ids) / B, B, vocabulary}, Data: y32})
	}

	lines := runTorch(t, dir)
	if len(lines) != len(kinds) {
		t.Fatalf("PyTorch says %q", lines)
	}
	for _, line := range lines {
		var kind string
		var difference float64
		if _, err := fmt.Sscan(line, &kind, &difference); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s in PyTorch: largest difference %.2g", kind, difference)
		if !(difference <= tolerance) {
			t.Errorf("%s in PyTorch: outputs differ by %g", kind, difference)
		}

		m := bidirectional(2, kinds[kind])
		path := filepath.Join(dir, "torch_"+kind)
		if err := weights.Load(path+".safetensors", m.Params(), weights.Options{}); err != nil {
			t.Fatal(err)
		}
		ids := readArrays(t, filepath.Join(dir, kind+".npz"))["ids"].Data.([]float32)
		x := make([]int32, len(ids))
		for i, v := range ids {
			x[i] = int32(v)
		}
		var want []float64
		for _, v := range readArrays(t, path+".npz")["y"].Data.([]float32) {
			want = append(want, float64(v))
		}
		near(t, kind+" of PyTorch", tolerance, apply(t, m, x), want)
	}
}

// runTorch runs the script with the first Python that has PyTorch, and returns what it prints.
func runTorch(t *testing.T, dir string) []string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		out, err := exec.CommandContext(t.Context(), python, "testdata/torch_roundtrip.py", dir).Output()
		exit, ran := errors.AsType[*exec.ExitError](err)
		switch {
		case err == nil:
			return strings.Split(strings.TrimSpace(string(out)), "\n")
		case !ran || exit.ExitCode() == 3:
			t.Logf("%s: %v: %s", python, err, out)
		default:
			t.Fatalf("%s: %v\n%s%s", python, err, out, exit.Stderr)
		}
	}
	t.Skip("not run: no Python with PyTorch and NumPy")
	return nil
}

// bidirectional is an embedding, two layers in both directions and a linear output.
func bidirectional(seed uint64, c constructor) layers.Sequential {
	rng := source(seed)
	return layers.Sequential{
		layers.NewEmbedding(vocabulary, width, rng),
		c(width, hidden, layers.RecurrentOptions{Layers: 2, Bidirectional: true}, rng),
		layers.NewLinear(2*hidden, vocabulary, rng),
	}
}

// learn trains a model for some steps, and returns ids to try it with.
func learn(t *testing.T, m layers.Sequential) []int32 {
	t.Helper()
	text, err := seqdata.NewText("abacabaaabbacbaabacaba")
	if err != nil {
		t.Fatal(err)
	}
	data, err := seqdata.Streams(text, B)
	if err != nil {
		t.Fatal(err)
	}
	trainer := train.Trainer{Model: m, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LearningRate: 0.05}, BPTT: bptt.Truncated{Window: 5}, Steps: 20}
	if _, err := trainer.Fit(context.Background(), data, nil); err != nil {
		t.Fatal(err)
	}
	return []int32{0, 1, 2, 3, 4, 5, 6, 0, 3, 3, 1, 2}
}
