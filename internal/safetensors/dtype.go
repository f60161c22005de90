package safetensors

import "reflect"

// DType is the type of a tensor's elements, spelled as in the file.
type DType string

// The element types, each with the type of Tensor.Data that holds them.
const (
	F64  DType = "F64"  // []float64
	F32  DType = "F32"  // []float32
	F16  DType = "F16"  // []uint16, the bits of IEEE 754 half precision
	BF16 DType = "BF16" // []uint16, the upper half of a float32's bits
	I64  DType = "I64"  // []int64
	I32  DType = "I32"  // []int32
	I16  DType = "I16"  // []int16
	I8   DType = "I8"   // []int8
	U64  DType = "U64"  // []uint64
	U32  DType = "U32"  // []uint32
	U16  DType = "U16"  // []uint16
	U8   DType = "U8"   // []byte
	Bool DType = "BOOL" // []bool; any byte but 0 is read as true
)

// dtypes are the element types in the order in which the reference
// implementation lays them out.
var dtypes = []DType{U64, I64, F64, F32, U32, I32, BF16, F16, U16, I16, I8, U8, Bool}

var sliceTypes = map[DType]reflect.Type{
	F64:  reflect.TypeFor[[]float64](),
	F32:  reflect.TypeFor[[]float32](),
	F16:  reflect.TypeFor[[]uint16](),
	BF16: reflect.TypeFor[[]uint16](),
	I64:  reflect.TypeFor[[]int64](),
	I32:  reflect.TypeFor[[]int32](),
	I16:  reflect.TypeFor[[]int16](),
	I8:   reflect.TypeFor[[]int8](),
	U64:  reflect.TypeFor[[]uint64](),
	U32:  reflect.TypeFor[[]uint32](),
	U16:  reflect.TypeFor[[]uint16](),
	U8:   reflect.TypeFor[[]byte](),
	Bool: reflect.TypeFor[[]bool](),
}

// size returns the bytes of one element. The type must be a known one.
func (d DType) size() int { return int(sliceTypes[d].Elem().Size()) }
