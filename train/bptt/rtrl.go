package bptt

import "github.com/gobptt/bptt/internal/kernel"

// RTRL is real-time recurrent learning (Williams and Zipser 1989): the exact gradient, of all of the past, at every time
// step and without keeping any of it. For S states and the P parameters that act on them it takes S·P float64 numbers for
// each of the B sequences and once more, and for each step of each sequence S²·P multiply-adds and S backward passes: it
// is for small networks, and to check others.
type RTRL struct {
	Window int   // time steps between updates; required
	Memory int64 // bytes that the influence may take; 0 means 1 GiB
}

// Gradient computes the next time steps. It leaves the gradient in the parameters, and passes on the data's io.EOF.
func (s RTRL) Gradient(r *Run) (Result, error) {
	const op = "bptt.RTRL"
	return r.online(op, s.Window, repeated, func(o *online) (influence, error) {
		elements, err := o.influencing()
		if err != nil {
			return nil, err
		}
		if err := within(op, s.Memory, o.width, (o.batch+1)*len(elements)+o.width); err != nil {
			return nil, err
		}
		d := &dense{elements: elements, width: o.width, jacobian: make([]float64, o.width*o.width)}
		for range o.batch {
			d.now = append(d.now, make([]float64, o.width*len(elements)))
		}
		d.next = make([]float64, o.width*len(elements))
		return d, nil
	})
}

// dense is the whole influence.
type dense struct {
	elements []int       // of the parameters that have one
	now      [][]float64 // by sequence, [S, elements]
	next     []float64
	width    int
	jacobian []float64 // [S, S]
}

func (d *dense) apply(sum, g []float64) {
	for b, m := range d.now {
		for i := range d.width {
			dL := g[b*d.width+i]
			if dL == 0 {
				continue
			}
			for k, v := range m[i*len(d.elements):][:len(d.elements)] {
				sum[d.elements[k]] += dL * v
			}
		}
	}
}

func (d *dense) advance(o *online) error {
	n := len(d.elements)
	return o.each(func(b, i int, immediate, jacobian []float64) {
		for k, e := range d.elements {
			d.next[i*n+k] = immediate[e]
		}
		copy(d.jacobian[i*d.width:], jacobian)
		if i == d.width-1 { // all rows of this sequence are there
			kernel.Gemm(nil, false, false, d.width, n, d.width, 1, d.jacobian, d.width, d.now[b], n, 1, d.next, n)
			d.now[b], d.next = d.next, d.now[b]
		}
	})
}

func (d *dense) clear(sequence int) { clear(d.now[sequence]) }
