"""Holds models of bptt against PyTorch, for TestPyTorch: python3 torch_roundtrip.py DIR

DIR holds a model a kind (LSTM, GRU, RNN) as KIND.safetensors, and KIND.npz with its ids [T, B] and its output y, all
written by bptt. PyTorch loads each, computes y, and the largest difference is printed. Then it makes a model of its own
and writes the same two files for the way back, as torch_KIND.

The exit code is 3 if PyTorch isn't installed. The package safetensors isn't needed: the format is simple.
"""
import json
import os
import struct
import sys

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError as e:
    print(e)
    sys.exit(3)


def load(path):
    with open(path, "rb") as f:
        data = f.read()
    (n,) = struct.unpack("<Q", data[:8])
    header, data = json.loads(data[8 : 8 + n]), data[8 + n :]
    header.pop("__metadata__", None)
    tensors = {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        dtype = {"F32": np.float32, "F64": np.float64}[t["dtype"]]
        tensors[name] = torch.from_numpy(np.frombuffer(data[begin:end], dtype).reshape(t["shape"]).copy())
    return tensors


def save(path, tensors):
    header, blobs, end = {}, [], 0
    for name, t in tensors.items():
        b = t.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [end, end + len(b)]}
        blobs.append(b)
        end += len(b)
    h = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(h)) + h + b"".join(blobs))


def run(model, ids):
    x, _ = model[1](model[0](ids))
    return model[2](x)


directory = sys.argv[1]
torch.manual_seed(4)
for kind in ("LSTM", "GRU", "RNN"):
    path = os.path.join(directory, kind)
    weights, data = load(path + ".safetensors"), np.load(path + ".npz")
    vocabulary, width = weights["0.weight"].shape
    outputs, hidden = weights["2.weight"].shape[0], weights["2.weight"].shape[1] // 2
    model = nn.Sequential(
        nn.Embedding(vocabulary, width),
        getattr(nn, kind)(width, hidden, num_layers=2, bidirectional=True),
        nn.Linear(2 * hidden, outputs),
    )
    own = {name: t.clone() for name, t in model.state_dict().items()}
    with torch.no_grad():
        model.load_state_dict(weights)  # strict: the same names and shapes
        ids = torch.from_numpy(data["ids"].astype(np.int64))
        print(kind, float((run(model, ids) - torch.from_numpy(data["y"])).abs().max()))

        model.load_state_dict(own)
        path = os.path.join(directory, "torch_" + kind)
        save(path + ".safetensors", own)
        np.savez(path + ".npz", y=run(model, ids).numpy())
