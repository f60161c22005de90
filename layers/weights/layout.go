package weights

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/gobptt/bptt/graph"
)

// Layout says how tensors are named, shaped and ordered in a file.
type Layout uint8

const (
	// PyTorch's state_dict, which is also ours.
	PyTorch Layout = iota
	// Keras's get_weights, by path: [in, out] kernels; gates in the order i, f, c, o and z, r, h.
	Keras
	// Flax's parameter tree (linen), flattened with slashes: a kernel for each gate.
	Flax
)

func (l Layout) String() string {
	switch l {
	case PyTorch:
		return "PyTorch"
	case Keras:
		return "Keras"
	case Flax:
		return "Flax"
	}
	return fmt.Sprintf("Layout(%d)", uint8(l))
}

// entries lists the tensors of a file that hold the parameters. Those of a file that is read decide where a parameter
// could have several names.
func (o Options) entries(params []graph.NamedParam, in map[string]stored) ([]entry, error) {
	if err := checkParams(params); err != nil {
		return nil, err
	}
	names := &naming{o.Names, "/", map[string]bool{}}
	var entries []entry
	switch o.Layout {
	case PyTorch:
		names.separator = "."
		for _, p := range params {
			path, name := split(p.Name)
			entries = append(entries, entry{names.of(path, name), p.Shape(), []part{whole(p)}})
		}
	case Keras, Flax:
		for _, m := range modules(params) {
			tensors, err := m.entries(o.Layout, func(name string) bool {
				_, ok := in[names.of(m.path, name)]
				return ok
			})
			if err != nil {
				return nil, err
			}
			for _, e := range tensors {
				e.name = names.of(m.path, e.name)
				entries = append(entries, e)
			}
		}
	default:
		return nil, argumentError("Options.Layout", o.Layout.String(), "PyTorch, Keras or Flax")
	}

	seen := map[string]bool{}
	for _, e := range entries {
		if seen[e.name] {
			return nil, argumentError("Options.Names", fmt.Sprintf("two tensors %q", e.name), "different ones")
		}
		seen[e.name] = true
	}
	for _, path := range slices.Sorted(maps.Keys(o.Names)) {
		if !names.used[path] {
			return nil, argumentError("Options.Names", fmt.Sprintf("one for %q", path), "paths of the model's layers")
		}
	}
	return entries, nil
}

func checkParams(params []graph.NamedParam) error {
	seen := map[string]bool{}
	for _, p := range params {
		switch {
		case p.Param == nil || p.Value == nil:
			return argumentError("parameter "+p.Name, "nil", "a parameter")
		case p.Err() != nil:
			return fmt.Errorf("parameter %s: %w", p.Name, p.Err())
		case seen[p.Name]:
			return argumentError("params", fmt.Sprintf("two named %q", p.Name), "different names")
		}
		seen[p.Name] = true
		n := 1
		for _, d := range p.Shape() {
			if d < 1 || n > math.MaxInt/d {
				n = -1
				break
			}
			n *= d
		}
		if n != p.Value.Len() {
			got := fmt.Sprintf("shape %v with %d elements", p.Shape(), p.Value.Len())
			return argumentError("parameter "+p.Name, got, "as many as the shape says")
		}
	}
	return nil
}

// naming gives paths in the file for paths in the model.
type naming struct {
	paths     map[string]string
	separator string
	used      map[string]bool // of paths
}

// of returns the name of a tensor in the file.
func (n *naming) of(path, tensor string) string {
	for path != "" {
		if p, ok := n.paths[path]; ok {
			n.used[path] = true
			return join(p, n.separator, tensor)
		}
		var last string
		path, last = split(path)
		tensor = join(last, n.separator, tensor)
	}
	n.used[""] = true
	return join(n.paths[""], n.separator, tensor)
}

// split cuts a name at its last dot; the path may be empty.
func split(name string) (path, last string) {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)], name[i+1:]
}

func join(path, separator, name string) string {
	if path == "" {
		return name
	}
	return path + separator + name
}

// module is what Keras and Flax know as one: a layer, or a cell of ours.
type module struct {
	path   string
	names  []string                    // of its parameters, in their order
	params map[string]graph.NamedParam // by these
}

// cellParam is the name of a parameter in a stack of cells, "bias_hh_l0_reverse".
var cellParam = regexp.MustCompile(`^(.+)_(l[0-9]+)(_reverse)?$`)

// modules groups parameters.
func modules(params []graph.NamedParam) []*module {
	// The cell that a parameter belongs to, "1.l0", which may be only one of two directions.
	parse := func(p graph.NamedParam) (path, name string, reverse bool) {
		path, name = split(p.Name)
		if m := cellParam.FindStringSubmatch(name); m != nil {
			return join(path, ".", m[2]), m[1], m[3] != ""
		}
		return path, name, false
	}
	both := map[string]bool{}
	for _, p := range params {
		if path, _, reverse := parse(p); reverse {
			both[path] = true
		}
	}
	byPath := map[string]*module{}
	var list []*module
	for _, p := range params {
		path, name, reverse := parse(p)
		switch {
		case reverse:
			path += ".backward"
		case both[path]:
			path += ".forward"
		}
		m := byPath[path]
		if m == nil {
			m = &module{path: path, params: map[string]graph.NamedParam{}}
			byPath[path] = m
			list = append(list, m)
		}
		m.names = append(m.names, name)
		m.params[name] = p
	}
	return list
}

// entries lists a module's tensors, by their names in it. It is told which of them are in the file that is read.
func (m *module) entries(l Layout, in func(name string) bool) ([]entry, error) {
	unknown := func(name, reason string) ([]entry, error) {
		return nil, &LayoutError{Layout: l, Param: m.params[name].Name, Reason: reason}
	}
	weight, hasWeight := m.params["weight"]
	bias, hasBias := m.params["bias"]
	for _, name := range m.names {
		switch name {
		case "weight_ih", "weight_hh", "bias_ih", "bias_hh":
			if hasWeight || hasBias {
				return unknown(name, "it is beside a weight or bias")
			}
		case "weight", "bias":
			if !hasWeight {
				return unknown(name, "it is without a weight")
			}
		default:
			return unknown(name, "no layer there has a parameter like it")
		}
	}
	if !hasWeight {
		c, err := newCell(l, m)
		if err != nil {
			return nil, err
		}
		if l == Keras {
			return c.keras(), nil
		}
		return c.flax()
	}

	shape := weight.Shape()
	if hasBias && !(len(bias.Shape()) == 1 && len(shape) > 0 && bias.Shape()[0] == shape[0]) {
		return unknown("bias", fmt.Sprintf("its shape is %v, beside a weight of shape %v", bias.Shape(), shape))
	}
	n := map[Layout]struct{ embedding, scale, shift string }{
		Keras: {"embeddings", "gamma", "beta"},
		Flax:  {"embedding", "scale", "bias"},
	}[l]
	switch {
	case len(shape) == 1 && hasBias:
		return []entry{{n.scale, shape, []part{whole(weight)}}, {n.shift, shape, []part{whole(bias)}}}, nil
	case len(shape) == 1:
		return []entry{{n.scale, shape, []part{whole(weight)}}}, nil
	case len(shape) != 2:
		return unknown("weight", fmt.Sprintf("its shape is %v, want one or two dimensions", shape))
	case !hasBias && !in("kernel"):
		return []entry{{n.embedding, shape, []part{whole(weight)}}}, nil
	}
	kernel := []entry{{"kernel", []int{shape[1], shape[0]}, []part{transposed(weight)}}}
	if hasBias {
		kernel = append(kernel, entry{"bias", bias.Shape(), []part{whole(bias)}})
	}
	return kernel, nil
}
