package layers_test

import (
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
)

func ExampleSummary() {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewEmbedding(100, 16, rng),
		layers.NewGRU(16, 32, layers.GRUOptions{}, rng),
		layers.Dropout(0.2),
		layers.Named{Name: "output", Layer: layers.NewLinear(32, 100, rng)},
	}
	fmt.Print(layers.Summary(model))
	// Output:
	// parameter       shape     elements
	// 0                             1600
	//   weight        [100 16]      1600
	// 1                             4800
	//   weight_ih_l0  [96 16]       1536
	//   weight_hh_l0  [96 32]       3072
	//   bias_ih_l0    [96]            96
	//   bias_hh_l0    [96]            96
	// output                        3300
	//   weight        [100 32]      3200
	//   bias          [100]          100
	// total                         9700
}

// listed is a model that is nothing but its parameters.
type listed []graph.NamedParam

func (l listed) Apply(_ *graph.Builder, x *graph.Node) *graph.Node { return x }
func (l listed) Params() []graph.NamedParam                        { return l }

// Nested names, none, shared weights, layers that come twice, and what isn't a parameter.
func TestSummary(t *testing.T) {
	param := func(shape ...int) *graph.Param { return graph.NewParam(graph.Zeros, nil, shape...) }
	shared := param(10, 4)
	model := listed{
		{Name: "scale", Param: param(1)},
		{Name: "encoder.0.weight", Param: shared},
		{Name: "encoder.größe.weight", Param: param(2, 3)},
		{Name: "encoder.0.bias", Param: param(4)},
		{Name: "out<p>.weight", Param: shared},
		{Name: "out<p>.bias", Param: param(10)},
		{Name: "wrong.shape", Param: param(0, 3)},
		{Name: "wrong.none"},
	}
	table := layers.Summary(model)
	want := strings.TrimPrefix(`
parameter      shape   elements
scale          [1]            1
encoder.0                    44
  weight       [10 4]        40
  bias         [4]            4
encoder.größe                 6
  weight       [2 3]          6
out<p>                       10
  weight       [10 4]    shared
  bias         [10]          10
wrong                         0
  shape        [0 3]          0
  none         nil            0
total                        61
`, "\n")
	if got := table.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if table.Total() != 61 {
		t.Errorf("total %d, want 61", table.Total())
	}

	// The HTML has the same cells, and nothing in it is markup but the table.
	page := table.HTML()
	if !strings.HasPrefix(page, "<table>\n<tr><th ") || !strings.Contains(page, ">out&lt;p&gt;</td>") {
		t.Errorf("not a table, or not escaped:\n%s", page)
	}
	rows := strings.Split(strings.TrimSpace(want), "\n")
	lines := strings.Split(strings.TrimSpace(page), "\n")
	if len(lines) != len(rows)+2 {
		t.Fatalf("%d lines, want %d rows and the table around them", len(lines), len(rows))
	}
	tag := regexp.MustCompile(`<[^>]*>`)
	for i, row := range rows {
		text := html.UnescapeString(tag.ReplaceAllString(lines[i+1], " "))
		if strings.Join(strings.Fields(text), " ") != strings.Join(strings.Fields(row), " ") {
			t.Errorf("row %q is %q", row, lines[i+1])
		}
	}
	if got := layers.Summary(layers.Dropout(0.1)).String(); got != "parameter  shape  elements\ntotal                    0\n" {
		t.Errorf("without parameters: %q", got)
	}
}
