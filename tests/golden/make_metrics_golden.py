#!/usr/bin/env python3
"""Independent values of every metric, for tests/eval/metrics.c and tests/eval/evaluate.c.

Written with numpy and scipy only, from the definitions (paper App. C and doc/metrics.md), not from
the C code: scipy.stats for the correlations, numpy.var for explained variance, lexsort for the top
sets, and for discrimination scores the formulas of cell-eval (ArcInstitute/cell-eval, v0.8.1:
position of the own label among sorted distances, 1 - k / N) on data without ties.

    python3 make_metrics_golden.py OUTPUT_FOLDER      writes metrics_pairs.tsv and metrics_screen.tsv
"""
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import stats

warnings.filterwarnings("ignore")
OVERLAPS = (50, 100, 200, 1000)


def correlate(f, x, y):
    if len(x) < 2 or np.all(x == x[0]) or np.all(y == y[0]):
        return np.nan
    return float(f(x, y).statistic)


def explained(y, p):
    if np.all(y == y[0]):
        return np.nan
    return 1 - np.var(y - p) / np.var(y)


def top(lfc, k):
    order = np.lexsort((np.arange(len(lfc)), -np.abs(lfc)))
    return order[: min(k, len(lfc))]


def metrics(post, pre, pred, e, deg_k):
    """All metrics of one condition; float32 arrays in, float64 arithmetic."""
    y, c, p = (np.asarray(v, np.float64) for v in (post, pre, pred))
    clipped = float(np.mean(p < 0))
    p = np.maximum(p, 0)
    lfc, plfc = np.log2((y + e) / (c + e)), np.log2((p + e) / (c + e))
    d, pd = y - c, p - c
    s = top(lfc, deg_k)
    out = {}
    for name, a, b in (("logfc", lfc, plfc), ("delta", d, pd)):
        out[name + "_pearson"] = correlate(stats.pearsonr, a, b)
        out[name + "_spearman"] = correlate(stats.spearmanr, a, b)
        out[name + "_pearson_deg"] = correlate(stats.pearsonr, a[s], b[s])
        out[name + "_spearman_deg"] = correlate(stats.spearmanr, a[s], b[s])
    out["ev"], out["ev_deg"] = explained(y, p), explained(y[s], p[s])
    out["ev_delta"], out["ev_delta_deg"] = explained(d, pd), explained(d[s], pd[s])
    out["mse"] = out["mse_delta"] = float(np.mean((y - p) ** 2))
    out["mae"] = out["mae_delta"] = float(np.mean(np.abs(y - p)))
    size = np.linalg.norm(d)
    out["norm_ratio"] = np.linalg.norm(pd) / size if size > 0 else np.nan
    out["effect"], out["effect_true"] = np.linalg.norm(pd), size
    out["clipped"] = clipped
    for k in OVERLAPS:
        k_used = min(k, len(y))
        out[f"de_overlap_{k}"] = len(set(top(lfc, k)) & set(top(plfc, k))) / k_used
    return out


def log1p_profile(rng, genes):
    """A profile as a mean over cells has it: a third of the genes at or near zero."""
    level = rng.gamma(0.5, 1.2, genes)
    level[rng.random(genes) < 0.15] = 0
    return level.astype(np.float32)


def shifted(rng, pre, size):
    return np.maximum(pre + size * rng.standard_normal(len(pre)) * (pre > 0), 0).astype(np.float32)


def pair_cases():
    rng = np.random.default_rng(20240607)
    for i, (genes, deg_k, e) in enumerate(((300, 200, 0.1), (300, 60, 1e-5), (1200, 200, 1e-2), (40, 200, 0.1))):
        pre = log1p_profile(rng, genes)
        post = shifted(rng, pre, 0.4)
        pred = (0.6 * post + 0.4 * pre + 0.15 * rng.standard_normal(genes)).astype(np.float32)
        yield f"plain{i}", genes, deg_k, e, post, pre, pred
    for i, e in enumerate((0.1, 1e-5)):  # eighths: many ties, in values, changes and top sets
        pre = (rng.integers(0, 10, 250) * (rng.random(250) < 0.6) / 8).astype(np.float32)
        post = np.maximum(pre + rng.integers(-3, 4, 250) / 8, 0).astype(np.float32)
        pred = (post + rng.integers(-2, 3, 250) / 8).astype(np.float32)
        yield f"ties{i}", 250, 100, e, post, pre, pred
    pre = log1p_profile(rng, 120)
    post = shifted(rng, pre, 0.5)
    yield "no_change", 120, 50, 0.1, post, pre, pre
    yield "perfect", 120, 50, 0.1, post, pre, post
    yield "constant_prediction", 120, 50, 0.1, post, pre, np.full(120, 0.7, np.float32)
    yield "no_effect", 120, 50, 0.1, pre, pre, post
    yield "opposite", 120, 50, 0.1, post, pre, (2 * pre - post).astype(np.float32)


def write_pairs(path):
    with open(path, "w") as f:
        f.write("# made by make_metrics_golden.py; case, then post, pre, pred [genes], then metrics\n")
        for name, genes, deg_k, e, post, pre, pred in pair_cases():
            f.write(f"case\t{name}\t{genes}\t{deg_k}\t{e!r}\n")
            for label, v in (("post", post), ("pre", pre), ("pred", pred)):
                f.write(label + "\t" + "\t".join(np.format_float_positional(x, unique=True, trim="0") for x in v) + "\n")
            for key, value in metrics(post, pre, pred, e, deg_k).items():
                f.write(f"metric\t{key}\t{float(value)!r}\n")


def screen():
    """2 lines x 3 drugs x 2 doses; some conditions on two plates; a control for each (line, plate)."""
    rng = np.random.default_rng(7)
    genes, e, deg_k = 80, 0.1, 30
    control, rows = {}, []
    for line in ("CVCL_A", "CVCL_B"):
        for plate in ("plate1", "plate2"):
            control[line, plate] = log1p_profile(rng, genes)
    for line in ("CVCL_A", "CVCL_B"):
        for drug in ("Drug A", "O'Drug, B", "Drug C"):
            effect = 0.5 * rng.standard_normal(genes)
            for dose in (0.05, 5.0):
                for plate in ("plate1", "plate2"):
                    if plate == "plate2" and (line == "CVCL_B" or drug == "Drug C"):
                        continue
                    pre = control[line, plate]
                    scale = 0.5 if dose < 1 else 1.0
                    noise = lambda s: s * rng.standard_normal(genes)
                    post = np.maximum(pre + scale * effect + noise(0.1), 0).astype(np.float32)
                    pred = (pre + 0.7 * scale * effect + noise(0.9)).astype(np.float32)
                    rows.append((line, drug, dose, plate, post, pred))
    return genes, e, deg_k, control, rows


def discrimination(truth, prediction):
    """cell-eval: distances of one prediction to all true effects, rank of the own one."""
    n = len(truth)
    scores = {"pds_l1": [], "pds_l2": [], "pds_cosine": [], "pds_cosine_mid": []}
    for p in range(n):
        d = {
            "pds_l1": np.abs(prediction[p] - truth).sum(axis=1),
            "pds_l2": np.sqrt(((prediction[p] - truth) ** 2).sum(axis=1)),
            "pds_cosine": 1 - truth @ prediction[p] / (np.linalg.norm(truth, axis=1) * np.linalg.norm(prediction[p])),
        }
        for kind, v in d.items():
            k = int(np.flatnonzero(np.argsort(v) == p)[0])
            scores[kind].append(1 - k / n)
            if kind == "pds_cosine":
                scores["pds_cosine_mid"].append(1 - k / (n - 1))
    return scores


def write_screen(path):
    genes, e, deg_k, control, rows = screen()
    values = [metrics(r[4], control[r[0], r[3]], r[5], e, deg_k) for r in rows]
    for line in sorted({r[0] for r in rows}):
        labels = sorted({(r[1], r[2]) for r in rows if r[0] == line})
        effect = lambda at: np.array([
            np.mean([np.maximum(np.asarray(r[at], np.float64), 0) - control[line, r[3]].astype(np.float64)
                     for r in rows if r[0] == line and (r[1], r[2]) == label], axis=0)
            for label in labels])
        scores = discrimination(effect(4), effect(5))
        for i, r in enumerate(rows):
            if r[0] == line:
                for kind, v in scores.items():
                    values[i][kind] = v[labels.index((r[1], r[2]))]
    text = lambda v: "\t".join(np.format_float_positional(x, unique=True, trim="0") for x in v)
    with open(path, "w") as f:
        f.write("# made by make_metrics_golden.py: controls, then conditions with post, pred and metrics\n")
        f.write(f"screen\t{genes}\t{deg_k}\t{e!r}\n")
        for (line, plate), v in control.items():
            f.write(f"control\t{line}\t{plate}\t{text(v)}\n")
        for r, m in zip(rows, values):
            f.write(f"condition\t{r[0]}\t{r[1]}\t{r[2]!r}\t{r[3]}\n")
            f.write(f"post\t{text(r[4])}\npred\t{text(r[5])}\n")
            for key, value in m.items():
                f.write(f"metric\t{key}\t{float(value)!r}\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    write_pairs(folder / "metrics_pairs.tsv")
    write_screen(folder / "metrics_screen.tsv")
