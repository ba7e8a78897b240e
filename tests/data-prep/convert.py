"""TAP test of data-prep/parquet-to-h5ad and drugs-to-tsv; started by convert.sh with a folder to write to.

Small shards are invented in the schema of the real ones: the marker pair, tokens out of order and outside the
gene table, a row group of two plates, a trailing blank in a drug. What scppdm_prep makes of the converted plates
must be the mean over cells of log1p(1e4 x / sum), computed here from the Parquet files.
"""
import importlib.util
import io
import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

tmp = sys.argv[1]
source = os.environ.get("top_srcdir", ".")
converter = os.path.join(source, "data-prep", "parquet-to-h5ad")
drugs_to_tsv = os.path.join(source, "data-prep", "drugs-to-tsv")
prep = os.path.join(os.environ.get("top_builddir", "."), "scppdm_prep")
spec = importlib.util.spec_from_loader("parquet_to_h5ad", SourceFileLoader("parquet_to_h5ad", converter))
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
count = 0


def ok(good, what):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {what}", flush=True)


def skip(what, why):
    global count
    count += 1
    print(f"ok {count} - {what} # SKIP {why}")


def run(*args):
    r = subprocess.run([str(a) for a in args], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if r.returncode:
        print("".join(f"# {line}\n" for line in r.stderr.splitlines()[-6:]), end="")
    return r.returncode, r.stderr


def inside(*args):
    """The converter without a process of its own: many short runs cost little."""
    said, argv, stderr = io.StringIO(), sys.argv, sys.stderr
    sys.argv, sys.stderr, code = [converter, *map(str, args)], said, 0
    try:
        module.main()
    except module.Trouble as e:
        code = e.code
        said.write(str(e))
    finally:
        sys.argv, sys.stderr = argv, stderr
    return code, said.getvalue()


def fails(code, text, what, *args):
    got, err = inside(*args)
    ok(got == code and text in err, what)


# ---- an invented atlas ----

rng = np.random.default_rng(8)
GENES = [(f"GENE{i}", f"ENSG{i:011d}", 3 + i) for i in range(40)]
STRUCTURES = {"Aspirin": "CC(=O)Oc1ccccc1C(=O)O", "Selinexor ": "OC(=O)c1ccccc1O", "\u03b3-Oryzanol": "CCO"}
LINES = ["CVCL_0023", "CVCL_0218"]
SAMPLES = []  # sample, plate, drug, label
for plate, dose in (("plate1", 0.05), ("plate2", 0.5), ("plate3", 5.0)):
    for drug in ["DMSO_TF", *STRUCTURES]:
        value = 0.0 if drug == "DMSO_TF" else dose
        SAMPLES.append((f"smp_{1495 + len(SAMPLES)}", plate, drug, str([(drug, value, "uM")])))


def cell(sample, plate, drug, i):
    n = rng.integers(12, 25)
    tokens = rng.choice(np.arange(3, 43), n, replace=False)
    counts = rng.poisson(1.2, n) + 1.0
    if i % 3:
        order = np.argsort(tokens)
        tokens, counts = tokens[order], counts[order]
    if i % 5 == 0:  # tokens that the gene table does not have
        tokens, counts = np.append(tokens, [2, 99999]), np.append(counts, [7.0, 1.0])
    return {"genes": [1, *map(int, tokens)], "expressions": [-2.0, *map(float, counts)], "drug": drug,
            "sample": sample, "BARCODE_SUB_LIB_ID": f"{i % 96 + 1:02d}_{i:03d}_001-lib_1009",
            "cell_line_id": LINES[i % 2], "moa-fine": "unclear", "plate": plate,
            "canonical_smiles": STRUCTURES.get(drug), "pubchem_cid": "1923.0"}


CELLS = [cell(s, p, d, i) for s, p, d, _ in SAMPLES for i in range(14)]
SCHEMA = pa.schema([("genes", pa.list_(pa.int64())), ("expressions", pa.list_(pa.float32()))] +
                   [(c, pa.string()) for c in ("drug", "sample", "BARCODE_SUB_LIB_ID", "cell_line_id", "moa-fine",
                                               "canonical_smiles", "pubchem_cid", "plate")])


def write_shard(name, cells, rows=30):
    path = os.path.join(tmp, name)
    pq.write_table(pa.Table.from_pylist(cells, SCHEMA), path, row_group_size=rows)
    return path


def write_tables():
    pq.write_table(pa.table({"gene_symbol": [g[0] for g in GENES[::-1]], "ensembl_id": [g[1] for g in GENES[::-1]],
                             "token_id": [g[2] for g in GENES[::-1]]}), os.path.join(tmp, "genes.parquet"))
    with open(os.path.join(tmp, "genes.tsv"), "w") as f:
        f.write("token_id\tgene_symbol\tensembl_id\n" + "".join(f"{t}\t{s}\t{e}\n" for s, e, t in GENES))
    columns = list(zip(*SAMPLES))
    names = ["sample", "plate", "drug", "drugname_drugconc"]
    pq.write_table(pa.table(dict(zip(names, map(list, columns)))), os.path.join(tmp, "samples.parquet"),
                   compression="gzip")
    with open(os.path.join(tmp, "samples.tsv"), "w") as f:
        f.write("\t".join(names) + "\n" + "".join("\t".join(s) + "\n" for s in SAMPLES))
    pq.write_table(pa.table({"drug": [d.strip() for d in STRUCTURES] + ["Nothing"],
                             "gpt-notes-approval": ["a\tb", None, "c", "d"],
                             "canonical_smiles": [*STRUCTURES.values(), None],
                             "moa-fine": ["x", None, "z\nz", "w"], "pubchem_cid": [2244.0, None, 5.5, 1.0]}),
                   os.path.join(tmp, "drug_metadata.parquet"))


# ---- the truth, from the Parquet files ----


def truth(shards, token_of, dose_of):
    """{(line, drug, dose, plate): (cells, means)} over all genes."""
    column = {t: i for i, t in enumerate(sorted(token_of))}
    sums = {}
    for path in shards:
        for r in pq.read_table(path).to_pylist():
            x = np.zeros(len(column))
            for t, v in zip(r["genes"], r["expressions"]):
                if t in column and v > 0:
                    x[column[t]] += v
            drug = "" if r["drug"] == "DMSO_TF" else r["drug"].strip()
            key = (r["cell_line_id"], drug, dose_of[r["sample"]] if drug else 0.0, r["plate"])
            n, s = sums.get(key, (0, 0))
            sums[key] = (n + 1, s + np.log1p(1e4 * x / x.sum()))
    return {k: (n, s / n) for k, (n, s) in sums.items()}


def profiles(shard, genes):
    """The same from a shard of scppdm_prep; genes that it left out are 0."""
    with h5py.File(shard) as f:
        text = lambda name: [t.decode() if isinstance(t, bytes) else t for t in f[name][()]]  # noqa: E731
        name = {n: text(n) for n in ("line", "drug/name", "plate", "gene")}
        x = np.zeros((f["profile/x"].shape[0], len(genes)))
        x[:, [genes[g] for g in name["gene"]]] = f["profile/x"][()]
        return {(name["line"][l], "" if d < 0 else name["drug/name"][d], float(c), name["plate"][p]):
                (int(n), x[i]) for i, (l, d, c, p, n) in
                enumerate(zip(f["profile/line"][()], f["profile/drug"][()], f["profile/dose"][()],
                              f["profile/plate"][()], f["profile/cells"][()]))}


def same(got, want, what, everything=True):
    keys = set(got) == set(want) if everything else set(got) <= set(want) and len(got) > 0
    ok(keys and all(got[k][0] == want[k][0] for k in got), f"{what}: {len(got)} keys with as many cells")
    worst = max((np.abs(got[k][1] - want[k][1]).max() for k in got if k in want), default=np.inf)
    ok(worst < 1e-6, f"{what}: numpy's means, worst difference {worst:.1e}")


# ---- tests ----


def test_invented():
    os.mkdir(os.path.join(tmp, "data"))
    shards = [write_shard("data/train-00000-of-00002.parquet", CELLS[:91]),
              write_shard("data/train-00001-of-00002.parquet", CELLS[91:])]
    genes, samples = os.path.join(tmp, "genes.parquet"), os.path.join(tmp, "samples.parquet")
    tables = ("--genes", genes, "--samples", samples)
    out = os.path.join(tmp, "plates")
    code, err = inside(*tables, "--out", out, "--batch", 17, *shards)
    ok(code == 0 and sorted(os.listdir(out)) == ["plate1.h5ad", "plate2.h5ad", "plate3.h5ad"],
       "two shards, a row group of two plates: three plates")
    with h5py.File(os.path.join(out, "plate2.h5ad")) as f:
        ok(f["X/indices"].dtype == np.int64 and f["X/indptr"].dtype == np.int64 and f["X/data"].dtype == np.float32
           and f["X/data"].compression == "gzip" and f["X/data"].chunks == (96077,), "stored as the atlas' plates")
        rising = all((np.diff(f["X/indices"][a:b]) > 0).all()
                     for a, b in zip(f["X/indptr"][:-1], f["X/indptr"][1:]))
        ok(rising and len(f["obs/BARCODE_SUB_LIB_ID"]) == 56, "columns rise in every row, no cell is lost")
        labels = f["obs/drug/categories"].asstr()[()]
        ok("Selinexor " in labels, "labels are kept as they are")
    drugs = os.path.join(tmp, "drugs.tsv")
    code, _ = run(drugs_to_tsv, os.path.join(tmp, "drug_metadata.parquet"), drugs)
    with open(drugs, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f]
    ok(code == 0 and all(len(r) == 4 for r in rows) and ["Aspirin", STRUCTURES["Aspirin"], "x", "2244"] in rows
       and ["Nothing", "", "w", "1"] in rows, "the drug table as TSV")
    shard = os.path.join(tmp, "shard.h5")
    splits = ("--min-cells=1", "--split-ud=0", "--split-uc=0", "--split-val=0")
    plates = sorted(os.path.join(out, p) for p in os.listdir(out))
    code, _ = run(prep, *splits, "--drugs", drugs, "--output", shard, *plates)
    ok(code == 0, "scppdm_prep reads them")
    want = truth(shards, [g[2] for g in GENES], {s: eval(label)[0][1] for s, _, _, label in SAMPLES})
    if code == 0:
        same(profiles(shard, {g[0]: i for i, g in enumerate(GENES)}), want, "invented shards")
    test_again(shards, out, tables)
    test_bad(shards, tables)


def test_again(shards, out, tables):
    path = os.path.join(out, "plate2.h5ad")
    before = {p: os.stat(os.path.join(out, p)).st_mtime_ns for p in os.listdir(out)}
    with open(path, "rb") as f:
        content = f.read()
    os.remove(path)
    with open(path + ".part", "wb") as f:
        f.write(content[:999])  # of a run that was killed
    code, err = run(converter, *tables, "--out", out, "--jobs", 2, os.path.dirname(shards[0]), "--plates",
                    "plate1,plate2")
    after = {p: os.stat(os.path.join(out, p)).st_mtime_ns for p in os.listdir(out)}
    ok(code == 0 and after["plate1.h5ad"] == before["plate1.h5ad"] and "plate1.h5ad: is there" in err,
       "a second run leaves the plates that are whole")
    with h5py.File(path) as f:
        source = json.loads(f["uns/converted_from"].asstr()[()])
    ok(set(after) == set(before) and source["cells"] == 56 and len(source["shards"]) == 2,
       "and makes the missing one, with its source")
    fails(65, "plate1.h5ad", "a plate from other shards is not taken for this one", *tables, "--out", out,
          shards[1], write_shard("more.parquet", CELLS[:1]))
    text = ("--genes", os.path.join(tmp, "genes.tsv"), "--samples", os.path.join(tmp, "samples.tsv"))
    other = os.path.join(tmp, "text")
    code, _ = inside(*text, "--out", other, "--deflate", 0, *shards)
    with h5py.File(path) as a, h5py.File(os.path.join(other, "plate2.h5ad")) as b:
        ok(code == 0 and all((a[n][()] == b[n][()]).all() for n in ("X/data", "X/indices", "X/indptr")),
           "tables as TSV: the same plate")


def test_bad(shards, tables):
    def spoilt(name, **change):
        return write_shard(name, [dict(CELLS[0], **change), CELLS[1]])
    out = os.path.join(tmp, "bad")
    args = (*tables, "--out", out)
    code, err = run(converter, *args, os.path.join(tmp, "none.parquet"))
    ok(code == 66 and "none.parquet" in err, "a missing shard: exit 66")
    with open(os.path.join(tmp, "cut.parquet"), "wb") as f, open(shards[0], "rb") as whole:
        f.write(whole.read()[:5000])
    fails(65, "cut.parquet", "a truncated shard: exit 65", *args, os.path.join(tmp, "cut.parquet"))
    fails(65, "no column genes", "another table: exit 65", *args, os.path.join(tmp, "samples.parquet"))
    fails(65, "smp_9 ", "a sample that the table does not have",
          *args, spoilt("a.parquet", sample="smp_9 "))
    fails(65, "which the sample table has as", "a drug that the sample table has otherwise",
          *args, spoilt("b.parquet", drug="Aspirin"))
    fails(65, "row 0", "a fraction among the counts",
          *args, spoilt("c.parquet", genes=[1, 3], expressions=[-2.0, 1.5]))
    fails(65, "is not a count", "a negative count that is no marker",
          *args, spoilt("d.parquet", genes=[1, 3, 4], expressions=[-2.0, 1.0, -1.0]))
    fails(65, "2 genes, but 3 expressions", "lists of different lengths",
          *args, spoilt("e.parquet", genes=[1, 3], expressions=[-2.0, 1.0, 1.0]))
    fails(65, "a missing value", "a row without a list", *args, spoilt("f.parquet", genes=None))
    fails(65, "a row of plate", "a row without a plate", *args, spoilt("g.parquet", plate=None))
    fails(64, "plate9", "a plate that no shard has", *args, "--plates", "plate9", shards[0])
    ok(not os.path.isdir(out) or not [p for p in os.listdir(out) if p.endswith(".h5ad")], "nothing was named a plate")


def test_drugs():
    """Numbers that are none, and a table that cannot be written."""
    odd, target = os.path.join(tmp, "odd.parquet"), os.path.join(tmp, "odd.tsv")
    pq.write_table(pa.table({"drug": list("abcde"), "canonical_smiles": ["C"] * 5,
                             "dose": [float("inf"), float("-inf"), float("nan"), 2.0, 0.5]}), odd)
    code, _ = run(drugs_to_tsv, odd, target)
    with open(target, encoding="utf-8") as f:
        ok(code == 0 and [row.split("\t")[2].strip() for row in f] == ["dose", "inf", "-inf", "", "2", "0.5"],
           "infinite and missing numbers of the drug table")
    os.mkdir(os.path.join(tmp, "folder.tsv"))
    for name in "folder.tsv", "none/drugs.tsv":  # the name is taken; there is no such folder
        code, err = run(drugs_to_tsv, odd, os.path.join(tmp, name))
        ok(code == 74 and name in err and "Traceback" not in err and
           not os.path.exists(os.path.join(tmp, name + ".part")), f"{name} cannot be written: exit 74, no part is left")


def test_real():
    data = os.environ.get("SCPPDM_DATA", os.path.join(source, "..", "shared", "data"))
    shard = os.path.join(data, "tahoe", "hf_layout_synthetic_240.parquet")
    if not os.path.exists(shard):
        skip("the real schema", "the data set is not here")
        return
    table = lambda name: os.path.join(data, "tahoe", name)  # noqa: E731
    out, result = os.path.join(tmp, "real"), os.path.join(tmp, "real.h5")
    code, _ = inside("--genes", table("gene_metadata.parquet"), "--samples", table("sample_metadata.parquet"),
                  "--out", out, shard)
    ok(code == 0 and os.listdir(out) == ["plate4.h5ad"], "240 cells in the real schema, with the real tables")
    drugs = os.path.join(tmp, "real.tsv")
    code, _ = run(drugs_to_tsv, table("drug_metadata.parquet"), drugs)
    with open(drugs, encoding="utf-8") as a, open(table("drugs.tsv"), encoding="utf-8") as b:
        ok(code == 0 and [[c.strip() for c in r.split("\t")] for r in a] ==
           [[c.strip() for c in r.split("\t")] for r in b], "the real drug table, as it was converted before")
    code, _ = run(prep, "--min-cells=1", "--split-ud=0", "--split-uc=0", "--split-val=0", "--drugs", drugs, "--output",
                  result, os.path.join(out, "plate4.h5ad"))
    ok(code == 0, "scppdm_prep reads it")
    genes = pq.read_table(table("gene_metadata.parquet")).to_pydict()
    samples = pq.read_table(table("sample_metadata.parquet")).to_pydict()
    dose = {s: eval(label)[0][1] for s, label in zip(samples["sample"], samples["drugname_drugconc"])}
    want = truth([shard], genes["token_id"], dose)
    got = profiles(result, {s: i for i, s in enumerate(genes["gene_symbol"])})
    with h5py.File(result) as f:  # genes of almost no cell are left out of the shard
        kept = {t.decode() if isinstance(t, bytes) else t for t in f["gene"][()]}
    column = np.array([s in kept for s in genes["gene_symbol"]])
    want = {k: (n, np.where(column, x, 0)) for k, (n, x) in want.items()}
    same(got, want, "real schema", everything=False)


write_tables()
test_invented()
test_drugs()
test_real()
print(f"1..{count}")
