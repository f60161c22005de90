// Package layers holds the layers of which models are made, and the unrolling of cells over time.
//
// A [Layer] writes its nodes on a graph.Builder and lists its parameters. [Sequential] chains layers; a model of any
// other form is a type with the same two methods. Recurrent layers carry their state from window to window by
// themselves: the builder knows every state that a layer begins.
//
// Sequences are time-major: [T*B, F], row t*B+b. So a layer that works on rows, such as [Linear], works on every time
// step as it is; it needs no wrapper like Keras' TimeDistributed. Weights have PyTorch's names, shapes and default
// initialization.
package layers
