#!/usr/bin/env python3
"""Facts about the real .h5ad fixtures, as AnnData's own reader sees them, for tests/io/h5ad_real.c.

usage: make_h5ad_golden.py DATA_DIR > h5ad.tsv      (needs python3 with anndata, numpy, scipy)

Columns: file, element, fact, value. Elements are X, raw/X, obs index, var index and every obs column.
Facts: shape, number of non-zeros, sum of what is finite, a sum weighted by place (so that a permuted matrix shows), and
for text the 64-bit FNV-1a hash of all rows, each followed by a newline."""
import sys
import warnings
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

FILES = [
    "h5ad_format/anndata_v0.5.0.h5ad", "h5ad_format/anndata_v0.7.0.h5ad",
    "h5ad_format/anndata_v0.7.8.h5ad", "h5ad_format/anndata_v0.11.4.h5ad",
    "singlecell/gbm_panobinostat_5k.h5ad", "singlecell/sciplex2_a549_dex_500.h5ad",
    "singlecell/datlinger_cropseq_scperturb_7500.h5ad", "singlecell/perturbench_devel_crispr.h5ad",
    "tahoe/plate_layout_synthetic_320.h5ad", "bulk/l1000_prnet_demo_ht115.h5ad",
    "bulk/tggates_small_hepatocyte.h5ad", "bulk/tahoe_rank_signatures_10lines.h5ad",
]


def fnv1a(texts):
    h = 0xCBF29CE484222325
    for text in texts:
        for byte in text.encode() + b"\n":
            h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"


def matrix_facts(x):
    m = sp.coo_matrix(x)
    value = m.data.astype(np.float32).astype(np.float64)
    weight = (m.row % 97 + 1.0) * (m.col % 89 + 1.0)
    yield "n_obs", m.shape[0]
    yield "n_vars", m.shape[1]
    yield "nnz", int(np.count_nonzero(value))
    yield "sum", repr(float(value.sum()))
    yield "weighted", repr(float((value * weight).sum()))


def column_facts(col):
    base = col.cat.categories if isinstance(col.dtype, pd.CategoricalDtype) else col
    if pd.api.types.is_bool_dtype(base):
        yield "text", fnv1a("" if pd.isna(v) else str(bool(v)) for v in col)
    if pd.api.types.is_numeric_dtype(base):
        value = pd.to_numeric(col, errors="raise").to_numpy(dtype=np.float64, na_value=np.nan)
        weight = np.arange(len(value)) % 97 + 1.0
        yield "missing", int(np.isnan(value).sum())
        finite = np.isfinite(value)
        yield "sum", repr(float(value[finite].sum()))
        yield "weighted", repr(float((value * weight)[finite].sum()))
    else:
        yield "missing", int(col.isna().sum())
        yield "distinct", int(col.nunique())
        yield "text", fnv1a("" if pd.isna(v) else str(v) for v in col)


def main(data):
    print("file\telement\tfact\tvalue")
    for name in FILES:
        a = anndata.read_h5ad(data / name)
        elements = [("obs index", [("text", fnv1a(map(str, a.obs_names)))]),
                    ("var index", [("text", fnv1a(map(str, a.var_names)))])]
        if a.X is not None:
            elements.append(("X", matrix_facts(a.X)))
        if a.raw is not None:
            elements.append(("raw/X", matrix_facts(a.raw.X)))
        elements += [("obs/" + c, column_facts(a.obs[c])) for c in a.obs.columns]
        for element, facts in elements:
            for fact, value in facts:
                print(name, element, fact, value, sep="\t")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
