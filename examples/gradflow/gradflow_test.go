package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobptt/bptt/internal/program"
	"github.com/gobptt/bptt/seqdata"
)

// execute runs the program in this process.
func execute(args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = program.Status("gradflow", run(context.Background(), args, &out, &errs), &errs)
	return out.String(), errs.String(), code
}

// All that the documentation names is drawn and can be read.
func TestQuick(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pictures", "here")
	out, errs, code := execute("-quick", "-out", dir)
	if code != 0 || errs != "" {
		t.Fatalf("status %d, %s", code, errs)
	}
	for _, want := range []string{
		"RNN, orthogonal", "RNN, ReLU, identity", "GRU", "LSTM", "clipping", "to a norm of 1", "The pictures, and a page for each network, are in " + dir,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "NaN") {
		t.Errorf("NaN in\n%s", out)
	}
	names := []string{"losses.png", "lags-start.png", "lags-trained.png", "truncation.png", "clipping-loss.png", "clipping-norm.png"}
	for _, n := range networks {
		names = append(names, n.file+".png", n.file+"-unrolled.png", n.file+".html", n.file+".csv", n.file+".dot")
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		switch filepath.Ext(name) {
		case ".png":
			if _, err := png.Decode(bytes.NewReader(data)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case ".html":
			body := string(data[bytes.Index(data, []byte("<body")):bytes.Index(data, []byte("</html>"))])
			d := xml.NewDecoder(strings.NewReader(body))
			for err == nil {
				_, err = d.Token()
			}
			if err != io.EOF {
				t.Errorf("%s: %v", name, err)
			}
		default:
			if len(data) < 1000 {
				t.Errorf("%s has %d bytes", name, len(data))
			}
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != len(names) {
		t.Errorf("%d files, want %d (%v)", len(entries), len(names), err)
	}
}

// The full gradient is the truncated one that goes back to the start.
func TestCosines(t *testing.T) {
	g := &gradflow{settings: &settings{length: 23, hidden: 4, batch: 2, seed: 1}}
	random := g.random(weightNumbers)
	line, err := g.cosines(model(networks[2].recurrent(2, 4, random), 4, random))
	if err != nil {
		t.Fatal(err)
	}
	if len(line.X) != 4 || line.X[3] != 20 || math.Abs(line.Y[3]-1) > 1e-6 || line.Y[0] > 0.9999 {
		t.Errorf("cosines %v", line)
	}
}

// Windows of any length make up the same sequences, of which only the last step has an answer, the sum of the two marked
// numbers.
func TestAdding(t *testing.T) {
	for _, steps := range []int{1, 3, 10, 100} {
		data, err := newAdding(10, 2, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // sequences
			var sum [2]float32
			for done := 0; done < 10; {
				w, err := data.Next(steps)
				if err != nil || w.Validate() != nil {
					t.Fatal(err, w.Validate())
				}
				done += w.T
				x := w.Arrays[seqdata.Input].Floats
				for i := 0; i < len(x); i += 2 {
					sum[i/2%2] += x[i] * x[i+1]
				}
				if _, weight := w.Targets(); (weight == 2) != (done == 10) || w.Ends[0] != (done == 10) {
					t.Errorf("windows of %d: after %d steps a weight of %v, ends %v", steps, done, weight, w.Ends)
				}
				if done == 10 {
					target := w.Arrays[seqdata.Target].Floats
					if got := target[len(target)-2:]; math.Abs(float64(got[0]-sum[0])) > 1e-6 || math.Abs(float64(got[1]-sum[1])) > 1e-6 {
						t.Errorf("windows of %d: answers %v, want %v", steps, got, sum)
					}
				}
			}
		}
	}
}

func TestOrthogonal(t *testing.T) {
	const n = 5
	q := orthogonal(n, 2, rand.New(rand.NewPCG(1, 2)))
	for i := range n {
		for j := range n {
			dot, want := 0.0, 0.0
			for k := range n {
				dot += q[i*n+k] * q[j*n+k]
			}
			if i == j {
				want = 4
			}
			if math.Abs(dot-want) > 1e-12 {
				t.Errorf("rows %d and %d: %v, want %v", i, j, dot, want)
			}
		}
	}
}

func TestBadArguments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"-out " + file + "/below":               "not a directory",
		"-out=":                                 "-out is empty",
		"-length 9":                             "-length is 9, want 10 to 10000",
		"-hidden 1":                             "-hidden is 1",
		"-batch 0":                              "-batch is 0",
		"-steps 1":                              "-steps is 1",
		"-length 10000 -hidden 1000 -batch 100": "too large",
		"-lr NaN":                               "-lr is NaN",
		"-what":                                 "-help lists the flags",
		"file":                                  `the argument "file"`,
	} {
		_, errs, code := execute(strings.Fields(args)...)
		if code != 1 || !strings.HasPrefix(errs, "gradflow: ") || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d, %s", args, code, errs)
		}
	}
	if _, errs, code := execute("-help"); code != 0 || !strings.Contains(errs, "-out directory") {
		t.Errorf("-help: status %d, %s", code, errs)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	var out, errs bytes.Buffer
	if code := program.Status("gradflow", run(ctx, []string{"-quick", "-out", t.TempDir()}, &out, &errs), &errs); code != 130 || errs.Len() > 0 {
		t.Errorf("interrupted: status %d, %s", code, errs.String())
	}
}
