"""Numbers for the tests of package attention, computed by PyTorch 1.13 in float64.

usage: generate.py > pytorch.json
Sequences are [T, B, width]. The loss of a case is sum(y * wy); "grad.NAME" is its gradient. Inputs are rounded, so that the
file stays small.
"""
import json
import sys

import torch
from torch import nn

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
B, TQ, TK, E, D, H, U = 2, 3, 4, 4, 5, 3, 6
cases = []


def draw(*shape):
    return (torch.randn(*shape) * 100).round().div(100).requires_grad_()


def case(name, y, inputs, **results):
    wy = draw(*y.shape)
    (y * wy).sum().backward()
    tensors = dict(y=y, wy=wy, **results)
    for k, v in inputs.items():
        tensors[k] = v
        if v.requires_grad:
            tensors["grad." + k] = v.grad
    cases.append({"name": name, "tensors": {
        k: {"shape": list(v.shape), "data": [float("%.12g" % x) for x in v.detach().flatten()]} for k, v in tensors.items()}})


def rounded(module):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(draw(*p.shape) / 2)
    return dict(module.named_parameters())


# The mask is 1 where there is a step: the second sequence is one short, and has a hole.
steps = torch.ones(TK, B)
steps[3, 1] = steps[1, 1] = 0

for name, bias, masked, itself in (("plain", True, False, False), ("keys", True, True, False), ("causal", False, False, True),
                                   ("causal keys", True, True, True)):
    m = nn.MultiheadAttention(E, 2, bias=bias)
    params = rounded(m)
    q = draw(TK if itself else TQ, B, E)
    k, v = (q, q) if itself else (draw(TK, B, E), draw(TK, B, E))
    causal = torch.ones(TK, TK).triu(1).bool() if itself else None
    y, w = m(q, k, v, key_padding_mask=(steps == 0).T if masked else None, attn_mask=causal, average_attn_weights=False)
    case("multihead " + name, y, dict(query=q, key=k, value=v, steps=steps, **{"param." + n: p for n, p in params.items()}), weights=w)


def read(scores, memory):
    """scores [B, Tq, Tk]"""
    w = scores.masked_fill((steps == 0).T[:, None, :], float("-inf")).softmax(-1)
    return torch.einsum("bqk,kbd->qbd", w, memory), w[:, None]


def dot(q, m):
    return torch.einsum("qbd,kbd->bqk", q, m)


def general(weight):
    return lambda q, m: torch.einsum("qbi,ij,kbj->bqk", q, weight, m)


def additive(w, u, v):
    return lambda q, m: torch.einsum("qkbu,u->bqk", torch.tanh((q @ w.T)[:, None] + (m @ u.T)[None]), v[0])


for name, score, params in (
        ("dot", lambda p: dot, {}),
        ("general", lambda p: general(p["weight"]), {"weight": (H, D)}),
        ("additive", lambda p: additive(p["query.weight"], p["key.weight"], p["score.weight"]),
         {"query.weight": (U, H), "key.weight": (U, D), "score.weight": (1, U)})):
    p = {k: draw(*s) for k, s in params.items()}
    q, m = draw(TQ, B, D if name == "dot" else H), draw(TK, B, D)
    y, w = read(score(p)(q, m), m)
    case(name, y, dict(query=q, memory=m, steps=steps, **{"param." + n: v for n, v in p.items()}), weights=w)

# Decoders over three steps, from zero states.
x, m = draw(TQ, B, 2), draw(TK, B, D)
cell = nn.GRUCell(2 + D, H)
params = {"cell." + n: v for n, v in rounded(cell).items()}
for n, s in (("query.weight", (U, H)), ("key.weight", (U, D)), ("score.weight", (1, U))):
    params["attention." + n] = draw(*s)
score = additive(*(params["attention." + n] for n in ("query.weight", "key.weight", "score.weight")))
h, ys, ws = torch.zeros(B, H), [], []
for t in range(TQ):
    c, w = read(score(h[None], m), m)
    h = cell(torch.cat([x[t], c[0]], 1), h)
    ys.append(torch.cat([h, c[0]], 1))
    ws.append(w)
case("bahdanau", torch.stack(ys), dict(x=x, memory=m, steps=steps, **{"param." + n: v for n, v in params.items()}), weights=torch.cat(ws, 2))

x, m, A = draw(TQ, B, 2), draw(TK, B, D), 4
cell = nn.LSTMCell(2 + A, H)
params = {"cell." + n: v for n, v in rounded(cell).items()}
params["attention.weight"], params["weight"] = draw(H, D), draw(A, D + H)
score = general(params["attention.weight"])
h, c, a, ys, ws = torch.zeros(B, H), torch.zeros(B, H), torch.zeros(B, A), [], []
for t in range(TQ):
    h, c = cell(torch.cat([x[t], a], 1), (h, c))
    context, w = read(score(h[None], m), m)
    a = torch.tanh(torch.cat([context[0], h], 1) @ params["weight"].T)
    ys.append(a)
    ws.append(w)
case("luong", torch.stack(ys), dict(x=x, memory=m, steps=steps, **{"param." + n: v for n, v in params.items()}), weights=torch.cat(ws, 2))

sys.stdout.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
