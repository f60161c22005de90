"""Writes arrays.npz and deflated.npz beside this file, with NumPy: /usr/bin/python3 generate.py

Element i of every array, in row-major order, is i + 0.5.
"""
import io
import os
import zipfile

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))


def array(dtype, *shape, order="C"):
    n = int(np.prod(shape))
    return np.asarray((np.arange(n) + 0.5).reshape(shape), dtype=dtype, order=order)


arrays = {
    "f2": array("<f2", 2, 3),
    "f4": array("<f4", 2, 3),
    "f8": array("<f8", 2, 3),
    "big/f2": array(">f2", 4),
    "big/f4": array(">f4", 4),
    "big/f8": array(">f8", 4),
    "scalar": array("<f4"),
    "vector": array("<f8", 5),
    "empty": array("<f4", 0, 3),
    "one": array("<f4", 1, 1, 1),
    "fortran": array("<f4", 2, 3, order="F"),
    "fortran3": array("<f8", 2, 3, 4, order="F"),
    "große.wand": array("<f4", 2),
    "integers": np.arange(3),
    "flags": np.array([True, False]),
    "text": np.array(["a", "bc"]),
    "structure": np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]),
}
np.savez(os.path.join(here, "arrays.npz"), **arrays)
np.savez_compressed(os.path.join(here, "deflated.npz"), zeros=np.zeros((300, 400), "<f4"), **arrays)

# The other versions of the header.
with zipfile.ZipFile(os.path.join(here, "versions.npz"), "w") as z:
    for version in (1, 2, 3):
        b = io.BytesIO()
        np.lib.format.write_array(b, array("<f4", 2, 3), version=(version, 0))
        z.writestr(f"v{version}.npy", b.getvalue())
