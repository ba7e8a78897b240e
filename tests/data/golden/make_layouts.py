#!/usr/bin/env python3
"""Write ../layouts/*.h5ad and ../layouts/{files,truth}.tsv: one invented screen in every layout that users
hold, and its pseudobulk, for tests/data/layouts.c. Run by hand when the choice changes.

Two writers: the AnnData library itself where it writes the layout, and h5py by the on-disk specification
where it does not (any more). Every file is then read back by the AnnData library, and its pseudobulk (mean
over cells of log1p(1e4 x / sum), in fp64) computed from what was read must be the one of the screen.
"""
import os
import shutil
import warnings

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

warnings.filterwarnings("ignore")
here = os.path.dirname(os.path.abspath(__file__))
out = os.path.join(here, "..", "layouts")
rng = np.random.default_rng(20251122)

GENES = [f"GENE{i:02d}" for i in range(22)] + ["HLA-A", "ENSG00000000003"]
DRUGS = [("Aspirin", "CC(=O)Oc1ccccc1C(=O)O"), ("5'-Deoxy, (x)", "OCC1OC(O)C(O)C1O"),
         ("\u03b3-Oryzanol", "COc1cc(C=CC(=O)OC)ccc1O")]
LINES, PLATES, VEHICLE = ["CVCL_0023", "RKO"], ["plate1", "plate2"], "DMSO_TF"


def design():
    """Cells in random order: line, drug, dose in uM, plate, quality."""
    rows = []
    for p, plate in enumerate(PLATES):
        for line in LINES:
            for drug in [VEHICLE] + [d for d, _ in DRUGS]:
                dose = 0.0 if drug == VEHICLE else [0.05, 0.5][p]
                rows += [(line, drug, dose, plate, "full")] * (5 if drug == VEHICLE else 3)
                if drug == "Aspirin":
                    rows += [(line, drug, dose, plate, "minimal")]
    rows += [("RKO", "Aspirin", 5.0, "plate2", "full")] * 2  # one stray dose
    obs = pd.DataFrame(rows, columns=["line", "drug", "dose", "plate", "quality"])
    return obs.iloc[rng.permutation(len(obs))].reset_index(drop=True)


OBS = design()
N, G = len(OBS), len(GENES)
COUNTS = rng.poisson(rng.gamma(0.6, 2.5, size=(1, G)) * rng.uniform(0.5, 2, size=(N, 1)))
COUNTS[:, 0] += 1  # no empty cell
LOG = np.log1p(1e4 * COUNTS / COUNTS.sum(1, keepdims=True)).round(3)


def pseudobulk(x, obs, how):
    """[(line, drug or "", dose, plate, cells, means)] of the cells that are kept."""
    x = np.asarray(x, np.float64)
    if how == "counts":
        x = np.log1p(1e4 * x / x.sum(1, keepdims=True))
    if how == "linear":
        x = np.log1p(x)
    keys = [(r.line, "" if r.drug == VEHICLE else r.drug, r.dose, r.plate) for r in obs.itertuples()]
    full = (obs["quality"] == "full").to_numpy()
    rows = []
    for key in sorted(set(k for k, f in zip(keys, full) if f)):
        mine = np.array([k == key for k in keys]) & full
        rows.append((*key, int(mine.sum()), x[mine].mean(0)))
    return rows


TRUTH = {"counts": pseudobulk(COUNTS, OBS, "counts"), "log": pseudobulk(LOG, OBS, "log"),
         "linear": pseudobulk(LOG, OBS, "linear")}

# ---- obs columns ----


def label(drug, dose, unit="uM", quote=None):
    value = {"uM": dose, "nM": dose * 1000, "mM": dose / 1000}[unit]
    value = float(f"{value:.6g}")
    text = repr(drug) if quote is None else quote + drug.replace(quote, "\\" + quote) + quote
    return f"[({text}, {value!r}, '{unit}')]"


def tahoe(**kw):
    blank = lambda d: d + " " if d == "Aspirin" else d  # noqa: E731
    return pd.DataFrame({
        "drugname_drugconc": [label(blank(d), c, **kw) for d, c in zip(OBS["drug"], OBS["dose"])],
        "drug": OBS["drug"].map(blank), "cell_line": OBS["line"], "plate": OBS["plate"],
        "pass_filter": OBS["quality"]})


def numeric(dose, **extra):
    obs = pd.DataFrame({"cell_line": OBS["line"], "drug": OBS["drug"], "dose": dose, "plate": OBS["plate"],
                        "pass_filter": OBS["quality"]})
    for name, values in extra.items():
        obs[name] = values
    return obs


# ---- the second writer: h5py, by the specification ----

UTF8 = h5py.string_dtype("utf-8")


def encode(obj, kind, version="0.2.0", **attrs):
    obj.attrs["encoding-type"] = kind
    obj.attrs["encoding-version"] = version
    for k, v in attrs.items():
        obj.attrs[k.replace("_", "-") if k != "_index" else k] = v
    return obj


def put(group, name, data, **opt):
    return group.create_dataset(name, data=data, **opt)


def text(group, name, values, how="string-array"):
    values = np.array(list(values), dtype=object)
    if how == "nullable":
        g = encode(group.create_group(name), "nullable-string-array", "0.1.0")
        encode(put(g, "values", values, dtype=UTF8), "string-array")
        encode(put(g, "mask", np.zeros(len(values), bool)), "array")
        return g
    return encode(put(group, name, values, dtype=UTF8), "string-array")


def column(group, name, values, how, codes="i1"):
    if values.dtype != object:
        encode(put(group, name, values.to_numpy()), "array")
    elif how in ("categorical", "nullable categories"):
        cats = sorted(set(values))
        g = encode(group.create_group(name), "categorical", ordered=False)
        encode(put(g, "codes", np.array([cats.index(v) for v in values], codes)), "array")
        text(g, "categories", cats, "nullable" if how != "categorical" else "string-array")
    else:
        text(group, name, values, how)


def frame(root, name, index, index_name, table, how, index_how="string-array", codes="i1"):
    g = encode(root.create_group(name), "dataframe", _index=index_name)
    g.attrs["column-order"] = np.array(list(table.columns), dtype=object) if len(table.columns) else \
        np.zeros(0)
    text(g, index_name, index, index_how)
    for c in table.columns:
        column(g, c, table[c], how, codes)


def sparse(root, name, x, kind="csr", indices="i4", indptr="i4", data="f4", old=None, messy=False, **opt):
    m = sp.csr_matrix(x) if kind == "csr" else sp.csc_matrix(x)
    d, i, p = m.data.astype("f8"), m.indices.copy(), m.indptr.copy()
    if messy:
        d, i, p = scramble(d, i, p)
    g = root.create_group(name)
    if old:
        g.attrs["h5sparse_format"], g.attrs["h5sparse_shape"] = kind, np.array(x.shape)
    else:
        encode(g, f"{kind}_matrix", "0.1.0", shape=np.array(x.shape))
    unlimited = {"maxshape": (None,), "chunks": (97,)} if opt else {}
    put(g, "data", d.astype(data), **unlimited, **opt)
    put(g, "indices", i.astype(indices), **unlimited, **opt)
    put(g, "indptr", p.astype(indptr))


def scramble(d, i, p):
    """Rows in random order of columns, and every third entry above 1 as two entries of its column."""
    dd, ii, pp = [], [], [0]
    for r in range(len(p) - 1):
        row = []
        for k in range(p[r], p[r + 1]):
            parts = [1, d[k] - 1] if d[k] > 1 and k % 3 == 0 else [d[k]]
            row += [(i[k], v) for v in parts]
        row = [row[k] for k in rng.permutation(len(row))]
        ii += [c for c, _ in row]
        dd += [v for _, v in row]
        pp.append(len(dd))
    return np.array(dd), np.array(ii), np.array(pp)


def dense(root, name, x, data="f4", **opt):
    encode(put(root, name, x.astype(data), **opt), "array")


CELLS = [f"{i % 96 + 1:02d}_{i:03d}-lib_1009" for i in range(N)]


def write(name, obs, matrix, how="categorical", index_how="string-array", codes="i1", x=COUNTS, **opt):
    with h5py.File(os.path.join(out, name), "w") as f:
        encode(f, "anndata", "0.1.0")
        if matrix == "dense":
            dense(f, "X", x, **opt)
        else:
            sparse(f, "X", x, matrix, **opt)
        frame(f, "obs", CELLS, "BARCODE_SUB_LIB_ID", obs, how, index_how, codes)
        frame(f, "var", GENES, "gene_name", pd.DataFrame(), how, index_how)


def write_07(name, obs):
    """As AnnData 0.7: categories beside the frame, columns and root without encoding."""
    with h5py.File(os.path.join(out, name), "w") as f:
        sparse(f, "X", COUNTS, compression="gzip")
        for part, index, table in (("obs", CELLS, obs), ("var", GENES, pd.DataFrame())):
            g = encode(f.create_group(part), "dataframe", "0.1.0", _index="_index")
            g.attrs["column-order"] = np.array(list(table.columns), dtype=object) \
                if len(table.columns) else np.zeros(0)
            put(g, "_index", np.array(index, dtype=object), dtype=UTF8)
            for c in table.columns:
                cats = sorted(set(table[c]))
                ref = put(g.require_group("__categories"), c, np.array(cats, dtype=object), dtype=UTF8)
                ref.attrs["ordered"] = False
                d = put(g, c, np.array([cats.index(v) for v in table[c]], "i1"))
                d.attrs["categories"] = ref.ref


def write_05(name, obs):
    """As AnnData 0.5: compound frames, labels in uns, a dense X of log values beside raw.X of counts."""
    with h5py.File(os.path.join(out, name), "w") as f:
        put(f, "X", LOG.astype("f4"))
        sparse(f, "raw.X", COUNTS, old=True)
        dtype = [("index", "S24")] + [(c, "i1") for c in obs.columns]
        rows = np.zeros(N, dtype)
        rows["index"] = [c.encode() for c in CELLS]
        f.create_group("uns")
        for c in obs.columns:
            cats = sorted(set(obs[c]))
            rows[c] = [cats.index(v) for v in obs[c]]
            put(f["uns"], c + "_categories", np.array(cats, dtype=object), dtype=UTF8)
        put(f, "obs", rows)
        genes = np.array([(g.encode(),) for g in GENES], [("index", "S16")])
        put(f, "var", genes)
        put(f, "raw.var", genes)


def write_refused(name, obs):
    """Values under a filter that neither HDF5 nor this program has."""
    with h5py.File(os.path.join(out, name), "w") as f:
        m = sp.csr_matrix(COUNTS)
        g = encode(f.create_group("X"), "csr_matrix", "0.1.0", shape=np.array(m.shape))
        put(g, "indices", m.indices)
        put(g, "indptr", m.indptr)
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_obj_track_times(False)
        plist.set_chunk((m.nnz,))
        plist.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
        space = h5py.h5s.create_simple((m.nnz,))
        dset = h5py.h5d.create(g.id, b"data", h5py.h5t.IEEE_F32LE, space, plist)
        dset.write_direct_chunk((0,), b"\x28\xb5\x2f\xfd" + bytes(60))
        encode(f, "anndata", "0.1.0")
        frame(f, "obs", CELLS, "BARCODE_SUB_LIB_ID", obs, "categorical")
        frame(f, "var", GENES, "gene_name", pd.DataFrame(), "categorical")


# ---- the first writer: the AnnData library ----


def library(obs, x=COUNTS, kind=sp.csr_matrix):
    a = anndata.AnnData(kind(np.asarray(x, np.float32)), obs=obs.set_index(pd.Index(CELLS)),
                        var=pd.DataFrame(index=GENES))
    return a


def write_library(name, a, **kw):
    a.write_h5ad(os.path.join(out, name), **kw)


def write_all():
    T = tahoe()
    add = []  # file, settings, truth

    def file(name, settings="", truth="counts"):
        add.append((name + ".h5ad", settings, truth))
        return name + ".h5ad"

    # the matrix
    write(file("csr_i32_f4_gzip"), T, "csr", compression="gzip")
    write(file("csr_i64_f4_gzip"), T, "csr", indices="i8", indptr="i8", compression="gzip")
    write(file("csr_u16_u2_gzip_shuffle"), T, "csr", indices="u2", data="u2", compression="gzip", shuffle=True)
    write(file("csr_u1_contiguous"), T, "csr", indptr="i8", data="u1")
    write(file("csr_i4_lzf"), T, "csr", data="i4", compression="lzf")
    write(file("csr_i8_gzip"), T, "csr", indices="i8", data="i8", compression="gzip", compression_opts=9)
    write(file("csr_f8_lzf_shuffle"), T, "csr", data="f8", compression="lzf", shuffle=True)
    write(file("csr_big_endian_checksum"), T, "csr", indices=">i4", indptr=">i8", data=">f4",
          compression="gzip", fletcher32=True)
    write(file("csr_unsorted_duplicates"), T, "csr", messy=True, compression="gzip")
    write(file("csc_i32_f4_gzip"), T, "csc", compression="gzip")
    write(file("csc_i64_u2_lzf"), T, "csc", indices="i8", indptr="i8", data="u2", compression="lzf")
    write(file("csc_u16_f8_contiguous"), T, "csc", indices="u2", data="f8")
    write(file("dense_f4_contiguous"), T, "dense")
    write(file("dense_f4_gzip"), T, "dense", compression="gzip", chunks=(17, 7))
    write(file("dense_u2_gzip_shuffle"), T, "dense", data="u2", compression="gzip", shuffle=True, chunks=(16, G))
    write(file("dense_f8_lzf"), T, "dense", data="f8", compression="lzf", chunks=(9, 24))
    write(file("dense_i8_gzip"), T, "dense", data="i8", compression="gzip", chunks=(N, 1))
    # the matrix elsewhere
    a = library(T, LOG)
    a.raw = library(T)
    write_library(file("raw_csr", "prep.matrix=raw/X"), a[:, 3:13].copy(), compression="gzip")
    a = library(T, LOG)
    a.raw = library(T, kind=sp.csc_matrix)
    write_library(file("raw_csc", "prep.matrix=raw/X"), a)
    a = library(T, LOG)
    a.layers["counts"] = sp.csr_matrix(COUNTS.astype("u2"))
    write_library(file("layer_csr", "prep.matrix=layers/counts"), a, compression="lzf")
    a = library(T, LOG)
    a.layers["counts"] = COUNTS.astype("i4")
    write_library(file("layer_dense", "prep.matrix=layers/counts"), a)
    # the columns
    write(file("obs_text"), T, "csr", how="string-array", compression="gzip")
    write(file("obs_nullable"), T, "csr", how="nullable", compression="gzip")
    write(file("obs_nullable_categories"), T, "csr", how="nullable categories", compression="gzip")
    write(file("index_nullable"), T, "csr", index_how="nullable", compression="gzip")
    write(file("codes_i32"), T, "csr", codes="i4", compression="gzip")
    write(file("codes_u8"), T, "csr", codes="u1", compression="gzip")
    write_07(file("era_07"), T)
    write_05(file("era_05", "prep.matrix=raw/X"), T)
    a = library(T)
    for c in T.columns:
        a.obs[c] = a.obs[c].astype("category")
    write_library(file("library"), a)
    # the dose
    write(file("label_double_quotes"), tahoe(quote='"'), "csr", compression="gzip")
    write(file("label_nM"), tahoe(unit="nM"), "csr", compression="gzip")
    write(file("label_mM"), tahoe(unit="mM"), "csr", compression="gzip")
    generic = "prep.layout=generic;prep.qc.column=pass_filter;prep.qc.value=full;prep.vehicle=DMSO_TF"
    uM = OBS["dose"]
    write(file("dose_uM_f8", generic + ";prep.obs.dose_unit=none"), numeric(uM), "csr", compression="gzip")
    write(file("dose_uM_f4", generic + ";prep.obs.dose_unit=none"), numeric(uM.astype("f4")), "csr",
          compression="gzip")
    write(file("dose_nM_i8", generic + ";prep.obs.dose_unit=none;prep.dose_unit=nM"),
          numeric((uM * 1000).round().astype("i8")), "csr", compression="gzip")
    micro = np.array(["uM", "nM"], dtype=object)[np.arange(N) % 2]
    write(file("dose_two_units", generic),
          numeric(np.where(micro == "uM", uM, uM * 1000), dose_unit=pd.Series(micro, dtype=object)), "csr",
          compression="gzip")
    write(file("dose_text", generic + ";prep.obs.dose_unit=none"),
          numeric(uM.map(lambda v: f" {v:g} ").astype(object)), "csr", how="string-array", compression="gzip")
    a = library(numeric(pd.array((uM * 1000).round().astype(int), dtype="Int64")))
    write_library(file("dose_nullable_integer", generic + ";prep.obs.dose_unit=none;prep.dose_unit=nM"), a)
    a = library(numeric(uM, passed=OBS["quality"] == "full"))
    write_library(file("quality_boolean", "prep.layout=generic;prep.qc.column=passed;prep.qc.value=True;"
                       "prep.vehicle=DMSO_TF;prep.obs.dose_unit=none"), a)
    # cells that are no treatment: here those that the quality label leaves out elsewhere
    minimal = np.flatnonzero(OBS["quality"] == "minimal")
    dose, unit = uM.to_numpy().copy(), np.array(["uM"] * N, dtype=object)
    dose[minimal[0]], dose[minimal[1]], dose[minimal[2]], unit[minimal[3]] = np.nan, 0, -666, "NA"
    write(file("dose_faults", "prep.layout=generic;prep.vehicle=DMSO_TF"),
          numeric(pd.Series(dose), dose_unit=pd.Series(unit, dtype=object)), "csr", compression="gzip")
    several = T.copy()
    several.loc[minimal, "drugname_drugconc"] = "[('Aspirin ', 0.05, 'uM'), ('Caffeine', 1.0, 'uM')]"
    write(file("label_combination", "prep.qc.column=none"), several, "csr", compression="gzip")
    # the presets
    obs = pd.DataFrame({"cell_line": OBS["line"], "perturbation": OBS["drug"].replace(VEHICLE, "control"),
                        "dose_value": uM * 1000, "dose_unit": "nM", "plate": OBS["plate"],
                        "quality": OBS["quality"]})
    write(file("sciplex", "prep.layout=sciplex;prep.qc.column=quality;prep.qc.value=full"), obs, "csr",
          compression="gzip")
    smiles = dict(DRUGS, **{VEHICLE: "CS(C)=O"})
    obs = numeric(uM, dose_unit="uM", SMILES=OBS["drug"].map(smiles))
    obs["drug"] = OBS["drug"].replace(VEHICLE, "control")
    write(file("generic", "prep.layout=generic;prep.qc.column=pass_filter;prep.qc.value=full;prep.drugs="), obs,
          "csr", compression="gzip")
    write(file("bulk_log", "prep.layout=bulk;prep.qc.column=pass_filter;prep.qc.value=full;prep.drugs=", "log"),
          obs, "dense", x=LOG, data="f8")
    write(file("bulk_linear", "prep.layout=bulk;prep.values=linear;prep.qc.column=pass_filter;"
               "prep.qc.value=full;prep.drugs=", "linear"), obs, "csr", x=LOG, data="f8")
    obs = pd.DataFrame({
        "cell_type": OBS["line"], "condition": OBS["drug"].replace(VEHICLE, "control"),
        "dose": uM * 1000, "dose_val": np.where(OBS["drug"] == VEHICLE, 1.0, uM / 5), "replicate": OBS["plate"],
        "control": (OBS["drug"] == VEHICLE).astype("i8"), "SMILES": OBS["drug"].map(smiles),
        "kept": OBS["quality"]})
    obs.loc[OBS["drug"] == VEHICLE, "dose"] = 1.0  # a control has a dose there
    write(file("chemcpa", "prep.layout=generic;prep.values=log;prep.obs.line=cell_type;prep.obs.drug=condition;"
               "prep.obs.dose_unit=none;prep.dose_unit=nM;prep.obs.plate=replicate;prep.qc.column=kept;"
               "prep.qc.value=full;prep.drugs=", "log"), obs, "csr", x=LOG, data="f8", compression="gzip")
    # other builds: counts in a layer and a vehicle of two words; log2 arrays with a flag of their own
    obs = pd.DataFrame({"cell_type": OBS["line"], "sm_name": OBS["drug"].replace(VEHICLE, "Dimethyl Sulfoxide"),
                        "dose_uM": uM, "plate_name": OBS["plate"], "control": OBS["drug"] == VEHICLE,
                        "SMILES": OBS["drug"].map(smiles), "kept": OBS["quality"]})
    obs.loc[OBS["drug"] == VEHICLE, "dose_uM"] = 14.1  # a control has a dose there, too
    a = library(obs, LOG)
    a.layers["counts"] = sp.csr_matrix(COUNTS.astype("f4"))
    write_library(file("op3", "prep.layout=generic;prep.matrix=layers/counts;prep.obs.line=cell_type;"
                       "prep.obs.drug=sm_name;prep.obs.dose=dose_uM;prep.obs.dose_unit=none;prep.dose_unit=uM;"
                       "prep.obs.plate=plate_name;prep.vehicle=Dimethyl Sulfoxide;prep.qc.column=kept;"
                       "prep.qc.value=full;prep.drugs="), a, compression="gzip")
    obs = pd.DataFrame({"cell_type": OBS["line"], "pert_id": OBS["drug"].replace(VEHICLE, "DMSO"), "pert_dose": uM,
                        "pert_dose_unit": np.where(OBS["drug"] == VEHICLE, "-666", "um"), "rna_plate": OBS["plate"],
                        "SMILES": OBS["drug"].map(smiles), "kept": OBS["quality"]})
    obs.loc[OBS["drug"] == VEHICLE, "pert_dose"] = -666.0
    write(file("l1000", "prep.layout=bulk;prep.obs.line=cell_type;prep.obs.drug=pert_id;prep.obs.dose=pert_dose;"
               "prep.obs.dose_unit=pert_dose_unit;prep.obs.plate=rna_plate;prep.vehicle=DMSO;prep.qc.column=kept;"
               "prep.qc.value=full;prep.drugs=", "log"), obs, "dense", x=LOG, data="f8")
    write_refused("refused_zstd.h5ad", T)
    return add


def drug_of(text):
    return VEHICLE if text.strip() in ("control", "DMSO", "Dimethyl Sulfoxide", VEHICLE) else text.strip()


def check(name, settings, truth):
    """The AnnData library reads the file, and the pseudobulk of what it reads is the truth."""
    s = dict(w.split("=", 1) for w in settings.split(";") if w)
    if name.startswith(("era_05", "csr_big")):  # beyond the library, and beyond scipy: read by hand
        with h5py.File(os.path.join(out, name)) as f:
            g = f["raw.X" if name.startswith("era") else "X"]
            parts = (g["data"][:].astype("f8"), g["indices"][:].astype("i4"), g["indptr"][:].astype("i8"))
            x = sp.csr_matrix(parts, shape=(N, G)).toarray()
            if name.startswith("era"):
                obs = pd.DataFrame({c: [f["uns"][c + "_categories"].asstr()[v] for v in f["obs"][c]]
                                    for c in f["obs"].dtype.names[1:]})
            else:
                obs = anndata.io.read_elem(f["obs"])
    else:
        a = anndata.read_h5ad(os.path.join(out, name))
        where = s.get("prep.matrix", "X")
        x = a.raw.X if where == "raw/X" else a.layers[where[7:]] if "/" in where else a.X
        x = x.toarray() if sp.issparse(x) else np.asarray(x)
        obs = a.obs.reset_index()
    line = next(c for c in ("cell_line", "cell_type") if c in obs)
    drug = next(c for c in ("drug", "perturbation", "condition", "sm_name", "pert_id") if c in obs)
    drug = obs[drug].astype(str).map(drug_of)
    plate = obs[next(c for c in ("plate", "replicate", "plate_name", "rna_plate") if c in obs)].astype(str)
    quality = obs[next(c for c in ("pass_filter", "quality", "kept") if c in obs)].astype(str)
    if "drugname_drugconc" in obs:
        tuples = [eval(str(v))[0] for v in obs["drugname_drugconc"]]
        dose = [t[1] * {"uM": 1, "nM": 1e-3, "mM": 1e3}[t[2]] for t in tuples]
        assert all(t[0].strip() == d for t, d in zip(tuples, drug))  # of a combination the first
    else:
        of = next(c for c in ("dose_value", "dose", "dose_uM", "pert_dose") if c in obs)
        value = obs[of].astype(str).astype(float)
        units = [c for c in ("dose_unit", "pert_dose_unit") if c in obs]
        unit = obs[units[0]] if units else [s.get("prep.dose_unit", "uM")] * N
        dose = [v * {"uM": 1, "um": 1, "nM": 1e-3}.get(str(u), 1) for v, u in zip(value, unit)]
    dose = [0.0 if d == VEHICLE else float(f"{v:.6g}") for v, d in zip(dose, drug)]
    table = pd.DataFrame({"line": obs[line].astype(str), "drug": drug, "dose": dose, "plate": plate,
                          "quality": quality})
    got, want = pseudobulk(x, table, truth), TRUTH[truth]
    assert [g[:5] for g in got] == [w[:5] for w in want], name
    worst = max(np.abs(g[5] - w[5]).max() for g, w in zip(got, want))
    assert worst < 1e-6, (name, worst)
    return worst


def main():
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    files = write_all()
    with open(os.path.join(out, "files.tsv"), "w") as f:
        f.write("file\tsettings\ttruth\n")
        for name, settings, truth in files:
            print(f"{name:32} {os.path.getsize(os.path.join(out, name)):7d} bytes, "
                  f"read back within {check(name, settings, truth):.1e}")
            f.write(f"{name}\t{settings}\t{truth}\n")
    with open(os.path.join(out, "truth.tsv"), "w") as f:
        f.write("\t".join(["truth", "line", "drug", "dose", "plate", "cells"] + GENES) + "\n")
        for kind, rows in TRUTH.items():
            for line, drug, dose, plate, cells, mean in rows:
                f.write("\t".join([kind, line, drug, f"{dose:g}", plate, str(cells)] +
                                  [f"{v:.12g}" for v in mean]) + "\n")
    with open(os.path.join(out, "drugs.tsv"), "w") as f:
        f.write("drug\tcanonical_smiles\n" + "".join(f"{d}\t{s}\n" for d, s in DRUGS))


main()
