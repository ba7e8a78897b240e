#!/usr/bin/env python3
"""Expected values of tests/eval/gsea.c and tests/eval/moa.c, from gseapy (1.3.1) and scikit-learn.

gsea_rank.tsv   genes and their scores, without ties
gsea_sets.gmt   gene sets: some at an end of the list, some anywhere
gsea.tsv        gseapy.prerank, weight 1, gene-set permutations: ES, NES, p, FDR of every set
moa.tsv         an embedding with classes
moa_want.tsv    purity (NearestNeighbors) and silhouette (silhouette_score) of it

Run: python3 make_gsea_golden.py [FOLDER], with gseapy and scikit-learn installed.
"""
import pathlib
import sys

import gseapy
import numpy as np
import pandas as pd
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
rng = np.random.default_rng(20260101)
PERMUTATIONS = 10000

G = 400
gene = [f"G{i:03d}" for i in range(G)]
score = np.round(rng.standard_t(4, size=G), 6)
assert len(set(score)) == G and len(set(abs(score))) == G
down = np.argsort(-score)
sets = {}
for j, k in enumerate([15, 15, 20, 25, 30, 40, 60, 80]):
    sets[f"ANY_{j}"] = rng.choice(G, k, replace=False)
for j, (k, share, end) in enumerate([(20, .5, 1), (25, .8, 1), (30, .35, -1), (40, .6, -1), (18, .9, -1), (50, .25, 1)]):
    top = (down if end > 0 else down[::-1])[:G // 5]
    near = rng.choice(top, int(k * share), replace=False)
    rest = rng.choice(np.setdiff1d(np.arange(G), near), k - len(near), replace=False)
    sets[f"{'UP' if end > 0 else 'DOWN'}_{j}"] = np.concatenate([near, rest])
order = rng.permutation(G)
with open(out / "gsea_rank.tsv", "w") as f:
    f.write("gene\tscore\n")
    f.writelines(f"{gene[i]}\t{score[i]:.6f}\n" for i in order)
with open(out / "gsea_sets.gmt", "w") as f:
    for name, members in sets.items():
        f.write("\t".join([name, "made up", *(gene[i] for i in members), "NOT_MEASURED"]) + "\n")

rank = pd.Series(score, index=gene).sort_values(ascending=False)
named = {name: [gene[i] for i in members] for name, members in sets.items()}
got = gseapy.prerank(rnk=rank, gene_sets=named, min_size=5, max_size=500, permutation_num=PERMUTATIONS,
                     weight=1.0, seed=11, threads=1, outdir=None, no_plot=True).res2d
got = got.set_index("Term").loc[list(sets)]
with open(out / "gsea.tsv", "w") as f:
    f.write("set\tsize\tes\tnes\tp\tfdr\tpermutations\n")
    for name, row in got.iterrows():
        f.write(f"{name}\t{len(sets[name])}\t{row['ES']:.9g}\t{row['NES']:.9g}\t{row['NOM p-val']:.9g}\t"
                f"{row['FDR q-val']:.9g}\t{PERMUTATIONS}\n")

n, dim, classes = 72, 6, 6
label = np.sort(rng.integers(0, classes, n))
centre = rng.normal(size=(classes, dim)) * 1.2
x = np.round((centre[label] + rng.normal(size=(n, dim))).astype(np.float32), 4)
with open(out / "moa.tsv", "w") as f:
    f.write("label\t" + "\t".join(f"x{c}" for c in range(dim)) + "\n")
    f.writelines(f"{label[i]}\t" + "\t".join(f"{v:.4f}" for v in x[i]) + "\n" for i in range(n))
with open(out / "moa_want.tsv", "w") as f:
    f.write("what\tk\tvalue\n")
    for k in (1, 3, 5, 10):
        near = NearestNeighbors(n_neighbors=k + 1).fit(x.astype(np.float64)).kneighbors(
            x.astype(np.float64), return_distance=False)[:, 1:]
        f.write(f"purity\t{k}\t{(label[near] == label[:, None]).mean():.12g}\n")
    f.write(f"silhouette\t0\t{silhouette_score(x.astype(np.float64), label):.12g}\n")
