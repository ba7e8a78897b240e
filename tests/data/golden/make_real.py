#!/usr/bin/env python3
"""Write real.tsv: profiles of the real sets by numpy, for tests/data/real.c.

usage: make_real.py DATA_FOLDER. Columns: set, line, drug (empty: vehicle), dose, plate, cells, gene, value
(mean over cells of log1p(1e4 count / library), or of the log values as they are). A few keys and genes
of every set; run by hand when the choice changes.
"""
import os
import sys

import anndata
import numpy as np

data = sys.argv[1]
SETS = [
    # name, file, line, drug, dose, plate, vehicle, counts, quality
    ("gbm", "singlecell/gbm_panobinostat_5k.h5ad", "patient_id", "drug", "dose", "patient_id", "DMSO",
     True, None),
    ("sciplex2", "singlecell/sciplex2_a549_dex_500.h5ad", "cell_type", "product_name", "dose",
     "culture_plate", "Vehicle", True, None),
    ("tahoe", "tahoe/plate_layout_synthetic_320.h5ad", "cell_line", "drug", "drugname_drugconc",
     "plate", "DMSO_TF", True, ("pass_filter", "full")),
    ("tggates", "bulk/tggates_small_hepatocyte.h5ad", "time_h", "drug", "dose", "plate", "control",
     False, None),
]


def dose_of(value):
    return eval(value)[0][1] if isinstance(value, str) else float(value)


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "real.tsv"), "w") as out:
    out.write("set\tline\tdrug\tdose\tplate\tcells\tgene\tvalue\n")
    for name, path, line, drug, dose, plate, vehicle, counts, quality in SETS:
        a = anndata.read_h5ad(os.path.join(data, path))
        if quality:
            a = a[a.obs[quality[0]] == quality[1]]
        x = a.X if isinstance(a.X, np.ndarray) else a.X.toarray()
        x = x.astype(np.float64)
        if counts:
            x = np.log1p(1e4 * x / x.sum(1, keepdims=True))
        obs = a.obs
        keys = list(zip(obs[line].astype(str), obs[drug].astype(str).str.strip(),
                        [0.0 if d == vehicle else dose_of(v) for d, v in zip(obs[drug], obs[dose])],
                        obs[plate].astype(str)))
        for key in sorted(set(keys))[:: max(1, len(set(keys)) // 6)]:
            rows = np.array([k == key for k in keys])
            mean = x[rows].mean(0)
            for gene in np.argsort(-mean, kind="stable")[[0, 20, 60]]:
                out.write("\t".join([name, key[0], "" if key[1] == vehicle else key[1], f"{key[2]:g}",
                                     key[3], str(rows.sum()), a.var_names[gene], f"{mean[gene]:.17g}"]))
                out.write("\n")
