package search

import (
	"encoding/csv"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

// study are results of every kind.
func study() Results {
	names := []string{"rate", "cell <&>"}
	trial := func(number int, state State, value float64, err error, rate float64, cell any, reports ...Point) Trial {
		return Trial{
			Number: number, Params: Params{names: names, values: []any{rate, cell}}, State: state, Value: value, Err: err, Reports: reports,
			Seconds: float64(number) / 8,
		}
	}
	return Results{Parameters: names, Trials: []Trial{
		trial(0, Complete, 1.23456789, nil, 0.1, "LSTM", Point{5, 2}, Point{10, 1.5}),
		trial(1, Pruned, 3, ErrPruned, 1e-5, "GRU", Point{5, 3}),
		trial(2, Complete, 0.25, nil, 1.0/3, `a "quoted", word`),
		trial(3, Failed, math.NaN(), errors.New("two\nlines\tand <b>"), 0.5, 7),
		trial(4, Complete, 0.25, nil, 2, nil),
		trial(5, Cancelled, math.NaN(), errors.New("stop"), 3, true),
	}}
}

func TestString(t *testing.T) {
	const want = `  trial  rate    cell <&>          value  step  state      seconds  error
  0      0.1     LSTM              1.235  10    complete   0
  1      1e-05   GRU               3      5     pruned     0.125
* 2      0.3333  a "quoted", word  0.25         complete   0.25
  3      0.5     7                 NaN          failed     0.375    two lines and <b>
  4      2       <nil>             0.25         complete   0.5
  5      3       true              NaN          cancelled  0.625    stop
`
	if got := study().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCSV(t *testing.T) {
	got, err := csv.NewReader(strings.NewReader(study().CSV())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"trial", "rate", "cell <&>", "value", "step", "state", "seconds", "error"},
		{"0", "0.1", "LSTM", "1.23456789", "10", "complete", "0", ""},
		{"1", "1e-05", "GRU", "3", "5", "pruned", "0.125", ""},
		{"2", "0.3333333333333333", `a "quoted", word`, "0.25", "", "complete", "0.25", ""},
		{"3", "0.5", "7", "NaN", "", "failed", "0.375", "two\nlines\tand <b>"},
		{"4", "2", "<nil>", "0.25", "", "complete", "0.5", ""},
		{"5", "3", "true", "NaN", "", "cancelled", "0.625", "stop"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHTML(t *testing.T) {
	const want = `<table>
<tr><th>trial</th><th>rate</th><th>cell &lt;&amp;&gt;</th><th>value</th><th>step</th><th>state</th><th>seconds</th><th>error</th></tr>
<tr><td>0</td><td>0.1</td><td>LSTM</td><td>1.235</td><td>10</td><td>complete</td><td>0</td><td></td></tr>
<tr><td>1</td><td>1e-05</td><td>GRU</td><td>3</td><td>5</td><td>pruned</td><td>0.125</td><td></td></tr>
<tr style="font-weight: bold"><td>2</td><td>0.3333</td><td>a &#34;quoted&#34;, word</td><td>0.25</td><td></td><td>complete</td><td>0.25</td><td></td></tr>
<tr><td>3</td><td>0.5</td><td>7</td><td>NaN</td><td></td><td>failed</td><td>0.375</td><td>two
lines	and &lt;b&gt;</td></tr>
<tr><td>4</td><td>2</td><td>&lt;nil&gt;</td><td>0.25</td><td></td><td>complete</td><td>0.5</td><td></td></tr>
<tr><td>5</td><td>3</td><td>true</td><td>NaN</td><td></td><td>cancelled</td><td>0.625</td><td>stop</td></tr>
</table>
`
	if got := study().HTML(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestBest(t *testing.T) {
	r := study()
	if best, ok := r.Best(); !ok || best.Number != 2 {
		t.Errorf("lowest: %v, %v", best, ok)
	}
	r.Maximize = true
	if best, ok := r.Best(); !ok || best.Number != 0 {
		t.Errorf("highest: %v, %v", best, ok)
	}
	if best, ok := (Results{Trials: r.Trials[3:4]}).Best(); ok {
		t.Errorf("the best of failed trials: %v", best)
	}
	if best, ok := (Results{}).Best(); ok {
		t.Errorf("the best of none: %v", best)
	}
	if got := (Results{}).String(); strings.Contains(got, "*") || !strings.Contains(got, "trial") {
		t.Errorf("table of none: %q", got)
	}
	if got, want := r.Trials[0].Params.String(), "rate=0.1 cell <&>=LSTM"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
