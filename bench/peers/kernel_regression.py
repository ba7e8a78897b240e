#!/usr/bin/env python3
"""Kernel regression of the change on the structure of the drug, for unseen drugs of a shard.

What can be known of an unseen drug from the *observed* changes of the training drugs: Gaussian-process
regression with covariance s T + (1 - s) I between drugs, T the Tanimoto similarity, which is the
one that scppdm_synth --effects gp draws from; lambda is the noise. Fitted for each dose level (rank from
the highest dose of a drug) on the mean change of a drug, over lines unless --by-line. With
--truth the predictions are held against the true change as well, beside kriging from the true effects of the
training drugs (doc/metrics.md). Prints the mean Pearson correlation of the change. With --write the
predictions for the splits UC and UD, with the lambda that is best on the unseen drugs of the validation split, go to
a file for scppdm_eval --predictions (needs anndata).

  kernel_regression.py SHARD [--truth plates/truth.h5] [--split val_ud] [--share 0.85] [--by-line] [--write FILE.h5ad]
"""
import argparse

import h5py
import numpy as np

LAMBDAS = (0.03, 0.1, 0.3, 1, 3, 10)
SPLITS = {"val_uc": 1, "val_ud": 2, "uc": 3, "ud": 4}


def texts(dataset):
    return [t.decode() if isinstance(t, bytes) else t for t in dataset[:]]


class Shard:
    def __init__(self, path):
        with h5py.File(path, "r") as f:
            self.x = f["profile/x"][:].astype(float)
            self.post, self.pre, self.split = (f["pair/" + k][:] for k in ("post", "pre", "split"))
            self.drug, self.line, self.dose = (f["profile/" + k][:][self.post] for k in ("drug", "line", "dose"))
            self.fp = f["drug/fingerprint"][:].astype(float)
            self.genes, self.lines, self.drugs = texts(f["gene"]), texts(f["line"]), texts(f["drug/name"])
            self.plates, self.plate = texts(f["plate"]), f["profile/plate"][:][self.post]
        self.delta = self.x[self.post] - self.x[self.pre]
        self.train = self.split == 0
        self.level = np.zeros(len(self.post), int)
        for d in range(len(self.drugs)):
            for k, z in enumerate(sorted(set(self.dose[self.drug == d]), reverse=True)):
                self.level[(self.drug == d) & (self.dose == z)] = k


class Truth:
    """True profiles, as eval/synth_truth.h has them, and those of kriging."""

    def __init__(self, path, s):
        with h5py.File(path, "r") as f:
            names, ids, lines = texts(f["drug/name"]), texts(f["line/id"]), texts(f["line/name"])
            gene = {g: i for i, g in enumerate(texts(f["gene/name"]))}
            self.V = f["gene/V"][:][:, [gene[g] for g in s.genes]]
            e, own = f["drug/e"][:], f["pair/own"][:]
            K, c = f["drug/covariance"][:], f["drug/prior_mean"][:]
            keys = zip(*(f["key/" + k][:] for k in ("line", "drug", "dose", "magnitude")))
            self.magnitude = {(l, d, round(z, 4)): m for l, d, z, m in keys}
        own = own.reshape(len(ids), len(names), -1)
        self.at = [names.index(d) for d in s.drugs]
        self.at_line = [ids.index(l) if l in ids else lines.index(l) for l in s.lines]
        self.e = e[None] + own
        known = np.array([self.at[d] for d in np.unique(s.drug[s.train])])
        self.kriged = c + K[:, known] @ np.linalg.solve(K[np.ix_(known, known)], e[known] - c)
        self.s = s

    def change(self, i, effect):
        s = self.s
        pre = s.x[s.pre[i]]
        share = np.expm1(pre)
        m = self.magnitude[self.at_line[s.line[i]], self.at[s.drug[i]], round(s.dose[i], 4)]
        after = share * np.exp(m * effect @ self.V)
        return np.log1p(after * share.sum() / after.sum()) - pre

    def true(self, i):
        return self.change(i, self.e[self.at_line[self.s.line[i]], self.at[self.s.drug[i]]])

    def krige(self, i):
        return self.change(i, self.kriged[self.at[self.s.drug[i]]])


def similarity(fp):
    both, bits = fp @ fp.T, fp.sum(1)
    return both / np.maximum(bits[:, None] + bits[None] - both, 1)


def regress(s, rows, K, lam, by_line):
    """Predicted changes of rows [n, G]."""
    out = np.zeros((len(rows), s.x.shape[1]))
    groups = {}
    for k, i in enumerate(rows):
        groups.setdefault((s.level[i], s.line[i] if by_line else -1), []).append(k)
    for (level, line), members in groups.items():
        same = s.train & (s.level == level) & ((s.line == line) | (not by_line))
        drugs = np.unique(s.drug[same])
        means = np.array([s.delta[same & (s.drug == d)].mean(0) for d in drugs])
        wanted = np.unique(s.drug[rows[members]])
        weight = np.linalg.solve(K[np.ix_(drugs, drugs)] + lam * np.eye(len(drugs)), K[np.ix_(drugs, wanted)])
        of_drug = dict(zip(wanted, means.mean(0) + weight.T @ (means - means.mean(0))))
        for k in members:
            out[k] = of_drug[s.drug[rows[k]]]
    return out


def mean_pearson(a, b):
    return np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b)])


def write(s, K, by_line, path):
    import anndata
    import pandas

    val = np.where(s.split == SPLITS["val_ud"])[0]
    lam = max(LAMBDAS, key=lambda k: mean_pearson(regress(s, val, K, k, by_line), s.delta[val]))
    rows = np.where((s.split == SPLITS["uc"]) | (s.split == SPLITS["ud"]))[0]
    x = np.maximum(0, s.x[s.pre[rows]] + regress(s, rows, K, lam, by_line)).astype(np.float32)
    label = [f"[('{s.drugs[s.drug[i]]}', {s.dose[i]!r}, 'uM')]" for i in rows]
    obs = pandas.DataFrame({"cell_name": [s.lines[s.line[i]] for i in rows], "drugname_drugconc": label,
                            "drug": [s.drugs[s.drug[i]] for i in rows], "dose_uM": s.dose[rows].astype(float),
                            "plate": [s.plates[s.plate[i]] for i in rows]}, index=[str(i) for i in rows])
    anndata.AnnData(X=x, obs=obs, var=pandas.DataFrame(index=s.genes)).write_h5ad(path)
    print(f"lambda {lam:g}, chosen on {len(val)} validation conditions, to {path}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("shard")
    p.add_argument("--truth")
    p.add_argument("--split", default="val_ud", choices=SPLITS)
    p.add_argument("--share", type=float, default=0.85)
    p.add_argument("--by-line", action="store_true")
    p.add_argument("--highest", help="also the mean over this line at the highest dose")
    p.add_argument("--write")
    a = p.parse_args()
    s = Shard(a.shard)
    rows = np.where(s.split == SPLITS[a.split])[0]
    T = similarity(s.fp)
    K = a.share * T + (1 - a.share) * np.eye(len(T))
    if a.write:
        return write(s, K, a.by_line, a.write)
    truth = Truth(a.truth, s) if a.truth else None
    true = np.array([truth.true(i) for i in rows]) if truth else None
    if truth:
        krige = np.array([truth.krige(i) for i in rows])
        print(f"kriging        observed {mean_pearson(krige, s.delta[rows]):.3f}  true {mean_pearson(krige, true):.3f}")
    for lam in LAMBDAS:
        y = regress(s, rows, K, lam, a.by_line)
        text = f"lambda {lam:<7g} observed {mean_pearson(y, s.delta[rows]):.3f}"
        if truth:
            text += f"  true {mean_pearson(y, true):.3f}"
        if a.highest:
            top = (s.level[rows] == 0) & np.array([s.lines[l] == a.highest for l in s.line[rows]])
            text += f"  highest {mean_pearson(y[top], s.delta[rows][top]):.3f} of {top.sum()}"
        print(text)


main()
