"""Are the shared metrics those of the peer?  usage: compare_scores.py RESULTS.csv FOLDER_OF_CELL_EVAL

Prints the largest difference of each shared metric over all conditions; exit code 1 when one is above 1e-5 or NaN on
one side alone. discrimination_score_l2 is held to that for all but one condition in 500: the peer takes L2
distances by the expansion of the square, whose rounding swaps labels at nearly equal distance.
"""
import sys
from pathlib import Path

import pandas as pd

LIMIT = 1e-5


def main():
    ours = pd.read_csv(sys.argv[1]).set_index(["cell_line", "perturbation"])
    parts = []
    for path in sorted(Path(sys.argv[2]).glob("*_results.csv")):
        line = path.name[: -len("_results.csv")]
        if not line.endswith("agg"):
            parts.append(pd.read_csv(path).assign(cell_line=line))
    peer = pd.concat(parts).set_index(["cell_line", "perturbation"]).loc[ours.index]
    shared = [c for c in peer.columns if c in ours.columns]
    bad = []
    for c in shared:
        apart = ((ours[c] - peer[c]).abs() > LIMIT) | (ours[c].isna() != peer[c].isna())
        allowed = max(1, len(ours) // 500) if c == "discrimination_score_l2" else 0
        if apart.sum() > allowed:
            bad.append(f"{c} in {apart.sum()} conditions")
    print(f"{len(ours)} conditions; largest differences: "
          + ", ".join(f"{c} {(ours[c] - peer[c]).abs().max():.1e}" for c in shared))
    if bad or not shared:
        print("apart: " + (", ".join(bad) or "no metric is shared"))
        sys.exit(1)


main()
