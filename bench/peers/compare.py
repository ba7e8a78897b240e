"""Are the profiles of a shard those of the peer?  usage: compare.py SHARD.h5 PEER.npz PLATE.h5ad

Prints the number of profiles of both, the largest difference on the shard's genes, which PLATE's var names
place among the peer's, and how many cell counts differ.
"""
import ast
import sys

import h5py
import numpy as np


def columns(genes, plate):
    with h5py.File(plate) as f:
        place = {g: i for i, g in enumerate(f["var"][f["var"].attrs["_index"]][:])}
    return [place[g] for g in genes]


def main():
    peer = np.load(sys.argv[2], allow_pickle=True)
    row = {}
    for i, key in enumerate(peer["key"]):
        line, treatment, plate = key.split("|")
        drug, dose, _ = ast.literal_eval(treatment)[0]
        row[line, drug, float(dose), plate] = i
    with h5py.File(sys.argv[1]) as f:
        line, drug, plate = ([s.decode() for s in f[n][:]] for n in ("line", "drug/name", "plate"))
        column = columns(f["gene"][:], sys.argv[3])
        p = {n: f["profile/" + n][:] for n in ("line", "drug", "dose", "plate", "cells", "x")}
    worst, cells = 0.0, 0
    for i in range(len(p["line"])):
        name = drug[p["drug"][i]] if p["drug"][i] >= 0 else "DMSO_TF"
        j = row[line[p["line"][i]], name, p["dose"][i], plate[p["plate"][i]]]
        worst = max(worst, float(np.abs(p["x"][i] - peer["x"][j][column]).max()))
        cells += int(p["cells"][i] != peer["cells"][j])
    print(f"{len(p['line'])} profiles, {len(row)} of the peer; largest difference {worst:.1e}; {cells} counts differ")


main()
