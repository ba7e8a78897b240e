#!/usr/bin/env python3
"""Write grid.tsv: what planning must find in the condition grid of Tahoe-100M, for tests/data/grid.c.

usage: make_grid.py DATA_FOLDER. Counted with pandas from the grid, the drug table and the table of parent
groups; run by hand.
"""
import os
import sys

import pandas as pd

data = os.path.join(sys.argv[1], "tahoe")
grid = pd.read_csv(os.path.join(data, "condition_grid.tsv.gz"), sep="\t", keep_default_na=False)
drugs = pd.read_csv(os.path.join(data, "drugs.tsv"), sep="\t", keep_default_na=False)
groups = pd.read_csv(os.path.join(data, "drug_parent_groups.tsv"), sep="\t", keep_default_na=False)

grid["drug"] = grid["drug"].str.strip()
drugs["drug"] = drugs["drug"].str.strip()
groups["drug"] = groups["drug"].str.strip()
vehicle = grid["drug"] == "DMSO_TF"
without = set(drugs.loc[drugs["canonical_smiles"].str.strip() == "", "drug"])
listed = set(drugs["drug"])
assert set(grid.loc[~vehicle, "drug"]) <= listed
parent = {d: g for d, g in zip(groups["drug"], groups["parent_group"]) if d not in without}

values = {
    "keys": len(grid), "treated": int((~vehicle).sum()), "vehicle": int(vehicle.sum()),
    "cells": int(grid["n_cells"].sum()), "lines": grid["cell_line"].nunique(), "plates": grid["plate"].nunique(),
    "drugs": grid.loc[~vehicle, "drug"].nunique(), "drugs_without_structure": len(without),
    "drugs_with_parent": len(set(parent) & set(grid["drug"])),
    "parents": len({parent[d] for d in set(grid["drug"]) if d in parent}),
}
bare = grid["drug"].isin(without)
for least in (20, 50):
    few = ~bare & (grid["n_cells"] < least)
    control = set(map(tuple, grid.loc[vehicle & ~few, ["plate", "cell_line"]].values))
    lonely = ~bare & ~few & ~vehicle & ~pd.Series(
        [k in control for k in map(tuple, grid[["plate", "cell_line"]].values)], index=grid.index)
    kept = ~bare & ~few & ~lonely
    of = f"min{least}."
    values |= {
        of + "no_structure.keys": int(bare.sum()), of + "no_structure.cells": int(grid.loc[bare, "n_cells"].sum()),
        of + "few_cells.keys": int(few.sum()), of + "few_cells.cells": int(grid.loc[few, "n_cells"].sum()),
        of + "no_control.keys": int(lonely.sum()), of + "no_control.cells": int(grid.loc[lonely, "n_cells"].sum()),
        of + "profiles": int(kept.sum()), of + "pairs": int((kept & ~vehicle).sum()),
        of + "combinations": len({(l, parent[d]) for l, d in
                                  grid.loc[kept & ~vehicle, ["cell_line", "drug"]].values}),
    }
    for plate, rows in grid[kept & ~vehicle].groupby("plate"):
        values[of + plate + ".pairs"] = len(rows)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "grid.tsv"), "w") as f:
    f.write("what\tvalue\n" + "".join(f"{k}\t{v}\n" for k, v in values.items()))
