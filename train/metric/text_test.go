package metric_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/metric"
)

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		x, y string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"kitten", "sitting", 3}, {"Saturday", "Sunday", 3}, {"intention", "execution", 5}, {"ab", "ba", 2},
	} {
		if got := metric.EditDistance([]byte(c.x), []byte(c.y)); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.x, c.y, got, c.want)
		}
	}
}

// edits is the distance by its recursive definition.
func edits(x, y string) int {
	switch {
	case x == "":
		return len(y)
	case y == "":
		return len(x)
	case x[0] == y[0]:
		return edits(x[1:], y[1:])
	}
	return 1 + min(edits(x[1:], y[1:]), edits(x[1:], y), edits(x, y[1:]))
}

// FuzzEditDistance: it is the recursive definition's, symmetric, bounded by the lengths, and obeys the triangle inequality.
func FuzzEditDistance(f *testing.F) {
	f.Add("kitten", "sitting", "mitten")
	f.Add("", "a", "aaaa")
	f.Fuzz(func(t *testing.T, x, y, z string) {
		x, y, z = x[:min(len(x), 6)], y[:min(len(y), 6)], z[:min(len(z), 6)]
		distance := func(x, y string) int { return metric.EditDistance([]byte(x), []byte(y)) }
		d := distance(x, y)
		if want := edits(x, y); d != want {
			t.Errorf("%q and %q: %d, want %d", x, y, d, want)
		}
		if distance(y, x) != d || (d == 0) != (x == y) || d < max(len(x)-len(y), len(y)-len(x)) || d > max(len(x), len(y)) {
			t.Errorf("%q and %q: %d and %d", x, y, d, distance(y, x))
		}
		if distance(x, z) > d+distance(y, z) {
			t.Errorf("%q, %q, %q: %d > %d + %d", x, y, z, distance(x, z), d, distance(y, z))
		}
	})
}

func TestErrorRates(t *testing.T) {
	var w metric.WER
	var c metric.CER
	if !math.IsNaN(w.Value()) || !math.IsNaN(c.Value()) {
		t.Error("a rate of nothing")
	}
	for _, p := range [][2]string{{"the cat sat", "the cat  sat on"}, {"hello", "hallo"}, {"", ""}} {
		w.Add(p[0], p[1])
		c.Add(p[0], p[1])
	}
	if got := w.Value(); got != 2./5 { // one word is missing, one is wrong
		t.Errorf("WER %v", got)
	}
	if got := c.Value(); got != 5./20 { // a space, " on", and an a
		t.Errorf("CER %v", got)
	}
	w.Reset()
	w.Add("one two three", "one")
	if w.Value() != 2 {
		t.Errorf("WER %v, want 2", w.Value())
	}
	w.Reset()
	w.Add("one", "")
	c.Reset()
	c.Add("é", "e") // one character, of two bytes
	if !math.IsInf(w.Value(), 1) || c.Value() != 1 {
		t.Errorf("WER %v, CER %v", w.Value(), c.Value())
	}
}

func words(s string) []string { return strings.Fields(s) }

// The sentences are those of NLTK's documentation, and so are the first two values.
func TestBLEU(t *testing.T) {
	one := words("It is a guide to action which ensures that the military always obeys the commands of the party")
	refs := [][]string{
		words("It is a guide to action that ensures that the military will forever heed Party commands"),
		words("It is the guiding principle which guarantees the military forces always being under the command of the Party"),
		words("It is the practical guide for the army always to heed the directions of the party"),
	}
	two := words("he read the book because he was interested in world history")
	ref := words("he was interested in world history because he read the book")
	the := words("the the the the the the the")
	cats := [][]string{words("the cat is on the mat"), words("there is a cat on the mat")}
	for _, c := range []struct {
		name   string
		smooth float64
		pairs  [][][]string // hypothesis and references
		want   float64
	}{
		{"a sentence", 0, [][][]string{append([][]string{one}, refs...)}, 0.5045666840058485},
		{"a corpus", 0, [][][]string{append([][]string{one}, refs...), {two, ref}}, 0.5920778868801042},
		{"smoothed", 1, [][][]string{append([][]string{one}, refs...), {two, ref}}, 0.6108780048582715},
		{"short", 1, [][][]string{{two, refs[0]}}, 0.06213502070319737},
		{"clipped", 1, [][][]string{append([][]string{the}, cats...)}, 0.19205612637498934},
		{"without a match of four", 0, [][][]string{{two, refs[0]}}, 0},
		{"the same", 0, [][][]string{{one, one}}, 1},
		{"an empty hypothesis", 1, [][][]string{{nil, one}}, 0},
		{"an empty reference", 1, [][][]string{{one, nil}}, 0},
		{"nothing", 1, [][][]string{{nil, nil}}, math.NaN()},
		{"a tie in length", 1, [][][]string{{words("a b c d"), words("a b c d e"), words("a b c")}}, 1}, // the shorter one: no brevity
	} {
		m := metric.BLEU{Smooth: c.smooth}
		for range 2 {
			for _, p := range c.pairs {
				if err := m.Add(p[0], p[1:]...); err != nil {
					t.Fatal(err)
				}
			}
			if got := m.Value(); !near(got, c.want) && !(math.IsNaN(got) && math.IsNaN(c.want)) {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
			m.Reset()
		}
	}
	var m metric.BLEU
	if err := m.Add(one); !errors.As(err, new(*graph.ArgumentError)) || !math.IsNaN(m.Value()) {
		t.Errorf("no references: %v", err)
	}
}

func TestEntityF1(t *testing.T) {
	for _, c := range []struct {
		name              string
		predicted, target string
		right, found, all float64
	}{
		{"seqeval's example", "O O B-MISC I-MISC I-MISC I-MISC O B-PER I-PER O", "O O O B-MISC I-MISC I-MISC O B-PER I-PER O", 1, 2, 2},
		{"the same", "B-A I-A O B-B", "B-A I-A O B-B", 2, 2, 2},
		{"nothing", "O O", "O O", 0, 0, 0},
		{"one too long", "B-A I-A I-A", "B-A I-A O", 0, 1, 1},
		{"another type", "B-A I-A", "B-B I-B", 0, 1, 1},
		{"two that follow each other", "B-A B-A I-A", "B-A B-A I-A", 2, 2, 2},
		{"one in place of two", "B-A I-A I-A", "B-A B-A I-A", 0, 1, 2},
		{"an I that begins (IOB1)", "I-A I-A O I-B", "B-A I-A O B-B", 2, 2, 2},
		{"a type that changes", "B-A I-B I-B", "B-A B-B I-B", 2, 2, 2},
		{"BIOES", "S-A B-A I-A E-A E-B O S-B", "B-A B-A I-A I-A B-B O B-B", 4, 4, 4},
		{"after an end", "B-A E-A I-A", "B-A I-A B-A", 2, 2, 2},
		{"a single and what follows", "S-A I-A", "B-A B-A", 2, 2, 2},
		{"at the end", "O B-A", "O O", 0, 1, 0},
		{"types with dashes", "B-A-B I-A-B", "B-A-B I-A-B", 1, 1, 1},
	} {
		var m metric.EntityF1
		if err := m.Add(words(c.predicted), words(c.target)); err != nil {
			t.Fatal(c.name, err)
		}
		zero := func(v float64) float64 {
			if math.IsNaN(v) {
				return 0
			}
			return v
		}
		p, r, f := zero(c.right/c.found), zero(c.right/c.all), zero(2*c.right/(c.found+c.all))
		if !near(m.Precision(), p) || !near(m.Recall(), r) || !near(m.Value(), f) {
			t.Errorf("%s: %v %v %v, want %v %v %v", c.name, m.Precision(), m.Recall(), m.Value(), p, r, f)
		}
	}
	// Over sentences, and by type. A chunk doesn't go on into the next sentence.
	var m metric.EntityF1
	for _, p := range [][2]string{{"B-PER I-PER", "B-PER I-PER"}, {"I-PER O B-LOC", "I-PER O O"}, {"B-LOC", "B-ORG"}} {
		if err := m.Add(words(p[0]), words(p[1])); err != nil {
			t.Fatal(err)
		}
	}
	if !near(m.Precision(), 2./4) || !near(m.Recall(), 2./3) || !near(m.Value(), 4./7) {
		t.Errorf("%v %v %v", m.Precision(), m.Recall(), m.Value())
	}
	if p, r, f := m.Type("PER"); p != 1 || r != 1 || f != 1 {
		t.Errorf("PER: %v %v %v", p, r, f)
	}
	if p, r, f := m.Type("LOC"); p != 0 || r != 0 || f != 0 {
		t.Errorf("LOC: %v %v %v", p, r, f)
	}
	if _, r, _ := m.Type("nothing"); r != 0 {
		t.Errorf("a type that isn't there: %v", r)
	}
	before := m.Value()
	for _, bad := range []string{"", "o", "X-PER", "BPER", "O-PER", "BI-PER", "-PER", "OO"} {
		for _, tags := range [][2][]string{{{"O", bad}, {"O", "O"}}, {{"O", "O"}, {"B-A", bad}}} {
			if err := m.Add(tags[0], tags[1]); !errors.As(err, new(*graph.ArgumentError)) || !strings.Contains(err.Error(), "tag 1 of") {
				t.Errorf("tag %q: %v", bad, err)
			}
		}
	}
	if err := m.Add([]string{"O"}, nil); !errors.As(err, new(*graph.ArgumentError)) {
		t.Errorf("other lengths: %v", err)
	}
	if m.Value() != before {
		t.Error("an error was counted")
	}
	m.Reset()
	if m.Value() != 0 {
		t.Error("a value after Reset")
	}
}

// Random tags against a count by the rules of conlleval as they are written there, one tag after the other.
func TestEntityF1AsConlleval(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tags := words("O O B-A I-A E-A S-A B-B I-B E-B S-B")
	for range 300 {
		p, y := make([]string, rng.IntN(12)), []string{}
		for i := range p {
			p[i] = tags[rng.IntN(len(tags))]
			if y = append(y, p[i]); rng.IntN(3) == 0 {
				y[i] = tags[rng.IntN(len(tags))]
			}
		}
		right, found, all := conlleval(p, y)
		var m metric.EntityF1
		if err := m.Add(p, y); err != nil {
			t.Fatal(err)
		}
		want := 0.0
		if right > 0 {
			want = 2 * right / (found + all)
		}
		if !near(m.Value(), want) {
			t.Fatalf("%v for %v: %v, want %v", p, y, m.Value(), want)
		}
	}
}

func split(tag string) (place, kind string) {
	place, kind, _ = strings.Cut(tag, "-")
	return place, kind
}

func ends(last, tag string) bool {
	lp, lk := split(last)
	p, k := split(tag)
	switch {
	case lp == "E", lp == "S":
		return true
	case lp != "O" && (p == "B" || p == "S" || p == "O"):
		return true
	}
	return lp != "O" && lk != k
}

func begins(last, tag string) bool {
	lp, lk := split(last)
	p, k := split(tag)
	switch {
	case p == "B", p == "S":
		return true
	case (lp == "E" || lp == "S" || lp == "O") && (p == "E" || p == "I"):
		return true
	}
	return p != "O" && lk != k
}

func conlleval(predicted, target []string) (right, found, all float64) {
	inCorrect := false
	lastP, lastY := "O", "O"
	for i := range len(predicted) + 1 {
		p, y := "O", "O"
		if i < len(predicted) {
			p, y = predicted[i], target[i]
		}
		endP, endY := ends(lastP, p), ends(lastY, y)
		beginP, beginY := begins(lastP, p), begins(lastY, y)
		_, kp := split(p)
		_, ky := split(y)
		if inCorrect {
			_, lkp := split(lastP)
			_, lky := split(lastY)
			switch {
			case endP && endY && lkp == lky:
				inCorrect = false
				right++
			case endP != endY || kp != ky:
				inCorrect = false
			}
		}
		if beginP && beginY && kp == ky {
			inCorrect = true
		}
		if beginP {
			found++
		}
		if beginY {
			all++
		}
		lastP, lastY = p, y
	}
	return right, found, all
}

func ExampleEntityF1() {
	var m metric.EntityF1
	err := m.Add(
		[]string{"B-PER", "I-PER", "O", "B-LOC"}, // predicted
		[]string{"B-PER", "I-PER", "O", "B-ORG"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Value())
	// Output:
	// 0.5
}
