package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// configurations are named as BenchmarkTrainStep in package train names them.
var configurations = []string{
	"cell=RNN/V=65/E=64/H=256/L=1/B=32/T=100",
	"cell=GRU/V=65/E=64/H=256/L=1/B=32/T=100",
	"cell=LSTM/V=65/E=64/H=128/L=1/B=32/T=100",
	"cell=LSTM/V=65/E=64/H=256/L=1/B=32/T=100",
	"cell=LSTM/V=65/E=128/H=512/L=2/B=32/T=100",
	"cell=LSTM/V=10000/E=200/H=200/L=2/B=20/T=20",
	"cell=LSTM/V=65/E=64/H=128/L=1/B=1/T=50",
	"cell=LSTM/V=65/E=64/H=128/L=1/B=32/T=500",
}

// naive is the one configuration that plain Gorgonia is measured in: it takes most of a minute to compile.
const naive = "cell=LSTM/V=65/E=64/H=128/L=1/B=32/T=100"

// side is a program that is measured.
type side struct {
	name    string
	command func(configuration string) *exec.Cmd // nil: not measured in this configuration
}

// result is one line of output: time in ns, the process's peak memory in MB, 0 if unknown, and our share of FMA peak.
type result struct{ ns, mb, peak float64 }

func main() {
	rounds := flag.Int("rounds", 5, "times that each program is run")
	seconds := flag.Float64("seconds", 2, "that each run measures for")
	python := flag.String("python", "/usr/bin/python3", "interpreter with PyTorch, or empty")
	only := flag.String("only", "", "configurations that contain this")
	withNaive := flag.Bool("naive", true, "measure plain Gorgonia, too")
	flag.Parse()
	if err := run(*rounds, *seconds, *python, *only, *withNaive); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func run(rounds int, seconds float64, python, only string, withNaive bool) error {
	dir, err := os.MkdirTemp("", "benchmarks")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sides, err := prepare(dir, seconds, python, withNaive)
	if err != nil {
		return err
	}
	fmt.Printf("median ms of a step over %d rounds; ratios to ours, median (least to most) of the rounds\n\n", rounds)
	fmt.Print("| configuration | ours | share of FMA peak | peak MB |")
	for _, s := range sides[1:] {
		fmt.Printf(" %s | ratio | peak MB |", s.name)
	}
	fmt.Print("\n|---|---|---|---|" + strings.Repeat("---|---|---|", len(sides)-1) + "\n")
	for _, c := range configurations {
		if !strings.Contains(c, only) {
			continue
		}
		results := make([][]result, len(sides))
		for range rounds {
			for i, s := range sides {
				cmd := s.command(c)
				if cmd == nil {
					continue
				}
				r, err := measure(cmd)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				results[i] = append(results[i], r)
			}
		}
		ours := results[0]
		fmt.Printf("| %s | %.2f | %.0f %% | %.0f |", strings.ReplaceAll(c, "/", " "), median(pick(ours, ns))/1e6, 100*median(pick(ours, peak)), median(pick(ours, mb)))
		for _, theirs := range results[1:] {
			if theirs == nil {
				fmt.Print(" | | |")
				continue
			}
			ratios := make([]float64, len(ours))
			for i := range ours {
				ratios[i] = theirs[i].ns / ours[i].ns
			}
			fmt.Printf(" %.2f | %.2f (%.2f to %.2f) | %.0f |", median(pick(theirs, ns))/1e6, median(ratios), slices.Min(ratios), slices.Max(ratios), median(pick(theirs, mb)))
		}
		fmt.Println()
	}
	return nil
}

func ns(r result) float64   { return r.ns }
func mb(r result) float64   { return r.mb }
func peak(r result) float64 { return r.peak }

func pick(results []result, f func(result) float64) []float64 {
	var v []float64
	for _, r := range results {
		v = append(v, f(r))
	}
	return v
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// prepare builds the programs.
func prepare(dir string, seconds float64, python string, withNaive bool) ([]side, error) {
	ours := filepath.Join(dir, "train.test")
	if err := build("", "go", "test", "-c", "-o", ours, "github.com/gobptt/bptt/train"); err != nil {
		return nil, err
	}
	sides := []side{{"ours", func(c string) *exec.Cmd {
		pattern := "^BenchmarkTrainStep$/^" + strings.ReplaceAll(c, "/", "$/^") + "$"
		return exec.Command(ours, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", fmt.Sprintf("%gs", seconds))
	}}}
	here, err := sourceDir()
	if err != nil {
		return nil, err
	}
	if python != "" {
		torch := func(name string, env ...string) side {
			return side{name, func(c string) *exec.Cmd {
				cmd := exec.Command(python, filepath.Join(here, "torch_trainstep.py"), "--seconds", fmt.Sprint(seconds), "--only", c)
				cmd.Env = append(os.Environ(), env...)
				return cmd
			}}
		}
		sides = append(sides,
			torch("PyTorch tuned", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=2", "OPENBLAS_CORETYPE=SkylakeX"),
			torch("PyTorch", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=2"))
	}
	if withNaive {
		gorgonia := filepath.Join(dir, "naive")
		if err := build(filepath.Join(here, "naive-gorgonia"), "go", "build", "-o", gorgonia, "."); err != nil {
			return nil, err
		}
		sides = append(sides, side{"plain Gorgonia", func(c string) *exec.Cmd {
			if c != naive {
				return nil
			}
			return exec.Command(gorgonia, "-h", "128", "-n", "3")
		}})
	}
	return sides, nil
}

func sourceDir() (string, error) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/gobptt/bptt/internal/benchmarks").Output()
	return strings.TrimSpace(string(out)), err
}

func build(dir string, command ...string) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	return cmd.Run()
}

// measure runs a program and reads its benchmark line: "Benchmark… 10 123 ns/op 4 unit …".
func measure(cmd *exec.Cmd) (result, error) {
	out, err := cmd.Output()
	if err != nil {
		return result{}, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "BenchmarkTrainStep/") {
			continue
		}
		var r result
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return r, err
			}
			switch f[i+1] {
			case "ns/op":
				r.ns = v
			case "peak-MB":
				r.mb = v
			case "FMA-peak":
				r.peak = v
			}
		}
		return r, nil
	}
	return result{}, fmt.Errorf("no benchmark line in %q", out)
}
