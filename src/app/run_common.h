/* Opening what a run program works on. Private to src/app. */
#ifndef SCP_APP_RUN_COMMON_H
#define SCP_APP_RUN_COMMON_H

#include "app/run.h"
#include "base/fs.h"
#include "dev/device.h"
#include "io/dataset.h"

typedef struct scp_run_open {
    scp_dataset data;
    scp_device *dev;
    scp_comm *comm;         /* for what is in the device's memory: `own`, or the world */
    scp_comm *own;
    scp_strbuf config;      /* all settings as YAML                 */
    char config_path[SCP_PATH_MAX]; /* where a training program keeps them, once it goes ahead */
} scp_run_open;

/** Read the shard, open the device, make the run folder (when `create`), or check that it is there.
 *  Without --shard, the one named in <run>/config.yaml. Collective. */
scp_status scp_run_begin(scp_comm *comm, scp_run_settings *s, bool create,
                         scp_run_open *o) SCP_MUST_USE;
void scp_run_end(scp_run_open *o);

/** Write settings that changed into the run folder. For rank 0; not collective. */
scp_status scp_run_keep_settings(const scp_run_settings *s, scp_run_open *o) SCP_MUST_USE;

/** Folder of a trained model's checkpoints inside the run folder; NULL when the model is not
 *  trained. */
const char *scp_run_stage(const char *model);

#endif
