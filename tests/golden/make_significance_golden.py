#!/usr/bin/env python3
"""Tests of significance by scipy, for tests/eval/significance.c.

    python3 make_significance_golden.py OUTPUT_FOLDER      writes significance.tsv

ttest: paired t-tests of scipy.stats.ttest_rel, a row of differences, t and p; bh: p values and what
scipy.stats.false_discovery_control makes of them; wilcoxon: differences and the p of scipy.stats.wilcoxon, exact
or by the normal approximation without correction for continuity.
"""
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import stats

warnings.filterwarnings("ignore")


def text(values):
    return "\t".join(repr(float(v)) for v in values)


def main():
    rng = np.random.default_rng(20251123)
    lines = [f"# made by make_significance_golden.py with scipy"]
    for n in (2, 3, 4, 4, 4, 8, 30):
        a, b = rng.standard_normal(n), rng.standard_normal(n) + rng.choice([0, 0.5, 3])
        r = stats.ttest_rel(a, b)
        lines += [f"ttest\t{float(r.statistic)!r}\t{float(r.pvalue)!r}\t{text(a - b)}"]
    for n in (1, 5, 40, 200):
        p = rng.beta(0.4, 2, n)
        p[: n // 5] = p[0]  # ties
        lines += [f"p\t{text(p)}", f"q\t{text(stats.false_discovery_control(p))}"]
    for n in (1, 4, 12, 25, 50, 51, 120):
        d = rng.standard_normal(n) + 0.3
        method = "exact" if n <= 50 else "approx"
        p = stats.wilcoxon(d, method=method, correction=False).pvalue
        lines += [f"wilcoxon\t{float(p)!r}\t{text(d)}"]
    for n in (9, 30, 80):  # ties and zeros
        d = rng.integers(-3, 6, n) / 4
        p = stats.wilcoxon(d, method="approx", correction=False, zero_method="wilcox").pvalue
        lines += [f"wilcoxon\t{float(p)!r}\t{text(d)}"]
    Path(sys.argv[1], "significance.tsv").write_text("\n".join(lines) + "\n")


main()
