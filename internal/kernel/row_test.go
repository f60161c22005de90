package kernel

import (
	"fmt"
	"math"
	"testing"
)

// rowFunc is an element-wise function over n slices of equal length, some of which it overwrites. exact does the same to
// one element of each.
type rowFunc[F Float] struct {
	name  string
	n     int
	run   func(s [][]F)
	exact func(v []float64)
}

func rowFuncs[F Float]() []rowFunc[F] {
	alpha := F(-1.75)
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	return []rowFunc[F]{
		{"Add", 3, func(s [][]F) { Add(s[0], s[1], s[2]) }, func(v []float64) { v[0] = v[1] + v[2] }},
		{"AddSame", 2, func(s [][]F) { Add(s[0], s[0], s[1]) }, func(v []float64) { v[0] += v[1] }},
		{"Sub", 3, func(s [][]F) { Sub(s[0], s[1], s[2]) }, func(v []float64) { v[0] = v[1] - v[2] }},
		{"SubSame", 2, func(s [][]F) { Sub(s[1], s[0], s[1]) }, func(v []float64) { v[1] = v[0] - v[1] }},
		{"Mul", 3, func(s [][]F) { Mul(s[0], s[1], s[2]) }, func(v []float64) { v[0] = v[1] * v[2] }},
		{"MulSame", 1, func(s [][]F) { Mul(s[0], s[0], s[0]) }, func(v []float64) { v[0] *= v[0] }},
		{"MulAdd", 3, func(s [][]F) { MulAdd(s[0], s[1], s[2]) }, func(v []float64) { v[0] += v[1] * v[2] }},
		{"Axpy", 2, func(s [][]F) { Axpy(alpha, s[0], s[1]) }, func(v []float64) { v[1] += float64(alpha) * v[0] }},
		{"Scale", 1, func(s [][]F) { Scale(alpha, s[0]) }, func(v []float64) { v[0] *= float64(alpha) }},
		{"LSTMForward", 8, func(s [][]F) { LSTMForward(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]) }, func(v []float64) {
			v[0], v[1], v[2], v[3] = sigmoid(v[0]), sigmoid(v[1]), math.Tanh(v[2]), sigmoid(v[3])
			v[5] = v[1]*v[4] + v[0]*v[2]
			v[6] = math.Tanh(v[5])
			v[7] = v[3] * v[6]
		}},
		{"LSTMForwardSame", 7, func(s [][]F) { LSTMForward(s[0], s[1], s[2], s[3], s[4], s[4], s[5], s[6]) }, func(v []float64) {
			v[0], v[1], v[2], v[3] = sigmoid(v[0]), sigmoid(v[1]), math.Tanh(v[2]), sigmoid(v[3])
			v[4] = v[1]*v[4] + v[0]*v[2]
			v[5] = math.Tanh(v[4])
			v[6] = v[3] * v[5]
		}},
		{"GRUForward", 8, func(s [][]F) { GRUForward(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]) }, func(v []float64) {
			v[0], v[1] = sigmoid(v[0]+v[3]), sigmoid(v[1]+v[4])
			v[2] = math.Tanh(v[2] + v[0]*v[5])
			v[7] = (1-v[1])*v[2] + v[1]*v[6]
		}},
		{"GRUForwardSame", 7, func(s [][]F) { GRUForward(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[6]) }, func(v []float64) {
			v[0], v[1] = sigmoid(v[0]+v[3]), sigmoid(v[1]+v[4])
			v[2] = math.Tanh(v[2] + v[0]*v[5])
			v[6] = (1-v[1])*v[2] + v[1]*v[6]
		}},
		{"LSTMBackward", 8, func(s [][]F) { LSTMBackward(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]) }, nil},
		{"GRUBackward", 8, func(s [][]F) { GRUBackward(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]) }, nil},
		{"TanhBackward", 3, func(s [][]F) {
			Tanh(s[1], s[1])
			TanhBackward(s[0], s[1], s[2])
		}, func(v []float64) {
			v[1] = math.Tanh(v[1])
			v[0] = v[2] * (1 - v[1]*v[1])
		}},
		{"TanhBackwardSame", 2, func(s [][]F) {
			Tanh(s[0], s[0])
			TanhBackward(s[0], s[0], s[1])
		}, func(v []float64) { v[0] = v[1] * (1 - math.Pow(math.Tanh(v[0]), 2)) }},
		{"AdamStep", 4, func(s [][]F) {
			Mul(s[3], s[3], s[3])
			AdamStep(s[0], s[1], s[2], s[3], 0.5, 0.9, 0.99, 1e-3, 0.25, 0.5, 0.01, 0.02)
		}, nil},
	}
}

// TestRow compares the functions with exact arithmetic, checks that the result of an element does not depend on its place,
// and that only the destinations are written.
func TestRow(t *testing.T) { eachType(t, testRow[float32], testRow[float64]) }

func testRow[F Float](t *testing.T) {
	for _, f := range rowFuncs[F]() {
		t.Run(f.name, func(t *testing.T) {
			r := newRand(t)
			for _, n := range lengths {
				in, got := make([]guard[F], f.n), make([]guard[F], f.n)
				s := make([][]F, f.n)
				for j := range in {
					in[j] = random[F](r, n)
					got[j] = in[j].clone()
					s[j] = got[j].data
				}
				f.run(s)
				for j := range got {
					got[j].check(t, fmt.Sprint("slice ", j))
				}
				for i := range n {
					one, v := make([][]F, f.n), make([]float64, f.n)
					for j := range in {
						one[j] = []F{in[j].data[i]}
						v[j] = float64(one[j][0])
					}
					f.run(one)
					for j := range in {
						if !equal(got[j].data[i], one[j][0]) {
							t.Fatalf("slice %d, element %d of %d is %v, alone it is %v", j, i, n, got[j].data[i], one[j][0])
						}
					}
					if f.exact == nil {
						continue
					}
					f.exact(v)
					for j := range in {
						near(t, fmt.Sprintf("slice %d, element %d of %d", j, i, n), got[j].data[i], v[j], 4, 2*epsilon[F]())
					}
				}
			}
		})
	}
}

// TestPortable compares the row functions of the other implementations with the portable ones.
func TestPortable(t *testing.T) {
	eachType(t, testPortable[float32], testPortable[float64])
}

func testPortable[F Float](t *testing.T) {
	im := active
	r := newRand(t)
	for _, f := range rowFuncs[F]() {
		const n = 200
		got, want := make([][]F, f.n), make([][]F, f.n)
		for j := range got {
			got[j] = random[F](r, n).data
			want[j] = append([]F(nil), got[j]...)
		}
		f.run(got)
		active = &portable
		f.run(want)
		active = im
		for j := range got {
			for i, x := range got[j] {
				near(t, fmt.Sprintf("%s, slice %d, element %d", f.name, j, i), x, float64(want[j][i]), 16+math.Abs(float64(x)), 4*epsilon[F]())
			}
		}
	}
}

// derivative is the central difference of f in *x.
func derivative(f func() float64, x *float64) float64 {
	const h = 1e-5
	old := *x
	*x = old + h
	up := f()
	*x = old - h
	down := f()
	*x = old
	return (up - down) / (2 * h)
}

func TestLSTMGradient(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		r := newRand(t)
		s := make([][]float64, 5) // i, f, g, o, cPrev
		for j := range s {
			s[j] = random[float64](r, 19).data
		}
		act := make([][]float64, 5)
		for j := range s {
			act[j] = append([]float64(nil), s[j]...)
		}
		n := len(s[0])
		c, tanhC, h := make([]float64, n), make([]float64, n), make([]float64, n)
		LSTMForward(act[0], act[1], act[2], act[3], act[4], c, tanhC, h)
		dh, dc := random[float64](r, n).data, random[float64](r, n).data
		dcNext := append([]float64(nil), dc...)
		LSTMBackward(act[0], act[1], act[2], act[3], act[4], tanhC, dh, dc)
		for u := range n {
			loss := func() float64 {
				sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
				c := sigmoid(s[1][u])*s[4][u] + sigmoid(s[0][u])*math.Tanh(s[2][u])
				return dh[u]*sigmoid(s[3][u])*math.Tanh(c) + dcNext[u]*c
			}
			for j := range 4 {
				near(t, fmt.Sprintf("gate %d, unit %d", j, u), act[j][u], derivative(loss, &s[j][u]), 1, 1e-8)
			}
			near(t, fmt.Sprintf("cell state, unit %d", u), dc[u], derivative(loss, &s[4][u]), 1, 1e-8)
		}
	})
}

func TestGRUGradient(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		r := newRand(t)
		s := make([][]float64, 7) // xr, xz, xn, hr, hz, hn, hPrev
		for j := range s {
			s[j] = random[float64](r, 19).data
		}
		act := make([][]float64, 7)
		for j := range s {
			act[j] = append([]float64(nil), s[j]...)
		}
		n := len(s[0])
		GRUForward(act[0], act[1], act[2], act[3], act[4], act[5], act[6], make([]float64, n))
		dh := random[float64](r, n).data
		weight := append([]float64(nil), dh...)
		GRUBackward(act[0], act[1], act[2], act[3], act[4], act[5], act[6], dh)
		for u := range n {
			loss := func() float64 {
				sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
				r, z := sigmoid(s[0][u]+s[3][u]), sigmoid(s[1][u]+s[4][u])
				n := math.Tanh(s[2][u] + r*s[5][u])
				return weight[u] * ((1-z)*n + z*s[6][u])
			}
			for j, name := range []string{"xr", "xz", "xn", "hr", "hz", "hn"} {
				near(t, fmt.Sprintf("%s, unit %d", name, u), act[j][u], derivative(loss, &s[j][u]), 1, 1e-8)
			}
			near(t, fmt.Sprintf("hPrev, unit %d", u), dh[u], derivative(loss, &s[6][u]), 1, 1e-8)
		}
	})
}

// TestAdam follows a parameter over a few steps with the textbook form of the algorithm: moments, corrected by their
// bias, then the step.
func TestAdam(t *testing.T) { eachType(t, testAdam[float32], testAdam[float64]) }

func testAdam[F Float](t *testing.T) {
	const scale, lr, beta1, beta2, eps, weightDecay = 0.7, 0.05, 0.9, 0.99, 1e-6, 0.1
	r := newRand(t)
	for _, decoupled := range []bool{false, true} {
		n := 37
		value, m, v := random[F](r, n).data, make([]F, n), make([]F, n)
		want, wantM, wantV := make([]float64, n), make([]float64, n), make([]float64, n)
		for i, x := range value {
			want[i] = float64(x)
		}
		for step := 1; step <= 5; step++ {
			grad := random[F](r, n)
			before := grad.clone()
			c1, c2 := 1-math.Pow(beta1, float64(step)), 1-math.Pow(beta2, float64(step))
			l2, decay := weightDecay, 0.0
			if decoupled {
				l2, decay = 0, lr*weightDecay
			}
			AdamStep(value, grad.data, m, v, scale, beta1, beta2, eps, lr/c1, math.Sqrt(c2), l2, decay)
			sameSlice(t, "gradient", grad.all, before.all)
			for i := range want {
				g := scale*float64(grad.data[i]) + l2*want[i]
				wantM[i] = beta1*wantM[i] + (1-beta1)*g
				wantV[i] = beta2*wantV[i] + (1-beta2)*g*g
				want[i] -= decay*want[i] + lr*(wantM[i]/c1)/(math.Sqrt(wantV[i]/c2)+eps)
				near(t, fmt.Sprint("value ", i), value[i], want[i], 4, float64(step)*16*epsilon[F]())
				near(t, fmt.Sprint("m ", i), m[i], wantM[i], 4, float64(step)*16*epsilon[F]())
				near(t, fmt.Sprint("v ", i), v[i], wantV[i], 4, float64(step)*16*epsilon[F]())
			}
		}
	}
}

func TestLengthsChecked(t *testing.T) {
	long, short := make([]float32, 3), make([]float32, 2)
	for name, f := range map[string]func(){
		"Add":          func() { Add(long, long, short) },
		"Sub":          func() { Sub(long, short, long) },
		"Mul":          func() { Mul(short, long, long) },
		"MulAdd":       func() { MulAdd(long, long, short) },
		"Axpy":         func() { Axpy(1, long, short) },
		"Exp":          func() { Exp(long, short) },
		"Sigmoid":      func() { Sigmoid(short, long) },
		"Tanh":         func() { Tanh(short, long) },
		"Dot":          func() { Dot(long, short) },
		"SoftmaxRow":   func() { SoftmaxRow(short, long) },
		"AdamStep":     func() { AdamStep(long, long, short, long, 1, 0, 0, 0, 0, 1, 0, 0) },
		"LSTMForward":  func() { LSTMForward(long, long, long, long, long, long, short, long) },
		"LSTMBackward": func() { LSTMBackward(long, long, long, long, short, long, long, long) },
		"GRUForward":   func() { GRUForward(long, long, long, long, long, short, long, long) },
		"GRUBackward":  func() { GRUBackward(long, long, long, long, long, long, long, short) },
		"ColSums":      func() { ColSums(nil, 2, 2, long, 2, 0, short) },
		"ColSumsDst":   func() { ColSums(nil, 1, 2, long, 2, 0, long) },
	} {
		mustPanic(t, name, f)
	}
}

// mustPanic checks that f panics with a message of this package.
func mustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if s, ok := recover().(string); !ok || len(s) < 8 || s[:8] != "kernel: " {
			t.Errorf("%s: panic %q, want one of this package", name, s)
		}
	}()
	f()
}
