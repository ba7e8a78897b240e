/* The inputs of one training step as a safetensors file, for peers that compute the same step. */
#ifndef SCP_BENCH_STEP_EXPORT_H
#define SCP_BENCH_STEP_EXPORT_H

#include "model/toy.h"
#include "train/config.h"

/** Write weights ("w:" before the parameter's name), tables, fed rows and the random draws of
 *  t->step; settings as metadata. Not collective. */
scp_status step_export(toy *t, const scp_train_config *c, double lr, const char *path) SCP_MUST_USE;

#endif
