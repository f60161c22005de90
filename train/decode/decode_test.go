package decode_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/decode"
)

// collapse takes repeats and blanks from a path.
func collapse(path []int, blank int) string {
	s := ""
	for t, k := range path {
		if k != blank && (t == 0 || k != path[t-1]) {
			s += string(rune('a' + k))
		}
	}
	return s
}

func text(labels []int32) string {
	s := ""
	for _, k := range labels {
		s += string(rune('a' + k))
	}
	return s
}

// exact returns the probability of every sequence of labels, summed over all paths.
func exact(logProbs [][]float64, blank int) map[string]float64 {
	all := map[string]float64{}
	if len(logProbs) == 0 {
		return map[string]float64{"": 1}
	}
	path := make([]int, len(logProbs))
	for {
		p := 1.0
		for t, k := range path {
			p *= math.Exp(logProbs[t][k])
		}
		all[collapse(path, blank)] += p
		t := 0
		for t < len(path) && path[t] == len(logProbs[0])-1 {
			path[t] = 0
			t++
		}
		if t == len(path) {
			return all
		}
		path[t]++
	}
}

func randomLogProbs(rng *rand.Rand, steps, classes int) [][]float64 {
	if steps == 0 {
		return nil
	}
	out := graph.NewTensor(graph.Float64, steps, classes)
	for i := range out.F64 {
		out.F64[i] = 2 * rng.NormFloat64()
	}
	logProbs, err := decode.LogProbs(out, 1, 0, steps)
	if err != nil {
		panic(err)
	}
	return logProbs
}

// bigram is a language model that knows the label before.
type bigram struct{ table [][]float64 } // the first row is for the start

func newBigram(rng *rand.Rand, classes int) bigram {
	return bigram{randomLogProbs(rng, classes+1, classes)}
}

func (m bigram) LogProbs(prefix []int32) []float64 {
	if len(prefix) == 0 {
		return m.table[0]
	}
	return m.table[prefix[len(prefix)-1]+1]
}

func (m bigram) logProb(labels string) float64 {
	sum, before := 0.0, 0
	for _, c := range labels {
		sum += m.table[before][c-'a']
		before = int(c-'a') + 1
	}
	return sum
}

// A beam that holds everything finds every sequence of labels with the probability that summing over all paths gives, in
// the order of the scores.
func TestBeamIsExactWhereItHoldsAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		steps, classes := rng.IntN(6), 2+rng.IntN(3)
		d := decode.Beam{Width: 100000, Blank: rng.IntN(classes)}
		m := newBigram(rng, classes)
		if i%2 == 1 {
			d.Model, d.Alpha, d.Beta = m, 0.7, 0.4
		}
		logProbs := randomLogProbs(rng, steps, classes)
		if i%5 == 0 && steps > 0 {
			logProbs[0][rng.IntN(classes)] = math.Inf(-1)
		}
		want := exact(logProbs, d.Blank)
		got, err := d.Decode(logProbs)
		if err != nil {
			t.Fatal(err)
		}
		score := func(labels string) float64 {
			if d.Model == nil {
				return math.Log(want[labels])
			}
			return math.Log(want[labels]) + 0.7*m.logProb(labels) + 0.4*float64(len(labels))
		}
		best := math.Inf(-1)
		for labels, p := range want {
			if p > 0 {
				best = math.Max(best, score(labels))
			}
		}
		seen := map[string]bool{}
		for j, h := range got {
			labels := text(h.Labels)
			if seen[labels] {
				t.Errorf("%q twice", labels)
			}
			seen[labels] = true
			if math.Abs(h.LogProb-math.Log(want[labels])) > 1e-12*(1+math.Abs(h.LogProb)) || math.Abs(h.Score-score(labels)) > 1e-12*(1+math.Abs(h.Score)) {
				t.Errorf("%q: %v, score %v, want %v, %v", labels, h.LogProb, h.Score, math.Log(want[labels]), score(labels))
			}
			if j > 0 && h.Score > got[j-1].Score {
				t.Errorf("score %v after %v", h.Score, got[j-1].Score)
			}
		}
		for labels, p := range want {
			if p > 0 && !seen[labels] {
				t.Errorf("%q of probability %v isn't found", labels, p)
			}
		}
		if math.Abs(got[0].Score-best) > 1e-12*(1+math.Abs(best)) {
			t.Errorf("the best score is %v, want %v", got[0].Score, best)
		}
	}
}

// The best path isn't always the likeliest labels: the classic case of two steps, blank with 0.6 and a with 0.4.
func TestBeamBeatsTheBestPath(t *testing.T) {
	frame := []float64{math.Log(0.6), math.Log(0.4)}
	logProbs := [][]float64{frame, frame}
	labels, err := decode.Greedy(logProbs, 0)
	if err != nil || len(labels) != 0 {
		t.Errorf("greedy: %v, %v, want no labels", labels, err)
	}
	best, err := decode.Beam{Width: 2}.Decode(logProbs)
	if err != nil || text(best[0].Labels) != "b" || math.Abs(math.Exp(best[0].LogProb)-0.64) > 1e-12 {
		t.Errorf("beam: %+v, %v, want b with 0.64", best, err)
	}
}

// planted are probabilities of an alignment of labels, in which every step has the right class with about probability p.
func planted(rng *rand.Rand, labels []int32, classes int, p float64) [][]float64 {
	var path []int32
	for i, k := range labels {
		if i > 0 && labels[i-1] == k || rng.IntN(2) == 0 {
			path = append(path, slices.Repeat([]int32{0}, 1+rng.IntN(3))...)
		}
		path = append(path, slices.Repeat([]int32{k}, 1+rng.IntN(3))...)
	}
	var logProbs [][]float64
	for _, k := range path {
		frame, rest := make([]float64, classes), 0.0
		for j := range frame {
			frame[j] = rng.Float64()
			rest += frame[j]
		}
		for j := range frame {
			frame[j] *= (1 - p) / rest
		}
		frame[k] += p
		for j := range frame {
			frame[j] = math.Log(frame[j])
		}
		logProbs = append(logProbs, frame)
	}
	return logProbs
}

// A string planted in noise is found again.
func TestPlantedStrings(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		const classes = 28
		labels := make([]int32, 1+rng.IntN(30))
		for i := range labels {
			labels[i] = 1 + rng.Int32N(classes-1)
			if i > 0 && rng.IntN(4) == 0 {
				labels[i] = labels[i-1]
			}
		}
		logProbs := planted(rng, labels, classes, 0.7)
		got, err := decode.Greedy(logProbs, 0)
		if err != nil || !slices.Equal(got, labels) {
			t.Fatalf("greedy: %v, %v, want %v", got, err, labels)
		}
		best, err := decode.Beam{Width: 8}.Decode(logProbs)
		if err != nil || !slices.Equal(best[0].Labels, labels) {
			t.Fatalf("beam: %v, %v, want %v", best[0], err, labels)
		}
	}
}

// A language model decides what the output leaves open, as far as its weight allows; what it forbids isn't found; and
// Beta pays for labels.
func TestLanguageModelDecides(t *testing.T) {
	logProbs := [][]float64{ // b, a blank, and b rather than c
		{math.Log(0.02), math.Log(0.97), math.Log(0.01)},
		{math.Log(0.98), math.Log(0.01), math.Log(0.01)},
		{math.Log(0.02), math.Log(0.50), math.Log(0.48)},
	}
	likes := func(p float64) decode.LanguageModel { // c after b with probability p
		row := []float64{math.NaN(), math.Log(1 - p), math.Log(p)} // the blank is never asked for
		return bigram{[][]float64{{0, math.Log(0.5), math.Log(0.5)}, nil, row, row}}
	}
	for _, c := range []struct {
		model       decode.LanguageModel
		alpha, beta float64
		want        string
	}{
		{nil, 0, 0, "bb"},
		{likes(0.9), 0, 0, "bc"},
		{likes(0.9), 0.001, 0, "bb"},
		{likes(0.1), 0, 0, "bb"},
		{likes(0), 0, 0, "bb"},
		{likes(0.5), 50, 0, ""}, // a label costs more than anything in the output
		{likes(0.5), 50, 35, "bb"},
	} {
		got, err := decode.Beam{Width: 20, Model: c.model, Alpha: c.alpha, Beta: c.beta}.Decode(logProbs)
		if err != nil || text(got[0].Labels) != c.want {
			t.Errorf("alpha %v, beta %v: %+v, %v, want %q", c.alpha, c.beta, got, err, c.want)
		}
	}
	got, err := decode.Beam{Width: 20, Model: likes(0)}.Decode(logProbs)
	for _, h := range got {
		if text(h.Labels) == "bc" && !math.IsInf(h.Score, -1) {
			t.Errorf("what is forbidden has the score %v (%v)", h.Score, err)
		}
	}
}

func TestLogProbs(t *testing.T) {
	out := &graph.Tensor{Shape: []int{4, 2}, F32: []float32{0, 1, 5, 5, 9, 9, -3, 3e4}} // two steps of two sequences
	got, err := decode.LogProbs(out, 2, 1, 2)
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	for i, want := range []float64{-math.Ln2, -math.Ln2, -30003, 0} {
		if v := got[i/2][i%2]; math.Abs(v-want) > 1e-12 {
			t.Errorf("element %d is %v, want %v", i, v, want)
		}
	}
	if one, err := decode.LogProbs(out, 2, 0, 1); err != nil || len(one) != 1 || math.Abs(math.Exp(one[0][0])+math.Exp(one[0][1])-1) > 1e-12 {
		t.Error(one, err)
	}
}

type shortModel struct{ v []float64 }

func (m shortModel) LogProbs([]int32) []float64 { return m.v }

func TestBadInput(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := [][]float64{{-1, -1}, {-1, -1}}
	fine := decode.Beam{Width: 2}
	for name, f := range map[string]func() error{
		"no output":            func() error { _, err := decode.LogProbs(nil, 1, 0, 1); return err },
		"output of rank 1":     func() error { _, err := decode.LogProbs(graph.NewTensor(graph.Float32, 4), 1, 0, 1); return err },
		"output without data":  func() error { _, err := decode.LogProbs(&graph.Tensor{Shape: []int{2, 2}}, 1, 0, 1); return err },
		"batch 0":              func() error { _, err := decode.LogProbs(graph.NewTensor(graph.Float32, 4, 2), 0, 0, 1); return err },
		"batch 3 of 4 rows":    func() error { _, err := decode.LogProbs(graph.NewTensor(graph.Float32, 4, 2), 3, 0, 1); return err },
		"sequence 2 of 2":      func() error { _, err := decode.LogProbs(graph.NewTensor(graph.Float32, 4, 2), 2, 2, 1); return err },
		"a negative sequence":  func() error { _, err := decode.LogProbs(graph.NewTensor(graph.Float32, 4, 2), 2, -1, 1); return err },
		"more steps than rows": func() error { _, err := decode.LogProbs(graph.NewTensor(graph.Float32, 4, 2), 2, 0, 3); return err },
		"negative steps":       func() error { _, err := decode.LogProbs(graph.NewTensor(graph.Float32, 4, 2), 2, 0, -1); return err },
		"ragged":               func() error { _, err := decode.Greedy([][]float64{{0, 0}, {0}}, 0); return err },
		"NaN":                  func() error { _, err := decode.Greedy([][]float64{{0, nan}}, 0); return err },
		"NaN for a beam":       func() error { _, err := fine.Decode([][]float64{{0, nan}}); return err },
		"+Inf":                 func() error { _, err := fine.Decode([][]float64{{0, inf}}); return err },
		"no classes":           func() error { _, err := fine.Decode([][]float64{{}}); return err },
		"a negative blank":     func() error { _, err := decode.Greedy(nil, -1); return err },
		"a blank of none":      func() error { _, err := decode.Greedy(good, 2); return err },
		"no width":             func() error { _, err := decode.Beam{}.Decode(good); return err },
		"a negative alpha":     func() error { _, err := decode.Beam{Width: 1, Alpha: -1}.Decode(good); return err },
		"NaN as alpha":         func() error { _, err := decode.Beam{Width: 1, Alpha: nan}.Decode(good); return err },
		"infinite beta":        func() error { _, err := decode.Beam{Width: 1, Beta: inf}.Decode(good); return err },
		"a model of others": func() error {
			_, err := decode.Beam{Width: 1, Model: shortModel{[]float64{1}}}.Decode(good)
			return err
		},
		"a model of NaN": func() error {
			_, err := decode.Beam{Width: 1, Model: shortModel{[]float64{0, nan}}}.Decode(good)
			return err
		},
	} {
		err := f()
		_, argument := errors.AsType[*graph.ArgumentError](err)
		_, shape := errors.AsType[*graph.ShapeError](err)
		if !argument && !shape {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What is impossible everywhere is still a result.
	got, err := fine.Decode([][]float64{{math.Inf(-1), math.Inf(-1)}})
	if err != nil || len(got) != 1 || !math.IsInf(got[0].LogProb, -1) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := fine.Decode(nil); err != nil || len(got) != 1 || got[0].LogProb != 0 || len(got[0].Labels) != 0 {
		t.Errorf("no steps: %+v, %v", got, err)
	}
}

// FuzzBeam: whatever the output and the width, the result is a list of different labels without blanks in the order of
// their scores, none more probable than it is by all paths, the best path's labels not above the best hypothesis of a beam
// that holds all.
func FuzzBeam(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200, 100, 0, 7, 7, 7}, uint8(2), uint8(2), uint8(0))
	f.Add([]byte{0, 255, 0, 255, 128, 128}, uint8(1), uint8(1), uint8(1))
	f.Add([]byte{}, uint8(9), uint8(3), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, width, classes, blank uint8) {
		d := decode.Beam{Width: 1 + int(width%8)}
		n := 2 + int(classes%3)
		d.Blank = int(blank) % n
		steps := min(len(data)/n, 5)
		var logProbs [][]float64
		for s := range steps {
			out := graph.NewTensor(graph.Float64, 1, n)
			for k := range n {
				out.F64[k] = float64(int(data[s*n+k])-128) / 16
			}
			frame, err := decode.LogProbs(out, 1, 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			logProbs = append(logProbs, frame[0])
		}
		want := exact(logProbs, d.Blank)
		got, err := d.Decode(logProbs)
		if err != nil || len(got) == 0 || len(got) > d.Width {
			t.Fatal(len(got), err)
		}
		seen := map[string]bool{}
		for i, h := range got {
			labels := text(h.Labels)
			if seen[labels] || slices.Contains(h.Labels, int32(d.Blank)) || i > 0 && h.Score > got[i-1].Score || h.Score != h.LogProb {
				t.Errorf("%+v", got)
			}
			seen[labels] = true
			if h.LogProb > math.Log(want[labels])+1e-9 {
				t.Errorf("%q: %v, by all paths %v", labels, h.LogProb, math.Log(want[labels]))
			}
		}
		labels, err := decode.Greedy(logProbs, d.Blank)
		if err != nil {
			t.Fatal(err)
		}
		d.Width = 10000
		all, err := d.Decode(logProbs)
		if err != nil || want[text(labels)] > math.Exp(all[0].LogProb)+1e-9 {
			t.Errorf("greedy %v of %v, beam %+v, %v", labels, want[text(labels)], all[0], err)
		}
	})
}

func ExampleBeam() {
	// Two steps of three classes: the blank, "a" and "b". The likeliest path is two blanks, the likeliest labels are "a".
	logProbs := [][]float64{
		{math.Log(0.6), math.Log(0.4), math.Log(0)},
		{math.Log(0.6), math.Log(0.3), math.Log(0.1)},
	}
	best, err := decode.Beam{Width: 3}.Decode(logProbs)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range best {
		fmt.Printf("%v %.2f\n", h.Labels, math.Exp(h.LogProb))
	}
	// Output:
	// [1] 0.54
	// [] 0.36
	// [2] 0.06
}
