package metric

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Perplexity is e to the mean of -log softmax(output)[target]: a model that is as uncertain as among n equally likely
// classes has n.
type Perplexity struct {
	Ignore []int // targets that don't count; nil means -100

	nats nats
}

// Add counts a batch, for logits or logarithms of probabilities [N, C] and targets that are classes.
func (m *Perplexity) Add(output *graph.Tensor, batch *seqdata.Batch) error {
	return m.nats.add("Perplexity", m.Ignore, output, batch)
}

// Value returns the perplexity so far.
func (m *Perplexity) Value() float64 { return math.Exp(m.nats.mean()) }

// Reset begins anew.
func (m *Perplexity) Reset() { m.nats = nats{} }

// BitsPerCharacter is the mean of -log₂ softmax(output)[target].
type BitsPerCharacter struct {
	Ignore []int // targets that don't count; nil means -100

	nats nats
}

// Add counts a batch, for logits or logarithms of probabilities [N, C] and targets that are classes.
func (m *BitsPerCharacter) Add(output *graph.Tensor, batch *seqdata.Batch) error {
	return m.nats.add("BitsPerCharacter", m.Ignore, output, batch)
}

// Value returns the bits so far.
func (m *BitsPerCharacter) Value() float64 { return m.nats.mean() / math.Ln2 }

// Reset begins anew.
func (m *BitsPerCharacter) Reset() { m.nats = nats{} }

// nats is a sum of -log softmax(output)[target].
type nats struct {
	sum   float64
	count int
}

func (m *nats) add(op string, ignore []int, output *graph.Tensor, batch *seqdata.Batch) error {
	r, err := newRows(op, output, batch)
	if err != nil {
		return err
	}
	return r.classes(ignore, func(row []float64, class int) {
		top, sum := math.Inf(-1), 0.0
		for _, v := range row {
			top = math.Max(top, v)
		}
		for _, v := range row {
			sum += math.Exp(v - top)
		}
		m.sum += (top - row[class]) + math.Log(sum)
		m.count++
	})
}

func (m *nats) mean() float64 { return m.sum / float64(m.count) }
