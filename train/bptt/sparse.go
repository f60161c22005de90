package bptt

import "slices"

// SnAp1 is the sparse n-step approximation of RTRL with n = 1 (Menick et al. 2021): of a parameter's influence only that
// on the states is carried that it acts on within one time step, such as those of its own unit. It is exact where states
// act on themselves only. It takes a few numbers for each parameter and sequence.
type SnAp1 struct {
	Window int // time steps between updates; required
}

// Gradient computes the next time steps. It leaves the gradient in the parameters, and passes on the data's io.EOF.
func (s SnAp1) Gradient(r *Run) (Result, error) {
	return r.online("bptt.SnAp1", s.Window, repeated, newSparse)
}

// EProp is e-prop (Bellec et al. 2020), for rate units also known as RFLO with symmetric feedback (Murray 2019): what
// reaches earlier steps through the recurrent weights is left out, so that a parameter's influence stays within its unit,
// as an eligibility trace that is kept by the unit's own memory: an LSTM's cell state, a GRU's or a leaky unit's h. The
// models' recurrent layers must be fused ones. An RNN without such a memory has no trace: its gradient is that of each
// step alone.
type EProp struct {
	Window int // time steps between updates; required
}

// Gradient computes the next time steps. It leaves the gradient in the parameters, and passes on the data's io.EOF.
func (s EProp) Gradient(r *Run) (Result, error) {
	return r.online("bptt.EProp", s.Window, local, newSparse)
}

// sparse is the influence of each parameter on few states: those on which it was seen to act within one time step.
type sparse struct {
	states   [][]int32     // by parameter element
	now      [][][]float64 // by sequence and element, one for each of its states
	next     [][]float64   // of the sequence at hand
	width    int
	jacobian []float64 // [S, S]
}

func newSparse(o *online) (influence, error) {
	s := &sparse{width: o.width, jacobian: make([]float64, o.width*o.width)}
	s.states, s.next = make([][]int32, o.count), make([][]float64, o.count)
	for range o.batch {
		s.now = append(s.now, make([][]float64, o.count))
	}
	return s, nil
}

func (s *sparse) apply(sum, g []float64) {
	for b, m := range s.now {
		for k, states := range s.states {
			for n, i := range states {
				sum[k] += g[b*s.width+int(i)] * m[k][n]
			}
		}
	}
}

func (s *sparse) advance(o *online) error {
	return o.each(func(b, i int, immediate, jacobian []float64) {
		for k, v := range immediate {
			n := slices.Index(s.states[k], int32(i))
			if n < 0 && v != 0 {
				n = s.add(k, i)
			}
			if n >= 0 {
				s.next[k][n] = v
			}
		}
		copy(s.jacobian[i*s.width:], jacobian)
		if i < s.width-1 {
			return
		}
		for k, states := range s.states {
			for n, to := range states {
				for j, from := range states {
					s.next[k][n] += s.jacobian[int(to)*s.width+int(from)] * s.now[b][k][j]
				}
			}
		}
		s.now[b], s.next = s.next, s.now[b]
	})
}

// add notes that parameter element k acts on state i.
func (s *sparse) add(k, i int) int {
	s.states[k] = append(s.states[k], int32(i))
	s.next[k] = append(s.next[k], 0)
	for b := range s.now {
		s.now[b][k] = append(s.now[b][k], 0)
	}
	return len(s.states[k]) - 1
}

func (s *sparse) clear(sequence int) {
	for _, m := range s.now[sequence] {
		clear(m)
	}
}
