#!/usr/bin/env python3
"""Check drugs.tsv with RDKit: python3 check_drugs.py [REFERENCE.tsv ...]

Every SMILES must parse and have the listed molecular formula, and no two drugs may share a parent
structure. A reference is a tab-separated table with the columns `drug` and `canonical_smiles` (as
Tahoe-100M's drug table); a drug found there by name, with its salt in parentheses ignored, must
have the same parent: largest fragment, neutralised, stereo removed, and canonical tautomer. Exit
code 1 when a check fails. Used while the table is written, never by the product.
"""
import csv
import pathlib
import re
import sys

from rdkit import Chem, RDLogger
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

RDLogger.DisableLog("rdApp.*")
TABLE = pathlib.Path(__file__).with_name("drugs.tsv")


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def base_name(name):
    """Name without salt or hydrate: 'Gefitinib (hydrochloride)' -> 'gefitinib'."""
    return re.sub(r"\s*\(.*?\)\s*$", "", name).strip().lower()


def parent(smiles):
    mol = rdMolStandardize.FragmentParent(Chem.MolFromSmiles(smiles))
    mol = rdMolStandardize.Uncharger().uncharge(mol)
    Chem.RemoveStereochemistry(mol)
    return Chem.MolToSmiles(rdMolStandardize.TautomerEnumerator().Canonicalize(mol))


def main(references):
    drugs, errors, seen = read_table(TABLE), [], {}
    for row in drugs:
        name, smiles = row["drug"], row["canonical_smiles"]
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            errors.append(f"{name}: RDKit rejects {smiles}")
            continue
        if CalcMolFormula(mol) != row["formula"]:
            errors.append(f"{name}: formula {CalcMolFormula(mol)}, listed {row['formula']}")
        twin = seen.setdefault(parent(smiles), name)
        if twin != name:
            errors.append(f"{name}: same parent as {twin}")
    for path in references:
        known = {}
        for row in read_table(path):
            if row["canonical_smiles"]:
                known.setdefault(base_name(row["drug"]), row["canonical_smiles"])
        shared = [row for row in drugs if base_name(row["drug"]) in known]
        for row in shared:
            ours, theirs = parent(row["canonical_smiles"]), parent(known[base_name(row["drug"])])
            if ours != theirs:
                errors.append(f"{row['drug']}: {path} has {theirs}, ours is {ours}")
        print(f"{path}: {len(shared)} drugs in common")
    print(f"{TABLE.name}: {len(drugs)} drugs, {len(errors)} errors")
    if errors:
        print("\n".join(errors), file=sys.stderr)
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
