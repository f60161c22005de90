package kernel

// portable is the implementation in Go.
var portable = implementation{name: "portable", f32: portableImpl[float32](), f64: portableImpl[float64]()}

func portableImpl[F Float]() impl[F] {
	return impl[F]{
		tiles:     [4][]tileFunc[F]{onePanel: {tileRow[F]}},
		main:      onePanel,
		panel:     portablePanel,
		copyRows:  copyRows[F],
		transpose: transposeOne[F],
		block:     1,

		exp: exps[F], sigmoid: sigmoids[F], tanh: tanhs[F], expSub: expSub[F],
		add: add[F], sub: sub[F], mul: mul[F], mulAdd: mulAdd[F], axpy: axpy[F], scale: scale[F],
		sum: sum[F], sumSquares: sumSquares[F], dot: dot[F], sumUnit: 1,
		maximum: maximum[F], maxUnit: 1,
		addRows:     addRows[F],
		lstmForward: lstmForward[F], lstmBackward: lstmBackward[F],
		gruForward: gruForward[F], gruBackward: gruBackward[F], tanhBackward: tanhBackward[F],
		adam: adam[F],
	}
}
