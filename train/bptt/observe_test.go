package bptt_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
)

// pieces gives the windows of one batch.
type pieces struct {
	batch *seqdata.Batch
	at    int
}

func (p *pieces) Rewind() { p.at = 0 }

func (p *pieces) Next(steps int) (*seqdata.Batch, error) {
	from, to := p.at, min(p.at+steps, p.batch.T)
	if from == to {
		return nil, io.EOF
	}
	p.at = to
	w := &seqdata.Batch{T: to - from, B: p.batch.B, Arrays: map[string]seqdata.Array{}}
	for name, a := range p.batch.Arrays {
		row := len(a.Floats) / p.batch.T
		w.Arrays[name] = seqdata.Array{Shape: []int{w.T, w.B, a.Shape[2]}, Floats: a.Floats[from*row : to*row]}
	}
	return w, nil
}

// disturbed adds to h after each step a part of the batch's array "e".
type disturbed struct {
	cell.Cell
	e    *graph.Node // [T*B, H]
	next *int        // the next step
}

func (d disturbed) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	_, next := d.Cell.Step(b, x, s)
	w := b.Window()
	h := b.Add(next[0], b.Slice(d.e, 0, *d.next*w.B, (*d.next+1)*w.B))
	*d.next++
	return h, append(cell.State{h}, next[1:]...)
}

// observedRun is a cell and a linear layer on random data, with nothing disturbed.
func observedRun(c cell.Cell, steps, batch, width int, observe bool) (r *bptt.Run, e []float32) {
	rng := rand.New(rand.NewPCG(1, 2))
	out := layers.NewLinear(width, 1, rng)
	graph.SetDType(c.Params(), graph.Float64)
	graph.SetDType(out.Params(), graph.Float64)
	array := func(features int) seqdata.Array {
		a := seqdata.Array{Shape: []int{steps, batch, features}, Floats: make([]float32, steps*batch*features)}
		for i := range a.Floats {
			a.Floats[i] = float32(rng.NormFloat64())
		}
		return a
	}
	arrays := map[string]seqdata.Array{seqdata.Input: array(2), seqdata.Target: array(1), "e": array(width)}
	e = arrays["e"].Floats
	clear(e)
	return &bptt.Run{
		Data: &pieces{batch: &seqdata.Batch{T: steps, B: batch, Arrays: arrays}},
		Programs: &bptt.Programs{
			Options: graph.Options{DType: graph.Float64, Observe: observe},
			Write: func(b *graph.Builder) *graph.Node {
				y := layers.Sequential{layers.NewRecurrent(disturbed{c, b.Input("e"), new(int)}), out}.Apply(b, b.Input(seqdata.Input))
				return loss.MSE{}.Cost(b, y)
			},
		},
		States: graph.States{}, Random: rand.NewPCG(3, 4),
	}, e
}

// TestRecordings: the norms of an update of several windows are those of finite differences of its loss when h_t is
// disturbed, for every step that the update goes back through, in whichever window.
func TestRecordings(t *testing.T) {
	const steps, batch, width = 11, 2, 3
	for name, test := range map[string]struct {
		strategy train.Strategy
		reach    int
	}{
		"Full, one window":  {bptt.Full{Window: steps}, steps},
		"Full":              {bptt.Full{Window: 4}, steps},
		"Checkpointed":      {bptt.Checkpointed{Window: 2, Memory: 1 << 20}, steps},
		"Truncated":         {bptt.Truncated{Window: 8}, 3},
		"Truncated, k2 > k": {bptt.Truncated{Window: 2, Reach: 6}, 5}, // the last update has one new step
		"RTRL":              {bptt.RTRL{Window: 3}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, e := observedRun(cell.NewGRU(2, width, cell.Options{}, rand.New(rand.NewPCG(5, 6))), steps, batch, width, true)
			last := func() bptt.Result {
				r.Rewind()
				var last bptt.Result
				for {
					result, err := test.strategy.Gradient(r)
					if err == io.EOF {
						return last
					}
					if err != nil {
						t.Fatal(err)
					}
					last = result
				}
			}
			seen := last().Recordings
			if len(seen) != 1 || seen[0].State != "0.h_l0" || len(seen[0].Norms) != test.reach {
				t.Fatalf("got %+v, want one recurrence and %d steps", seen, test.reach)
			}
			for i, got := range seen[0].Norms {
				at := steps - test.reach + i
				if name == "RTRL" && at < steps-1 {
					continue // that step's loss alone
				}
				sum := 0.0
				for k := range batch * width {
					const h = 1. / (1 << 14)
					x := &e[at*batch*width+k]
					*x = h
					up := last().Loss
					*x = -h
					d := (up - last().Loss) / (2 * h)
					*x = 0
					sum += d * d
				}
				if want := math.Sqrt(sum); math.Abs(got-want) > 1e-6*want {
					t.Errorf("step %d: %v, finite differences %v", at, got, want)
				}
			}
		})
	}
	r, _ := observedRun(cell.NewGRU(2, width, cell.Options{}, rand.New(rand.NewPCG(5, 6))), steps, batch, width, false)
	for _, s := range []train.Strategy{bptt.Truncated{Window: 4}, bptt.Full{Window: 4}} {
		if result, err := s.Gradient(r); err != nil || result.Recordings != nil {
			t.Errorf("without being asked to: %v, %v", result.Recordings, err)
		}
	}
}

// TestStateLags: the norms of ∂h_T/∂h_t are those of finite differences, estimated or exact; of a layer that reads
// backwards, the last step is the first; and a state that is kept as it is has no decay.
func TestStateLags(t *testing.T) {
	const steps, batch, width = 6, 2, 3
	newCell := func() cell.Cell { return cell.NewGRU(2, width, cell.Options{}, rand.New(rand.NewPCG(5, 6))) }
	r, e := observedRun(newCell(), steps, batch, width, false)
	measure := func(samples int) bptt.Lags {
		t.Helper()
		r.Rewind()
		lags, err := bptt.StateLags(r, steps, samples)
		if err != nil || len(lags) != 1 || lags[0].State != "0.h_l0" || len(lags[0].Norms) != steps {
			t.Fatal(lags, err)
		}
		return lags[0]
	}
	last := func() []float64 {
		r.Rewind()
		if _, err := (bptt.Truncated{Window: steps}).Gradient(r); err != nil {
			t.Fatal(err)
		}
		return r.States["0.h_l0"].Floats()
	}
	exact, again := measure(width), measure(100)
	if !slices.Equal(exact.Norms, again.Norms) || math.Abs(exact.Norms[0]-math.Sqrt(width)) > 1e-12 {
		t.Errorf("exact: %v and %v, want √%d first", exact.Norms, again.Norms, width)
	}
	for _, lag := range []int{1, 4, 5} {
		sum := 0.0
		for k := range batch * width {
			const h = 1. / (1 << 14)
			x := &e[(steps-1-lag)*batch*width+k]
			*x = h
			up := last()
			*x = -h
			for i, v := range last() {
				d := (up[i] - v) / (2 * h)
				sum += d * d / batch
			}
			*x = 0
		}
		if got, want := exact.Norms[lag], math.Sqrt(sum); math.Abs(got-want) > 1e-6*want {
			t.Errorf("lag %d: %v, finite differences %v", lag, got, want)
		}
	}
	mean := make([]float64, steps)
	const rounds = 200
	for range rounds {
		for lag, n := range measure(2).Norms {
			mean[lag] += n * n / rounds
		}
	}
	for lag, m := range mean {
		if want := exact.Norms[lag]; math.Abs(math.Sqrt(m)-want) > 0.05*want {
			t.Errorf("lag %d: %v estimated, %v exact", lag, math.Sqrt(m), want)
		}
	}

	// Two layers in both directions: each layer's own lags, from its own end.
	rng := rand.New(rand.NewPCG(1, 2))
	both := layers.Sequential{
		layers.NewRNN(2, 5, layers.RNNOptions{Bidirectional: true, Layers: 2}, rng),
		layers.NewLinear(10, 1, rng),
	}
	for i, p := range both.Params() { // half of what is there, and nothing else
		p.Value.Zero()
		if p.Name == "0.weight_hh_l0" || p.Name == "0.weight_hh_l1_reverse" {
			for k := range 5 {
				both.Params()[i].Value.SetAt(6*k, 0.5)
			}
		}
	}
	r.Rewind()
	r.Programs = &bptt.Programs{Write: func(b *graph.Builder) *graph.Node {
		return loss.MSE{}.Cost(b, both.Apply(b, b.Input(seqdata.Input)))
	}}
	lags, err := bptt.StateLags(r, 3, 9)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lags {
		got = append(got, fmt.Sprintf("%s %.3f %.3f", l.State, l.Norms, l.Beyond(0)))
	}
	want := []string{
		"0.h_l0 [2.236 1.118 0.559] 0.429", "0.h_l0_reverse [2.236 0.000 0.000] 0.000",
		"0.h_l1 [2.236 0.000 0.000] 0.000", "0.h_l1_reverse [2.236 1.118 0.559] 0.429",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestStateLagsErrors(t *testing.T) {
	r, _ := observedRun(cell.NewGRU(2, 3, cell.Options{}, rand.New(rand.NewPCG(5, 6))), 4, 2, 3, false)
	for _, n := range [][2]int{{0, 1}, {1, 0}, {-1, -1}} {
		_, err := bptt.StateLags(r, n[0], n[1])
		if _, ok := errors.AsType[*graph.ArgumentError](err); !ok {
			t.Errorf("%v: got %v", n, err)
		}
	}
	if _, err := bptt.StateLags(r, 100, 1); err != nil {
		t.Error(err)
	}
	if _, err := bptt.StateLags(r, 100, 1); err != io.EOF {
		t.Errorf("at the data's end: %v", err)
	}
	if b := (bptt.Lags{Norms: []float64{0, 0}}).Beyond(0); b != 0 {
		t.Errorf("of nothing: %v", b)
	}
	if b := (bptt.Lags{Norms: []float64{3, 2, 1}}).Beyond(1); b != 1./6 {
		t.Errorf("beyond 1: %v, want 1/6", b)
	}
}
