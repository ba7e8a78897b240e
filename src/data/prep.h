/* From raw plates to a shard: the whole of scppdm_prep but its command line. */
#ifndef SCP_DATA_PREP_H
#define SCP_DATA_PREP_H

#include "base/str.h"
#include "comm/comm.h"
#include "conf/option.h"

/* Settings, see app/opt_prep.c for the meaning and default of each. Texts that are "" mean: what
 * the layout says. */
typedef struct scp_prep_settings {
    char *output;
    char *drugs;
    int layout; /* scp_layout                             */
    int values; /* 0: the layout's; else scp_values + 1   */
    char *matrix, *var_gene;
    char *obs_line, *obs_drug, *obs_dose, *obs_dose_unit, *obs_plate, *obs_smiles, *obs_moa;
    char *dose_unit, *vehicle, *qc_column, *qc_value;
    int64_t min_cells; /* 0: the layout's                        */
    char *genes;
    double ud, uc, val;
    int64_t seed, replicates;
    int64_t memory;  /* MiB of accumulators on a rank; 0: a share of what there is */
    int64_t threads; /* of a rank; 0: scp_team_default()       */
    double comm_timeout; /* s that ranks may wait for each other; 0: for ever */
    char *scratch;   /* folder for the parts; "": beside the output */
    bool keep_parts, single_writer, dry_run;
    bool strict;
    bool probe;         /* rehearse the reading in another process first */
    bool check_inputs;  /* compare with the checksums beside the inputs  */
    bool inspect, json; /* describe the files instead, see data/inspect.h */
    char *verify;       /* a shard to check instead, see data/verify.h; or ""  */
    char *inputs;       /* folder of its inputs; "": they are not looked at    */
} scp_prep_settings;

/** Read the plates, write the shard. Rank 0 plans (labels, keys, pairs, splits), all ranks read,
 *  sum and write; the proof of no leak is computed from the written tables. On failure nothing of
 *  this run is left under the final name: an earlier shard of that name stays until the new one
 *  replaces it.
 *  SCP_EUSAGE settings that contradict each other; SCP_ENOINPUT, SCP_EDATA with file, row or key;
 *  SCP_EIO. Collective. */
scp_status scp_prep_run(scp_comm *comm, const scp_prep_settings *s,
                        const scp_text_list *inputs) SCP_MUST_USE;

/** Plan the same run from metadata alone, and describe it: files and passes over them, cells kept
 *  and left out, keys, splits, batches, memory of a rank, disk. No expression value is read,
 *  nothing is written. text: on rank 0, scp_strbuf_fini. Collective. */
scp_status scp_prep_dry_run(scp_comm *comm, const scp_prep_settings *s, const scp_text_list *inputs,
                            scp_strbuf *text) SCP_MUST_USE;

#endif
