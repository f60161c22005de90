package graph

import (
	"fmt"
	"math"
	"runtime"

	"github.com/gobptt/bptt/internal/kernel"
)

// Arena holds the parameters of a model in two flat tensors, one of values and one of gradients, in the order given, so
// that clipping, optimizers and checkpoints are single passes over memory.
type Arena struct {
	Params []NamedParam
	Values *Tensor // [n]
	Grads  *Tensor // [n]
	Ranges []Range // of each parameter in Values and Grads

	// Threads that Sweep uses; 0 means as many as runtime.GOMAXPROCS.
	Threads int

	versions []int // of the parameters' memory
	sweep    sweep
	squares  squares
	scale    scale
}

// Range is the part [From, To) of a flat tensor.
type Range struct{ From, To int }

// NewArena moves the parameters' values and gradients into an arena; the parameters keep their contents and from now
// on are views of it. It fails if there are none, a name comes twice, or precisions differ. A parameter that comes
// under two names (shared weights) is held once, under the first. One that is frozen stays where it is.
func NewArena(params []NamedParam) (*Arena, error) {
	if len(params) == 0 {
		return nil, &ArgumentError{Op: "NewArena", Name: "params", Got: "empty", Want: "at least one parameter"}
	}
	a := &Arena{}
	names := map[string]bool{}
	held := map[*Param]bool{}
	n := 0
	for _, p := range params {
		switch {
		case p.Param == nil:
			return nil, &ArgumentError{Op: "NewArena", Name: "parameter " + p.Name, Got: "nil", Want: "a parameter"}
		case p.err != nil:
			return nil, fmt.Errorf("parameter %s: %w", p.Name, p.err)
		case names[p.Name]:
			return nil, &ArgumentError{Op: "NewArena", Name: "params", Got: fmt.Sprintf("two named %q", p.Name), Want: "different names"}
		case p.DType() != params[0].DType():
			return nil, &ArgumentError{Op: "NewArena", Name: "precision of " + p.Name, Got: p.DType().String(), Want: params[0].DType().String()}
		}
		names[p.Name] = true
		if held[p.Param] || p.Frozen {
			continue
		}
		held[p.Param] = true
		a.Params = append(a.Params, p)
		a.Ranges = append(a.Ranges, Range{n, n + p.Value.Len()})
		n += p.Value.Len()
	}
	d := params[0].DType()
	a.Values, a.Grads = NewTensor(d, n), NewTensor(d, n)
	for i, p := range a.Params {
		p.Value = a.Values.move(a.Ranges[i], p.Value)
		p.Grad = a.Grads.move(a.Ranges[i], p.Grad)
		p.version++
		a.versions = append(a.versions, p.version)
	}
	return a, nil
}

// Check returns an *ArgumentError if a parameter is no longer in the arena, since NewArena has moved it to another one, or
// SetDType has changed its precision. What is done to the arena then, such as an optimizer's step, has no effect on it.
func (a *Arena) Check() error {
	for i, p := range a.Params {
		if i < len(a.versions) && p.version != a.versions[i] {
			return &ArgumentError{Op: "Arena", Name: "parameter " + p.Name, Got: "moved to another arena, or to another precision", Want: "one arena for a parameter, and so one Trainer or optimizer"}
		}
	}
	return nil
}

// move copies a tensor into a range of the flat tensor t and returns the view of it.
func (t *Tensor) move(r Range, from *Tensor) *Tensor {
	v := &Tensor{Shape: from.Shape}
	if t.F64 != nil {
		v.F64 = t.F64[r.From:r.To:r.To]
	} else {
		v.F32 = t.F32[r.From:r.To:r.To]
	}
	if err := v.Copy(from); err != nil {
		panic("graph: " + err.Error())
	}
	return v
}

// Sweeper works on a range of flat tensors, independently of all others.
type Sweeper interface {
	Sweep(from, to int)
}

// sweepGrain is what Sweep's ranges are multiples of, so that sums by grain don't depend on the number of threads.
const sweepGrain = 1 << 13

// Sweep calls s on consecutive ranges that together cover the flat tensors, on several threads at once. The ranges
// begin at multiples of a fixed number, and nothing is allocated.
func (a *Arena) Sweep(s Sweeper) {
	threads := a.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	threads = min(threads, maxThreads)
	if a.sweep.pool.Threads() != threads {
		a.sweep.pool = kernel.NewPool(threads)
	}
	a.sweep.n, a.sweep.s = a.Values.Len(), s
	a.sweep.chunks = min(2*threads, (a.sweep.n+sweepGrain-1)/sweepGrain)
	a.sweep.pool.Run(a.sweep.chunks, &a.sweep)
	a.sweep.s = nil
}

type sweep struct {
	pool      *kernel.Pool
	n, chunks int
	s         Sweeper
}

func (s *sweep) Chunk(i, _ int) { s.s.Sweep(kernel.Split(s.n, sweepGrain, i, s.chunks)) }

// GradNorm returns the Euclidean norm of all gradients together, summed in float64.
func (a *Arena) GradNorm() float64 {
	if a.squares.sums == nil {
		a.squares = squares{a.Grads, make([]float64, (a.Grads.Len()+sweepGrain-1)/sweepGrain)}
	}
	a.Sweep(&a.squares)
	total := 0.0
	for _, s := range a.squares.sums {
		total += s
	}
	return math.Sqrt(total)
}

// squares sums the squares of a flat tensor by grain.
type squares struct {
	of   *Tensor
	sums []float64
}

func (q *squares) Sweep(from, to int) {
	for ; from < to; from += sweepGrain {
		end := min(from+sweepGrain, to)
		if q.of.F64 != nil {
			q.sums[from/sweepGrain] = kernel.SumSquares(q.of.F64[from:end])
		} else {
			q.sums[from/sweepGrain] = kernel.SumSquares(q.of.F32[from:end])
		}
	}
}

// ScaleGrads multiplies all gradients by a factor.
func (a *Arena) ScaleGrads(factor float64) {
	a.scale = scale{a.Grads, factor}
	a.Sweep(&a.scale)
}

type scale struct {
	of     *Tensor
	factor float64
}

func (s *scale) Sweep(from, to int) {
	if s.of.F64 != nil {
		kernel.Scale(s.factor, s.of.F64[from:to])
	} else {
		kernel.Scale(float32(s.factor), s.of.F32[from:to])
	}
}
