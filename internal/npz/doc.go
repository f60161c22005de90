// Package npz reads and writes NumPy's .npz files, in which arrays are exchanged with Keras, Flax and everything else
// that is written in Python.
//
// A file is a zip archive with one entry for each array, NAME.npy, stored or deflated. An entry is
//
//	\x93NUMPY, version (major, minor), length of the header (2 bytes little-endian, from version 2 on 4),
//	{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } and spaces up to a newline,
//	the elements
//
// # Basics
//
// [Open] lists the arrays of a file, [Entry.Shape] reads a header, and [Entry.Read] the elements. [Write] writes arrays
// as numpy.savez does, in the order given, with each header padded to a multiple of 64 bytes; the same arrays give the
// same bytes.
//
// Elements are floating-point numbers of 2, 4 or 8 bytes, of either byte order. Others are refused.
//
// # Caveats
//
// Files come from strangers, so reading is strict, and what is refused is a [*FormatError]. Opening takes memory in
// proportion to the size of the input. The elements of an array can take a thousand times as much as they do deflated:
// look at Shape before Read.
package npz
