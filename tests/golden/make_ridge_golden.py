#!/usr/bin/env python3
"""Write ridge.tsv: a small screen, and ridge regressions of the change on [phi s ; s ; line].

The regressions are least squares of the centred inputs with sqrt(n lambda) times the identity below
them, through a singular value decomposition (numpy.linalg.lstsq): no normal equations. Run by hand
when model/ridge.h changes; the test reads the table only.

Rows: bits DRUG BIT...; control LINE X...; pair LINE DRUG DOSE SPLIT X...; fit LINES LAMBDA MSE
(on the validation pairs, cut at 0); pred LINES LAMBDA PAIR X...
"""
import os

import numpy as np

G, LINES, DRUGS, DOSES, BITS = 5, 3, 6, (0.05, 0.5, 5.0), 1024
LAMBDAS = (1e-4, 1e-2, 1.0, 100.0)
rng = np.random.default_rng(7)


def split_of(line, drug):
    if drug == DRUGS - 1:
        return "ud"
    if drug == DRUGS - 2:
        return "val_ud"
    return "val_uc" if (line + drug) % 5 == 2 else "train"


def single(v):
    """As the shard keeps it."""
    return np.asarray(v, np.float32)


fp = rng.random((DRUGS, BITS)) < 0.02
effect = rng.normal(0, 1, (DRUGS, G))
control = single(rng.uniform(0.5, 3, (LINES, G)))
pairs = [(l, k, d, split_of(l, k)) for l in range(LINES) for k in range(DRUGS) for d in DOSES]
post = single([np.maximum(0, control[l] + effect[k] * np.log10(1 + d) + rng.normal(0, 0.1, G) + 0.1 * l)
               for l, k, d, _ in pairs])
split = np.array([p[3] for p in pairs])


def inputs(lines):
    rows = []
    for l, k, d, _ in pairs:
        s = np.log10(1 + d)
        one = [float(l == j) for j in range(LINES)] if lines else []
        rows.append(np.concatenate([fp[k] * s, [s], one]))
    return np.array(rows)


def predict(lines, lam):
    U = inputs(lines)
    pre = np.array([control[p[0]] for p in pairs], float)
    Y = post.astype(float) - pre
    train = split == "train"
    n, mu, my = train.sum(), U[train].mean(0), Y[train].mean(0)
    A = np.vstack([U[train] - mu, np.sqrt(n * lam) * np.eye(U.shape[1])])
    B = np.vstack([Y[train] - my, np.zeros((U.shape[1], G))])
    W = np.linalg.lstsq(A, B, rcond=None)[0]
    x = pre + my + (U - mu) @ W
    val = np.char.startswith(split, "val")
    return x, np.mean((np.maximum(0, x[val]) - post[val]) ** 2)


def text(v):
    return "\t".join(f"{x:.9g}" for x in v)


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ridge.tsv"), "w") as f:
    f.write(f"# {os.path.basename(__file__)}, numpy {np.__version__}\n")
    for k in range(DRUGS):
        f.write(f"bits\t{k}\t" + "\t".join(map(str, np.flatnonzero(fp[k]))) + "\n")
    for l in range(LINES):
        f.write(f"control\t{l}\t{text(control[l])}\n")
    for (l, k, d, s), x in zip(pairs, post):
        f.write(f"pair\t{l}\t{k}\t{d:g}\t{s}\t{text(x)}\n")
    for lines in (0, 1):
        for lam in LAMBDAS:
            x, mse = predict(lines, lam)
            f.write(f"fit\t{lines}\t{lam:g}\t{mse:.15g}\n")
            for i in range(0, len(pairs), 7):
                f.write(f"pred\t{lines}\t{lam:g}\t{i}\t{text(x[i])}\n")
