"""Profiles of plates as scanpy's users make them: the peer of `bench/run prep`.

usage: scanpy_aggregate.py OUT.npz BLOCK PLATE.h5ad...

read_h5ad; keep the cells that passed the filter; normalize_total to 10,000; log1p; get.aggregate by
(line, drug and dose, plate). BLOCK 0 reads a plate whole, which is what people do, and takes about three
times the plate's uncompressed size. BLOCK N opens it backed and takes N cells at a time, which is what is
left when the plate does not fit in memory.
"""
import sys
import time

import anndata
import numpy as np
import scanpy as sc

KEY = ["cell_line", "drugname_drugconc", "plate"]


def sums(cells, seconds):
    """Sums of log1p values and cells of every key: {key: [count, sum]}."""
    start = time.perf_counter()
    if not (cells.obs["pass_filter"] == "full").all():
        cells = cells[(cells.obs["pass_filter"] == "full").to_numpy()].copy()
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    middle = time.perf_counter()
    total = sc.get.aggregate(cells, by=KEY, func="sum")
    x = total.layers["sum"]
    x = x.toarray() if hasattr(x, "toarray") else np.asarray(x)
    count = cells.obs.groupby(KEY, observed=True).size()
    seconds["normalise"] += middle - start
    seconds["aggregate"] += time.perf_counter() - middle
    return {tuple(k): [int(count[tuple(k)]), x[i]] for i, k in enumerate(total.obs[KEY].itertuples(index=False))}


def profiles(path, block):
    seconds = {"read": 0.0, "normalise": 0.0, "aggregate": 0.0}
    start = time.perf_counter()
    cells = anndata.read_h5ad(path, backed="r" if block else None)
    seconds["read"] += time.perf_counter() - start
    if not block:
        result = sums(cells, seconds)
    else:
        result = {}
        for first in range(0, cells.n_obs, block):
            start = time.perf_counter()
            part = cells[first:first + block].to_memory()
            seconds["read"] += time.perf_counter() - start
            for key, (count, x) in sums(part, seconds).items():
                if key in result:
                    result[key][0] += count
                    result[key][1] += x
                else:
                    result[key] = [count, x]
    print(path, ", ".join(f"{k} {v:.1f} s" for k, v in seconds.items()), flush=True)
    return result


def main():
    out, block, plates = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    merged = {}
    for path in plates:
        merged.update(profiles(path, block))
    np.savez(out, key=np.array(["|".join(k) for k in merged]), cells=np.array([v[0] for v in merged.values()]),
             x=np.stack([(v[1] / v[0]).astype(np.float32) for v in merged.values()]))
    print(len(merged), "profiles")


main()
