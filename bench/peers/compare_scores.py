"""Are the shared metrics those of the peer?  usage: compare_scores.py RESULTS.csv FOLDER_OF_CELL_EVAL

Prints the largest difference of each shared metric over all conditions.
"""
import sys
from pathlib import Path

import pandas as pd


def main():
    ours = pd.read_csv(sys.argv[1]).set_index(["cell_line", "perturbation"])
    parts = []
    for path in sorted(Path(sys.argv[2]).glob("*_results.csv")):
        line = path.name[: -len("_results.csv")]
        if not line.endswith("agg"):
            parts.append(pd.read_csv(path).assign(cell_line=line))
    peer = pd.concat(parts).set_index(["cell_line", "perturbation"]).loc[ours.index]
    shared = [c for c in peer.columns if c in ours.columns]
    print(f"{len(ours)} conditions; largest differences: "
          + ", ".join(f"{c} {(ours[c] - peer[c]).abs().max():.1e}" for c in shared))


main()
