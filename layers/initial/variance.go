package initial

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// Gains make up for what a nonlinearity takes from the variance of its input, as PyTorch's calculate_gain gives them. A
// linear layer, a convolution and a sigmoid have gain 1.
const (
	GainTanh = 5.0 / 3
	GainReLU = math.Sqrt2
	GainSELU = 3.0 / 4
)

// GainLeakyReLU is √(2/(1 + slope²)).
func GainLeakyReLU(slope float64) float64 { return math.Sqrt(2 / (1 + slope*slope)) }

// Fan says which width of a weight sets its variance.
type Fan uint8

const (
	FanIn  Fan = iota // inputs of an output: keeps the variance in the forward pass
	FanOut            // outputs of an input: keeps the variance in the backward pass
)

// XavierUniform (Glorot and Bengio 2010) draws a weight [out, in, …] from U(-a, a), a = gain·√(6/(fanIn + fanOut)). The
// fans are in and out, each times the sizes of the further dimensions. Keras's glorot_uniform has gain 1.
func XavierUniform(gain float64) graph.Initializer {
	return byFans("initial.XavierUniform", gain, func(in, out float64) graph.Initializer {
		return graph.Uniform(gain * math.Sqrt(6/(in+out)))
	})
}

// XavierNormal (Glorot and Bengio 2010) draws a weight [out, in, …] from N(0, σ²), σ = gain·√(2/(fanIn + fanOut)).
func XavierNormal(gain float64) graph.Initializer {
	return byFans("initial.XavierNormal", gain, func(in, out float64) graph.Initializer {
		return graph.Normal(gain * math.Sqrt(2/(in+out)))
	})
}

// KaimingUniform (He et al. 2015) draws a weight [out, in, …] from U(-a, a), a = gain·√(3/fan).
func KaimingUniform(fan Fan, gain float64) graph.Initializer {
	return byFan("initial.KaimingUniform", fan, gain, func(n float64) graph.Initializer {
		return graph.Uniform(gain * math.Sqrt(3/n))
	})
}

// KaimingNormal (He et al. 2015) draws a weight [out, in, …] from N(0, σ²), σ = gain/√fan.
func KaimingNormal(fan Fan, gain float64) graph.Initializer {
	return byFan("initial.KaimingNormal", fan, gain, func(n float64) graph.Initializer {
		return graph.Normal(gain / math.Sqrt(n))
	})
}

// LeCunUniform (LeCun et al. 1998) draws a weight [out, in, …] from U(-a, a), a = √(3/fanIn).
func LeCunUniform(values []float64, shape []int, rng *rand.Rand) error {
	return byFan("initial.LeCunUniform", FanIn, 1, func(n float64) graph.Initializer {
		return graph.Uniform(math.Sqrt(3 / n))
	})(values, shape, rng)
}

// LeCunNormal (LeCun et al. 1998) draws a weight [out, in, …] from a normal distribution that is truncated, as Keras's
// lecun_normal is, and has the standard deviation 1/√fanIn thereafter.
func LeCunNormal(values []float64, shape []int, rng *rand.Rand) error {
	const left = 0.87962566103423978 // of the standard deviation, when N(0, 1) is truncated at ±2
	return byFan("initial.LeCunNormal", FanIn, 1, func(n float64) graph.Initializer {
		return TruncatedNormal(1 / (left * math.Sqrt(n)))
	})(values, shape, rng)
}

// TruncatedNormal draws from N(0, std²), and draws again what is farther than 2·std from 0, as Keras does. The standard
// deviation of what is left is 0.88·std.
func TruncatedNormal(std float64) graph.Initializer {
	return func(values []float64, _ []int, rng *rand.Rand) error {
		if err := finite("initial.TruncatedNormal", "std", std); err != nil {
			return err
		}
		for i := range values {
			z := rng.NormFloat64()
			for math.Abs(z) > 2 {
				z = rng.NormFloat64()
			}
			values[i] = std * z
		}
		return nil
	}
}

// byFan is byFans for a rule that needs one of them.
func byFan(op string, fan Fan, gain float64, of func(n float64) graph.Initializer) graph.Initializer {
	if fan > FanOut {
		return func([]float64, []int, *rand.Rand) error {
			return &graph.ArgumentError{Op: op, Name: "fan", Got: fmt.Sprint(fan), Want: "FanIn or FanOut"}
		}
	}
	return byFans(op, gain, func(in, out float64) graph.Initializer {
		if fan == FanOut {
			return of(out)
		}
		return of(in)
	})
}

// byFans finds the fans of a weight [out, in, …], and fills it with the initializer for them.
func byFans(op string, gain float64, of func(in, out float64) graph.Initializer) graph.Initializer {
	return func(values []float64, shape []int, rng *rand.Rand) error {
		if err := finite(op, "gain", gain); err != nil {
			return err
		}
		if len(shape) < 2 {
			return &graph.ShapeError{Op: op, Got: fmt.Sprint(shape), Want: "[out, in, …]"}
		}
		in, out := len(values)/shape[0], len(values)/shape[1]
		return of(float64(in), float64(out))(values, shape, rng)
	}
}
