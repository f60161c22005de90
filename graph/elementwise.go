package graph

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/internal/kernel"
)

// scalarFunc is a function of one variable and its derivative. The derivative is given the result y where it can be
// had from that, else the argument x: what it doesn't take needs no memory until the backward pass.
type scalarFunc struct {
	f   func(x float64) float64
	dx  func(x float64) float64  // f'(x), or nil
	dy  func(y float64) float64  // f'(x) from y = f(x), or nil
	f32 func(dst, src []float32) // a vector kernel for f, or nil
	f64 func(dst, src []float64)

	// Vector kernels for the product of dy and g, the gradient with respect to y, or nil.
	back32 func(dst, y, g []float32)
	back64 func(dst, y, g []float64)
}

var (
	negFunc = scalarFunc{f: func(x float64) float64 { return -x }, dx: func(float64) float64 { return -1 }}
	expFunc = scalarFunc{
		f: math.Exp, dy: func(y float64) float64 { return y }, f32: kernel.Exp[float32], f64: kernel.Exp[float64],
		back32: kernel.Mul[float32], back64: kernel.Mul[float64],
	}
	logFunc     = scalarFunc{f: math.Log, dx: func(x float64) float64 { return 1 / x }}
	sqrtFunc    = scalarFunc{f: math.Sqrt, dy: func(y float64) float64 { return 0.5 / y }}
	squareFunc  = scalarFunc{f: func(x float64) float64 { return x * x }, dx: func(x float64) float64 { return 2 * x }}
	absFunc     = scalarFunc{f: math.Abs, dx: sign}
	sinFunc     = scalarFunc{f: math.Sin, dx: math.Cos}
	cosFunc     = scalarFunc{f: math.Cos, dx: func(x float64) float64 { return -math.Sin(x) }}
	sigmoidFunc = scalarFunc{
		f: sigmoid, dy: func(y float64) float64 { return y * (1 - y) }, f32: kernel.Sigmoid[float32], f64: kernel.Sigmoid[float64],
		back32: sigmoidBack[float32], back64: sigmoidBack[float64],
	}
	tanhFunc = scalarFunc{
		f: math.Tanh, dy: func(y float64) float64 { return 1 - y*y }, f32: kernel.Tanh[float32], f64: kernel.Tanh[float64],
		back32: kernel.TanhBackward[float32], back64: kernel.TanhBackward[float64],
	}
	reluFunc = scalarFunc{f: relu, dy: step}
	softplus = scalarFunc{f: func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, dx: sigmoid}
	geluFunc = scalarFunc{
		f: func(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) },
		dx: func(x float64) float64 {
			return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*math.Exp(-0.5*x*x)/math.Sqrt(2*math.Pi)
		},
	}
)

// sigmoidBack computes dst = g·y·(1-y). No two of the slices are the same.
func sigmoidBack[F kernel.Float](dst, y, g []F) {
	kernel.Mul(dst, y, y)
	kernel.Sub(dst, y, dst)
	kernel.Mul(dst, dst, g)
}

func relu(x float64) float64 {
	if x < 0 {
		return 0
	}
	return x // also for NaN
}

func step(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// Neg returns -x.
func (b *Builder) Neg(x *Node) *Node { return b.unary("Neg", x, negFunc) }

// Exp returns e^x.
func (b *Builder) Exp(x *Node) *Node { return b.unary("Exp", x, expFunc) }

// Log returns the natural logarithm.
func (b *Builder) Log(x *Node) *Node { return b.unary("Log", x, logFunc) }

// Sqrt returns the square root.
func (b *Builder) Sqrt(x *Node) *Node { return b.unary("Sqrt", x, sqrtFunc) }

// Square returns x².
func (b *Builder) Square(x *Node) *Node { return b.unary("Square", x, squareFunc) }

// Abs returns |x|; the derivative at 0 is 0.
func (b *Builder) Abs(x *Node) *Node { return b.unary("Abs", x, absFunc) }

// Sin returns the sine of x in radians.
func (b *Builder) Sin(x *Node) *Node { return b.unary("Sin", x, sinFunc) }

// Cos returns the cosine of x in radians.
func (b *Builder) Cos(x *Node) *Node { return b.unary("Cos", x, cosFunc) }

// Sigmoid returns 1/(1+e^-x).
func (b *Builder) Sigmoid(x *Node) *Node { return b.unary("Sigmoid", x, sigmoidFunc) }

// Tanh returns the hyperbolic tangent.
func (b *Builder) Tanh(x *Node) *Node { return b.unary("Tanh", x, tanhFunc) }

// ReLU returns max(x, 0); the derivative at 0 is 0.
func (b *Builder) ReLU(x *Node) *Node { return b.unary("ReLU", x, reluFunc) }

// Softplus returns log(1+e^x).
func (b *Builder) Softplus(x *Node) *Node { return b.unary("Softplus", x, softplus) }

// GELU returns x·Φ(x) with the exact normal distribution function, not the tanh approximation (Hendrycks and Gimpel 2016).
func (b *Builder) GELU(x *Node) *Node { return b.unary("GELU", x, geluFunc) }

// LeakyReLU returns x where x > 0, else slope·x.
func (b *Builder) LeakyReLU(x *Node, slope float64) *Node {
	at := func(x float64) float64 {
		if x > 0 {
			return 1
		}
		return slope
	}
	return b.unary("LeakyReLU", x, scalarFunc{f: func(x float64) float64 { return x * at(x) }, dx: at})
}

// ELU returns x where x > 0, else alpha·(e^x - 1) (Clevert et al. 2015).
func (b *Builder) ELU(x *Node, alpha float64) *Node {
	return b.unary("ELU", x, scalarFunc{
		f: func(x float64) float64 {
			if x > 0 {
				return x
			}
			return alpha * math.Expm1(x)
		},
		dx: func(x float64) float64 {
			if x > 0 {
				return 1
			}
			return alpha * math.Exp(x)
		},
	})
}

// Pow returns x^p for a constant p.
func (b *Builder) Pow(x *Node, p float64) *Node {
	return b.unary("Pow", x, scalarFunc{
		f: func(x float64) float64 { return math.Pow(x, p) },
		dx: func(x float64) float64 {
			if p == 0 {
				return 0 // also at x = 0
			}
			return p * math.Pow(x, p-1)
		},
	})
}

// AddScalar returns x + c.
func (b *Builder) AddScalar(x *Node, c float64) *Node {
	return b.unary("AddScalar", x, scalarFunc{f: func(x float64) float64 { return x + c }, dx: func(float64) float64 { return 1 }})
}

// Scale returns c·x.
func (b *Builder) Scale(x *Node, c float64) *Node {
	return b.unary("Scale", x, scalarFunc{f: func(x float64) float64 { return c * x }, dx: func(float64) float64 { return c }})
}

// Floor returns the largest whole number that isn't above x. Its derivative is 0.
func (b *Builder) Floor(x *Node) *Node {
	n := b.unary("Floor", x, scalarFunc{f: math.Floor})
	if n != nil {
		n.grad = nil
	}
	return n
}

// Clamp returns x limited to [low, high]. The gradient passes where low ≤ x ≤ high.
func (b *Builder) Clamp(x *Node, low, high float64) *Node {
	if b.err == nil && !(low <= high) {
		return b.fail(&ArgumentError{Op: "Clamp", Name: "range", Got: fmt.Sprintf("%v to %v", low, high), Want: "low ≤ high"})
	}
	return b.unary("Clamp", x, scalarFunc{
		f: func(x float64) float64 {
			switch {
			case x < low:
				return low
			case x > high:
				return high
			}
			return x
		},
		dx: func(x float64) float64 {
			if x < low || x > high {
				return 0
			}
			return 1
		},
	})
}

// StopGradient returns x; the backward pass doesn't go through it.
func (b *Builder) StopGradient(x *Node) *Node {
	n := b.unary("StopGradient", x, scalarFunc{f: func(x float64) float64 { return x }})
	if n != nil {
		n.grad = nil
	}
	return n
}

func (b *Builder) unary(op string, x *Node, s scalarFunc) *Node {
	if !b.ok(op, x) || !b.floating(op, x) {
		return nil
	}
	n := b.node(op, x.shape, pick(b.dtype, unaryRun(s.f, s.f32), unaryRun(s.f, s.f64)), x)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		d, from := s.dx, n.in[0]
		if s.dy != nil {
			d, from = s.dy, n
		}
		return []*term{whole(b.node(op+" backward", n.shape, pick(b.dtype, chainRun(d, s.back32), chainRun(d, s.back64)), from, g))}
	}
	return n
}

func unaryRun[F kernel.Float](f func(float64) float64, vector func(dst, src []F)) func(*Node) error {
	if vector != nil {
		return func(n *Node) error {
			vector(data[F](n), data[F](n.in[0]))
			return nil
		}
	}
	return func(n *Node) error {
		y := data[F](n)
		for i, x := range data[F](n.in[0]) {
			y[i] = F(f(float64(x)))
		}
		return nil
	}
}

// chainRun multiplies the gradient by a derivative: inputs are what the derivative is a function of, and the gradient.
func chainRun[F kernel.Float](d func(float64) float64, vector func(dst, v, g []F)) func(*Node) error {
	if vector != nil {
		return func(n *Node) error {
			vector(data[F](n), data[F](n.in[0]), data[F](n.in[1]))
			return nil
		}
	}
	return func(n *Node) error {
		dx, g := data[F](n), data[F](n.in[1])
		for i, v := range data[F](n.in[0]) {
			dx[i] = g[i] * F(d(float64(v)))
		}
		return nil
	}
}

// floating reports whether no operand holds indices.
func (b *Builder) floating(op string, in ...*Node) bool {
	for _, n := range in {
		if n.integer {
			b.fail(&ArgumentError{Op: op, Name: "operand", Got: "indices (" + n.op + ")", Want: "floating-point values"})
			return false
		}
	}
	return true
}
