package train_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobptt/bptt/internal/snapshot"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/schedule"
)

// killable is a run that saves after every update. It writes what it ends with to a file, from where it is resumed.
func killable(t *testing.T, dir string) {
	r := recipe{dropout: 0.2, seed: 3}
	trainer := r.trainer(t, 25)
	trainer.Every = 5
	trainer.Optimizer = &optim.EMA{Optimizer: &optim.Adam{LearningRate: 1e-2}}
	trainer.Schedule = &schedule.Plateau{Patience: -1, Threshold: 0.1}
	trainer.Checkpoint = &train.Checkpoint{Dir: filepath.Join(dir, "run"), Every: 1, Best: 1, Resume: true}
	if _, err := os.Stat(trainer.Checkpoint.Dir); err != nil {
		trainer.Checkpoint.Resume = false
	} else if _, _, err := snapshot.Load(trainer.Checkpoint.Dir); err != nil {
		trainer.Checkpoint.Resume = false // killed before the first save
	}
	data, validation := r.streams(t)
	history, err := trainer.Fit(context.Background(), data, validation)
	if err != nil {
		t.Fatal(err)
	}
	generator, err := train.NewGenerator(trainer.Model)
	if err != nil {
		t.Fatal(err)
	}
	sample, err := generator.Sample([]int32{1}, 40, 1, rand.New(rand.NewPCG(5, 6)))
	if err != nil {
		t.Fatal(err)
	}
	result := fmt.Sprintf("%x\n%s\n%v\n", values(t, trainer.Model), numbers(t, history), sample)
	if err := os.WriteFile(filepath.Join(dir, "result"), []byte(result), 0o644); err != nil {
		t.Fatal(err)
	}
}

const killDir = "BPTT_KILL_DIR"

// TestKilledRun is the process that TestKill kills.
func TestKilledRun(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		t.Skip("part of TestKill")
	}
	killable(t, dir)
}

// TestKill kills a run at random moments, and resumes it, until it ends: weights, history and samples are those of a run
// that nobody disturbed, and from the first save on there is always one that can be loaded.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("runs processes for some seconds")
	}
	const kills = 20
	dir := t.TempDir()
	begun := time.Now()
	killable(t, dir)
	alone := time.Since(begun)
	want, err := os.ReadFile(filepath.Join(dir, "result"))
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("random moments of seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for done := 0; done < kills; {
		dir := t.TempDir()
		saved := false
		for {
			run := exec.Command(os.Args[0], "-test.run=^TestKilledRun$")
			run.Env = append(os.Environ(), killDir+"="+dir)
			var output strings.Builder
			run.Stdout, run.Stderr = &output, &output
			if err := run.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- run.Wait() }()
			if done < kills {
				select {
				case err := <-ended:
					ended <- err
				case <-time.After(time.Duration(rng.Int64N(int64(alone) * 3 / 2))):
					if run.Process.Kill() == nil {
						done++
					}
				}
			}
			err := <-ended
			_, _, loadErr := snapshot.Load(filepath.Join(dir, "run"))
			if saved && loadErr != nil {
				t.Fatalf("no checkpoint is left: %v", loadErr)
			}
			saved = saved || loadErr == nil
			if err == nil {
				break
			}
			if run.ProcessState.Exited() {
				t.Fatalf("the run failed: %v\n%s", err, &output)
			}
		}
		got, err := os.ReadFile(filepath.Join(dir, "result"))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("after %d kills the result differs from that of an undisturbed run", done)
		}
	}
}
