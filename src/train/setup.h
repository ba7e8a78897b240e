/* What a training job works on. */
#ifndef SCP_TRAIN_SETUP_H
#define SCP_TRAIN_SETUP_H

#include "comm/comm.h"
#include "dev/device.h"
#include "io/dataset.h"

/* Everything is borrowed. */
typedef struct scp_train_setup {
    scp_comm *comm;
    scp_device *dev;
    const scp_dataset *data;
    const char *run_dir;
    const char *method_text; /* vae, model, diffusion as YAML           */
    const char *config_text; /* all resolved settings                   */
    const char *config_path; /* file to keep them in, or NULL           */
    bool fresh;
} scp_train_setup;

#endif
