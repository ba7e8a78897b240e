#!/bin/sh
# The files of tests/eval/pred_file.c open in AnnData itself, with the layout that cell-eval asks for.
if ! python3 -c 'import anndata' 2>/dev/null; then
    echo "1..0 # SKIP python3 has no anndata"
    exit 0
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/scppdm-test-XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
"$top_builddir/tests/eval/pred_file.mpi" "$dir" >"$dir/log" 2>&1 ||
    { echo "1..1"; echo "not ok 1 - the files were not written"; sed 's/^/# /' "$dir/log"; exit 1; }
python3 - "$dir" <<'PY'
import ast
import sys
import warnings
from pathlib import Path

import anndata
import numpy as np
import scipy.sparse as sp

n, failed = 0, 0
CONTROL = "[('DMSO_TF', 0.0, 'uM')]"


def ok(cond, what):
    global n, failed
    n += 1
    failed += not cond
    print("ok" if cond else "not ok", n, "-", what)


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    real, pred = (anndata.read_h5ad(Path(sys.argv[1]) / f"{k}_uc.h5ad") for k in ("real", "pred"))
about = [str(w.message) for w in caught if "anndata" in str(w.filename)]
ok(not about, f"both open without a warning of anndata {about}")
for name, a in (("real", real), ("pred", pred)):
    ok(a.shape == (19, 80), f"{name}: 16 conditions and 3 controls, 80 genes")
    ok(sp.isspmatrix_csr(a.X) and a.X.dtype == np.float32, f"{name}: X is CSR, float32")
    ok(a.X.data.min() > 0 and np.isfinite(a.X.data).all(), f"{name}: no negative entry")
    ok(list(a.obs.columns) == ["drugname_drugconc", "drug", "cell_name", "plate", "dose_uM"],
       f"{name}: columns")
    ok(a.obs["drugname_drugconc"].dtype == "category" and a.obs["cell_name"].dtype == "category",
       f"{name}: keys are categorical")
    ok(a.obs["dose_uM"].dtype == np.float64, f"{name}: the dose is a number")
    control = a.obs["drugname_drugconc"] == CONTROL
    ok(control.sum() == 3 and (a.obs["dose_uM"][control] == 0).all(), f"{name}: controls")
ok(real.obs.equals(pred.obs) and (real.var_names == pred.var_names).all(), "same rows, same genes")
ok((real[control].X != pred[control].X).nnz == 0, "controls are the same in both")
labels = {ast.literal_eval(label)[0][0] for label in real.obs["drugname_drugconc"].unique()}
ok(labels == set(real.obs["drug"].unique()), "labels are Python literals of drug and dose")
print(f"1..{n}")
sys.exit(failed > 0)
PY
