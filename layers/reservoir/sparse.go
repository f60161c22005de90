package reservoir

import (
	"math/rand/v2"
	"slices"
)

// sparse is a square matrix with the same number of elements other than 0 in each row.
type sparse struct {
	size, degree int
	columns      []int32   // of row i: columns[i*degree:][:degree], ascending
	values       []float64 // of row i, likewise
}

// randomSparse draws the columns of each row without replacement, and the values from U(-1, 1).
func randomSparse(size, degree int, rng *rand.Rand) *sparse {
	s := &sparse{size, degree, make([]int32, size*degree), make([]float64, size*degree)}
	all := make([]int32, size)
	for j := range all {
		all[j] = int32(j)
	}
	for i := range size {
		for k := range degree { // the first steps of a shuffle
			j := k + rng.IntN(size-k)
			all[k], all[j] = all[j], all[k]
		}
		row := s.columns[i*degree:][:degree]
		copy(row, all)
		slices.Sort(row)
	}
	fillUniform(s.values, 1, rng)
	return s
}

// fillUniform draws from U(-bound, bound).
func fillUniform(values []float64, bound float64, rng *rand.Rand) {
	for i := range values {
		values[i] = bound * (2*rng.Float64() - 1)
	}
}

// mulAdd computes y += S·x. y must not be x.
func (s *sparse) mulAdd(y, x []float64) {
	for i, sum := range y {
		values := s.values[i*s.degree:][:s.degree]
		for k, j := range s.columns[i*s.degree:][:s.degree] {
			sum += values[k] * x[j]
		}
		y[i] = sum
	}
}

// dense returns all elements, row by row.
func (s *sparse) dense() []float64 {
	d := make([]float64, s.size*s.size)
	for i := range s.size {
		for k := i * s.degree; k < (i+1)*s.degree; k++ {
			d[i*s.size+int(s.columns[k])] = s.values[k]
		}
	}
	return d
}
