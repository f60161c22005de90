//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// amx is avx512 with the matrix unit.
var amx = withMatrixUnit(avx512)

func withMatrixUnit(im implementation) implementation {
	im.name = "amx"
	im.f32.matrix = &matrixUnit[float32]{
		splitRows:  splitRowsF32AVX512,
		splitPairs: splitPairsF32AVX512,
		tiles:      [2]func(chunks int, a, b, c *float32){matrixTile1F32AVX512, matrixTile2F32AVX512},
		store:      matrixStoreF32AVX512,
	}
	return im
}

// hasMatrixUnit reports whether the processor has AMX with bfloat16 and the system lets this process use it.
func hasMatrixUnit() bool { return cpu.X86.HasAMXTile && cpu.X86.HasAMXBF16 && permitTiles() }
