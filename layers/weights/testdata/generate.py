"""Writes models of Keras and Flax as .npz files beside this one, with NumPy alone: /usr/bin/python3 generate.py

Neither framework is needed: their cells are written out here, after the formulas of their documentation. NAME.npz holds
the weights of a model, and cases.npz its input NAME/ids [B, T] and output NAME/y [B, T, out], in float64.
"""
import os

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(5)
V, E, H, O, B, T = 7, 3, 4, 2, 2, 5
cases = {}


def draw(*shape):
    return rng.normal(0, 0.7, shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def run(step, x, states, backwards=False):
    """Applies a cell to a sequence [B, T, F]. step(x, states) returns the new states, the output first."""
    ys = np.zeros((B, T, H))
    for t in reversed(range(T)) if backwards else range(T):
        states = step(x[:, t], states)
        ys[:, t] = states[0]
    return ys


def layer_norm(x, epsilon):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + epsilon)


def zeros(n):
    return [np.zeros((B, H)) for _ in range(n)]


# ---- Keras ----
def keras_lstm(w, path, x, f, bias=True, **kw):
    k, u = draw(f, 4 * H), draw(H, 4 * H)
    b = draw(4 * H) if bias else np.zeros(4 * H)
    w[path + "/kernel"], w[path + "/recurrent_kernel"] = k, u
    if bias:
        w[path + "/bias"] = b

    def step(x, s):
        h, c = s
        z = x @ k + h @ u + b
        i, f, cc, o = (z[:, n * H : (n + 1) * H] for n in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(cc)
        return [sigmoid(o) * np.tanh(c), c]

    return run(step, x, zeros(2), **kw)


def keras_gru(w, path, x, f, reset_after=True, bias=True, **kw):
    k, u = draw(f, 3 * H), draw(H, 3 * H)
    w[path + "/kernel"], w[path + "/recurrent_kernel"] = k, u
    bi, br = np.zeros(3 * H), np.zeros(3 * H)
    if bias and reset_after:
        b = draw(2, 3 * H)
        w[path + "/bias"], bi, br = b, b[0], b[1]
    elif bias:
        w[path + "/bias"] = bi = draw(3 * H)
    kz, kr, kh = k[:, :H], k[:, H : 2 * H], k[:, 2 * H :]
    uz, ur, uh = u[:, :H], u[:, H : 2 * H], u[:, 2 * H :]

    def step(x, s):
        h = s[0]
        z = sigmoid(x @ kz + bi[:H] + h @ uz + br[:H])
        r = sigmoid(x @ kr + bi[H : 2 * H] + h @ ur + br[H : 2 * H])
        if reset_after:
            hh = np.tanh(x @ kh + bi[2 * H :] + r * (h @ uh + br[2 * H :]))
        else:
            hh = np.tanh(x @ kh + bi[2 * H :] + (r * h) @ uh)
        return [z * h + (1 - z) * hh]

    return run(step, x, zeros(1), **kw)


def keras_rnn(w, path, x, f, **kw):
    k, u, b = draw(f, H), draw(H, H), draw(H)
    w[path + "/kernel"], w[path + "/recurrent_kernel"], w[path + "/bias"] = k, u, b
    return run(lambda x, s: [np.tanh(x @ k + b + s[0] @ u)], x, zeros(1), **kw)


# ---- Flax ----
def dense(w, path, n, m, bias):
    k, b = draw(n, m), np.zeros(m)
    w[path + "/kernel"] = k
    if bias:
        w[path + "/bias"] = b = draw(m)
    return lambda x: x @ k + b


def flax_lstm(w, path, x, f, **kw):
    i = {g: dense(w, path + "/i" + g, f, H, False) for g in "ifgo"}
    h = {g: dense(w, path + "/h" + g, H, H, True) for g in "ifgo"}

    def step(x, s):
        y, c = s
        a = {g: i[g](x) + h[g](y) for g in "ifgo"}
        c = sigmoid(a["f"]) * c + sigmoid(a["i"]) * np.tanh(a["g"])
        return [sigmoid(a["o"]) * np.tanh(c), c]

    return run(step, x, zeros(2), **kw)


def flax_gru(w, path, x, f, **kw):
    i = {g: dense(w, path + "/i" + g, f, H, True) for g in "rzn"}
    h = {g: dense(w, path + "/h" + g, H, H, g == "n") for g in "rzn"}

    def step(x, s):
        y = s[0]
        r = sigmoid(i["r"](x) + h["r"](y))
        z = sigmoid(i["z"](x) + h["z"](y))
        n = np.tanh(i["n"](x) + r * h["n"](y))
        return [(1 - z) * n + z * y]

    return run(step, x, zeros(1), **kw)


def flax_rnn(w, path, x, f, **kw):
    i, h = dense(w, path + "/i", f, H, True), dense(w, path + "/h", H, H, False)
    return run(lambda x, s: [np.tanh(i(x) + h(s[0]))], x, zeros(1), **kw)


# ---- Models ----
def model(name, layer, embedding, stacked=1, both=False, norm=None, save=np.savez, order="C", **kw):
    w = {}
    ids = rng.integers(0, V, (B, T))
    table = w["0/" + embedding] = draw(V, E)
    x, f = table[ids], E
    for l in range(stacked):
        path = f"1/l{l}"
        if both:
            forward = layer(w, path + "/forward", x, f, **kw)
            backward = layer(w, path + "/backward", x, f, backwards=True, **kw)
            x, f = np.concatenate([forward, backward], -1), 2 * H
        else:
            x, f = layer(w, path, x, f, **kw), H
    output = "2"
    if norm:
        scale, shift, epsilon = norm
        w["2/" + scale], w["2/" + shift] = draw(f), draw(f)
        x = layer_norm(x, epsilon) * w["2/" + scale] + w["2/" + shift]
        output = "3"
    k, b = w[output + "/kernel"], w[output + "/bias"] = draw(f, O), draw(O)
    save(os.path.join(here, name + ".npz"), **{n: np.asarray(v, order=order) for n, v in w.items()})
    cases[name + "/ids"] = ids.astype(np.float64)
    cases[name + "/y"] = x @ k + b


model("keras_lstm", keras_lstm, "embeddings", stacked=2)
model("keras_lstm_both", keras_lstm, "embeddings", stacked=2, both=True, save=np.savez_compressed)
model("keras_lstm_nobias", keras_lstm, "embeddings", bias=False)
model("keras_gru", keras_gru, "embeddings", stacked=2, order="F")
model("keras_gru_both", keras_gru, "embeddings", both=True)
model("keras_gru_nobias", keras_gru, "embeddings", bias=False)
model("keras_gru_before", keras_gru, "embeddings", reset_after=False)
model("keras_rnn", keras_rnn, "embeddings", norm=("gamma", "beta", 1e-3))
model("flax_lstm", flax_lstm, "embedding", stacked=2, save=np.savez_compressed)
model("flax_lstm_both", flax_lstm, "embedding", both=True)
model("flax_gru", flax_gru, "embedding", stacked=2, both=True, order="F")
model("flax_rnn", flax_rnn, "embedding", norm=("scale", "bias", 1e-6))
np.savez_compressed(os.path.join(here, "cases.npz"), **cases)
