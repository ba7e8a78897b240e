/* The option table of scppdm_prep. */
#include "app/opt_prep.h"

#include <stddef.h>

#include "base/team.h"
#include "data/layout.h"

#define AT(member) offsetof(scp_prep_settings, member)
/* clang-format off */
#define TEXT(k, a, m, d, h) { .key = (k), .alias = (a), .type = SCP_OPT_TEXT, .offset = AT(m),     \
                              .def = (d), .help = (h) }
/* clang-format on */

static const scp_option files[] = {
    TEXT("prep.output", "output", output, "", "The shard to write."),
    TEXT("prep.drugs", "drugs", drugs, "",
         "Drug table: TSV with columns drug, canonical_smiles or smiles, and, if known, moa-fine "
         "or moa."),
    { .key = "prep.layout",
      .alias = "layout",
      .type = SCP_OPT_ENUM,
      .offset = AT(layout),
      .def = "tahoe",
      .choices = SCP_LAYOUT_CHOICES,
      .help = "Preset of column names, vehicle, quality filter, values and min_cells." },
    { .key = "prep.values",
      .alias = "values",
      .type = SCP_OPT_ENUM,
      .offset = AT(values),
      .def = "layout",
      .choices = "layout|" SCP_VALUES_CHOICES,
      .help = "What the matrix holds: raw counts, normalised log values, or normalised linear "
              "values." },
    TEXT("prep.matrix", "matrix", matrix, "X", "The matrix to read: X, raw/X or layers/NAME."),
    TEXT("prep.var_gene", "var-gene", var_gene, "",
         "The var column with gene names; the index if empty."),
    { .key = NULL },
};

static const scp_option looks[] = {
    { .key = "prep.inspect",
      .alias = "inspect",
      .type = SCP_OPT_BOOL,
      .offset = AT(inspect),
      .def = "false",
      .help = "Only say what the files hold and how they would be read; nothing is written." },
    { .key = "prep.json",
      .alias = "json",
      .type = SCP_OPT_BOOL,
      .offset = AT(json),
      .def = "false",
      .help = "With --inspect: one line of JSON for every file." },
    TEXT("prep.verify", "verify", verify, "",
         "Prepare nothing: check this shard. Every checksum of tables and rows, ranges and order, "
         "the proof of no leak, the counts of the manifest."),
    TEXT("prep.inputs", "inputs", inputs, "",
         "With --verify: the folder of the plates that the manifest names; they are compared too. "
         "Each is looked for at its recorded path if that is in the folder, at that path below the "
         "folder, then by its name alone."),
    { .key = NULL },
};

static const scp_option columns[] = {
    TEXT("prep.obs.line", "obs-line", obs_line, "", "The obs column of the cell line (context)."),
    TEXT("prep.obs.drug", "obs-drug", obs_drug, "", "The obs column of the drug."),
    TEXT("prep.obs.dose", "obs-dose", obs_dose, "",
         "The obs column of the dose: numbers, or labels as [('drug', 0.05, 'uM')]."),
    TEXT("prep.obs.dose_unit", "obs-dose-unit", obs_dose_unit, "",
         "The obs column of the unit of numeric doses, or none."),
    TEXT("prep.obs.plate", "obs-plate", obs_plate, "",
         "The obs column of the plate, or none: all on one plate."),
    TEXT("prep.obs.smiles", "obs-smiles", obs_smiles, "",
         "The obs column of the structure of the drug."),
    TEXT("prep.obs.moa", "obs-moa", obs_moa, "", "The obs column of the mechanism of the drug."),
    TEXT("prep.dose_unit", "dose-unit", dose_unit, "",
         "Unit of numeric doses without a unit column: nM, uM, mM or M."),
    TEXT("prep.vehicle", "vehicle", vehicle, "",
         "Label of the vehicle in the drug column, matched whole."),
    TEXT("prep.qc.column", "qc-column", qc_column, "",
         "The obs column of the quality label, or none."),
    TEXT("prep.qc.value", "qc-value", qc_value, "", "Quality label of the cells to keep."),
    { .key = NULL },
};

static const scp_option choices[] = {
    { .key = "prep.min_cells",
      .alias = "min-cells",
      .type = SCP_OPT_INT,
      .offset = AT(min_cells),
      .def = "0",
      .min = 0,
      .max = 1e9,
      .unit = "cells",
      .help = "Keys with fewer cells are left out; 0: as the layout (20, bulk 1)." },
    TEXT("prep.genes", "genes", genes, "all",
         "all (detected in 0.1 % of the training cells), hvg:N (most variable in training), or a "
         "file of names, whose order is kept: genes that the data lack are filled with 0."),
    { .key = "prep.split.ud",
      .alias = "split-ud",
      .type = SCP_OPT_REAL,
      .offset = AT(ud),
      .def = "0.1",
      .min = 0,
      .max = 1,
      .help = "Share of the parent compounds held out as unseen drugs.",
      .source = "paper 4.1" },
    { .key = "prep.split.uc",
      .alias = "split-uc",
      .type = SCP_OPT_REAL,
      .offset = AT(uc),
      .def = "0.1",
      .min = 0,
      .max = 1,
      .help = "Share of the remaining (line, drug) combinations held out.",
      .source = "paper 4.1" },
    { .key = "prep.split.val",
      .alias = "split-val",
      .type = SCP_OPT_REAL,
      .offset = AT(val),
      .def = "0.05",
      .min = 0,
      .max = 1,
      .help = "Share of each kind for validation, on top of the test." },
    { .key = "prep.seed",
      .alias = "seed",
      .type = SCP_OPT_INT,
      .offset = AT(seed),
      .def = "1",
      .min = 0,
      .max = 9e15,
      .help = "Seed of the splits and sub-bulks." },
    { .key = "prep.replicates",
      .alias = "replicates",
      .type = SCP_OPT_INT,
      .offset = AT(replicates),
      .def = "4",
      .min = 0,
      .max = 64,
      .help = "Sub-bulks of a held-out key, for the noise ceiling; 0 or 1: none." },
    { .key = "prep.memory",
      .alias = "memory",
      .type = SCP_OPT_INT,
      .offset = AT(memory),
      .def = "0",
      .min = 0,
      .max = 1e9,
      .unit = "MiB",
      .help = "Memory of a rank for sums; a plate that needs more is read more than once. 0: 60 % "
              "of what the processes of the node may use, shared by them." },
    TEXT("prep.scratch", "scratch", scratch, "",
         "Folder for the finished parts of a run; empty: OUTPUT.parts. A run of one batch makes "
         "none."),
    { .key = "prep.keep_parts",
      .alias = "keep-parts",
      .type = SCP_OPT_BOOL,
      .offset = AT(keep_parts),
      .def = "false",
      .help = "Keep the finished parts when the shard is written; a run of one batch makes one "
              "then, too." },
    { .key = "prep.single_writer",
      .alias = "single-writer",
      .type = SCP_OPT_BOOL,
      .offset = AT(single_writer),
      .def = "false",
      .help = "Rank 0 alone writes: for file systems without working MPI-IO." },
    { .key = "prep.dry_run",
      .alias = "dry-run",
      .type = SCP_OPT_BOOL,
      .offset = AT(dry_run),
      .def = "false",
      .help = "Only print the plan: cells, keys, passes, memory and disk; nothing is written." },
    { .key = "prep.threads",
      .alias = "threads",
      .type = SCP_OPT_INT,
      .offset = AT(threads),
      .def = "0",
      .min = 0,
      .max = SCP_TEAM_MAX,
      .help = "Threads of a rank; 0: $OMP_NUM_THREADS, or the CPUs it may run on." },
    { .key = "prep.comm_timeout",
      .alias = "comm-timeout",
      .type = SCP_OPT_REAL,
      .offset = AT(comm_timeout),
      .def = "3600",
      .min = 0,
      .max = 1e9,
      .unit = "s",
      .help = "End the job (exit code 75) when ranks wait for each other longer than this: one "
              "hangs or is gone; 0: wait for ever." },
    { .key = "prep.strict",
      .alias = "strict",
      .type = SCP_OPT_BOOL,
      .offset = AT(strict),
      .def = "false",
      .help = "Stop where a key, drug or gene would be left out." },
    { .key = "prep.probe",
      .alias = "probe",
      .type = SCP_OPT_BOOL,
      .offset = AT(probe),
      .def = "true",
      .help = "Let another process read the labels of every input first: a damaged file can crash "
              "the HDF5 library." },
    { .key = "prep.check_inputs",
      .alias = "check-inputs",
      .type = SCP_OPT_BOOL,
      .offset = AT(check_inputs),
      .def = "false",
      .help = "Compare every input with its SHA-256 first: in FILE.sha256, or in SHA256SUMS beside "
              "it or one folder above. Nothing else finds every damage." },
    { .key = NULL },
};

const scp_option_group scp_prep_options[] = {
    { .rows = files, .title = "Input and output" },
    { .rows = looks, .title = "Looking at files" },
    { .rows = columns, .title = "Labels (empty: what the layout says)" },
    { .rows = choices, .title = "Choices" },
    { .rows = NULL },
};

const char scp_prep_description[] =
    "Reads the plates of a drug screen (AnnData .h5ad), averages the cells of every key (cell "
    "line, drug, dose, plate), pairs each treated profile with the vehicle profile of its line "
    "and plate, computes Morgan fingerprints, draws the splits, proves that they do not leak, "
    "and writes one shard file.\n\n"
    "The shard is the same on any number of ranks and for any order of inputs. What is left out "
    "(keys of few cells, without control, of drugs without a structure) is named and counted in "
    "its manifest.\n\n"
    "Profiles are summed in batches as large as the memory allows. A batch ends where no file has "
    "cells on both sides, if it can: so a file is read once, and each finished batch stays as a "
    "part in OUTPUT.parts, from which the same command goes on after a kill. When one batch is all "
    "there is to do, it goes straight into the shard. A plate whose sums do not fit is cut, and "
    "its files are read more than once; --dry-run says how often.";
