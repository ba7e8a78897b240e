#!/usr/bin/env python3
"""What cell-eval itself says of our files: values for tests/eval/score_files.c.

    tests/eval/pred_file.mpi FOLDER           writes FOLDER/real_uc.h5ad and FOLDER/pred_uc.h5ad
    make_cell_eval_golden.py FOLDER > cell_eval.tsv          (pip install cell-eval; made with 0.8.2)

The screen is that of metrics_screen.tsv. Line CVCL_B is on one plate only, so that cell-eval's pooled
control is the plate-matched one and every metric must agree; of CVCL_A, which is on two plates, no
value is kept. Columns: line, perturbation, metric, value."""
import sys
import tempfile
import warnings
from pathlib import Path

import anndata
from cell_eval import MetricsEvaluator

METRICS = ("pearson_delta", "mse", "mae", "mse_delta", "mae_delta", "discrimination_score_l1",
           "discrimination_score_l2", "discrimination_score_cosine")
LINE = "CVCL_B"

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])
real, pred = (anndata.read_h5ad(folder / f"{name}_uc.h5ad") for name in ("real", "pred"))
real, pred = (a[a.obs["cell_name"] == LINE].copy() for a in (real, pred))
with tempfile.TemporaryDirectory() as out:
    evaluator = MetricsEvaluator(pred, real, control_pert="[('DMSO_TF', 0.0, 'uM')]",
                                 pert_col="drugname_drugconc", outdir=out, skip_de=True)
    results, _ = evaluator.compute(profile="anndata", write_csv=False,
                                   skip_metrics=["pearson_edistance", "clustering_agreement"])
print("# made by make_cell_eval_golden.py with cell-eval itself: line, perturbation, metric, value")
for row in results.sort("perturbation").iter_rows(named=True):
    for metric in METRICS:
        print(LINE, row["perturbation"], metric, repr(float(row[metric])), sep="\t")
