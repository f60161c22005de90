package initial

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strings"

	"github.com/gobptt/bptt/graph"
)

// PyTorch draws all parameters as PyTorch does, and as the layers' constructors do in the first place:
//
//	recurrent weights and biases      U(-1/√H, 1/√H)
//	weight and bias of a linear layer U(-1/√in, 1/√in)
//	an embedding's table              N(0, 1)
//	gain and shift of a normalization 1 and 0
//
// Parameters are known by their names and shapes: a matrix "weight" without a "bias" beside it is taken for an embedding.
// One of another name is an error, and nothing is changed.
func PyTorch(params []graph.NamedParam, rng *rand.Rand) error {
	return preset("initial.PyTorch", params, rng, func(p member) graph.Initializer {
		switch p.kind {
		case "weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh":
			if h := p.hidden(); h > 0 {
				return graph.Uniform(1 / math.Sqrt(float64(h)))
			}
		case "weight", "bias":
			weight := p.sibling("weight")
			switch {
			case weight == nil: // a bias of something else
			case len(weight.Shape()) < 2 && p.kind == "weight":
				return Constant(1)
			case len(weight.Shape()) < 2:
				return graph.Zeros
			case p.sibling("bias") == nil:
				return graph.Normal(1)
			default:
				in := weight.Value.Len() / weight.Shape()[0]
				return graph.Uniform(1 / math.Sqrt(float64(in)))
			}
		}
		return nil
	})
}

// Keras draws all parameters as Keras does:
//
//	weight_ih, weight of a linear layer XavierUniform(1)
//	weight_hh                           Orthogonal(1), all gates as one matrix
//	biases                              0, but 1 for the forget gate of an LSTM, in bias_ih
//	an embedding's table                U(-0.05, 0.05)
//	gain and shift of a normalization   1 and 0
//
// Parameters are known by their names and shapes: a matrix "weight" without a "bias" beside it is taken for an embedding,
// and a recurrent cell of four gates for an LSTM, in the order i, f, g, o. One of another name is an error, and nothing is
// changed.
func Keras(params []graph.NamedParam, rng *rand.Rand) error {
	return preset("initial.Keras", params, rng, func(p member) graph.Initializer {
		switch p.kind {
		case "weight_ih", "weight_hr":
			return XavierUniform(1)
		case "weight_hh":
			return Orthogonal(1)
		case "bias_ih":
			if p.Value.Len() == 4*p.hidden() {
				return ForgetBias(1)
			}
			return graph.Zeros
		case "bias_hh", "bias":
			return graph.Zeros
		case "weight":
			switch {
			case len(p.Shape()) < 2:
				return Constant(1)
			case p.sibling("bias") == nil:
				return graph.Uniform(0.05)
			default:
				return XavierUniform(1)
			}
		}
		return nil
	})
}

// preset initializes all parameters by a rule that gives nil for one that it doesn't know.
func preset(op string, params []graph.NamedParam, rng *rand.Rand, rule func(p member) graph.Initializer) error {
	byName := map[string]*graph.Param{}
	for _, p := range params {
		if err := usable(op, p); err != nil {
			return err
		}
		byName[p.Name] = p.Param
	}
	var chosen []choice
	for _, p := range params {
		at := strings.LastIndexByte(p.Name, '.') + 1
		name := layerSuffix.FindStringSubmatch(p.Name[at:])
		init := rule(member{p.Param, p.Name[:at], name[1], name[2], byName})
		if init == nil {
			const known = "those of embeddings, recurrent, linear and normalization layers"
			return &graph.ArgumentError{Op: op, Name: "parameter", Got: p.Name + ", of no kind that is known", Want: known}
		}
		chosen = append(chosen, choice{p, init})
	}
	return fill(op, chosen, rng)
}

// layerSuffix takes a name apart: what the parameter is, and which layer and direction of a recurrent stack it is of.
var layerSuffix = regexp.MustCompile(`(?s)^(.*?)(_l\d+(?:_reverse)?)?$`)

// member is a parameter of a layer: "1." "weight_ih" "_l0".
type member struct {
	*graph.Param
	path, kind, suffix string
	byName             map[string]*graph.Param
}

// sibling returns the parameter of another kind beside this one, or nil.
func (m member) sibling(kind string) *graph.Param { return m.byName[m.path+kind+m.suffix] }

// hidden is the number of a recurrent cell's units, 0 if that isn't known. With a projection weight_hr [P, H], weight_hh is
// [G·H, P].
func (m member) hidden() int {
	u := m.sibling("weight_hr")
	if u == nil {
		u = m.sibling("weight_hh")
	}
	if u == nil || len(u.Shape()) < 2 {
		return 0
	}
	return u.Shape()[1]
}
