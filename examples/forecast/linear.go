package main

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// autoregression is the linear forecast x_t = c + a₁·x_{t-1} + … + a_p·x_{t-p}.
type autoregression struct {
	constant     float64
	coefficients []float64 // a₁ first
}

const (
	maxOrder = 40    // that is tried
	maxFit   = 20000 // values that are fitted, the last of the training part
)

// fitLinear fits autoregressions to values[:train] by least squares, and returns the one whose order is best for
// values[train:valid].
func fitLinear(values []float64, train, valid int) (*autoregression, error) {
	var best *autoregression
	least := math.Inf(1)
	from := max(0, train-maxFit)
	for order := 1; order <= maxOrder && train-from > 3*order; order++ {
		a, err := leastSquares(values[from:train], order)
		if err != nil {
			return nil, err
		}
		sum := 0.0
		for t := train; t < valid; t++ {
			e := values[t] - a.next(values[:t])
			sum += e * e
		}
		if sum < least {
			best, least = a, sum
		}
	}
	if best == nil {
		return nil, errors.New("the series is too short for a linear autoregression")
	}
	return best, nil
}

func leastSquares(values []float64, order int) (*autoregression, error) {
	rows := len(values) - order
	x, y := mat.NewDense(rows, order+1, nil), mat.NewVecDense(rows, values[order:])
	for i := range rows {
		x.Set(i, 0, 1)
		for k := 1; k <= order; k++ {
			x.Set(i, k, values[order+i-k])
		}
	}
	var c mat.VecDense
	var near mat.Condition // of a smooth series; the forecasts are good nevertheless
	if err := c.SolveVec(x, y); err != nil && !errors.As(err, &near) {
		return nil, err
	}
	a := &autoregression{constant: c.AtVec(0)}
	for k := 1; k <= order; k++ {
		a.coefficients = append(a.coefficients, c.AtVec(k))
	}
	return a, nil
}

// next forecasts the value that follows.
func (a *autoregression) next(past []float64) float64 {
	v := a.constant
	for k, c := range a.coefficients {
		v += c * past[len(past)-1-k]
	}
	return v
}

// path forecasts many values, each from those before it.
func (a *autoregression) path(past []float64, steps int) []float64 {
	all := append([]float64(nil), past[len(past)-len(a.coefficients):]...)
	for range steps {
		all = append(all, a.next(all))
	}
	return all[len(a.coefficients):]
}
