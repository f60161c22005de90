package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func open(b []byte) ([]*Entry, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func find(t *testing.T, file, name string) *Entry {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	arrays, err := open(b)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(arrays, func(a *Entry) bool { return a.Name == name })
	if i < 0 {
		t.Fatalf("%s has no %q", file, name)
	}
	return arrays[i]
}

// float64s returns an array's elements, half precision not included.
func float64s(t *testing.T, a *Entry) []float64 {
	t.Helper()
	data, err := a.Read()
	if err != nil {
		t.Fatal(err)
	}
	switch data := data.(type) {
	case []float64:
		return data
	case []float32:
		out := make([]float64, len(data))
		for i, v := range data {
			out[i] = float64(v)
		}
		return out
	}
	t.Fatalf("%s is %T", a.Name, data)
	return nil
}

// Files that NumPy has written. Element i of each array is i + 0.5.
func TestReadNumPy(t *testing.T) {
	for _, c := range []struct {
		file, name string
		kind       any
		shape      []int
	}{
		{"arrays.npz", "f4", []float32{}, []int{2, 3}},
		{"arrays.npz", "f8", []float64{}, []int{2, 3}},
		{"arrays.npz", "big/f4", []float32{}, []int{4}},
		{"arrays.npz", "big/f8", []float64{}, []int{4}},
		{"arrays.npz", "scalar", []float32{}, nil},
		{"arrays.npz", "vector", []float64{}, []int{5}},
		{"arrays.npz", "empty", []float32{}, []int{0, 3}},
		{"arrays.npz", "one", []float32{}, []int{1, 1, 1}},
		{"arrays.npz", "fortran", []float32{}, []int{2, 3}},
		{"arrays.npz", "fortran3", []float64{}, []int{2, 3, 4}},
		{"arrays.npz", "große.wand", []float32{}, []int{2}},
		{"deflated.npz", "f4", []float32{}, []int{2, 3}},
		{"deflated.npz", "fortran3", []float64{}, []int{2, 3, 4}},
		{"versions.npz", "v1", []float32{}, []int{2, 3}},
		{"versions.npz", "v2", []float32{}, []int{2, 3}},
		{"versions.npz", "v3", []float32{}, []int{2, 3}},
	} {
		t.Run(c.file+" "+c.name, func(t *testing.T) {
			a := find(t, c.file, c.name)
			shape, err := a.Shape()
			if err != nil || !slices.Equal(shape, c.shape) {
				t.Fatalf("shape %v, %v, want %v", shape, err, c.shape)
			}
			data, err := a.Read()
			if err != nil || reflect.TypeOf(data) != reflect.TypeOf(c.kind) {
				t.Fatalf("read %T, %v, want %T", data, err, c.kind)
			}
			n := 1
			for _, d := range shape {
				n *= d
			}
			got := float64s(t, a)
			if len(got) != n {
				t.Fatalf("%d elements, want %d", len(got), n)
			}
			for i, v := range got {
				if v != float64(i)+0.5 {
					t.Fatalf("elements %v", got)
				}
			}
		})
	}
	zeros := float64s(t, find(t, "deflated.npz", "zeros"))
	if len(zeros) != 300*400 || slices.Max(zeros) != 0 || slices.Min(zeros) != 0 {
		t.Error("the zeros aren't")
	}
	halves := []uint16{0x3800, 0x3e00, 0x4100, 0x4300, 0x4480, 0x4580} // 0.5, 1.5, …
	for name, want := range map[string][]uint16{"f2": halves, "big/f2": halves[:4]} {
		if got, err := find(t, "arrays.npz", name).Read(); err != nil || !slices.Equal(got.([]uint16), want) {
			t.Errorf("%s: %04x, %v, want %04x", name, got, err, want)
		}
	}
}

func TestReadRefusesOtherTypes(t *testing.T) {
	for name, want := range map[string]string{"integers": "<i8", "flags": "|b1", "text": "<U2", "structure": "structures"} {
		a := find(t, "arrays.npz", name)
		for _, read := range []func() error{
			func() error { _, err := a.Shape(); return err },
			func() error { _, err := a.Read(); return err },
		} {
			var fe *FormatError
			if err := read(); !errors.As(err, &fe) || fe.Name != name || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
		}
	}
}

var special = []Array{
	{"scalar", nil, []float32{1}},
	{"vector", []int{3}, []float64{math.Pi, math.Inf(-1), math.Copysign(0, -1)}},
	{"a/matrix", []int{2, 3}, []float32{1, 2, 3, 4, 5, math.SmallestNonzeroFloat32}},
	{"empty", []int{0}, []float64{}},
	{"ü", []int{1, 1, 1, 2}, []float32{math.MaxFloat32, -1}},
	{"large", []int{70_001}, make([]float64, 70_001)},
}

func write(t testing.TB, tensors []Array) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWriteAndRead(t *testing.T) {
	file := write(t, special)
	if !bytes.Equal(file, write(t, special)) {
		t.Error("the same arrays give other bytes")
	}
	arrays, err := open(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range arrays {
		want := special[i]
		shape, err := a.Shape()
		if err != nil || a.Name != want.Name || !slices.Equal(shape, want.Shape) {
			t.Errorf("%q %v, %v, want %q %v", a.Name, shape, err, want.Name, want.Shape)
		}
		data, err := a.Read()
		if err != nil || !reflect.DeepEqual(data, want.Data) {
			t.Errorf("%s: %v, %v", a.Name, data, err)
		}
	}
	if len(arrays) != len(special) {
		t.Errorf("%d arrays, want %d", len(arrays), len(special))
	}
}

// What precedes the elements is NumPy's, byte for byte.
func TestHeaderIsNumPys(t *testing.T) {
	for file, tensors := range map[string][]Array{
		"arrays.npz": {
			{"f4", []int{2, 3}, make([]float32, 6)},
			{"vector", []int{5}, make([]float64, 5)},
			{"scalar", nil, make([]float32, 1)},
			{"one", []int{1, 1, 1}, make([]float32, 1)},
		},
	} {
		arrays, err := open(write(t, tensors))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range arrays {
			got, want := headerOf(t, a), headerOf(t, find(t, file, a.Name))
			if got != want {
				t.Errorf("%s:\n%q\n%q", a.Name, got, want)
			}
		}
	}
}

func headerOf(t *testing.T, a *Entry) string {
	t.Helper()
	r, h, err := a.open()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	r, err = a.file.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, h.length)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// npy returns the content of an entry with a header of version 1.
func npy(header string, data int) string {
	return magic + "\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)))) + header + strings.Repeat("\x00", data)
}

// pack returns an archive with one entry, a.npy.
func pack(content string) []byte { return packed(zip.Deflate, "a.npy", content) }

func packed(method uint16, names ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(names); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: names[i], Method: method})
		if err == nil {
			_, err = io.WriteString(w, names[i+1])
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"

// Spellings of Python's that mean the same.
func TestHeaders(t *testing.T) {
	for _, h := range []string{
		good,
		`{"descr":"<f4","fortran_order":False,"shape":(2,3)}`,
		" { 'shape' : ( 2 , 3 , ) ,\n 'fortran_order' : False , 'descr' : '<f4' } \n",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L)}",
		good + strings.Repeat(" ", 9000),
	} {
		arrays, err := open(pack(npy(h, 24)))
		if err != nil {
			t.Fatal(err)
		}
		shape, err := arrays[0].Shape()
		if err != nil || !slices.Equal(shape, []int{2, 3}) {
			t.Errorf("%.80q: %v, %v", h, shape, err)
		}
		if data, err := arrays[0].Read(); err != nil || len(data.([]float32)) != 6 {
			t.Errorf("%.80q: %v, %v", h, data, err)
		}
	}
}

func with(old, new string) []byte {
	if !strings.Contains(good, old) {
		panic(old)
	}
	return pack(npy(strings.Replace(good, old, new, 1), 24))
}

// hostile are files that must be refused, when they are opened or when their array a is read; the reason must contain
// want.
var hostile = []struct {
	name, want string
	file       []byte
}{
	{"nothing", "not a zip archive", nil},
	{"text", "not a zip archive", []byte(strings.Repeat("no weights", 100))},
	{"an array without an archive", "not a zip archive", []byte(npy(good, 24))},
	{"another entry", "does not end with .npy", packed(zip.Store, "a.npy", npy(good, 24), "b.txt", "text")},
	{"a folder", "does not end with .npy", packed(zip.Store, "a/", "")},
	{"not UTF-8", "not UTF-8", packed(zip.Store, "\xff.npy", npy(good, 24))},
	{"the same name twice", "occurs twice", packed(zip.Store, "a.npy", npy(good, 24), "a.npy", npy(good, 24))},
	{"other compression", "unsupported compression", edit(packed(zip.Store, "a.npy", npy(good, 24)), "PK\x01\x02", 10, 99)},
	{"encrypted", "encrypted", edit(packed(zip.Store, "a.npy", npy(good, 24)), "PK\x01\x02", 8, 9)},
	{"no header", "reading the header: unexpected EOF", pack("")},
	{"cut magic", "reading the header: unexpected EOF", pack(magic)},
	{"cut length", "reading the header: unexpected EOF", pack(magic + "\x01\x00\x00")},
	{"cut header", "reading the header: unexpected EOF", pack(npy(good, 0)[:40])},
	{"other magic", "does not begin", pack(strings.Repeat("x", 100))},
	{"version 0", "format 0.0", pack(strings.Replace(npy(good, 24), "\x01\x00", "\x00\x00", 1))},
	{"version 4", "format 4.0", pack(strings.Replace(npy(good, 24), "\x01\x00", "\x04\x00", 1))},
	{"version 1.1", "format 1.1", pack(strings.Replace(npy(good, 24), "\x01\x00", "\x01\x01", 1))},
	{"huge header", "header of 4294967295 bytes", pack(magic + "\x02\x00\xff\xff\xff\xff{")},
	{"long header", "header of 10063 bytes", pack(npy(good+strings.Repeat(" ", 10_003), 24))},
	{"empty header", "not a dictionary", pack(npy("", 24))},
	{"a tuple", "not a dictionary", pack(npy("('<f4', False, (2, 3))", 24))},
	{"no closing", "want a key", with("), }", "),")},
	{"no comma", "want a comma", with("'<f4', ", "'<f4' ")},
	{"no colon", "want a key", with("'descr':", "'descr'")},
	{"number as key", "want a key", with("'descr'", "1")},
	{"unknown key", "unknown", with("'descr'", "'type'")},
	{"missing key", "missing", with("'descr': '<f4', ", "")},
	{"nothing in it", "missing", pack(npy("{}", 24))},
	{"key twice", "twice", with("{", "{'shape': (2, 3), ")},
	{"text after it", "goes on", with("}\n", "} x")},
	{"code", "want a comma", with("False", "False or exit()")},
	{"escape", "want a string", with("'<f4'", `'\x3cf4'`)},
	{"open string", "want a string", with("'<f4', 'fortran_order': False, 'shape': (2, 3), }", "'<f4")},
	{"structure", "structures", with("'<f4'", "[('a', '<f4')]")},
	{"complex", "<c8", with("<f4", "<c8")},
	{"objects", "|O", with("<f4", "|O")},
	{"no byte order", "f4", with("<f4", "f4")},
	{"quadruple precision", "<f16", with("<f4", "<f16")},
	{"order as number", "True or False", with("False", "0")},
	{"shape is a number", "not a tuple", with("(2, 3)", "(6)")},
	{"shape without parentheses", "want a tuple", with("(2, 3)", "6")},
	{"shape is a list", "want a tuple", with("(2, 3)", "[2, 3]")},
	{"open shape", "want numbers", with("(2, 3), }\n", "(2, ")},
	{"negative dimension", "want numbers", with("(2, 3)", "(-2, -3)")},
	{"fraction", "not a tuple", with("(2, 3)", "(6.0)")},
	{"only a comma", "want numbers", with("(2, 3)", "(,)")},
	{"two commas", "want numbers", with("(2, 3)", "(2,,3)")},
	{"dimension beyond int64", "want numbers", with("(2, 3)", "(9223372036854775808, 1)")},
	{"overflow", "overflows", with("(2, 3)", "(4294967296, 4294967296)")},
	{"overflow in bytes", "overflows", with("(2, 3)", "(4611686018427387904,)")},
	{"many dimensions", "more than 64", with("(2, 3)", "(2, 3"+strings.Repeat(", 1", 100)+")")},
	{"huge array", "want 4000000077", with("(2, 3)", "(1000000000,)")},
	{"too few elements", "entry has 94 bytes, want 102", with("(2, 3)", "(2, 4)")},
	{"too many elements", "entry has 94 bytes, want 86", with("(2, 3)", "(2, 2)")},
	{"changed element", "checksum", edit(packed(zip.Store, "a.npy", npy(good, 24)), "}\n", 5, 1)},
	{"huge entry", "can't come from", lying(zip.Store, "1000000000", 0)},
	{"huge entry, deflated", "can't come from", lying(zip.Deflate, "1000000000", 0)},
	{"huge compressed size", "can't come from", lying(zip.Deflate, "1000000000", 1<<40)},
	{"an entry of more bytes than there are", "reading the elements", lying(zip.Store, "2", 0)},
}

// edit sets the byte at a distance from the last occurrence of a text.
func edit(file []byte, text string, distance int, to byte) []byte {
	file[bytes.LastIndex(file, []byte(text))+distance] = to
	return file
}

// lying is an archive whose directory and header agree that an array has many elements, of which it has none.
func lying(method uint16, elements string, compressed uint64) []byte {
	n, err := strconv.ParseUint(elements, 10, 64)
	if err != nil {
		panic(err)
	}
	content := npy(strings.Replace(good, "(2, 3)", "("+elements+",)", 1), 0)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: "a.npy", Method: method,
		CompressedSize64: max(compressed, uint64(len(content))), UncompressedSize64: uint64(len(content)) + 4*n,
	})
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestHostile(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			arrays, err := open(c.file)
			if err == nil {
				if _, err = arrays[0].Read(); err == nil {
					t.Fatal("read")
				}
				if _, e := arrays[0].Shape(); e != nil && e.Error() != err.Error() {
					t.Errorf("shape: %v, elements: %v", e, err)
				}
			}
			runtime.ReadMemStats(&after)
			var fe *FormatError
			if !errors.As(err, &fe) {
				t.Fatalf("got %v, want a FormatError", err)
			}
			if msg := err.Error(); !strings.Contains(msg, c.want) || strings.Contains(msg, "\n") || len(msg) > 300 {
				t.Errorf("message is not one clear line with %q: %.400q", c.want, msg)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 300<<10 { // flate's windows, for the most part
				t.Errorf("allocated %d bytes for a file of %d", got, len(c.file))
			}
		})
	}
}

// A zip bomb is opened, and takes no memory until its array is read.
func TestBomb(t *testing.T) {
	content := npy(strings.Replace(good, "(2, 3)", "(4000000,)", 1), 4*4_000_000)
	file := pack(content)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	arrays, err := open(file)
	if err != nil {
		t.Fatal(err)
	}
	shape, err := arrays[0].Shape()
	runtime.ReadMemStats(&after)
	if err != nil || !slices.Equal(shape, []int{4_000_000}) {
		t.Errorf("shape %v, %v", shape, err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 300<<10 {
		t.Errorf("allocated %d bytes for a file of %d", got, len(file))
	}
}

// Every cut of a good file, and every changed byte of it, is refused or gives arrays of the right sizes.
func TestDamage(t *testing.T) {
	whole := write(t, []Array{{"a", []int{2}, []float32{1, 2}}, {"b", []int{1, 2}, []float64{3, 4}}})
	for n := range whole {
		if _, err := open(whole[:n]); err == nil {
			t.Fatalf("cut to %d: opened", n)
		}
		damaged := bytes.Clone(whole)
		damaged[n] ^= 0x55
		checkRead(t, damaged)
	}
}

func TestWriteRefuses(t *testing.T) {
	one := []float32{1}
	for want, tensors := range map[string][]Array{
		"name occurs twice":      {{"a", []int{1}, one}, {"a", []int{1}, one}},
		"name is not UTF-8":      {{"\xff", []int{1}, one}},
		"data is []int32":        {{"a", []int{1}, []int32{1}}},
		"data is <nil>":          {{"a", []int{0}, nil}},
		"data has 1 elements":    {{"a", []int{2}, one}},
		"negative":               {{"a", []int{-1, -1}, one}},
		"overflows":              {{"a", []int{math.MaxInt, 2}, one}},
		"more than 64 dimension": {{"a", make([]int, 65), one}},
	} {
		var b bytes.Buffer
		var fe *FormatError
		if err := Write(&b, tensors); !errors.As(err, &fe) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if b.Len() > 0 {
			t.Errorf("%s: %d bytes were written", want, b.Len())
		}
	}
}

var errFull = errors.New("disk full")

// fullWriter takes n bytes.
type fullWriter struct{ n int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		n := w.n
		w.n = 0
		return n, errFull
	}
	w.n -= len(p)
	return len(p), nil
}

func TestWriteError(t *testing.T) {
	tensors := special[:4]
	for n := range write(t, tensors) {
		if err := Write(&fullWriter{n}, tensors); !errors.Is(err, errFull) {
			t.Fatalf("full after %d bytes: %v", n, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, c := range hostile {
		f.Add(c.file)
	}
	for _, name := range []string{"arrays.npz", "deflated.npz", "versions.npz"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkRead(t, b) })
}

// FuzzArray spares the fuzzer the archive.
func FuzzArray(f *testing.F) {
	f.Add([]byte(npy(good, 24)))
	for _, c := range hostile {
		arrays, err := open(c.file)
		if err != nil {
			continue
		}
		if r, err := arrays[0].file.Open(); err == nil {
			if b, err := io.ReadAll(r); err == nil {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkRead(t, packed(zip.Store, "a.npy", string(b))) })
}

// checkRead holds any file to: refused as a FormatError, or read as arrays of their shapes' sizes, which are the same
// when they are written and read again.
func checkRead(t *testing.T, b []byte) {
	t.Helper()
	refused := func(err error) bool {
		var fe *FormatError
		if err != nil && !errors.As(err, &fe) {
			t.Fatalf("%T: %v", err, err)
		}
		return err != nil
	}
	arrays, err := open(b)
	if refused(err) {
		return
	}
	var tensors []Array
	for _, a := range arrays {
		shape, err := a.Shape()
		if refused(err) {
			continue
		}
		n, err := elements(a.Name, shape)
		if err != nil {
			t.Fatal(err)
		}
		if n > 1<<20 {
			continue
		}
		data, err := a.Read()
		if refused(err) {
			continue
		}
		if got := reflect.ValueOf(data).Len(); got != n {
			t.Fatalf("%s of shape %v has %d elements", a.Name, shape, got)
		}
		if _, half := data.([]uint16); !half {
			tensors = append(tensors, Array{a.Name, shape, data})
		}
	}
	first := write(t, tensors)
	arrays, err = open(first)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range arrays {
		tensors[i].Data, err = a.Read()
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(write(t, tensors), first) {
		t.Fatal("a second round changes the bytes")
	}
}
