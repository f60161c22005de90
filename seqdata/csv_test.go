package seqdata

import (
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadSeries(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		columns []string
		want    [][]float64
	}{
		"one column":     {"a,b,c\n1,2,3\n4,5,6\n", []string{"b"}, [][]float64{{2, 5}}},
		"in any order":   {"a,b,c\n1,2,3\n4,5,6\n", []string{"c", "a"}, [][]float64{{3, 6}, {1, 4}}},
		"one twice":      {"a\n1\n", []string{"a", "a"}, [][]float64{{1}, {1}}},
		"words beside":   {"month,a\nJanuary,1e3\nFebruary,-.5\n", []string{"a"}, [][]float64{{1000, -0.5}}},
		"spaces":         {" a , b\n 1 ,2 \n", []string{"a", "b"}, [][]float64{{1}, {2}}},
		"quotes":         {"\"a, b\",\"c\n\"\n\"1\",\"2\"\n", []string{"a, b", "c"}, [][]float64{{1}, {2}}},
		"CRLF":           {"a,b\r\n1,2\r\n", []string{"b"}, [][]float64{{2}}},
		"mark":           {"\uFEFFa,b\n1,2\n", []string{"a"}, [][]float64{{1}}},
		"mark, quotes":   {"\uFEFF\"a\",b\n1,2\n", []string{"a"}, [][]float64{{1}}},
		"no end of line": {"a\n1\n2", []string{"a"}, [][]float64{{1, 2}}},
		"empty lines":    {"\na\n\n1\n\n2\n", []string{"a"}, [][]float64{{1, 2}}},
		"no name":        {"a,\n1,2\n", []string{""}, [][]float64{{2}}},
	} {
		s, err := ReadSeriesFrom(iotest.OneByteReader(strings.NewReader(c.text)), "x.csv", c.columns...)
		if err != nil || !reflect.DeepEqual(s.Columns, c.want) || s.From != 0 {
			t.Errorf("%s: %v, %v; want %v", name, s, err, c.want)
		}
	}
}

func TestReadSeriesThatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		text         string
		line         int
		column, want string
	}{
		"empty":           {"", 0, "", "x.csv: got an empty file; want a row of names, and numbers"},
		"empty lines":     {"\n\n", 0, "", "an empty file"},
		"no rows":         {"a,b\n", 0, "", "x.csv: got no row after the names; want at least one"},
		"missing column":  {"b,c\n1,2\n", 1, "a", `x.csv, line 1, column "a": got no such column; want one of ["b" "c"]`},
		"after lines":     {"\n\nb\n1\n", 3, "a", "no such column"},
		"another case":    {"A\n1\n", 1, "a", `one of ["A"]`},
		"other separator": {"a;b\n1;2\n", 1, "a", `one of ["a;b"]`},
		"two of them":     {"a,b,a\n1,2,3\n", 1, "a", "the name more than once"},
		"many names":      {strings.Repeat("b,", 100) + "b\n", 1, "a", `"b"] and more`},
		"long names":      {strings.Repeat("b", 1000) + "\n", 1, "a", "bbb"},
		"a word":          {"b,a\n1,2\n3,four\n", 3, "a", `x.csv, line 3, column "a": got "four"; want a finite number`},
		"empty cell":      {"b,a\n1,\n", 2, "a", `got ""`},
		"NaN":             {"a\n1\nNaN\n", 3, "a", `got "NaN"`},
		"infinite":        {"a\n-inf\n", 2, "a", `got "-inf"`},
		"too large":       {"a\n1e999\n", 2, "a", `got "1e999"`},
		"comma":           {"b,a\n1,\"2,5\"\n", 2, "a", `got "2,5"`},
		"after a text":    {"b,a\n\"two\nlines\",1\n2,x\n", 4, "a", `got "x"`},
		"long cell":       {"a\n" + strings.Repeat("x", 1000) + "\n", 2, "a", "xxx"},
		"short row":       {"b,a\n1,2\n3\n", 3, "", "x.csv, line 3: got 1 cells; want 2, as in the first row"},
		"long row":        {"b,a\n1,2,3\n", 2, "", "got 3 cells; want 2"},
		"open quote":      {"a\n\"1\n2\n", 2, "", "want CSV"},
		"bare quote":      {"a\n1\"\n", 2, "", "want CSV"},
		"quote in names":  {"a\"\n1\n", 1, "", "want CSV"},
	} {
		_, err := ReadSeriesFrom(strings.NewReader(c.text), "x.csv", "a")
		e, is := errors.AsType[*CSVError](err)
		if !is || e.Line != c.line || e.Column != c.column || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
			t.Errorf("%s: got %v, want one line with %q for line %d, column %q", name, err, c.want, c.line, c.column)
		}
	}

	path := writeFile(t, "a,b\n1,2\n")
	if s := ok[*Series](t)(ReadSeries(path, "b")); s.Columns[0][0] != 2 {
		t.Errorf("read %v", s)
	}
	if _, err := ReadSeries(path, "c"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v does not name the file", err)
	}
	if _, err := ReadSeries(filepath.Join(t.TempDir(), "none.csv"), "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, is := errors.AsType[*NotRegularError](second(ReadSeries(t.TempDir(), "a"))); !is {
		t.Error("a directory was read")
	}
	broken := errors.New("broken")
	if _, err := ReadSeriesFrom(io.MultiReader(strings.NewReader("a\n1\n"), iotest.ErrReader(broken)), "pipe", "a"); !errors.Is(err, broken) || !strings.Contains(err.Error(), "pipe") {
		t.Errorf("%v", err)
	}
	for _, err := range []error{second(ReadSeries(path)), second(ReadSeriesFrom(nil, "x", "a"))} {
		if _, is := errors.AsType[*ArgumentError](err); !is {
			t.Errorf("got %v", err)
		}
	}
}

// Whatever is read: numbers, as many in each column, that come again if they are written and read; or a typed error.
func FuzzReadSeries(f *testing.F) {
	f.Add("a,b\n1,2\n3,4\n", "b")
	f.Add("\uFEFF\"a\"\n\"1\"\r\n", "a")
	f.Add("a\n\n1e308\n-0\n0x1p-3", "a")
	f.Add("a,a\n1", "a")
	f.Add("a\n1\"", "a")
	f.Fuzz(func(t *testing.T, text, column string) {
		s, err := ReadSeriesFrom(strings.NewReader(text), "fuzz", column, column)
		if err != nil {
			if _, is := errors.AsType[*CSVError](err); !is || s != nil {
				t.Fatalf("%v (%T)", err, err)
			}
			return
		}
		if err := s.check(); err != nil || !reflect.DeepEqual(s.Columns[0], s.Columns[1]) {
			t.Fatalf("%v: %v", s, err)
		}
		var b strings.Builder
		w := csv.NewWriter(&b)
		rows := [][]string{{"other", column}}
		for _, v := range s.Columns[0] {
			rows = append(rows, []string{"x", strconv.FormatFloat(v, 'g', -1, 64)})
		}
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		if column == "other" {
			return
		}
		again, err := ReadSeriesFrom(strings.NewReader(b.String()), "again", column)
		if err != nil || !reflect.DeepEqual(again.Columns[0], s.Columns[0]) {
			t.Fatalf("%q: %v, %v", b.String(), again, err)
		}
	})
}
