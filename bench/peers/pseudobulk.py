"""Pseudobulk of plates as it is done with anndata, scipy and numpy: the peer of `bench/run prep`.

usage: pseudobulk.py OUT.npz PLATE.h5ad...

Keep the cells that passed the filter, scale each to 10,000 counts, log1p, average over (line, drug and
dose, plate) by a product with an indicator matrix.
"""
import sys

import anndata
import numpy as np
import scipy.sparse as sp


def profiles(path):
    cells = anndata.read_h5ad(path)
    if "pass_filter" in cells.obs:
        cells = cells[(cells.obs["pass_filter"] == "full").to_numpy()]
    x = sp.csr_matrix(cells.X, dtype=np.float64)
    library = np.asarray(x.sum(axis=1)).ravel()
    x = sp.diags(1e4 / np.maximum(library, 1e-12)) @ x
    x.data = np.log1p(x.data)
    keys = cells.obs[["cell_line", "drugname_drugconc", "plate"]].astype(str).agg("|".join, axis=1)
    names, group = np.unique(keys.to_numpy(), return_inverse=True)
    count = np.bincount(group)
    pick = sp.csr_matrix((1.0 / count[group], (group, np.arange(len(group)))), shape=(len(names), len(group)))
    return names, count, np.asarray((pick @ x).todense(), dtype=np.float32)


def main():
    out, plates = sys.argv[1], sys.argv[2:]
    parts = [profiles(p) for p in plates]
    np.savez(out, key=np.concatenate([p[0] for p in parts]), cells=np.concatenate([p[1] for p in parts]),
             x=np.concatenate([p[2] for p in parts]))
    print(sum(len(p[0]) for p in parts), "profiles")


main()
