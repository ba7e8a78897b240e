#!/bin/sh
# The samples of tests/io/h5ad_write.c open in AnnData itself, with the same content.
if ! python3 -c 'import anndata' 2>/dev/null; then
    echo "1..0 # SKIP python3 has no anndata"
    exit 0
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/scppdm-test-XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
"$top_builddir/tests/io/h5ad_write.t" "$dir" >"$dir/log" 2>&1 ||
    { echo "1..1"; echo "not ok 1 - the samples were not written"; sed 's/^/# /' "$dir/log"; exit 1; }
python3 - "$dir" <<'PY'
import sys
import warnings
from pathlib import Path

import anndata
import numpy as np
import scipy.sparse as sp

n, failed = 0, 0


def ok(cond, what):
    global n, failed
    n += 1
    failed += not cond
    print("ok" if cond else "not ok", n, "-", what)


i, j = np.mgrid[0:37, 0:11]
want = np.where((i * 7 + j * 3) % 5 == 0, (i + 1) * 0.5 + j, 0).astype(np.float32)
row = np.arange(37)
for path in sorted(Path(sys.argv[1]).glob("*.h5ad")):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        a = anndata.read_h5ad(path)
    about = [str(w.message) for w in caught if "anndata" in str(w.filename)]
    ok(not about, f"{path.name} opens without a warning of anndata {about}")
    x = a.X.toarray() if sp.issparse(a.X) else a.X
    ok(x.dtype == np.float32 and np.array_equal(x, want), f"{path.name}: X")
    ok(sp.issparse(a.X) == path.name.startswith("csr"), f"{path.name}: storage of X")
    ok(a.obs_names.name == "BARCODE_SUB_LIB_ID" and a.obs_names[36] == "cell-36", f"{path.name}: obs index")
    ok(a.var_names.name == "gene_name" and a.var_names[2] == "MT-CO1", f"{path.name}: var index")
    ok(list(a.obs.columns) == ["drug", "dose", "pcnt_mito", "mread_count", "BARCODE"],
       f"{path.name}: column order")
    ok(list(a.obs["drug"].cat.categories) == ["DMSO_TF", "γ-Oryzanol"]
       and np.array_equal(a.obs["drug"].cat.codes, row % 3 - 1), f"{path.name}: categorical")
    dose = a.obs["dose"].to_numpy()
    ok(np.isnan(dose[5]) and dose[6] == 0.05 * 6, f"{path.name}: real column")
    ok(a.obs["pcnt_mito"].dtype == np.float32, f"{path.name}: single precision column")
    ok(np.array_equal(a.obs["mread_count"], 10**12 + row), f"{path.name}: integer column")
    ok(list(a.obs["BARCODE"][:2]) == ["cell-0", "cell-1"], f"{path.name}: text column")
    ok(np.array_equal(a.layers["spread"], want + 1), f"{path.name}: layer")
    ok(a.uns["config"] == "seed: 1\n", f"{path.name}: text in uns")
    back = anndata.read_h5ad(path, backed="r")
    ok(back.shape == (37, 11), f"{path.name}: backed mode")
print(f"1..{n}")
sys.exit(failed > 0)
PY
