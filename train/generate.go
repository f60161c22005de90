package train

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/missing"
	"github.com/gobptt/bptt/seqdata"
)

// Generator feeds a model with one token at a time and gives the scores of the next, carrying the state.
type Generator struct {
	program *graph.Program
	states  graph.States
	token   []int32
}

// NewGenerator compiles a model for one sequence and one time step. The model takes ids and returns logits. If a
// Trainer is to train the model as well, its first Fit must come before.
func NewGenerator(m Model) (*Generator, error) {
	if missing.Value(m) {
		return nil, &ArgumentError{Name: "model", Got: "nil", Want: "a model"}
	}
	params := m.Params()
	if len(params) == 0 {
		return nil, &ArgumentError{Name: "model", Got: "without parameters", Want: "at least one"}
	}
	b := graph.NewBuilder(graph.Window{T: 1, B: 1}, graph.Options{DType: params[0].DType(), Threads: 1})
	b.Output("logits", m.Apply(b, b.Ints(seqdata.Input, 1)))
	p, err := b.Forward(nil)
	if err != nil {
		return nil, err
	}
	return &Generator{program: p, states: graph.States{}, token: make([]int32, 1)}, nil
}

// Reset forgets all tokens.
func (g *Generator) Reset() { clear(g.states) }

// Next takes a token and returns the logits of the one that follows it. They are overwritten by the next call.
func (g *Generator) Next(token int32) (*graph.Tensor, error) {
	g.token[0] = token
	if err := g.program.SetInts(seqdata.Input, g.token); err != nil {
		return nil, err
	}
	if err := g.program.Load(g.states); err != nil {
		return nil, err
	}
	if err := g.program.Run(0); err != nil {
		return nil, err
	}
	g.program.Store(g.states)
	return g.program.Output("logits"), nil
}

// Sample draws n tokens after a prompt of at least one token, from softmax(logits/temperature). Temperature 0 takes the
// likeliest token. Tokens in without are never drawn; if no other is left, that is an *ArgumentError.
func (g *Generator) Sample(prompt []int32, n int, temperature float64, rng *rand.Rand, without ...int32) ([]int32, error) {
	if len(prompt) == 0 || n < 0 || !(temperature >= 0 && temperature <= math.MaxFloat64) {
		return nil, &ArgumentError{
			Name: "Sample",
			Got:  fmt.Sprintf("a prompt of %d tokens, n %d, temperature %v", len(prompt), n, temperature),
			Want: "a prompt, n 0 or more, and a finite temperature 0 or more",
		}
	}
	if temperature > 0 && rng == nil {
		return nil, &ArgumentError{Name: "rng", Got: "nil", Want: "a source of random numbers, or temperature 0"}
	}
	g.Reset()
	for _, token := range prompt[:len(prompt)-1] {
		if _, err := g.Next(token); err != nil {
			return nil, err
		}
	}
	token := prompt[len(prompt)-1]
	out := make([]int32, 0, n)
	for range n {
		logits, err := g.Next(token)
		if err != nil {
			return nil, err
		}
		token, err = draw(logits.Floats(), temperature, rng, without)
		if err != nil {
			return nil, err
		}
		out = append(out, token)
	}
	return out, nil
}

func draw(logits []float64, temperature float64, rng *rand.Rand, without []int32) (int32, error) {
	for _, k := range without {
		if int(k) < len(logits) && k >= 0 {
			logits[k] = math.Inf(-1)
		}
	}
	best := 0
	for i, v := range logits {
		if math.IsNaN(v) {
			return 0, &ArgumentError{Name: "logits", Got: "NaN", Want: "numbers"}
		}
		if v > logits[best] {
			best = i
		}
	}
	if math.IsInf(logits[best], -1) {
		return 0, &ArgumentError{Name: "logits", Got: "-Inf for all tokens but those excluded", Want: "a token that can be drawn"}
	}
	if temperature == 0 {
		return int32(best), nil
	}
	top, sum := logits[best], 0.0
	for i, v := range logits {
		logits[i] = math.Exp((v - top) / temperature)
		sum += logits[i]
	}
	u := rng.Float64() * sum
	for i, w := range logits {
		if u -= w; u < 0 {
			return int32(i), nil
		}
	}
	return int32(best), nil // rounding left a little over
}
