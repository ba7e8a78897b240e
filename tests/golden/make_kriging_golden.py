#!/usr/bin/env python3
"""Write kriging.tsv: a screen of a Gaussian process in small, and its best predictions.

Effects of five drugs on two programmes, three of them with training pairs. The posterior mean comes
from the covariance of the normal distribution conditioned by numpy.linalg.solve, without a Cholesky
factor; profiles from their definition in eval/synth_truth.h. Run by hand when that changes; the
test reads the table only.

Rows: shape DRUGS LINES GENES PROGRAMMES; mean X...; covariance X... (a drug a row); effect X... (a
drug a row); own X... (a line and drug a row, lines slowest); load X... (a programme a row); control
X... (a line a row); pair LINE DRUG MAGNITUDE TRAINS; want KIND PAIR X... with KIND exact or kriged.
"""
import os

import numpy as np

D, C, G, P = 5, 2, 6, 2
rng = np.random.default_rng(11)
bits = rng.random((D, 24)) < 0.4
both = (bits[:, None] & bits[None]).sum(-1)
K = 0.85 * both / (bits[:, None] | bits[None]).sum(-1)
np.fill_diagonal(K, 1.0)
mean = np.array([0.0, 0.5])
effect = mean + rng.normal(0, 0.63, (D, P))
own = rng.normal(0, 0.2, (C, D, P))
load = rng.normal(0, 1, (P, G)).astype(np.float32)
control = rng.uniform(0.2, 3, (C, G)).astype(np.float32)
trains = np.array([1, 0, 1, 1, 0])  # of a drug; each has a pair in both lines
magnitude = rng.uniform(0.3, 2, (C, D))


def profile(line, drug, e):
    share = np.expm1(control[line].astype(float))
    after = share * np.exp(magnitude[line, drug] * e @ load.astype(float))
    return np.log1p(after * share.sum() / after.sum())


t = trains == 1
kriged = effect.copy()
kriged[~t] = mean + K[np.ix_(~t, t)] @ np.linalg.solve(K[np.ix_(t, t)], effect[t] - mean)

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kriging.tsv")
with open(out, "w") as f:
    def row(kind, *values):
        text = (v if isinstance(v, str) else "%.17g" % v for v in values)
        f.write("\t".join([kind, *text]) + "\n")

    f.write("# made by make_kriging_golden.py\n")
    row("shape", D, C, G, P)
    row("mean", *mean)
    for d in range(D):
        row("covariance", *K[d])
    for d in range(D):
        row("effect", *effect[d])
    for r in own.reshape(-1, P):
        row("own", *r)
    for p in range(P):
        row("load", *load[p].astype(float))
    for c in range(C):
        row("control", *control[c].astype(float))
    for c in range(C):
        for d in range(D):
            row("pair", c, d, magnitude[c, d], trains[d])
    for c in range(C):
        for d in range(D):
            row("want", "exact", c * D + d, *profile(c, d, effect[d] + own[c, d]))
            row("want", "kriged", c * D + d, *profile(c, d, kriged[d]))
