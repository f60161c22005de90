package layers_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

const vocabulary = 7

// languageModels predict the next of a few tokens, with recurrent layers of several kinds, and what has a state or a
// parameter of its own.
var languageModels = map[string]func() layers.Layer{
	"LSTM": func() layers.Layer {
		o := layers.LSTMOptions{Layers: 2, Residual: true, LearnedState: true}
		return languageModel(layers.NewLSTM(4, 4, o, source()))
	},
	"GRU": func() layers.Layer { return languageModel(layers.NewGRU(4, 4, layers.GRUOptions{}, source())) },
	"RNN": func() layers.Layer {
		return languageModel(layers.NewHighway(layers.NewRNN(4, 4, layers.RNNOptions{}, source()), 4, source()))
	},
	"SRU": func() layers.Layer {
		return languageModel(layers.NewRecurrent(cell.NewSRU(4, 4, cell.Options{}, source())))
	},
}

func languageModel(recurrent layers.Layer) layers.Layer {
	embedding := layers.NewEmbedding(vocabulary, 4, source())
	m := layers.Sequential{embedding, recurrent, layers.NewTied(embedding)}
	scatter(m)
	return m
}

// tokenProgram compiles a layer over ids, with the cross-entropy of its logits, in float64.
func tokenProgram(t *testing.T, l layers.Layer, w graph.Window, masked bool) *graph.Program {
	t.Helper()
	graph.SetDType(l.Params(), graph.Float64)
	b := graph.NewBuilder(w, graph.Options{DType: graph.Float64, Threads: 1})
	x, target := b.Ints("input", w.T*w.B), b.Ints("target", w.T*w.B)
	b.Floats("teacher", w.B)
	if masked {
		b.SetStepMask(b.Floats("mask", w.T*w.B))
	}
	y := l.Apply(b, x)
	b.Output("logits", y)
	cost := b.CrossEntropy(y, target)
	var p *graph.Program
	var err error
	if w.Train {
		p, err = b.Compile(cost, graph.Gradients{States: true})
	} else {
		p, err = b.Forward(cost)
	}
	must(t, err)
	return p
}

// randomTokens are n ids.
func randomTokens(seed uint64, n int) []int32 {
	rng := rand.New(rand.NewPCG(seed, 4))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(rng.IntN(vocabulary))
	}
	return ids
}

// setTokens fills the inputs of tokenProgram; p is the probability of the true tokens.
func setTokens(t *testing.T, program *graph.Program, ids []int32, p float64) {
	t.Helper()
	must(t, program.SetInts("input", ids))
	must(t, program.SetInts("target", randomTokens(99, len(ids))))
	must(t, program.SetFloat64s("teacher", repeated(p, program.Window().B)))
}

// TestTeacherForcing: with true tokens only, scheduled sampling is the model itself: logits, states, cost, and all
// gradients, with masked steps and from any state; so is its evaluation.
func TestTeacherForcing(t *testing.T) {
	w := graph.Window{T: 5, B: 3, Train: true}
	for name, newModel := range languageModels {
		t.Run(name, func(t *testing.T) {
			for _, masked := range []bool{false, true} {
				plain := newModel()
				sampling := layers.ScheduledSampling{Model: newModel()}
				var all [2][][]float64
				for i, l := range []layers.Layer{plain, sampling} {
					p := tokenProgram(t, l, w, masked)
					setTokens(t, p, randomTokens(1, w.T*w.B), 1)
					if masked {
						must(t, p.SetFloat64s("mask", []float64{1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0}))
					}
					names := slices.DeleteFunc(p.StateNames(), func(s string) bool { return s == "predicted" })
					states := graph.States{}
					for k, s := range names {
						width := p.LastState(s).Shape[1]
						states[s] = &graph.Tensor{Shape: []int{w.B, width}, F64: random(uint64(10+k), w.B*width)}
						if strings.HasPrefix(s, "1.begun") {
							states[s].F64 = []float64{0, 1, 0}
						}
						must(t, p.StateSeed(s).SetFloats(random(uint64(20+k), w.B*width)))
					}
					must(t, p.Load(states))
					run(t, p)
					all[i] = [][]float64{{p.Cost()}, p.Output("logits").Floats()}
					for _, q := range l.Params() {
						all[i] = append(all[i], q.Grad.Floats())
					}
					for _, s := range names {
						all[i] = append(all[i], p.LastState(s).Floats(), p.StateGradient(s).Floats())
					}
				}
				for k := range all[0] {
					near(t, fmt.Sprintf("masked=%v, result %d", masked, k), 1e-12, all[1][k], all[0][k])
				}
			}
			l := newModel()
			p, q := tokenProgram(t, l, graph.Window{T: 5, B: 3}, false), tokenProgram(t, layers.ScheduledSampling{Model: l}, graph.Window{T: 5, B: 3}, false)
			setTokens(t, p, randomTokens(1, 15), 0)
			setTokens(t, q, randomTokens(1, 15), 0)
			run(t, p)
			run(t, q)
			if !slices.Equal(p.Output("logits").Floats(), q.Output("logits").Floats()) || !slices.Equal(p.StateNames(), q.StateNames()) {
				t.Error("evaluation isn't that of the model")
			}
		})
	}
}

// TestFreeRunning: without true tokens, scheduled sampling is a loop in which a program of one time step reads what it
// predicted before; while training and in evaluation, in one window and in two. A sequence that ends begins the next with
// a true token.
func TestFreeRunning(t *testing.T) {
	const batch = 3
	for name, newModel := range languageModels {
		t.Run(name, func(t *testing.T) {
			l := newModel()
			graph.SetDType(l.Params(), graph.Float64)
			ids := randomTokens(2, 6*batch)

			var want []float64
			one := tokenProgram(t, l, graph.Window{T: 1, B: batch}, false)
			states, token := graph.States{}, slices.Clone(ids[:batch])
			changed := false
			for step := range 6 {
				if step == 4 { // sequence 1 ends
					states.Clear([]bool{false, true, false})
					token[1] = ids[4*batch+1]
				}
				setTokens(t, one, token, 1)
				must(t, one.Load(states))
				run(t, one)
				one.Store(states)
				logits := one.Output("logits").Floats()
				want = append(want, logits...)
				for i := range token {
					row := logits[i*vocabulary:][:vocabulary]
					token[i] = int32(slices.Index(row, slices.Max(row)))
					changed = changed || step < 5 && token[i] != ids[(step+1)*batch+i]
				}
			}
			if !changed {
				t.Fatal("the model predicts the true tokens")
			}

			for _, train := range []bool{true, false} {
				s := layers.ScheduledSampling{Model: l, FreeRunning: !train}
				var got []float64
				states := graph.States{}
				for _, steps := range [][2]int{{0, 1}, {1, 4}, {4, 6}} {
					p := tokenProgram(t, s, graph.Window{T: steps[1] - steps[0], B: batch, Train: train}, false)
					setTokens(t, p, ids[steps[0]*batch:steps[1]*batch], 0)
					must(t, p.Load(states))
					run(t, p)
					p.Store(states)
					if steps[1] == 4 {
						states.Clear([]bool{false, true, false})
					}
					got = append(got, p.Output("logits").Floats()...)
				}
				near(t, fmt.Sprint("train=", train), 1e-12, got, want)
			}
		})
	}
}

// TestScheduledSamplingGradients: with the choices of one seed, against finite differences. The choices must be mixed.
func TestScheduledSamplingGradients(t *testing.T) {
	w := graph.Window{T: 6, B: 2, Train: true}
	for name, newModel := range languageModels {
		for _, draw := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " draw=", draw), func(t *testing.T) {
				s := layers.ScheduledSampling{Model: newModel(), Draw: draw}
				p := tokenProgram(t, s, w, false)
				var logits [][]float64
				for _, teacher := range []float64{0, 1, 0.5} {
					setTokens(t, p, randomTokens(3, w.T*w.B), teacher)
					run(t, p)
					logits = append(logits, p.Output("logits").Floats())
				}
				if slices.Equal(logits[2], logits[0]) || slices.Equal(logits[2], logits[1]) {
					t.Fatal("no mixture")
				}
				checkOwnGradients(t, p, s.Params())
			})
		}
	}
}

// successor is a model that answers k with k+1, or with one of k+1 and k+2 if it is asked to draw. Its logits tell which
// token it has read.
type successor struct{ second float64 }

func (m successor) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	table := graph.NewTensor(graph.Float64, vocabulary, vocabulary)
	for k := range vocabulary {
		for j := range vocabulary {
			table.F64[k*vocabulary+j] = -1e4
		}
		table.F64[k*vocabulary+(k+1)%vocabulary] = 0
		table.F64[k*vocabulary+(k+2)%vocabulary] = m.second
	}
	return b.Gather(b.Const(table), x, -1)
}

func (successor) Params() []graph.NamedParam { return nil }

// TestSchedule: a token read is the true one with the probability given, which may be another for every run and
// sequence; else it is the successor of the one before. Seeds differ, and a seed gives the same again.
func TestSchedule(t *testing.T) {
	const batch, steps = 40, 50
	w := graph.Window{T: steps, B: batch, Train: true}
	for _, draw := range []bool{false, true} {
		m := successor{-1e4}
		share := 1.0 // of k+1 among the predictions
		if draw {
			m.second = math.Log(0.25)
			share = 0.8
		}
		p := tokenProgram(t, layers.ScheduledSampling{Model: m, Draw: draw}, w, false)
		ids := randomTokens(5, steps*batch)
		setTokens(t, p, ids, 0)
		var earlier [][]float64
		for k, teacher := range []float64{0, 0.1, 0.5, 0.9, 1} {
			probabilities := repeated(teacher, batch)
			probabilities[7] = 1
			must(t, p.SetFloat64s("teacher", probabilities))
			must(t, p.Run(uint64(k)))
			logits := p.Output("logits").Floats()
			read := make([]int, steps*batch)
			for i := range read {
				row := logits[i*vocabulary:][:vocabulary]
				read[i] = (slices.Index(row, slices.Max(row)) + vocabulary - 1) % vocabulary
			}
			taught, first, unclear, free := 0.0, 0.0, 0.0, 0.0
			for i, id := range read {
				truth := int(ids[i])
				if i < batch || i%batch == 7 {
					if id != truth {
						t.Fatalf("row %d: read %d, want %d", i, id, truth)
					}
					continue
				}
				d := (id - read[i-batch] + vocabulary) % vocabulary
				own := d == 1 || draw && d == 2
				switch {
				case own && id == truth:
					unclear++
				case id == truth:
					taught++
				case own:
					free++
					if d == 1 {
						first++
					}
				default:
					t.Fatalf("row %d: read %d after %d, and the true token is %d", i, id, read[i-batch], truth)
				}
			}
			// True tokens and predictions differ independently of which of them is read.
			n := taught + free
			if got := taught / n; math.Abs(got-teacher) > 5*math.Sqrt(teacher*(1-teacher)/n) {
				t.Errorf("draw=%v: a share of %v true tokens, want %v", draw, got, teacher)
			}
			if got := first / free; free > 0 && math.Abs(got-share) > 5*math.Sqrt(share*(1-share)/free)+1e-12 {
				t.Errorf("draw=%v: a share of %v predictions is the likeliest, want %v", draw, got, share)
			}
			if unclear > 0.4*steps*batch {
				t.Errorf("%v of the tokens tell nothing", unclear)
			}
			must(t, p.Run(uint64(k)))
			if !slices.Equal(logits, p.Output("logits").Floats()) {
				t.Error("the same seed gave other choices")
			}
			must(t, p.Run(100))
			if teacher > 0 && teacher < 1 && slices.Equal(logits, p.Output("logits").Floats()) {
				t.Error("another seed gave the same choices")
			}
			for _, e := range earlier {
				if slices.Equal(e, logits) {
					t.Error("another probability gave the same choices")
				}
			}
			earlier = append(earlier, logits)
		}
	}
}

// TestMaskedPrediction: at a step that a sequence doesn't have, its last prediction stays.
func TestMaskedPrediction(t *testing.T) {
	w := graph.Window{T: 3, B: 2, Train: true}
	p := tokenProgram(t, layers.ScheduledSampling{Model: successor{-1e4}}, w, true)
	setTokens(t, p, []int32{3, 5, 0, 0, 0, 0}, 0)
	must(t, p.SetFloat64s("mask", []float64{1, 0, 0, 1, 1, 1}))
	run(t, p)
	// Sequence 0 reads 3 and then 4, which it predicted; sequence 1 begins with the true 0, and then reads 1.
	if got := p.LastState("predicted").Floats(); !slices.Equal(got, []float64{6, 3}) {
		t.Errorf("got %v", got)
	}
}

// TestMasksOfSteps: within EachStep, a mask that lasts a window does so, and two layers have two.
func TestMasksOfSteps(t *testing.T) {
	const width = 64
	w := graph.Window{T: 4, B: 2, Train: true}
	b := graph.NewBuilder(w, graph.Options{DType: graph.Float64})
	ones := &graph.Tensor{Shape: []int{w.T * w.B, width}, F64: repeated(1, w.T*w.B*width)}
	x := b.Const(ones)
	embedding := layers.NewEmbedding(width, 1, source())
	embedding.Dropout = 0.5
	fill(embedding.Weight, 1)
	graph.SetDType(embedding.Params(), graph.Float64)
	words := make([]int32, width)
	for i := range words {
		words[i] = int32(i)
	}
	k := b.Ints("words", width)
	outputs := map[string][]*graph.Node{}
	b.EachStep(func(t int) {
		rows := b.Slice(x, 0, t*w.B, (t+1)*w.B)
		outputs["variational"] = append(outputs["variational"], layers.VariationalDropout(0.5).Apply(b, rows))
		outputs["another"] = append(outputs["another"], layers.VariationalDropout(0.5).Apply(b, rows))
		outputs["plain"] = append(outputs["plain"], layers.Dropout(0.5).Apply(b, rows))
		outputs["words"] = append(outputs["words"], b.Reshape(embedding.Apply(b, k), 1, width))
	})
	for name, ys := range outputs {
		b.Output(name, b.Concat(0, ys...))
	}
	p, err := b.Forward(nil)
	must(t, err)
	must(t, p.SetInts("words", words))
	run(t, p)
	steps := map[string]bool{}
	for name := range outputs {
		y := p.Output(name).Floats()
		dropped(t, y, 2)
		first := y[:len(y)/w.T]
		for step := 1; step < w.T; step++ {
			if same := slices.Equal(first, y[step*len(first):][:len(first)]); same != (name != "plain") {
				t.Errorf("%s: step %d has the mask of step 0: %v", name, step, same)
			}
		}
		steps[fmt.Sprint(first)] = true
	}
	if len(steps) != 4 {
		t.Error("two layers share a mask")
	}
}

// TestScheduledSamplingRecordings: one for each layer, of all steps, as without scheduled sampling.
func TestScheduledSamplingRecordings(t *testing.T) {
	w := graph.Window{T: 4, B: 2, Train: true}
	var got [2][]graph.Recording
	for i := range got {
		l := languageModels["LSTM"]() // with learned states
		if i == 0 {
			l = layers.ScheduledSampling{Model: l}
		}
		graph.SetDType(l.Params(), graph.Float64)
		b := graph.NewBuilder(w, graph.Options{DType: graph.Float64, Observe: true})
		b.Floats("teacher", w.B)
		x := b.Ints("input", w.T*w.B)
		p, err := b.Compile(b.CrossEntropy(l.Apply(b, x), b.Ints("target", w.T*w.B)), graph.Gradients{})
		must(t, err)
		setTokens(t, p, randomTokens(1, w.T*w.B), 1)
		run(t, p)
		got[i] = p.Recordings()
	}
	if len(got[0]) != 2 || len(got[1]) != 2 || got[0][0].State != "1.h_l0" || got[0][1].State != "1.h_l1" {
		t.Fatalf("got %+v", got)
	}
	for k := range got[0] {
		if got[1][k].State != got[0][k].State {
			t.Errorf("states %s and %s", got[1][k].State, got[0][k].State)
		}
		near(t, "norms", 1e-12, got[0][k].Norms, got[1][k].Norms)
	}
}

// TestScheduledSamplingMemory: a step more takes activations, not another copy of the weights.
func TestScheduledSamplingMemory(t *testing.T) {
	const width = 64
	m := layers.Sequential{
		layers.NewEmbedding(vocabulary, width, source()), layers.NewLSTM(width, width, layers.LSTMOptions{}, source()), layers.NewLinear(width, vocabulary, source()),
	}
	bytes := func(steps int) int {
		return tokenProgram(t, layers.ScheduledSampling{Model: m}, graph.Window{T: steps, B: 1, Train: true}, false).Bytes()
	}
	if perStep, weights := (bytes(20)-bytes(10))/10, 8*4*width*width; perStep > weights/4 {
		t.Errorf("%d bytes a step; the recurrent weights have %d", perStep, weights)
	}
}

// rank3 is a model whose answers aren't logits.
type rank3 struct{ successor }

func (m rank3) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.Reshape(m.successor.Apply(b, x), -1, 1, vocabulary)
}

// TestScheduledSamplingMisuse: each mistake is one error that names the layer or op, and what was wanted.
func TestScheduledSamplingMisuse(t *testing.T) {
	backward := layers.NewGRU(4, 4, layers.GRUOptions{Reverse: true}, source())
	both := layers.NewGRU(4, 2, layers.GRUOptions{Bidirectional: true}, source())
	regularized := layers.Sequential{layers.NewEmbedding(vocabulary, vocabulary, source()), layers.ActivationRegularization{Beta: 1}}
	for name, c := range map[string]struct {
		s    layers.ScheduledSampling
		x    func(b *graph.Builder) *graph.Node
		text string
	}{
		"no model":     {layers.ScheduledSampling{}, nil, "ScheduledSampling: Model"},
		"too few ids":  {layers.ScheduledSampling{Model: successor{}}, func(b *graph.Builder) *graph.Node { return b.Ints("few", 5) }, "ids [6]"},
		"no ids":       {layers.ScheduledSampling{Model: successor{}}, func(b *graph.Builder) *graph.Node { return b.Floats("x", 6) }, "ToFloats"},
		"no node":      {layers.ScheduledSampling{Model: successor{}}, func(b *graph.Builder) *graph.Node { return nil }, "ScheduledSampling"},
		"no logits":    {layers.ScheduledSampling{Model: rank3{}}, nil, "logits [2 1 7]"},
		"backward":     {layers.ScheduledSampling{Model: languageModel(backward)}, nil, "SetLastState"},
		"both ways":    {layers.ScheduledSampling{Model: languageModel(both)}, nil, "SetLastState"},
		"penalties":    {layers.ScheduledSampling{Model: regularized}, nil, "ActivationRegularization"},
		"itself twice": {layers.ScheduledSampling{Model: layers.ScheduledSampling{Model: successor{}}}, nil, "predicted"},
	} {
		b := graph.NewBuilder(graph.Window{T: 3, B: 2, Train: true}, graph.Options{})
		b.Floats("teacher", 2)
		x := b.Ints("x of the test", 6)
		if c.x != nil {
			x = c.x(b)
		}
		c.s.Apply(b, x)
		var shape *graph.ShapeError
		var argument *graph.ArgumentError
		if err := b.Err(); !errors.As(err, &shape) && !errors.As(err, &argument) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}

	b := graph.NewBuilder(graph.Window{T: 3, B: 2, Train: true}, graph.Options{})
	layers.ScheduledSampling{Model: successor{}}.Apply(b, b.Ints("x", 6))
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), `"teacher"`) {
		t.Errorf("without a probability: %v", err)
	}

	p := tokenProgram(t, layers.ScheduledSampling{Model: successor{}}, graph.Window{T: 3, B: 2, Train: true}, false)
	for _, bad := range []float64{-0.5, 1.5, math.NaN()} {
		setTokens(t, p, randomTokens(1, 6), bad)
		var e *graph.ArgumentError
		if err := p.Run(1); !errors.As(err, &e) || e.Op != "Bernoulli" {
			t.Errorf("probability %v: %v", bad, err)
		}
	}
	setTokens(t, p, []int32{0, 1, 2, vocabulary, 0, 0}, 1)
	var e *graph.IndexError
	if err := p.Run(1); !errors.As(err, &e) || e.Index != vocabulary {
		t.Errorf("id out of range: %v", err)
	}
}
