package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func read(b []byte) (*File, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func write(t testing.TB, f *File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// raw puts a header and n zero bytes of data into a file.
func raw(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

// u8 is the header's member for a tensor of bytes.
func u8(name, shape string, begin, end any) string {
	return fmt.Sprintf(`"%s":{"dtype":"U8","shape":%s,"data_offsets":[%v,%v]}`, name, shape, begin, end)
}

// The bytes are spelled out from the format's description.
func TestWriteBytes(t *testing.T) {
	f := &File{
		Tensors: []Tensor{
			{Name: "b<é>", DType: U8, Data: []byte{7}},
			{Name: "a", DType: F32, Shape: []int{1, 2}, Data: []float32{1, -2}},
			{Name: "c", DType: I64, Shape: []int{0}, Data: []int64{}},
		},
		Metadata: map[string]string{"y": "2", "x": "1"},
	}
	const header = `{"__metadata__":{"x":"1","y":"2"},` +
		`"c":{"dtype":"I64","shape":[0],"data_offsets":[0,0]},` +
		`"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},` +
		`"b<é>":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}   `
	want := "\xc8\x00\x00\x00\x00\x00\x00\x00" + header + "\x00\x00\x80\x3f\x00\x00\x00\xc0\x07"
	if got := string(write(t, f)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// The golden files come from a writer in Python. Every clip case states the
// norm of its two gradients, which the values that were read must have.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.safetensors")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		f, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Metadata["case"] == "" {
			t.Errorf("%s: no case in %v", path, f.Metadata)
		}
		again, err := read(write(t, f))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, tensor := range f.Tensors {
			other, ok := again.Tensor(tensor.Name)
			if !ok || !reflect.DeepEqual(*other, tensor) {
				t.Errorf("%s: %s changed from %v to %v", path, tensor.Name, tensor, other)
			}
		}
	}

	original, err := os.ReadFile("testdata/clip_000.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, err := read(original)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(write(t, f), original) {
		t.Error("clip_000 is not written as it was read")
	}
	sum := 0.0
	for _, name := range []string{"g0", "g1"} {
		g, _ := f.Tensor(name)
		for _, v := range g.Data.([]float64) {
			sum += v * v
		}
	}
	norm, _ := f.Tensor("norm")
	if got, want := math.Sqrt(sum), norm.Data.([]float64)[0]; math.Abs(got-want) > 1e-12*want {
		t.Errorf("norm of clip_000 is %v, want %v", got, want)
	}
	if _, ok := f.Tensor("none"); ok {
		t.Error("found a tensor that is not there")
	}
}

// randomFile has every element type, and values of any bits.
func randomFile(rng *rand.Rand) *File {
	f := &File{}
	for i := range rng.IntN(12) {
		shape := make([]int, rng.IntN(4))
		n := 1
		for k := range shape {
			shape[k] = rng.IntN(5)
			n *= shape[k]
		}
		if rng.IntN(8) == 0 {
			n = chunkSize/2 + rng.IntN(chunkSize) // several chunks
			shape = []int{n}
		}
		dtype := dtypes[rng.IntN(len(dtypes))]
		bits := make([]byte, n*dtype.size())
		for k := range bits {
			bits[k] = byte(rng.Uint32())
			if dtype == Bool {
				bits[k] &= 1
			}
		}
		data := reflect.MakeSlice(sliceTypes[dtype], n, n).Interface()
		if _, err := binary.Decode(bits, binary.LittleEndian, data); err != nil {
			panic(err)
		}
		f.Tensors = append(f.Tensors, Tensor{fmt.Sprintf("näme \"%d\" \n\u2028", i), dtype, shape, data})
	}
	if rng.IntN(2) == 0 {
		f.Metadata = map[string]string{"a": "<&>", "b\t": strings.Repeat("x", rng.IntN(9))}
	}
	return f
}

func TestRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 30 {
		f := randomFile(rng)
		b := write(t, f)
		back, err := read(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back.Metadata, f.Metadata) || len(back.Tensors) != len(f.Tensors) {
			t.Fatalf("got %d tensors and %q, want %d and %q", len(back.Tensors), back.Metadata, len(f.Tensors), f.Metadata)
		}
		for _, want := range f.Tensors {
			got, ok := back.Tensor(want.Name)
			if !ok || got.DType != want.DType || !equalInts(got.Shape, want.Shape) || !bytes.Equal(bits(got), bits(&want)) {
				t.Fatalf("%q is not what was written", want.Name)
			}
		}
		rng.Shuffle(len(f.Tensors), func(i, j int) { f.Tensors[i], f.Tensors[j] = f.Tensors[j], f.Tensors[i] })
		if !bytes.Equal(write(t, f), b) {
			t.Fatal("the order of the tensors changes the bytes")
		}
	}
}

// bits are the tensor's values as bytes: NaNs are not equal to themselves.
func bits(t *Tensor) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, t.Data)
	if err != nil {
		panic(err)
	}
	return b
}

func equalInts(a, b []int) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

func TestSpecialValues(t *testing.T) {
	f64 := []uint64{0x7ff0000000000001, 0xfff8dead00000000, 0x7ff0000000000000, 0x8000000000000000, 1}
	f32 := []uint32{0x7f800001, 0xffc0dead, 0xff800000, 0x80000000, 1}
	a, b := make([]float64, 5), make([]float32, 5)
	for i := range a {
		a[i], b[i] = math.Float64frombits(f64[i]), math.Float32frombits(f32[i])
	}
	f, err := read(write(t, &File{Tensors: []Tensor{{"a", F64, []int{5}, a}, {"b", F32, []int{5}, b}}}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range a {
		if got := math.Float64bits(f.Tensors[0].Data.([]float64)[i]); got != f64[i] {
			t.Errorf("float64: got %x, want %x", got, f64[i])
		}
		if got := math.Float32bits(f.Tensors[1].Data.([]float32)[i]); got != f32[i] {
			t.Errorf("float32: got %x, want %x", got, f32[i])
		}
	}
}

func TestAccepted(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":                  raw("{}", 0),
		"spaces after":           raw("{} \n\t ", 0),
		"spaces inside":          raw(`{ "a" : {"shape":[ ],"data_offsets":[0,1] ,"dtype":"U8"} }`, 1),
		"data in another order":  raw("{"+u8("a", "[1]", 2, 3)+","+u8("b", "[2]", 0, 2)+"}", 3),
		"empty tensors anywhere": raw("{"+u8("a", "[2]", 0, 2)+","+u8("b", "[0]", 0, 0)+","+u8("c", "[5,0]", 2, 2)+"}", 2),
		"huge times zero":        raw("{"+u8("a", "[0,4611686018427387904,9]", 0, 0)+"}", 0),
		"metadata last":          raw("{"+u8("a", "[]", 0, 1)+`,"__metadata__":{}}`, 1),
	} {
		if _, err := read(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hostile are files that must be refused; the reason must contain want.
var hostile = []struct {
	name, want string
	file       []byte
}{
	{"nothing", "too few", nil},
	{"seven bytes", "too few", make([]byte, 7)},
	{"no header", "begin with {", make([]byte, 8)},
	{"huge header", "header of 18446744073709551615 bytes in a file of 9", append(bytes.Repeat([]byte{255}, 8), '{')},
	{"header beyond int64", "in a file", append(binary.LittleEndian.AppendUint64(nil, 1<<63), '{')},
	{"header longer than the file", "header of 90000000 bytes in a file of 9", append(binary.LittleEndian.AppendUint64(nil, 90_000_000), '{')},
	{"cut header", "in a file", raw("{"+u8("a", "[4]", 0, 4)+"}", 0)[:20]},
	{"leading space", "begin with {", raw(" {}", 0)},
	{"array", "begin with {", raw("[]", 0)},
	{"null", "begin with {", raw("null", 0)},
	{"bad JSON", "not JSON", raw("{"+u8("a", "[4]", 0, 4), 4)},
	{"trailing comma", "not JSON", raw("{"+u8("a", "[4,]", 0, 4)+"}", 4)},
	{"two objects", "not JSON", raw("{}{}", 0)},
	{"zero padding", "not JSON", raw("{}\x00\x00", 0)},
	{"deep", "not JSON", raw(`{"a":`+strings.Repeat("[", 1e6)+strings.Repeat("]", 1e6)+"}", 0)},
	{"nested", "want an object", raw(`{"a":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+"}", 0)},
	{"not UTF-8", "UTF-8", raw("{"+u8("\xff", "[4]", 0, 4)+"}", 4)},
	{"duplicate name", "twice", raw("{"+u8("a", "[4]", 0, 4)+","+u8("a", "[4]", 0, 4)+"}", 4)},
	{"duplicate name, escaped", "twice", raw("{"+u8("a", "[4]", 0, 4)+","+u8(`\u0061`, "[4]", 4, 8)+"}", 8)},
	{"duplicate metadata", "twice", raw(`{"__metadata__":{},"__metadata__":{}}`, 0)},
	{"duplicate metadata key", "twice", raw(`{"__metadata__":{"a":"1","a":"2"}}`, 0)},
	{"duplicate key", "twice", raw(`{"a":{"dtype":"F64","dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4)},
	{"key in another case", "unknown", raw(`{"a":{"Dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4)},
	{"unknown key", "unknown", raw(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}}`, 4)},
	{"missing key", "missing", raw(`{"a":{"dtype":"U8","data_offsets":[0,4]}}`, 4)},
	{"null tensor", "null", raw(`{"a":null}`, 0)},
	{"null metadata", "null", raw(`{"__metadata__":null}`, 0)},
	{"number in metadata", "want a string", raw(`{"__metadata__":{"a":1}}`, 0)},
	{"unknown type", "element type", raw(`{"a":{"dtype":"F12","shape":[4],"data_offsets":[0,4]}}`, 4)},
	{"type in lower case", "element type", raw(`{"a":{"dtype":"u8","shape":[4],"data_offsets":[0,4]}}`, 4)},
	{"negative dimension", "number -4", raw("{"+u8("a", "[-4]", 0, 4)+"}", 4)},
	{"two negative dimensions", "number -2", raw("{"+u8("a", "[-2,-2]", 0, 4)+"}", 4)},
	{"fraction", "number 4.0", raw("{"+u8("a", "[4.0]", 0, 4)+"}", 4)},
	{"exponent", "number 4e0", raw("{"+u8("a", "[4e0]", 0, 4)+"}", 4)},
	{"null dimension", "null", raw("{"+u8("a", "[null]", 0, 0)+"}", 0)},
	{"text dimension", "want a number", raw("{"+u8("a", `["4"]`, 0, 4)+"}", 4)},
	{"shape is a number", "want an array", raw("{"+u8("a", "4", 0, 4)+"}", 4)},
	{"dimension beyond int64", "number 9223372036854775808", raw("{"+u8("a", "[9223372036854775808]", 0, 4)+"}", 4)},
	{"overflow", "overflows", raw("{"+u8("a", "[4294967296,4294967296]", 0, 0)+"}", 0)},
	{"overflow in the element size", "overflows", raw(`{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, 0)},
	{"overflow before zero", "overflows", raw("{"+u8("a", "[4611686018427387904,4,0]", 0, 0)+"}", 0)},
	{"many dimensions", "more than 64", raw("{"+u8("a", "["+strings.Repeat("1,", 1e6)+"1]", 0, 1)+"}", 1)},
	{"one offset", "want 2", raw(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0]}}`, 4)},
	{"three offsets", "more than 2", raw(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}`, 4)},
	{"negative offset", "number -4", raw("{"+u8("a", "[4]", -4, 0)+"}", 4)},
	{"offsets backwards", "gap", raw("{"+u8("a", "[4]", 4, 0)+"}", 4)},
	{"offsets backwards from zero", "span -2", raw("{"+u8("a", "[2]", 0, 2)+","+u8("b", "[2]", 2, 0)+"}", 2)},
	{"overlap", "inside", raw("{"+u8("a", "[4]", 0, 4)+","+u8("b", "[4]", 2, 6)+"}", 6)},
	{"same data twice", "inside", raw("{"+u8("a", "[4]", 0, 4)+","+u8("b", "[4]", 0, 4)+"}", 4)},
	{"gap", "gap", raw("{"+u8("a", "[4]", 0, 4)+","+u8("b", "[4]", 6, 10)+"}", 10)},
	{"gap at the start", "gap", raw("{"+u8("a", "[4]", 2, 6)+"}", 6)},
	{"shape too small", "want 3", raw("{"+u8("a", "[3]", 0, 4)+"}", 4)},
	{"data too short", "take 4 bytes, but 2", raw("{"+u8("a", "[4]", 0, 4)+"}", 2)},
	{"huge tensor", "take 9223372036854775807 bytes, but 2", raw("{"+u8("a", "[9223372036854775807]", 0, "9223372036854775807")+"}", 2)},
	{"trailing bytes", "take 4 bytes, but 5", raw("{"+u8("a", "[4]", 0, 4)+"}", 5)},
	{"trailing bytes alone", "take 0 bytes, but 1", raw("{}", 1)},
}

func TestHostile(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f, err := read(c.file)
			runtime.ReadMemStats(&after)

			var fe *FormatError
			if f != nil || !errors.As(err, &fe) {
				t.Fatalf("got %v, %v, want a FormatError", f, err)
			}
			if msg := err.Error(); !strings.Contains(msg, c.want) || strings.Contains(msg, "\n") || len(msg) > 400 {
				t.Errorf("message is not one clear line with %q: %.500q", c.want, msg)
			}
			if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(64<<10+4*len(c.file)); got > limit {
				t.Errorf("allocated %d bytes for a file of %d", got, len(c.file))
			}
		})
	}
}

// A long name or value must not make the message long.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("n\n", 1e5)
	quoted := strings.ReplaceAll(long, "\n", `\n`)
	for _, header := range []string{
		"{" + u8(quoted, "[3]", 0, 4) + "}",
		"{" + u8(quoted, "[4]", 0, 4) + "," + u8(quoted, "[4]", 0, 4) + "}",
		`{"a":{"` + quoted + `":1}}`,
		`{"a":"` + quoted + `"}`,
		`{"a":{"dtype":"` + quoted + `","shape":[4],"data_offsets":[0,4]}}`,
		"{" + u8("a", "["+strings.Repeat("9", 1e5)+"]", 0, 4) + "}",
	} {
		_, err := read(raw(header, 4))
		if err == nil || len(err.Error()) > 400 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: message %.500q", header, err)
		}
	}
}

// Tensors without data are the most that a file can ask for per byte.
func TestMemoryOfManyTensors(t *testing.T) {
	var b strings.Builder
	b.WriteByte('{')
	for i := range 20000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(u8(fmt.Sprint(i), "[0]", 0, 0))
	}
	b.WriteByte('}')
	file := raw(b.String(), 0)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := read(file)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if live := int(after.HeapAlloc) - int(before.HeapAlloc); live > 8*len(file) {
		t.Errorf("%d tensors of a file of %d bytes keep %d bytes", len(f.Tensors), len(file), live)
	}
	if total := int(after.TotalAlloc - before.TotalAlloc); total > 40*len(file) {
		t.Errorf("allocated %d bytes in all for a file of %d", total, len(file))
	}
}

// Every cut of a good file is refused, whether its size is known or not.
func TestCut(t *testing.T) {
	whole, err := os.ReadFile("testdata/clip_000.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		var fe *FormatError
		if _, err := read(whole[:n]); !errors.As(err, &fe) {
			t.Fatalf("cut to %d: %v", n, err)
		}
		if _, err := Read(bytes.NewReader(whole[:n]), int64(len(whole))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("shrunk to %d: %v", n, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	one := []float32{1}
	for want, f := range map[string]*File{
		"name occurs twice":      {Tensors: []Tensor{{"a", F32, []int{1}, one}, {"a", F32, []int{1}, one}}},
		"reserved":               {Tensors: []Tensor{{metadataKey, F32, []int{1}, one}}},
		"name is not UTF-8":      {Tensors: []Tensor{{"\xff", F32, []int{1}, one}}},
		"metadata \"k\" is not":  {Metadata: map[string]string{"k": "\xff"}},
		"type \"F12\" is":        {Tensors: []Tensor{{"a", "F12", []int{1}, one}}},
		"type \"\" is":           {Tensors: []Tensor{{Name: "a", Data: one}}},
		"data is []float32":      {Tensors: []Tensor{{"a", F64, []int{1}, one}}},
		"data is <nil>":          {Tensors: []Tensor{{"a", F64, []int{0}, nil}}},
		"data has 1 elements":    {Tensors: []Tensor{{"a", F32, []int{2}, one}}},
		"negative":               {Tensors: []Tensor{{"a", F32, []int{-1, -1}, one}}},
		"overflows":              {Tensors: []Tensor{{"a", F32, []int{math.MaxInt, 2}, one}}},
		"more than 64 dimension": {Tensors: []Tensor{{"a", F32, make([]int, 65), one}}},
	} {
		var b bytes.Buffer
		var fe *FormatError
		if err := Write(&b, f); !errors.As(err, &fe) || !strings.Contains(err.Error(), want) {
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
	f, err := ReadFile("testdata/clip_000.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(write(t, f)) {
		if err := Write(&fullWriter{n}, f); !errors.Is(err, errFull) {
			t.Fatalf("full after %d bytes: %v", n, err)
		}
	}
}

func TestReadFileError(t *testing.T) {
	if _, err := ReadFile("testdata/none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var fe *FormatError
	if _, err := ReadFile(path); !errors.As(err, &fe) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range hostile {
		if len(c.file) < 1<<12 {
			f.Add(c.file)
		}
	}
	b, err := os.ReadFile("testdata/clip_000.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(checkRead)
}

// FuzzHeader spares the fuzzer to find the header's length.
func FuzzHeader(f *testing.F) {
	for _, c := range hostile {
		if n := len(c.file); n > 8 && n < 1<<12 {
			f.Add(string(c.file[8:]), uint16(0))
		}
	}
	f.Add("{"+u8("a", "[1,2]", 0, 2)+"}", uint16(2))
	f.Fuzz(func(t *testing.T, header string, n uint16) { checkRead(t, raw(header, int(n))) })
}

// checkRead holds any file to: refused as a FormatError, or written and read
// again without a change.
func checkRead(t *testing.T, b []byte) {
	file, err := read(b)
	if err != nil {
		var fe *FormatError
		if !errors.As(err, &fe) {
			t.Fatalf("%T: %v", err, err)
		}
		return
	}
	first := write(t, file)
	again, err := read(first)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(write(t, again), first) {
		t.Fatal("a second round changes the bytes")
	}
}
