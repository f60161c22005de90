package weights_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/weights"
)

func characterModel(vocabulary int) layers.Sequential {
	rng := rand.New(rand.NewPCG(1, 2))
	return layers.Sequential{
		layers.NewEmbedding(vocabulary, 8, rng),
		layers.NewLSTM(8, 32, layers.LSTMOptions{}, rng),
		layers.NewLinear(32, vocabulary, rng),
	}
}

// A model's weights go to a file and come back.
func Example() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	if err := weights.Save(path, characterModel(10).Params(), weights.Options{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(weights.Load(path, characterModel(10).Params(), weights.Options{}))

	// A model of another shape is refused, and left as it was.
	err = weights.Load(path, characterModel(11).Params(), weights.Options{})
	if wrong, ok := errors.AsType[*weights.FileError](err); ok {
		fmt.Println(wrong.Tensor, "is", wrong.Got+", want", wrong.Want)
	}
	// Output:
	// <nil>
	// 0.weight is of shape [10 8], want [11 8]
}

// A model of Keras: an Embedding, two LSTMs and a Dense, in a file that testdata/generate.py wrote.
func ExampleLoad_keras() {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewEmbedding(7, 3, rng),
		layers.NewLSTM(3, 4, layers.LSTMOptions{Layers: 2}, rng),
		layers.NewLinear(4, 2, rng),
	}
	fmt.Println(weights.Load("testdata/keras_lstm.npz", model.Params(), weights.Options{Layout: weights.Keras}))
	// Output:
	// <nil>
}

// A model of PyTorch whose modules have names, which ours has not.
func ExampleOptions_names() {
	o := weights.Options{Names: map[string]string{"0": "embedding", "1": "rnn", "2": "decoder"}}
	var file bytes.Buffer
	if err := weights.Write(&file, characterModel(10).Params(), o); err != nil {
		log.Fatal(err)
	}
	fmt.Println(weights.Read(&file, int64(file.Len()), characterModel(10).Params(), o))

	// Without the names, the tensors aren't found.
	o.Names = nil
	file.Reset()
	if err := weights.Write(&file, graph.Prefixed("model", characterModel(10).Params()), o); err != nil {
		log.Fatal(err)
	}
	fmt.Println(weights.Read(&file, int64(file.Len()), characterModel(10).Params(), o))
	// Output:
	// <nil>
	// weights: tensor 0.weight is missing (unknown are model.0.weight, model.1.bias_hh_l0, model.1.bias_ih_l0 and 4 more), want shape [10 8]
}
