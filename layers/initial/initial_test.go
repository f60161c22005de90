package initial_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/initial"
)

func source() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// drawn is what an initializer gives for a shape. The values are not zero before.
func drawn(t *testing.T, init graph.Initializer, rng *rand.Rand, shape ...int) []float64 {
	t.Helper()
	n := 1
	for _, d := range shape {
		n *= d
	}
	values := slices.Repeat([]float64{math.NaN()}, n)
	if err := init(values, shape, rng); err != nil {
		t.Fatal(err)
	}
	return values
}

// moments returns mean, standard deviation, largest absolute value, and the part that is within one deviation.
func moments(v []float64) (mean, std, largest, within float64) {
	for _, x := range v {
		mean += x / float64(len(v))
		largest = max(largest, math.Abs(x))
	}
	for _, x := range v {
		std += (x - mean) * (x - mean) / float64(len(v))
	}
	std = math.Sqrt(std)
	for _, x := range v {
		if math.Abs(x-mean) < std {
			within += 1 / float64(len(v))
		}
	}
	return
}

// Standard deviations by the papers, and distributions: within one deviation lie 68.3 % of a normal one, 1/√3 of a uniform
// one, which ends at √3 deviations, and 65.0 % of a normal one that is truncated at two.
func TestDistributions(t *testing.T) {
	matrix, kernel := []int{300, 200}, []int{40, 25, 60} // fans 200 and 300; 1500 and 2400
	for _, c := range []struct {
		name   string
		init   graph.Initializer
		shape  []int
		std    float64
		within float64
	}{
		{"XavierUniform", initial.XavierUniform(1), matrix, math.Sqrt(2.0 / 500), 0.577},
		{"XavierUniform", initial.XavierUniform(1), kernel, math.Sqrt(2.0 / 3900), 0.577},
		{"XavierUniform for tanh", initial.XavierUniform(initial.GainTanh), matrix, 5.0 / 3 * math.Sqrt(2.0/500), 0.577},
		{"XavierNormal", initial.XavierNormal(2), matrix, 2 * math.Sqrt(2.0/500), 0.683},
		{"KaimingUniform in", initial.KaimingUniform(initial.FanIn, initial.GainReLU), matrix, math.Sqrt(2.0 / 200), 0.577},
		{"KaimingUniform out", initial.KaimingUniform(initial.FanOut, initial.GainReLU), matrix, math.Sqrt(2.0 / 300), 0.577},
		{"KaimingNormal in", initial.KaimingNormal(initial.FanIn, 1), matrix, math.Sqrt(1.0 / 200), 0.683},
		{"KaimingNormal out", initial.KaimingNormal(initial.FanOut, initial.GainSELU), kernel, 0.75 * math.Sqrt(1.0/2400), 0.683},
		{"KaimingNormal leaky", initial.KaimingNormal(initial.FanIn, initial.GainLeakyReLU(1)), matrix, math.Sqrt(1.0 / 200), 0.683},
		{"LeCunUniform", initial.LeCunUniform, matrix, math.Sqrt(1.0 / 200), 0.577},
		{"LeCunNormal", initial.LeCunNormal, matrix, math.Sqrt(1.0 / 200), 0.65},
		{"TruncatedNormal", initial.TruncatedNormal(0.1), []int{60000}, 0.08796, 0.65},
		{"one gate", initial.PerGate(3, initial.XavierNormal(1)), matrix, math.Sqrt(2.0 / 300), 0.683},
	} {
		v := drawn(t, c.init, source(), c.shape...)
		mean, std, largest, within := moments(v)
		if math.Abs(mean) > 0.02*c.std || math.Abs(std/c.std-1) > 0.015 || math.Abs(within-c.within) > 0.01 {
			t.Errorf("%s %v: mean %v, deviation %v, %.3f within it; want 0, %v, %.3f",
				c.name, c.shape, mean, std, within, c.std, c.within)
		}
		edge := map[float64]float64{0.577: math.Sqrt(3), 0.65: 2 / 0.87963, 0.683: 6}[c.within] * c.std
		if largest > edge || c.within < 0.683 && largest < 0.99*edge {
			t.Errorf("%s %v: largest value %v, want up to %v", c.name, c.shape, largest, edge)
		}
	}
}

// deviation is the largest difference of the products of columns of a matrix [rows, columns] from gain²·I.
func deviation(v []float64, rows, columns int, gain float64) float64 {
	worst := 0.0
	for i := range columns {
		for j := range i + 1 {
			sum := 0.0
			for r := range rows {
				sum += v[r*columns+i] * v[r*columns+j]
			}
			if i == j {
				sum -= gain * gain
			}
			worst = max(worst, math.Abs(sum))
		}
	}
	return worst
}

func transposed(v []float64, rows, columns int) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i%columns*rows+i/columns] = v[i]
	}
	return out
}

func TestOrthogonal(t *testing.T) {
	for _, s := range [][2]int{{1, 1}, {1, 5}, {5, 1}, {2, 2}, {64, 64}, {130, 7}, {7, 130}, {400, 100}} {
		for _, gain := range []float64{1, -2.5, 0} {
			v := drawn(t, initial.Orthogonal(gain), source(), s[0], s[1])
			rows, columns := s[0], s[1]
			if rows < columns {
				v = transposed(v, rows, columns)
				rows, columns = columns, rows
			}
			if d := deviation(v, rows, columns, gain); !(d < 1e-12) {
				t.Errorf("%v, gain %v: products differ by %g from gain²·I", s, gain, d)
			}
		}
	}
	// Further dimensions are columns.
	if a, b := drawn(t, initial.Orthogonal(1), source(), 4, 2, 3), drawn(t, initial.Orthogonal(1), source(), 4, 6); !slices.Equal(a, b) {
		t.Error("[4 2 3] isn't filled like [4 6]")
	}
	// The gates of an LSTM by themselves, and different.
	v := drawn(t, initial.PerGate(4, initial.Orthogonal(1)), source(), 4*48, 48)
	for g := range 4 {
		block := v[g*48*48:][:48*48]
		if d := deviation(block, 48, 48, 1); !(d < 1e-12) {
			t.Errorf("gate %d: products differ by %g from I", g, d)
		}
		if g > 0 && slices.Equal(block, v[:48*48]) {
			t.Errorf("gate %d is the same as gate 0", g)
		}
	}
	// The stack as a whole is another thing.
	v = drawn(t, initial.Orthogonal(1), source(), 4*48, 48)
	if d := deviation(v[:48*48], 48, 48, 1); d < 0.1 {
		t.Error("a block of a stack is orthogonal, which the stack as a whole doesn't need")
	}
}

// QR with a positive diagonal of R is what Gram and Schmidt's method gives.
func TestOrthogonalIsGramSchmidt(t *testing.T) {
	const rows, columns = 5, 3
	got := drawn(t, initial.Orthogonal(2), source(), rows, columns)
	a := drawn(t, graph.Normal(1), source(), rows, columns)
	for j := range columns {
		for k := range j + 1 {
			dot := 0.0
			for r := range rows {
				dot += a[r*columns+j] * a[r*columns+k]
			}
			for r := range rows {
				if k < j {
					a[r*columns+j] -= dot * a[r*columns+k]
				} else {
					a[r*columns+j] /= math.Sqrt(dot)
				}
			}
		}
	}
	for i := range a {
		if math.Abs(got[i]-2*a[i]) > 1e-12 {
			t.Fatalf("got %v, want twice %v", got, a)
		}
	}
}

// All orthogonal matrices are equally likely: the mean of every element is 0, and of every square 1/H. Without the signs,
// the first is negative always.
func TestOrthogonalIsUniform(t *testing.T) {
	const h, n = 3, 4000
	rng := source()
	var mean, square [h * h]float64
	for range n {
		for i, v := range drawn(t, initial.Orthogonal(1), rng, h, h) {
			mean[i] += v / n
			square[i] += v * v / n
		}
	}
	for i := range mean {
		if math.Abs(mean[i]) > 4/math.Sqrt(h*n) || math.Abs(square[i]-1.0/h) > 0.025 {
			t.Errorf("element %d: mean %v, mean square %v; want 0 and 1/3", i, mean[i], square[i])
		}
	}
}

func TestKnownValues(t *testing.T) {
	for _, c := range []struct {
		name  string
		init  graph.Initializer
		shape []int
		want  []float64
	}{
		{"Constant", initial.Constant(-1.5), []int{3}, []float64{-1.5, -1.5, -1.5}},
		{"Identity", initial.Identity(0.5), []int{2, 2}, []float64{0.5, 0, 0, 0.5}},
		{"Identity of each gate", initial.PerGate(2, initial.Identity(1)), []int{4, 2}, []float64{1, 0, 0, 1, 1, 0, 0, 1}},
		{"ForgetBias", initial.ForgetBias(1), []int{8}, []float64{0, 0, 1, 1, 0, 0, 0, 0}},
		{"Gates", initial.Gates(initial.Constant(1), initial.Constant(2), initial.Constant(3)), []int{6}, []float64{1, 1, 2, 2, 3, 3}},
	} {
		if got := drawn(t, c.init, nil, c.shape...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// b_f = log u with u from U(1, longest-1): the mean of u is longest/2, and its deviation (longest-2)/√12.
func TestChrono(t *testing.T) {
	const h, longest = 20000, 150
	v := drawn(t, initial.Chrono(longest), source(), 4*h)
	u := make([]float64, h)
	for j := range h {
		i, f, g, o := v[j], v[h+j], v[2*h+j], v[3*h+j]
		u[j] = math.Exp(f)
		if i != -f || g != 0 || o != 0 || !(u[j] >= 1 && u[j] <= longest-1+1e-9) {
			t.Fatalf("unit %d: biases %v %v %v %v", j, i, f, g, o)
		}
	}
	mean, std, _, within := moments(u)
	if math.Abs(mean-75) > 1 || math.Abs(std-148/math.Sqrt(12)) > 0.5 || math.Abs(within-0.577) > 0.01 {
		t.Errorf("u has mean %v, deviation %v, %v within it; want 75, %v, 0.577", mean, std, within, 148/math.Sqrt(12))
	}
	for _, b := range drawn(t, initial.Chrono(2), source(), 40) {
		if b != 0 {
			t.Fatalf("bias %v for dependencies of up to 2 steps, want log 1", b)
		}
	}
}

func TestSparse(t *testing.T) {
	const rows, columns = 1000, 30
	for _, c := range []struct {
		sparsity float64
		zeros    int
	}{{0, 0}, {0.5, 500}, {0.9001, 901}, {1, 1000}} {
		v := drawn(t, initial.Sparse(c.sparsity, 0.1), source(), rows, columns)
		var rest []float64
		for j := range columns {
			zeros := 0
			for i := range rows {
				if x := v[i*columns+j]; x == 0 {
					zeros++
				} else {
					rest = append(rest, x)
				}
			}
			if zeros != c.zeros {
				t.Fatalf("sparsity %v: %d zeros in column %d, want %d", c.sparsity, zeros, j, c.zeros)
			}
		}
		if len(rest) > 0 {
			if _, std, _, _ := moments(rest); math.Abs(std-0.1) > 0.005 {
				t.Errorf("sparsity %v: deviation %v of the others, want 0.1", c.sparsity, std)
			}
		}
	}
}

// all has every initializer that draws.
var all = map[string]graph.Initializer{
	"XavierUniform":   initial.XavierUniform(1),
	"XavierNormal":    initial.XavierNormal(1),
	"KaimingUniform":  initial.KaimingUniform(initial.FanIn, 1),
	"KaimingNormal":   initial.KaimingNormal(initial.FanIn, 1),
	"LeCunUniform":    initial.LeCunUniform,
	"LeCunNormal":     initial.LeCunNormal,
	"TruncatedNormal": initial.TruncatedNormal(1),
	"Orthogonal":      initial.Orthogonal(1),
	"Sparse":          initial.Sparse(0.5, 1),
	"PerGate":         initial.PerGate(4, initial.Orthogonal(1)),
	"Gates":           initial.Gates(graph.Zeros, graph.Normal(1)),
}

// The same source gives the same values, and one that was drawn from gives others.
func TestSeeds(t *testing.T) {
	for name, init := range all {
		rng := source()
		first := drawn(t, init, rng, 12, 6)
		if !slices.Equal(first, drawn(t, init, source(), 12, 6)) {
			t.Errorf("%s: other values from the same source", name)
		}
		if slices.Equal(first, drawn(t, init, rng, 12, 6)) {
			t.Errorf("%s: the same values again", name)
		}
	}
	rng := source()
	if first := drawn(t, initial.Chrono(9), rng, 12); !slices.Equal(first, drawn(t, initial.Chrono(9), source(), 12)) ||
		slices.Equal(first, drawn(t, initial.Chrono(9), rng, 12)) {
		t.Error("Chrono: not a function of the source")
	}
}

// What can't be is one typed error, which a parameter keeps until it is used.
func TestMisuse(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	const huge = math.MaxInt
	for _, c := range []struct {
		init  graph.Initializer
		shape []int
		want  string
	}{
		{initial.Constant(nan), []int{2}, "initial.Constant: value is NaN, want a finite number"},
		{initial.Identity(inf), []int{2, 2}, "initial.Identity: scale is +Inf, want a finite number"},
		{initial.Identity(1), []int{8, 2}, "initial.Identity: got [8 2], want [H, H]"},
		{initial.Identity(1), []int{4}, "initial.Identity: got [4], want [H, H]"},
		{initial.Orthogonal(1), []int{4}, "initial.Orthogonal: got [4], want [rows, columns, …]"},
		{initial.Orthogonal(nan), []int{4, 4}, "initial.Orthogonal: gain is NaN, want a finite number"},
		{initial.XavierUniform(1), []int{4}, "initial.XavierUniform: got [4], want [out, in, …]"},
		{initial.XavierNormal(inf), []int{4, 4}, "initial.XavierNormal: gain is +Inf, want a finite number"},
		{initial.KaimingUniform(7, 1), []int{4, 4}, "initial.KaimingUniform: fan is 7, want FanIn or FanOut"},
		{initial.KaimingNormal(initial.FanIn, 1), nil, "initial.KaimingNormal: got [], want [out, in, …]"},
		{initial.LeCunUniform, []int{4}, "initial.LeCunUniform: got [4], want [out, in, …]"},
		{initial.LeCunNormal, []int{4}, "initial.LeCunNormal: got [4], want [out, in, …]"},
		{initial.TruncatedNormal(nan), []int{4}, "initial.TruncatedNormal: std is NaN, want a finite number"},
		{initial.Sparse(1.1, 1), []int{4, 4}, "initial.Sparse: sparsity is 1.1, want 0 to 1"},
		{initial.Sparse(nan, 1), []int{4, 4}, "initial.Sparse: sparsity is NaN, want 0 to 1"},
		{initial.Sparse(1, nan), []int{4, 4}, "initial.Sparse: std is NaN, want a finite number"},
		{initial.Sparse(1, 1), []int{4}, "initial.Sparse: got [4], want [rows, columns]"},
		{initial.PerGate(3, graph.Zeros), []int{8, 2}, "initial.PerGate: got [8 2], want [3·H, …]"},
		{initial.PerGate(huge, graph.Zeros), []int{8, 2}, fmt.Sprintf("initial.PerGate: got [8 2], want [%d·H, …]", huge)},
		{initial.PerGate(0, graph.Zeros), []int{8}, "initial.PerGate: number of gates is 0, want 1 or more"},
		{initial.PerGate(-1, graph.Zeros), []int{8}, "initial.PerGate: number of gates is -1, want 1 or more"},
		{initial.PerGate(2, nil), []int{8}, "initial.PerGate: initializer of gate 0 is nil, want an initializer"},
		{initial.PerGate(2, graph.Zeros), nil, "initial.PerGate: got [], want [2·H, …]"},
		{initial.Gates(), []int{8}, "initial.Gates: number of gates is 0, want 1 or more"},
		{initial.Gates(graph.Zeros, nil), []int{8}, "initial.Gates: initializer of gate 1 is nil, want an initializer"},
		{initial.Gates(graph.Zeros, initial.Identity(1)), []int{8, 2}, "initial.Identity: got [4 2], want [H, H]"},
		{initial.ForgetBias(nan), []int{8}, "initial.Constant: value is NaN, want a finite number"},
		{initial.ForgetBias(1), []int{9}, "initial.Gates: got [9], want [4·H, …]"},
		{initial.Chrono(1), []int{8}, "initial.Chrono: longest is 1, want 2 or more time steps"},
		{initial.Chrono(9), []int{9}, "initial.Chrono: got [9], want [4·H], an LSTM's bias"},
		{initial.Chrono(9), []int{8, 2}, "initial.Chrono: got [8 2], want [4·H], an LSTM's bias"},
	} {
		p := graph.NewParam(c.init, source(), c.shape...)
		b := graph.NewBuilder(graph.Window{T: 1, B: 1}, graph.Options{})
		if n := b.Param(p); n != nil || b.Err() == nil || b.Err().Error() != c.want {
			t.Errorf("got %v, want %s", b.Err(), c.want)
			continue
		}
		switch b.Err().(type) {
		case *graph.ArgumentError, *graph.ShapeError:
		default:
			t.Errorf("%v is a %T", b.Err(), b.Err())
		}
	}
}
