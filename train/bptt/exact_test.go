package bptt_test

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
)

// cells are one of each kind that matters to BPTT: fused or unrolled, one state or two, states of different widths,
// gradients that pass through the recurrent weight or beside it.
var cells = map[string]func(input, hidden int, rng *rand.Rand) cell.Cell{
	"RNN":  func(i, h int, rng *rand.Rand) cell.Cell { return cell.NewRNN(i, h, cell.Options{}, rng) },
	"LSTM": func(i, h int, rng *rand.Rand) cell.Cell { return cell.NewLSTM(i, h, cell.Options{}, rng) },
	"GRU":  func(i, h int, rng *rand.Rand) cell.Cell { return cell.NewGRU(i, h, cell.Options{}, rng) },
	"peephole LSTM": func(i, h int, rng *rand.Rand) cell.Cell {
		return cell.NewPeepholeLSTM(i, h, cell.Options{}, rng)
	},
	"projected LSTM": func(i, h int, rng *rand.Rand) cell.Cell {
		return cell.NewProjectedLSTM(i, h+2, h, cell.Options{}, rng)
	},
	"coupled LSTM": func(i, h int, rng *rand.Rand) cell.Cell { return cell.NewCoupledLSTM(i, h, cell.Options{}, rng) },
	"MGU":          func(i, h int, rng *rand.Rand) cell.Cell { return cell.NewMGU(i, h, cell.Options{}, rng) },
}

// problem is a small language model in float64 and the data of an epoch.
type problem struct {
	params []graph.NamedParam
	data   bptt.Data
	write  func(b *graph.Builder) *graph.Node
}

// newProblem is a problem of the given number of time steps.
func newProblem(t *testing.T, newCell func(i, h int, rng *rand.Rand) cell.Cell, steps int, dropout float64) *problem {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, steps*batch+1)
	for i := range text {
		text[i] = 'a' + byte(rng.IntN(vocabulary-1))
	}
	tokens, err := seqdata.NewText(string(text))
	if err != nil {
		t.Fatal(err)
	}
	data, err := seqdata.Streams(tokens, batch)
	if err != nil {
		t.Fatal(err)
	}
	model := layers.Sequential{
		layers.NewEmbedding(vocabulary, 3, rng),
		layers.Dropout(dropout),
		layers.NewRecurrent(newCell(3, 4, rng)),
		layers.NewLinear(4, vocabulary, rng),
	}
	graph.SetDType(model.Params(), graph.Float64)
	return &problem{model.Params(), data, func(b *graph.Builder) *graph.Node {
		return loss.CrossEntropy{}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
	}}
}

func (p *problem) run() *bptt.Run {
	p.data.Rewind()
	return &bptt.Run{
		Data:     p.data,
		Programs: &bptt.Programs{Options: graph.Options{DType: graph.Float64}, Write: p.write},
		States:   graph.States{}, Random: rand.NewPCG(3, 4),
	}
}

// gradient is that of one update, from the start.
func (p *problem) gradient(t *testing.T, s train.Strategy) ([][]float64, bptt.Result, *bptt.Run) {
	t.Helper()
	r := p.run()
	result, err := s.Gradient(r)
	if err != nil {
		t.Fatalf("%#v: %v", s, err)
	}
	var g [][]float64
	for _, q := range p.params {
		g = append(g, q.Grad.Floats())
	}
	return g, result, r
}

// distance is the largest difference of two gradients, relative to the largest element.
func distance(a, b [][]float64) float64 {
	largest, most := 0.0, 0.0
	for i := range a {
		for k := range a[i] {
			largest = math.Max(largest, math.Abs(b[i][k]))
			most = math.Max(most, math.Abs(a[i][k]-b[i][k]))
		}
	}
	return most / largest
}

// TestExact: the gradient of a whole sequence is the same however it is cut into windows, and whatever is kept of them:
// that of one window of full length.
func TestExact(t *testing.T) {
	const steps = 23
	for name, newCell := range cells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProblem(t, newCell, steps, 0.2)
			// Masks depend on a window's place, so the reference has the same windows.
			for _, window := range []int{1, 4, 5, 23} {
				want, whole, r := p.gradient(t, bptt.Full{Window: window})
				if whole.Targets != steps*batch || whole.Work.Forward != whole.Work.Windows {
					t.Errorf("windows of %d: %+v", window, whole)
				}
				states, state := r.States, whole.Program.StateBytes()
				_, err := bptt.Checkpointed{Window: window}.Gradient(p.run())
				least, ok := errors.AsType[*bptt.MemoryError](err)
				if !ok {
					t.Fatal(err)
				}
				for _, more := range []int64{0, state, 2 * state, 3 * state, 9 * state, least.Need, 2 * least.Need, 30 * least.Need} {
					limit := least.Need + more
					var planned bptt.Work
					got, result, r := p.gradient(t, bptt.Checkpointed{Window: window, Memory: limit, Planned: func(w bptt.Work) { planned = w }})
					if d := distance(got, want); d > 1e-10 || math.Abs(result.Loss-whole.Loss) > 1e-12 {
						t.Errorf("windows of %d, %d bytes: differs by %g, loss %v and %v", window, limit, d, result.Loss, whole.Loss)
					}
					if result.Work != planned || planned.Bytes > limit {
						t.Errorf("windows of %d, %d bytes: planned %+v, done %+v", window, limit, planned, result.Work)
					}
					for name, s := range states {
						if !nearly(s, r.States[name]) {
							t.Errorf("windows of %d: state %s differs", window, name)
						}
					}
				}
			}
		})
	}
}

func nearly(a, b *graph.Tensor) bool {
	for i := range a.F64 {
		if math.Abs(a.F64[i]-b.F64[i]) > 1e-12 {
			return false
		}
	}
	return len(a.F64) == len(b.F64)
}

// TestOneWindow: windows that are gone through together are one, and so are updates that each go back to the start, if
// nothing is updated in between.
func TestOneWindow(t *testing.T) {
	const steps = 23
	for name, newCell := range cells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProblem(t, newCell, steps, 0)
			want, whole, _ := p.gradient(t, bptt.Truncated{Window: steps})
			for _, window := range []int{1, 6} {
				if got, r, _ := p.gradient(t, bptt.Full{Window: window}); distance(got, want) > 1e-10 || math.Abs(r.Loss-whole.Loss) > 1e-12 {
					t.Errorf("windows of %d: differs by %g, loss %v and %v", window, distance(got, want), r.Loss, whole.Loss)
				}
			}
			for _, s := range []bptt.Truncated{{Window: 5, Reach: 25}, {Window: 4, Reach: 30}, {Window: 1, Reach: 23}} {
				got, weight := sumOfUpdates(t, p, s)
				if weight != whole.Weight {
					t.Errorf("%+v: targets of weight %v, want %v", s, weight, whole.Weight)
				}
				if distance(got, want) > 1e-10 {
					t.Errorf("%+v: differs by %g", s, distance(got, want))
				}
			}
		})
	}
}

// sumOfUpdates is the mean over the targets of an epoch of the gradients of its updates, none of which is made.
func sumOfUpdates(t *testing.T, p *problem, s train.Strategy) (sum [][]float64, weight float64) {
	t.Helper()
	r := p.run()
	for {
		result, err := s.Gradient(r)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range p.params {
			if i == len(sum) {
				sum = append(sum, make([]float64, q.Grad.Len()))
			}
			for k, g := range q.Grad.Floats() {
				sum[i][k] += g * result.Weight
			}
		}
		weight += result.Weight
	}
	for i := range sum {
		for k := range sum[i] {
			sum[i][k] /= weight
		}
	}
	return sum, weight
}

// TestTruncatedReach: the gradient of an update with k1 < k2 is that of the losses of the last k1 steps in a window of
// the last k2, whose incoming state is a constant.
func TestTruncatedReach(t *testing.T) {
	const steps, k1, k2 = 12, 2, 6
	p := newProblem(t, cells["LSTM"], steps, 0)
	r := p.run()
	var last [][]float64
	for range steps / k1 {
		if _, err := (bptt.Truncated{Window: k1, Reach: k2}).Gradient(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range p.params {
		last = append(last, q.Grad.Floats())
	}

	r = p.run()
	if _, _, err := bptt.Evaluate(r, steps-k2); err != nil {
		t.Fatal(err)
	}
	full, err := bptt.Truncated{Window: k2}.Gradient(r)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]float64
	for _, q := range p.params {
		all = append(all, q.Grad.Floats())
	}
	r = p.run()
	if _, _, err := bptt.Evaluate(r, steps-k2); err != nil {
		t.Fatal(err)
	}
	head, err := bptt.Truncated{Window: k2 - k1}.Gradient(r)
	if err != nil {
		t.Fatal(err)
	}
	// The gradient of the last losses is that of all less that of the first ones.
	for i, q := range p.params {
		for k, g := range q.Grad.Floats() {
			want := (all[i][k]*full.Weight - g*head.Weight) / (full.Weight - head.Weight)
			if math.Abs(last[i][k]-want) > 1e-12 {
				t.Fatalf("%s[%d]: %v, want %v", q.Name, k, last[i][k], want)
			}
		}
	}
}

// rows are sequences of different lengths, one after the other in each row of a batch, that end in the middle of what
// would be a window.
type rows struct {
	tokens [][]int32 // by row
	ends   [][]int   // of the sequences, in the row
	at     int
}

func (d *rows) Rewind() { d.at = 0 }

// Next gives at most the given number of steps, and stops where a sequence ends.
func (d *rows) Next(steps int) (*seqdata.Batch, error) {
	length := len(d.tokens[0]) - 1
	if d.at == length {
		return nil, io.EOF
	}
	to := min(d.at+steps, length)
	for _, ends := range d.ends {
		for _, e := range ends {
			if e > d.at {
				to = min(to, e)
			}
		}
	}
	n, rows := to-d.at, len(d.tokens)
	b := &seqdata.Batch{T: n, B: rows, Ends: make([]bool, rows), Arrays: map[string]seqdata.Array{}}
	input, target := make([]int32, n*rows), make([]int32, n*rows)
	for r, tokens := range d.tokens {
		for k := range n {
			input[k*rows+r], target[k*rows+r] = tokens[d.at+k], tokens[d.at+k+1]
		}
		for _, e := range d.ends[r] {
			b.Ends[r] = b.Ends[r] || e == to
		}
	}
	b.Arrays[seqdata.Input] = seqdata.Array{Shape: []int{n, rows}, Ints: input}
	b.Arrays[seqdata.Target] = seqdata.Array{Shape: []int{n, rows}, Ints: target}
	d.at = to
	return b, nil
}

// TestEnds: where a row's sequence ends, the next one begins from zero and no gradient passes, in that row alone: the
// gradient is that of the sequences by themselves.
func TestEnds(t *testing.T) {
	p := newProblem(t, cells["LSTM"], 12, 0)
	rng := rand.New(rand.NewPCG(7, 8))
	tokens := make([][]int32, 2)
	for r := range tokens {
		for range 13 {
			tokens[r] = append(tokens[r], int32(rng.IntN(vocabulary)))
		}
	}
	ends := [][]int{{3, 12}, {7, 12}}
	p.data = &rows{tokens: tokens, ends: ends}
	for _, s := range []train.Strategy{bptt.Full{Window: 4}, bptt.Checkpointed{Window: 5, Memory: 1 << 20}, bptt.Truncated{Window: 1, Reach: 12}} {
		got, _ := sumOfUpdates(t, p, s)
		want := make([][]float64, len(p.params))
		for r := range tokens {
			from := 0
			for _, to := range ends[r] {
				alone := *p
				alone.data = &rows{tokens: [][]int32{tokens[r][from : to+1]}, ends: [][]int{nil}}
				g, result, _ := alone.gradient(t, bptt.Truncated{Window: 100})
				for i := range g {
					if want[i] == nil {
						want[i] = make([]float64, len(g[i]))
					}
					for k := range g[i] {
						want[i][k] += g[i][k] * result.Weight / 24
					}
				}
				from = to
			}
		}
		if d := distance(got, want); d > 1e-10 {
			t.Errorf("%T: differs by %g", s, d)
		}
	}
}

// TestStrategyMisuse: what can't be served is an error before any work.
func TestStrategyMisuse(t *testing.T) {
	p := newProblem(t, cells["GRU"], 12, 0)
	for name, s := range map[string]train.Strategy{
		"Window": bptt.Full{}, "Window ": bptt.Checkpointed{Window: -1, Memory: 1 << 20}, "Reach": bptt.Truncated{Window: 4, Reach: 3},
		"Window  ": bptt.Jittered{}, "Spread": bptt.Jittered{Window: 8, Spread: -1}, "Spread ": bptt.Jittered{Window: 8, Spread: 13.5}, "Shortest": bptt.Jittered{Window: 8, Shortest: 9},
	} {
		_, err := s.Gradient(p.run())
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != strings.TrimSpace(name) {
			t.Errorf("%#v: %v", s, err)
		}
	}
	for _, s := range []train.Strategy{bptt.Full{Window: 13}, bptt.Checkpointed{Window: 13, Memory: 1 << 20}, bptt.Truncated{Window: 13},
		bptt.Truncated{Window: 13, Reach: 26}, bptt.Jittered{Window: 13}} {
		_, err := s.Gradient(p.run())
		if _, ok := errors.AsType[*seqdata.TooShortError](err); !ok {
			t.Errorf("%#v, longer than every sequence: %v", s, err)
		}
	}
	_, err := bptt.Checkpointed{Window: 4, Memory: 100}.Gradient(p.run())
	e, ok := errors.AsType[*bptt.MemoryError](err)
	if !ok || e.Given != 100 || e.Need < 1000 {
		t.Fatalf("got %v", err)
	}
	if _, err := (bptt.Checkpointed{Window: 4, Memory: e.Need}).Gradient(p.run()); err != nil {
		t.Errorf("as much memory as the error asked for: %v", err)
	}
	_, err = bptt.Checkpointed{Window: 4, Memory: e.Need - 1}.Gradient(p.run())
	if less, ok := errors.AsType[*bptt.MemoryError](err); !ok || less.Need != e.Need {
		t.Errorf("one byte less than the error asked for: %v", err)
	}
}

// TestJittered: lengths vary around the mean, and the rate with them.
func TestJittered(t *testing.T) {
	p := newProblem(t, cells["RNN"], 4000, 0)
	r := p.run()
	sum, count := 0.0, 0
	lengths := map[int]bool{}
	for {
		result, err := bptt.Jittered{Window: 20}.Gradient(r)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n := result.Program.Window().T
		lengths[n] = true
		if want := float64(n) / 20; result.Rate != want {
			t.Fatalf("%d steps at rate %v, want %v", n, result.Rate, want)
		}
		sum, count = sum+float64(n), count+1
	}
	if mean := sum / float64(count); mean < 18 || mean > 21 || len(lengths) < 12 {
		t.Errorf("mean length %v, %d different ones", mean, len(lengths))
	}
}

func TestParseBytes(t *testing.T) {
	for s, want := range map[string]int64{"64MiB": 64 << 20, "1.5 GB": 15e8, "4096": 4096, "7 B": 7, "2kB": 2000, "0": 0, "1KiB": 1024} {
		if got, err := bptt.ParseBytes(s); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "MiB", "-1B", "NaN", "Inf", "1e300GB", "12 apples", "0x10"} {
		if got, err := bptt.ParseBytes(s); err == nil {
			t.Errorf("%q: %d, no error", s, got)
		}
	}
}

// TestIgnoredTargets: windows count by the targets that the loss doesn't ignore.
func TestIgnoredTargets(t *testing.T) {
	p := newProblem(t, cells["LSTM"], 23, 0)
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{layers.NewEmbedding(vocabulary, 3, rng), layers.NewLSTM(3, 4, layers.LSTMOptions{}, rng), layers.NewLinear(4, vocabulary, rng)}
	graph.SetDType(model.Params(), graph.Float64)
	p.params = model.Params()
	weights := []float64{1, 2, 0.5, 1, 1, 3, 1}
	p.write = func(b *graph.Builder) *graph.Node {
		return loss.CrossEntropy{Ignore: []int{2, 3}, ClassWeights: weights}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
	}
	want, whole, _ := p.gradient(t, bptt.Truncated{Window: 23})
	for _, s := range []train.Strategy{bptt.Full{Window: 5}, bptt.Checkpointed{Window: 4, Memory: 40000}} {
		got, r, _ := p.gradient(t, s)
		if d := distance(got, want); d > 1e-10 || math.Abs(r.Loss-whole.Loss) > 1e-12 || math.Abs(r.Weight-whole.Weight) > 1e-12 {
			t.Errorf("%#v: differs by %g, loss %v and %v", s, d, r.Loss, whole.Loss)
		}
	}
	for _, s := range []train.Strategy{bptt.Truncated{Window: 3, Reach: 24}, bptt.RTRL{Window: 4}} {
		if got, weight := sumOfUpdates(t, p, s); distance(got, want) > 1e-10 || math.Abs(weight-whole.Weight) > 1e-12 {
			t.Errorf("%#v: differs by %g", s, distance(got, want))
		}
	}
}
