package train_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/snapshot"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/weights"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/schedule"
	"github.com/gobptt/bptt/train/track"
)

// write makes a file in a directory of its own.
func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// names are what a directory holds, without the lock.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.Name() != ".lock" {
			out = append(out, e.Name())
		}
	}
	return out
}

// run is a run of 20 steps, saved every five.
func run(t *testing.T, r recipe) (dir string) {
	t.Helper()
	dir = t.TempDir()
	trainer := r.trainer(t, 20)
	trainer.Checkpoint = &train.Checkpoint{Dir: dir, Every: 5, Attach: map[string][]byte{"vocabulary": []byte("abc")}}
	r.fit(t, trainer)
	return dir
}

func TestCheckpointKeepsTheNewest(t *testing.T) {
	r := recipe{}
	for keep, want := range map[int][]string{
		0: {"step-00000015", "step-00000020"},
		1: {"step-00000020"},
		3: {"step-00000010", "step-00000015", "step-00000020"},
	} {
		dir := t.TempDir()
		trainer := r.trainer(t, 20)
		trainer.Checkpoint = &train.Checkpoint{Dir: dir, Every: 5, Keep: keep}
		r.fit(t, trainer)
		if got := names(t, dir); !slices.Equal(got, want) {
			t.Errorf("keep %d: %v, want %v", keep, got, want)
		}
	}
}

// The weights in a checkpoint are a file that any model of the same form can be given, in either precision.
func TestCheckpointHoldsLoadableWeights(t *testing.T) {
	r := recipe{seed: 1}
	dir := run(t, r)
	path := filepath.Join(dir, "step-00000020", "model.safetensors")
	straight := r.trainer(t, 20)
	r.fit(t, straight)

	r.seed = 2
	other := r.model(t)
	if err := weights.Load(path, other.Params(), weights.Options{}); err != nil {
		t.Fatal(err)
	}
	wantSame(t, "weights", values(t, other), values(t, straight.Model))
	r.dtype = graph.Float64
	wide := r.model(t)
	if err := weights.Load(path, wide.Params(), weights.Options{}); err != nil {
		t.Fatal(err)
	}
	graph.SetDType(wide.Params(), graph.Float32)
	wantSame(t, "weights by way of float64", values(t, wide), values(t, straight.Model))
}

// resumed tries to go on from a directory, and fails if an update is made in spite of an error, or a weight changed.
func resumed(t *testing.T, r recipe, dir string, change func(*train.Trainer)) error {
	t.Helper()
	trainer := r.trainer(t, 30)
	trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: true}
	if change != nil {
		change(trainer)
	}
	updates := 0
	trainer.BPTT = after{trainer.BPTT, func() { updates++ }}
	before := values(t, trainer.Model)
	data, validation := r.streams(t)
	_, err := trainer.Fit(context.Background(), data, validation)
	if err != nil && (updates > 0 || values(t, trainer.Model) != before) {
		t.Errorf("%d updates, weights changed: %t, before %v", updates, values(t, trainer.Model) != before, err)
	}
	return err
}

func TestResumeMisuse(t *testing.T) {
	r := recipe{seed: 1}
	dir := run(t, r)
	files := names(t, dir)
	tb, rng := t, rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name    string
		recipe  recipe
		change  func(*train.Trainer)
		mention []string
	}{
		{"without Resume", r, func(t *train.Trainer) { t.Checkpoint.Resume = false }, []string{"in use", "step 20", "another directory"}},
		{"a wider model", recipe{hidden: 10}, nil, []string{"2.weight_ih_l0", "[36 6]", "[40 6]"}},
		{"another cell", recipe{cell: "gru"}, nil, []string{"2.weight_ih_l0", "[36 6]", "[27 6]"}},
		{"a layer more", r, func(t *train.Trainer) { t.Model = append(r.model(tb), layers.NewLinear(12, 12, rng)) }, []string{"4.weight", "missing"}},
		{"a layer fewer", r, func(t *train.Trainer) {
			m := r.model(tb)
			m[2] = layers.NewLSTM(6, 9, layers.LSTMOptions{}, rng)
			t.Model = m
		}, []string{"2.bias_hh_l1", "in the file"}},
		{"another attachment", r, func(t *train.Trainer) { t.Checkpoint.Attach = map[string][]byte{"vocabulary": []byte("abd")} }, []string{"vocabulary", "different"}},
		{"one attachment more", r, func(t *train.Trainer) { t.Checkpoint.Attach = map[string][]byte{"settings": nil} }, []string{"settings", "not exist"}},
		{"another optimizer", r, func(t *train.Trainer) { t.Optimizer = &optim.RMSprop{} }, []string{"optimizer", "Adam", "RMSprop"}},
		{"another precision", recipe{dtype: graph.Float64}, nil, []string{"float32", "float64"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := resumed(t, c.recipe, dir, c.change)
			if _, ok := errors.AsType[*train.CheckpointError](err); !ok {
				t.Fatalf("got %v, want a *CheckpointError", err)
			}
			for _, m := range append(c.mention, dir) {
				if !strings.Contains(err.Error(), m) {
					t.Errorf("%q does not mention %q", err, m)
				}
			}
			if got := names(t, dir); !slices.Equal(got, files) {
				t.Errorf("the directory now holds %v", got)
			}
		})
	}

	t.Run("nothing to resume", func(t *testing.T) {
		none := filepath.Join(t.TempDir(), "none")
		if err := resumed(t, r, none, nil); !errors.Is(err, snapshot.ErrNone) {
			t.Errorf("got %v", err)
		}
		if _, err := os.Stat(none); !os.IsNotExist(err) {
			t.Errorf("the directory was made: %v", err)
		}
	})
	t.Run("shorter data", func(t *testing.T) {
		trainer := r.trainer(t, 30)
		trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: true}
		data, err := seqdata.Streams(abc(t, 60), 3)
		if err != nil {
			t.Fatal(err)
		}
		_, err = trainer.Fit(context.Background(), data, nil)
		if e, ok := errors.AsType[*train.CheckpointError](err); !ok || e.What != "the place in the data" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("another batch", func(t *testing.T) {
		narrow := r
		narrow.batch = 2
		trainer := narrow.trainer(t, 30)
		trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: true}
		data, _ := narrow.streams(t)
		_, err := trainer.Fit(context.Background(), data, nil)
		if err == nil || !strings.Contains(err.Error(), "state 2.h_l0: got [3 9], want [2 9]") {
			t.Errorf("got %v", err)
		}
	})
	if err := resumed(t, r, dir, nil); err != nil {
		t.Errorf("after all these, the run can't go on: %v", err)
	}
}

// Whatever byte of whatever file of the newest save is changed, the one before is used and the user told.
func TestDamagedCheckpoint(t *testing.T) {
	r := recipe{seed: 1}
	other := recipe{seed: 2}
	straight := r.trainer(t, 15)
	r.fit(t, straight)
	want := values(t, straight.Model)

	damage := map[string]func(data []byte) []byte{
		"the first byte flipped":  func(d []byte) []byte { d[0] ^= 1; return d },
		"a bit flipped":           func(d []byte) []byte { d[len(d)/2] ^= 0x10; return d },
		"the last byte flipped":   func(d []byte) []byte { d[len(d)-1] ^= 0x80; return d },
		"the last byte missing":   func(d []byte) []byte { return d[:len(d)-1] },
		"half of it missing":      func(d []byte) []byte { return d[:len(d)/2] },
		"all of it missing":       func(d []byte) []byte { return nil },
		"a byte added at the end": func(d []byte) []byte { return append(d, 0) },
	}
	whole := os.DirFS(run(t, r))
	for _, file := range []string{"model.safetensors", "optimizer.safetensors", "states.safetensors", "train.json", "vocabulary", "SHA256SUMS"} {
		for how, change := range damage {
			t.Run(file+" "+how, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.CopyFS(dir, whole); err != nil {
					t.Fatal(err)
				}
				spoil(t, filepath.Join(dir, "step-00000020", file), change)
				var told []error
				trainer := r.trainer(t, 15) // as many as the save before has
				trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: true, Damaged: func(err error) { told = append(told, err) }}
				trainer.Model = other.model(t)
				r.fit(t, trainer)
				if len(told) != 1 || !strings.Contains(told[0].Error(), "step-00000020") {
					t.Errorf("told %v", told)
				}
				wantSame(t, "weights", values(t, trainer.Model), want)
			})
		}
	}

	t.Run("told to the observer", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, whole); err != nil {
			t.Fatal(err)
		}
		spoil(t, filepath.Join(dir, "step-00000020", "model.safetensors"), damage["a bit flipped"])
		trainer := r.trainer(t, 16)
		var told texts
		trainer.Checkpoint, trainer.Observer = &train.Checkpoint{Dir: dir, Resume: true}, &told
		r.fit(t, trainer)
		if len(told) != 1 || told[0].Step != 15 || told[0].Name != "checkpoint" || !strings.Contains(told[0].Text, "step-00000020") {
			t.Errorf("told %v", told)
		}
	})
	t.Run("every save", func(t *testing.T) { everySaveIsDamaged(t, r, damage["a bit flipped"]) })
}

// texts keeps the texts that an observer is told.
type texts []track.Text

func (x *texts) Start(context.Context, track.Run) error { return nil }
func (x *texts) End(error) error                        { return nil }
func (x *texts) Observe(e track.Event) error {
	if e, ok := e.(track.Text); ok {
		*x = append(*x, e)
	}
	return nil
}

func everySaveIsDamaged(t *testing.T, r recipe, damage func([]byte) []byte) {
	dir := run(t, r)
	for _, s := range names(t, dir) {
		spoil(t, filepath.Join(dir, s, "model.safetensors"), damage)
	}
	told := 0
	err := resumed(t, r, dir, func(t *train.Trainer) { t.Checkpoint.Damaged = func(error) { told++ } })
	if err == nil || !strings.Contains(err.Error(), "every snapshot is damaged (2)") || told != 0 { // the error says it
		t.Errorf("told of %d, got %v", told, err)
	}
	// Without Resume it isn't taken for an empty directory either.
	if err := resumed(t, r, dir, func(t *train.Trainer) { t.Checkpoint.Resume = false }); err == nil {
		t.Error("began a new run in a directory of damaged saves")
	}
}

func spoil(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(data), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A save whose files are whole, but say something else than what they should, is refused before anything is changed.
func TestForgedCheckpoint(t *testing.T) {
	r := recipe{seed: 1}
	from := run(t, r)
	for _, c := range []struct {
		file, from, to string
		mention        string
	}{
		{"train.json", `"version": 2`, `"version": 1, "step": "another kind"`, "the format's version is 1, of an older release, want 2"},
		{"train.json", `"version": 2`, `"version": 3, "step": "another kind"`, "the format's version is 3, of a newer release, want 2"},
		{"train.json", `"version": 2`, `"version": x`, "train.json"},
		{"train.json", `"random": "`, `"random": "!`, "train.json"},
		{"train.json", `"random": "`, `"random": "AAAA`, "train.json"},
		{"train.json", `"history"`, `"histories"`, "incomplete"},
		{"train.json", `"step": 20`, `"step": -20`, "incomplete"},
		{"train.json", `"cursor": `, `"cursor": 999`, "place in the data"},
		{"model.safetensors", "0.weight", "9.weight", "0.weight"},
		{"model.safetensors", "F32", "I32", "I32"},
		{"optimizer.safetensors", "F32", "I32", "I32"},
		{"states.safetensors", `"dtype"`, `"dtypo"`, "states.safetensors"},
	} {
		t.Run(c.file+" "+c.to, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			forge(t, from, dir, c.file, c.from, c.to)
			err := resumed(t, r, dir, nil)
			if _, ok := errors.AsType[*train.CheckpointError](err); !ok || !strings.Contains(err.Error(), c.mention) {
				t.Errorf("got %v, want a *CheckpointError that mentions %q", err, c.mention)
			}
		})
	}
}

// forge saves what the newest save of one directory holds in another, with one file changed and the right checksums.
func forge(t *testing.T, from, to, file, text, change string) {
	t.Helper()
	s, _, err := snapshot.Load(from)
	if err != nil {
		t.Fatal(err)
	}
	_, err = snapshot.Save(to, s.Step, 1, func(create func(string) (io.Writer, error)) error {
		for _, name := range names(t, s.Path) {
			if name == "SHA256SUMS" {
				continue
			}
			data, err := s.ReadFile(name)
			if err != nil {
				return err
			}
			if name == file {
				if !bytes.Contains(data, []byte(text)) {
					t.Fatalf("no %q in %s", text, name)
				}
				data = bytes.ReplaceAll(data, []byte(text), []byte(change))
			}
			w, err := create(name)
			if err == nil {
				_, err = w.Write(data)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A place where nothing can be written is found before the first step, not after the last.
func TestUnwritableDirectoryIsFoundFirst(t *testing.T) {
	r := recipe{}
	file := write(t, "file", []byte("precious"))
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	places := map[string]string{"a file": file, "below a file": filepath.Join(file, "dir")}
	if probe := filepath.Join(closed, "probe"); os.WriteFile(probe, nil, 0o644) != nil {
		places["no permission"] = filepath.Join(closed, "dir")
	} else {
		t.Log("the permission bits don't bind this user: that case is not run")
		os.Remove(probe)
	}
	places["best is a file"] = t.TempDir()
	if err := os.WriteFile(filepath.Join(places["best is a file"], "best"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for what, dir := range places {
		for _, resume := range []bool{false, true} {
			err := resumed(t, r, dir, func(t *train.Trainer) { t.Checkpoint.Resume, t.Checkpoint.Best = resume, 1 })
			if err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: got %v", what, err)
			}
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "precious" {
		t.Errorf("the file now holds %q, %v", data, err)
	}
}

// Every field and every file of a checkpoint is in docs/checkpoint.md.
func TestFormatIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/checkpoint.md")
	if err != nil {
		t.Fatal(err)
	}
	r := recipe{}
	trainer := r.trainer(t, 4)
	trainer.Every, trainer.Schedule = 2, &schedule.Plateau{}
	trainer.Optimizer = &optim.EMA{Optimizer: trainer.Optimizer}
	trainer.Checkpoint = &train.Checkpoint{Dir: t.TempDir()}
	r.fit(t, trainer)
	s, _, err := snapshot.Load(trainer.Checkpoint.Dir)
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.ReadFile("train.json")
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil || len(fields) < 20 {
		t.Fatalf("%d fields, %v", len(fields), err)
	}
	want := names(t, s.Path)
	for name := range fields {
		want = append(want, "`"+name+"`")
	}
	for _, w := range want {
		if !strings.Contains(string(doc), w) {
			t.Errorf("docs/checkpoint.md doesn't tell of %s", w)
		}
	}
}
