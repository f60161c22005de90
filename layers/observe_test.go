package layers_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// disturbed adds to h after each step a part of an input of the program.
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

// TestRecordings: the norms are those of finite differences of the cost when h_t is disturbed, for fused and unrolled
// cells; what is recorded is the same with one thread and with three.
func TestRecordings(t *testing.T) {
	w := graph.Window{T: 6, B: 17, Train: true}
	const width = 40 // by sequences and by units, the engine divides the work
	newCells := map[string]func() cell.Cell{
		"RNN":  func() cell.Cell { return cell.NewRNN(2, width, cell.Options{}, rand.New(rand.NewPCG(1, 2))) },
		"LSTM": func() cell.Cell { return cell.NewLSTM(2, width, cell.Options{}, rand.New(rand.NewPCG(1, 2))) },
		"GRU":  func() cell.Cell { return cell.NewGRU(2, width, cell.Options{}, rand.New(rand.NewPCG(1, 2))) },
	}
	// run computes the program with a disturbance, or the cell as it is if e is nil.
	run := func(t *testing.T, c cell.Cell, threads int, e []float64) (*graph.Program, float64) {
		t.Helper()
		graph.SetDType(c.Params(), graph.Float64)
		b := graph.NewBuilder(w, graph.Options{DType: graph.Float64, Threads: threads, Observe: true})
		rng := rand.New(rand.NewPCG(5, 6))
		x, weights := b.Const(noise(rng, w.T*w.B, 2)), b.Const(noise(rng, w.T*w.B, width))
		if e != nil {
			c = disturbed{c, b.Floats("e", w.T*w.B, width), new(int)}
		}
		y := layers.Named{Name: "recurrent", Layer: layers.NewRecurrent(c)}
		p, err := b.Compile(b.Sum(b.Mul(b.Square(layers.Sequential{y}.Apply(b, x)), weights)), graph.Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		if e != nil {
			must(t, p.SetFloat64s("e", e))
		}
		must(t, p.Run(0))
		return p, p.Cost()
	}
	for name, newCell := range newCells {
		t.Run(name, func(t *testing.T) {
			p, _ := run(t, newCell(), 1, nil)
			fused := p.Recordings()
			if len(fused) != 1 || fused[0].State != "recurrent.h_l0" || len(fused[0].Norms) != w.T {
				t.Fatalf("got %+v", fused)
			}
			e := make([]float64, w.T*w.B*width)
			q, _ := run(t, newCell(), 1, e)
			unrolled := q.Recordings()
			three, _ := run(t, newCell(), 3, nil)
			for step := range w.T {
				if a, b := fused[0].Norms[step], unrolled[0].Norms[step]; math.Abs(a-b) > 1e-12*b {
					t.Errorf("step %d: fused %v, unrolled %v", step, a, b)
				}
				if a, b := fused[0].Norms[step], three.Recordings()[0].Norms[step]; math.Abs(a-b) > 1e-12*b {
					t.Errorf("step %d: one thread %v, three %v", step, a, b)
				}
				if step != 0 && step != w.T-2 {
					continue
				}
				sum := 0.0
				for i := range w.B * width {
					at := step*w.B*width + i
					const h = 1e-5
					e[at] = h
					must(t, q.SetFloat64s("e", e))
					must(t, q.Run(0))
					up := q.Cost()
					e[at] = -h
					must(t, q.SetFloat64s("e", e))
					must(t, q.Run(0))
					d := (up - q.Cost()) / (2 * h)
					e[at] = 0
					sum += d * d
				}
				if got, want := fused[0].Norms[step], math.Sqrt(sum); math.Abs(got-want) > 1e-7*want {
					t.Errorf("step %d: %v, finite differences %v", step, got, want)
				}
			}
			for _, g := range fused[0].Gates {
				total := 0
				for _, n := range g.Bins {
					total += n
				}
				if want := w.T * 3 * width; total != want || g.Low < 0 || g.High > 1 { // sequences 0, 8 and 16
					t.Errorf("%s: %d activations, want %d: %+v", g.Name, total, want, g)
				}
			}
		})
	}
}

// TestGateRecording: a forget gate that is held open is saturated.
func TestGateRecording(t *testing.T) {
	c := cell.NewLSTM(2, 4, cell.Options{}, rand.New(rand.NewPCG(1, 2)))
	for i := 4; i < 8; i++ {
		c.BiasIH.Value.SetAt(i, 20)
	}
	b := graph.NewBuilder(graph.Window{T: 5, B: 3}, graph.Options{Observe: true})
	p, err := b.Forward(b.Sum(layers.NewRecurrent(c).Apply(b, b.Floats("x", 15, 2))))
	if err != nil {
		t.Fatal(err)
	}
	must(t, p.Run(0))
	gates := p.Recordings()[0].Gates
	if fmt.Sprint(gates[1].Name, gates[1].Low, gates[1].High) != "forget0 1" || gates[0].High > 0.5 || gates[2].From != -1 {
		t.Errorf("got %+v", gates)
	}
}

// TestRecordingOfStates: a recurrence goes by the name of its state, be that learned or not, and says which way it reads.
func TestRecordingOfStates(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewLSTM(2, 3, layers.LSTMOptions{LearnedState: true}, rng),
		layers.NewGRU(3, 3, layers.GRUOptions{Bidirectional: true}, rng),
	}
	b := graph.NewBuilder(graph.Window{T: 4, B: 2}, graph.Options{Observe: true})
	p, err := b.Compile(b.Sum(model.Apply(b, b.Floats("x", 8, 2))), graph.Gradients{})
	if err != nil {
		t.Fatal(err)
	}
	must(t, p.Run(0))
	var got []string
	for _, r := range p.Recordings() {
		got = append(got, fmt.Sprint(r.State, " ", r.Reverse))
	}
	if want := []string{"0.h_l0 false", "1.h_l0 false", "1.h_l0_reverse true"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestJoinRecordings: what two windows have shown together is what one of both their steps shows, of a fused and of an
// unrolled cell.
func TestJoinRecordings(t *testing.T) {
	joinRecordings(t, func() cell.Cell { return cell.NewGRU(2, 3, cell.Options{}, rand.New(rand.NewPCG(1, 2))) })
	joinRecordings(t, func() cell.Cell { return cell.NewResetBeforeGRU(2, 3, cell.Options{}, rand.New(rand.NewPCG(1, 2))) })
	if graph.JoinRecordings() != nil {
		t.Error("something of nothing")
	}
}

func joinRecordings(t *testing.T, newCell func() cell.Cell) {
	t.Helper()
	record := func(steps int, x []float32, states graph.States) []graph.Recording {
		t.Helper()
		b := graph.NewBuilder(graph.Window{T: steps, B: 9, Train: true}, graph.Options{Observe: true})
		p, err := b.Compile(b.Sum(layers.NewRecurrent(newCell()).Apply(b, b.Floats("x", steps*9, 2))), graph.Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		must(t, p.SetFloats("x", x))
		must(t, p.Load(states))
		must(t, p.Run(0))
		p.Store(states)
		return p.Recordings()
	}
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, 7*9*2)
	for i := range x {
		x[i] = float32(3 * rng.NormFloat64())
	}
	whole, states := record(7, x, graph.States{}), graph.States{}
	first := record(4, x[:4*9*2], states)
	before := fmt.Sprint(first)
	got := graph.JoinRecordings(first, record(3, x[4*9*2:], states))[0]
	if len(got.Norms) != 7 || fmt.Sprint(first) != before {
		t.Errorf("norms %v, and the first is now %v, want %s", got.Norms, first, before)
	}
	for i, n := range got.Norms[4:] { // those of the first window lack what the second one adds
		if want := whole[0].Norms[4+i]; math.Abs(n-want) > 1e-6*want {
			t.Errorf("step %d: %v, want %v", 4+i, n, want)
		}
	}
	if fmt.Sprint(got.Gates) != fmt.Sprint(whole[0].Gates) || got.Gates[0].High == 0 {
		t.Errorf("got %v, want %v", got.Gates, whole[0].Gates)
	}
}

// TestUnrolledRecordings: a layer that is written step by step records the gates that its fused form does, under the name
// of its state; masked steps don't count.
func TestUnrolledRecordings(t *testing.T) {
	w := graph.Window{T: 6, B: 17}
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewLSTM(2, 5, layers.LSTMOptions{LearnedState: true}, rng), layers.NewGRU(5, 5, layers.GRUOptions{Layers: 2}, rng),
	}
	x, mask := noise(rng, w.T*w.B, 2), graph.NewTensor(graph.Float64, w.T*w.B)
	valid := [3]int{w.T, 3, 0} // steps of the sequences that are counted
	for k, n := range valid {
		for step := range n {
			mask.F64[step*w.B+8*k] = 1
		}
	}
	graph.SetDType(model.Params(), graph.Float64)
	record := func(each bool) []graph.Recording {
		t.Helper()
		b := graph.NewBuilder(w, graph.Options{DType: graph.Float64, Observe: true})
		b.SetStepMask(b.Const(mask))
		x := b.Const(x)
		ys := make([]*graph.Node, w.T)
		if each {
			b.EachStep(func(step int) { ys[step] = model.Apply(b, b.Slice(x, 0, step*w.B, (step+1)*w.B)) })
		} else {
			ys = []*graph.Node{model.Apply(b, x)}
		}
		p, err := b.Compile(b.Sum(b.Concat(0, ys...)), graph.Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		must(t, p.Run(1))
		return p.Recordings()
	}
	got, want := record(true), record(false)
	if len(want) != 3 || len(got) != 3 {
		t.Fatalf("got %d, want %d of 3 recurrences", len(got), len(want))
	}
	for i, r := range want {
		if got[i].State != r.State || len(got[i].Norms) != w.T || len(r.Gates) < 4 || !reflect.DeepEqual(got[i].Gates, r.Gates) {
			t.Errorf("got  %+v\nwant %+v", got[i], r)
		}
		total := 0
		for _, n := range r.Gates[0].Bins {
			total += n
		}
		if total != 5*(w.T+3) {
			t.Errorf("%s: %d activations, want %d", r.State, total, 5*(w.T+3))
		}
	}
}

// TestObservedTraining: with dropout over time, an LSTM is unrolled and records its gates; to look changes nothing.
func TestObservedTraining(t *testing.T) {
	run := func(observe bool) (*graph.Program, []float64) {
		t.Helper()
		rng := rand.New(rand.NewPCG(1, 2))
		model := layers.Sequential{
			layers.NewLSTM(2, 5, layers.LSTMOptions{RecurrentDropout: 0.5}, rng), layers.Dropout(0.5), layers.NewLinear(5, 1, rng),
		}
		b := graph.NewBuilder(graph.Window{T: 4, B: 3, Train: true}, graph.Options{Observe: observe})
		p, err := b.Compile(b.Sum(b.Square(model.Apply(b, b.Const(noise(rng, 12, 2))))), graph.Gradients{})
		if err != nil {
			t.Fatal(err)
		}
		must(t, p.Run(7))
		results := []float64{p.Cost()}
		for _, q := range model.Params() {
			results = append(results, q.Grad.Floats()...)
		}
		return p, results
	}
	observed, got := run(true)
	_, want := run(false)
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	names := ""
	for _, g := range observed.Recordings()[0].Gates {
		names += g.Name + " "
	}
	if names != "input forget candidate output h " {
		t.Errorf("got gates %s", names)
	}
}
