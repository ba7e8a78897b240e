"""cell-eval's bulk metrics of one prediction file.  usage: cell_eval_bulk.py REAL.h5ad PRED.h5ad OUT

The metrics that a mean over cells suffices for: pearson_delta, mse, mae, mse_delta, mae_delta and the three
discrimination scores, as `cell-eval run` computes them, one cell line after the other; no differential expression.
OUT/<line>_results.csv are its own result files. The last line of stdout is the seconds of reading and of scoring.
"""
import logging
import sys
import time
from pathlib import Path

import anndata as ad
import pandas as pd

METRICS = ("pearson_delta", "mse", "mae", "mse_delta", "mae_delta", "discrimination_score_l1",
           "discrimination_score_l2", "discrimination_score_cosine")
CONTROL = "[('DMSO_TF', 0.0, 'uM')]"


def main():
    from cell_eval import MetricsEvaluator
    from cell_eval.metrics import metrics_registry

    logging.disable(logging.INFO)
    skip = [m for m in metrics_registry.list_metrics() if m not in METRICS]
    out = Path(sys.argv[3])
    start = time.perf_counter()
    real, pred = ad.read_h5ad(sys.argv[1]), ad.read_h5ad(sys.argv[2])
    read = time.perf_counter()
    for line in real.obs["cell_name"].unique():
        part = {}
        for name, whole in (("real", real), ("pred", pred)):
            part[name] = whole[whole.obs["cell_name"] == line].copy()
            part[name].X = part[name].X.tocsr()
        evaluator = MetricsEvaluator(
            adata_pred=part["pred"], adata_real=part["real"], control_pert=CONTROL,
            pert_col="drugname_drugconc", outdir=str(out), prefix=str(line), skip_de=True)
        evaluator.compute(profile="anndata", skip_metrics=skip, break_on_error=True)
    done = time.perf_counter()
    columns = pd.read_csv(next(out.glob("*results.csv"))).columns
    missing = [m for m in METRICS if m not in columns]
    if missing:
        sys.exit(f"cell-eval gave no {', '.join(missing)}")
    print(f"{read - start:.3f} {done - read:.3f}")


main()
