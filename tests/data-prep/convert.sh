#!/bin/sh
# data-prep/parquet-to-h5ad and drugs-to-tsv, from Parquet to the profiles of a shard. The checks are in
# convert.py; the programs under test are Python, and so is what they need.
python=${PYTHON:-python3}
here=${top_srcdir:-.}/tests/data-prep
if ! why=$("$python" -c 'import numpy, h5py, pyarrow' 2>&1); then
    echo "1..0 # SKIP $(printf '%s\n' "${why:-no $python}" | tail -1)"
    exit 0
fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/scppdm-test-XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
export OMP_NUM_THREADS=1
PYTHONDONTWRITEBYTECODE=1 "$python" "$here/convert.py" "$tmp"
