package train_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
)

// trained is a model that gives some tokens a clear preference.
func trained(t *testing.T, r recipe) layers.Sequential {
	t.Helper()
	trainer := r.trainer(t, 60)
	r.fit(t, trainer)
	return trainer.Model.(layers.Sequential)
}

func generator(t *testing.T, m train.Model) *train.Generator {
	t.Helper()
	g, err := train.NewGenerator(m)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func next(t *testing.T, g *train.Generator, token int32) []float64 {
	t.Helper()
	logits, err := g.Next(token)
	if err != nil {
		t.Fatal(err)
	}
	return logits.Floats()
}

// Token by token, a generator computes what one long window computes at once.
func TestGeneratorIsALongWindow(t *testing.T) {
	for name, r := range recipes {
		t.Run(name, func(t *testing.T) {
			model := trained(t, r)
			const steps = 40
			ids := make([]int32, steps)
			for i := range ids {
				ids[i] = int32(1 + i*i%11)
			}
			b := graph.NewBuilder(graph.Window{T: steps, B: 1}, graph.Options{DType: r.dtype})
			b.Output("logits", model.Apply(b, b.Ints(seqdata.Input, steps)))
			p, err := b.Forward(nil)
			if err == nil {
				err = p.SetInts(seqdata.Input, ids)
			}
			if err == nil {
				err = p.Run(0)
			}
			if err != nil {
				t.Fatal(err)
			}
			want := p.Output("logits").Floats()
			tolerance := 1e-5
			if r.dtype == graph.Float64 {
				tolerance = 1e-12
			}

			g := generator(t, model)
			for round := range 2 { // the second time after Reset
				for i, id := range ids {
					for k, v := range next(t, g, id) {
						if w := want[i*12+k]; math.Abs(v-w) > tolerance*(1+math.Abs(w)) {
							t.Fatalf("round %d, token %d: logit %d is %v, want %v", round, i, k, v, w)
						}
					}
				}
				if slices.Equal(next(t, g, ids[0]), want[:12]) {
					t.Error("the state makes no difference")
				}
				g.Reset()
			}
		})
	}
}

func TestSampleAtTemperatureZeroIsTheLikeliest(t *testing.T) {
	model := trained(t, recipe{seed: 1})
	g := generator(t, model)
	prompt := []int32{3, 4, 5}
	got, err := g.Sample(prompt, 30, 0, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	greedy := generator(t, model)
	for _, id := range prompt[:2] {
		next(t, greedy, id)
	}
	token, want := prompt[2], []int32(nil)
	for range 30 {
		logits := next(t, greedy, token)
		token = int32(slices.Index(logits, slices.Max(logits)))
		want = append(want, token)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// No random number is drawn for it, and Sample begins anew every time.
	again, err := g.Sample(prompt, 30, 0, nil)
	if err != nil || !slices.Equal(again, want) {
		t.Errorf("again: %v, %v", again, err)
	}
	// Nor does a token appear that is ruled out, even if it is the likeliest.
	without, err := g.Sample(prompt, 30, 0, nil, want[0], want[1], -1, 99)
	if err != nil || slices.Contains(without, want[0]) || slices.Contains(without, want[1]) {
		t.Errorf("without %v: %v, %v", want[:2], without, err)
	}
}

// How often a token is drawn is softmax(logits/temperature), with the excluded tokens taken out.
func TestSampleFrequencies(t *testing.T) {
	g := generator(t, trained(t, recipe{seed: 1}))
	prompt := []int32{3, 4}
	next(t, g, prompt[0])
	logits := next(t, g, prompt[1])
	const draws, seed = 4000, 11
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for _, c := range []struct {
		temperature float64
		without     []int32
	}{{0.5, nil}, {1, nil}, {3, nil}, {1, []int32{0, 5}}, {100, nil}} {
		p, sum := make([]float64, len(logits)), 0.0
		for i, v := range logits {
			if !slices.Contains(c.without, int32(i)) {
				p[i] = math.Exp(v / c.temperature)
				sum += p[i]
			}
		}
		count := make([]float64, len(logits))
		for range draws {
			ids, err := g.Sample(prompt, 1, c.temperature, rng, c.without...)
			if err != nil {
				t.Fatal(err)
			}
			count[ids[0]]++
		}
		for i := range p {
			mean := draws * p[i] / sum
			if deviation := math.Sqrt(mean * (1 - p[i]/sum)); math.Abs(count[i]-mean) > 5*deviation+3 {
				t.Errorf("temperature %v: token %d was drawn %v times, want %.0f ± %.0f", c.temperature, i, count[i], mean, deviation)
			}
		}
	}
}

// Where all tokens are excluded, none is drawn.
func TestSampleWithoutAll(t *testing.T) {
	g := generator(t, trained(t, recipe{seed: 1}))
	all := make([]int32, len(next(t, g, 1)))
	for i := range all {
		all[i] = int32(i)
	}
	for _, temperature := range []float64{0, 1} {
		rng := rand.New(rand.NewPCG(1, 2))
		ids, err := g.Sample([]int32{1}, 1, temperature, rng, all...)
		if e, ok := errors.AsType[*train.ArgumentError](err); !ok || e.Name != "logits" {
			t.Errorf("temperature %v: drew %v, %v", temperature, ids, err)
		}
		if ids, err = g.Sample([]int32{1}, 1, temperature, rng, all[1:]...); err != nil || ids[0] != 0 {
			t.Errorf("temperature %v, all but 0: drew %v, %v", temperature, ids, err)
		}
	}
}

func TestSampleIsReproducible(t *testing.T) {
	model := trained(t, recipe{seed: 1})
	sample := func(seed uint64) []int32 {
		ids, err := generator(t, model).Sample([]int32{1}, 50, 1, rand.New(rand.NewPCG(seed, 2)))
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if !slices.Equal(sample(1), sample(1)) || slices.Equal(sample(1), sample(2)) {
		t.Error("the source doesn't determine the sample")
	}
}

func TestGeneratorMisuse(t *testing.T) {
	r := recipe{}
	g := generator(t, r.model(t))
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name        string
		prompt      []int32
		n           int
		temperature float64
	}{
		{"no prompt", nil, 1, 1},
		{"a negative number", []int32{1}, -1, 1},
		{"a negative temperature", []int32{1}, 1, -1},
		{"no temperature", []int32{1}, 1, math.NaN()},
		{"an infinite temperature", []int32{1}, 1, math.Inf(1)},
	} {
		if _, err := g.Sample(c.prompt, c.n, c.temperature, rng); err == nil {
			t.Errorf("%s: no error", c.name)
		} else if _, ok := errors.AsType[*train.ArgumentError](err); !ok {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	for _, token := range []int32{-1, 12, math.MaxInt32} {
		_, err := g.Sample([]int32{token}, 1, 1, rng)
		if e, ok := errors.AsType[*graph.IndexError](err); !ok || e.Index != int(token) {
			t.Errorf("token %d: got %v", token, err)
		}
	}
	if ids, err := g.Sample([]int32{1}, 0, 1, rng); err != nil || len(ids) != 0 {
		t.Errorf("no tokens: %v, %v", ids, err)
	}
	for what, m := range map[string]train.Model{"without parameters": layers.Sequential{}, "nil": nil, "a nil pointer": (*layers.Linear)(nil)} {
		if _, ok := errors.AsType[*train.ArgumentError](second(train.NewGenerator(m))); !ok {
			t.Errorf("a generator of a model: %s", what)
		}
	}
	if e, ok := errors.AsType[*train.ArgumentError](second(g.Sample([]int32{1}, 1, 1, nil))); !ok || e.Name != "rng" {
		t.Errorf("drawn without random numbers: %v", e)
	}
	if _, err := g.Sample([]int32{1}, 1, 0, nil); err != nil {
		t.Errorf("the likeliest token needs no random numbers: %v", err)
	}
	// Weights that are no numbers can't be sampled from.
	m := r.model(t)
	m.Params()[0].Value.SetAt(6, math.NaN())
	if _, err := generator(t, m).Sample([]int32{1}, 1, 1, rng); err == nil {
		t.Error("sampled from NaN")
	}
}
