#!/usr/bin/env python3
"""Write real_keys.tsv: every key of the real sets by anndata and numpy, for tests/data/real_keys.c.

usage: make_real_keys.py DATA_FOLDER. Columns: set, line, drug (empty: vehicle), dose, plate, cells, and two
projections of the profile over all genes: its mean, and its mean with signs of genes (the lowest bit of
splitmix64 of the number of the gene). The profile is the fp64 mean over the cells of log1p(1e4 count / library),
or of the values as they are.
"""
import os
import sys

import anndata
import numpy as np

SETS = [
    # name, file, matrix, line, drug, dose, plate, vehicle, counts, quality
    ("gbm", "singlecell/gbm_panobinostat_5k", "X", "patient_id", "drug", "dose", "patient_id", "DMSO", True, None),
    ("sciplex2", "singlecell/sciplex2_a549_dex_500", "X", "cell_type", "product_name", "dose", "culture_plate",
     "Vehicle", True, None),
    ("datlinger", "singlecell/datlinger_cropseq_scperturb_7500", "X", "cell_line", "perturbation", None,
     "perturbation_2", "control", True, None),
    ("perturbench", "singlecell/perturbench_devel_crispr", "X", "cell_type", "condition", None, "dataset", "control",
     False, None),
    ("tahoe", "tahoe/plate_layout_synthetic_320", "X", "cell_line", "drug", "drugname_drugconc", "plate", "DMSO_TF",
     True, ("pass_filter", "full")),
    ("era05", "h5ad_format/anndata_v0.5.0", "raw/X", "phase", "bulk_labels", None, None, "Dendritic", False, None),
    ("l1000", "bulk/l1000_prnet_demo_ht115", "X", "cell_type", "pert_id", "pert_dose", "rna_plate", "DMSO", False,
     None),
    ("tggates", "bulk/tggates_small_hepatocyte", "X", "time_h", "drug", "dose", "plate", "control", False, None),
]


def signs(n):
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.where(z & np.uint64(1), 1.0, -1.0)


def dose_of(value):
    value = eval(value)[0][1] if isinstance(value, str) else float(value)
    return float(f"{value:.6g}")


def keys_of(obs, line, drug, dose, plate, vehicle):
    n = len(obs)
    drugs = ["" if d == vehicle else d for d in obs[drug].astype(str).str.strip()]
    doses = [0.0 if not d or not dose else dose_of(v) for d, v in zip(drugs, obs[dose] if dose else [0] * n)]
    plates = obs[plate].astype(str) if plate else ["all"] * n
    return list(zip(obs[line].astype(str), drugs, doses, plates))


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "real_keys.tsv"), "w", encoding="utf-8") as out:
    out.write("set\tline\tdrug\tdose\tplate\tcells\tmean\tsigned\n")
    for name, path, matrix, line, drug, dose, plate, vehicle, counts, quality in SETS:
        a = anndata.read_h5ad(os.path.join(sys.argv[1], path + ".h5ad"))
        x = a.raw.X if matrix == "raw/X" else a.X
        x = (x if isinstance(x, np.ndarray) else x.toarray()).astype(np.float64)
        keep = (a.obs[quality[0]] == quality[1]).to_numpy() if quality else np.ones(len(a), bool)
        if counts:
            x = np.log1p(1e4 * x / np.maximum(x.sum(1, keepdims=True), 1e-300))
        sign = signs(x.shape[1])
        where = {}
        for i, key in enumerate(keys_of(a.obs, line, drug, dose, plate, vehicle)):
            if keep[i]:
                where.setdefault(key, []).append(i)
        for key in sorted(where):
            mean = x[where[key]].mean(0)
            out.write("\t".join([name, key[0], key[1], f"{key[2]:g}", key[3], str(len(where[key])),
                                 f"{mean.mean():.10g}", f"{(mean * sign).mean():.10g}"]) + "\n")
