#!/usr/bin/env python3
"""Write morgan.tsv: structures with the values that Python's RDKit gives them.

Columns: smiles, canonical, parent, on_bits. Run by hand when the list changes; the test reads the
table only. Salts, solvates, charges, isomers, a zwitterion, a metal-free inorganic counter-ion and a
molecule too small to have a radius-2 environment are in it on purpose.
"""
import os

from rdkit import Chem, RDLogger, rdBase
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.MolStandardize import rdMolStandardize

RDLogger.DisableLog("rdApp.*")

SMILES = [
    "CS(C)=O",                                                            # dimethyl sulfoxide
    "CC(=O)Oc1ccccc1C(=O)O",                                              # aspirin
    "CN1C=NC2=C1C(=O)N(C)C(=O)N2C",                                       # caffeine
    "CN(C)C(=N)N=C(N)N.Cl",                                               # metformin hydrochloride
    "COCCOC1=C(C=C2C(=C1)C(=NC=N2)NC3=CC=CC(=C3)C#C)OCCOC",               # erlotinib
    "CN1CCN(CC1)CC2=CC=C(C=C2)C(=O)NC3=CC(=C(C=C3)C)NC4=NC=CC(=N4)C5=CN=CC=C5.CS(=O)(=O)O",
    "C[C@@H](C1=C(C=CC(=C1Cl)F)Cl)OC2=C(N=CC(=C2)C3=CN(N=C3)C4CCNCC4)N",  # crizotinib
    "C[C@H](C1=C(C=CC(=C1Cl)F)Cl)OC2=C(N=CC(=C2)C3=CN(N=C3)C4CCNCC4)N",   # its mirror image
    "C[C@]12C[C@@H]([C@]3([C@H]([C@@H]1C[C@H]([C@@]2(C(=O)CO)O)C)CCC4=CC(=O)C=C[C@@]43C)F)O",
    "CC(C)C1=NC(=CS1)CN(C)C(=O)[O-].[Na+]",                               # a carboxylate salt
    "C(C(=O)[O-])[NH3+]",                                                 # glycine, zwitterion
    "CC1=C(C(=O)C2=C(C1=O)C=CC=C2)C/C=C(\\C)/CCC[C@H](C)CCC[C@H](C)CCCC(C)C",
    "O=C(O)CCC(=O)O.OCC[N+](C)(C)C",                                      # quaternary ammonium
]

generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024, includeChirality=False)
chooser = rdMolStandardize.LargestFragmentChooser()
uncharger = rdMolStandardize.Uncharger()

with open(os.path.join(os.path.dirname(__file__), "morgan.tsv"), "w") as out:
    out.write("smiles\tcanonical\tparent\ton_bits\n")
    for smiles in SMILES:
        mol = Chem.MolFromSmiles(smiles)
        parent = uncharger.uncharge(chooser.choose(mol))
        Chem.RemoveStereochemistry(parent)
        bits = ",".join(str(b) for b in generator.GetFingerprint(mol).GetOnBits())
        out.write(f"{smiles}\t{Chem.MolToSmiles(mol)}\t{Chem.MolToSmiles(parent)}\t{bits}\n")
print("RDKit", rdBase.rdkitVersion, "wrote", len(SMILES), "structures")
