/* scppdm_info --run: the state of the runs in a folder. Private to src/app. */
#ifndef SCP_APP_RUN_STATUS_H
#define SCP_APP_RUN_STATUS_H

#include "base/str.h"

/** Describe every stage of a run folder that left a status file: as text, or as one JSON object.
 *  Appends to out. *code is the exit code for scripts: that of the stage whose sign of life is
 *  youngest, or 75 when any of them runs.
 *    0 finished · 75 running · 85 stopped or killed, with a checkpoint: start it again · 70
 *    failed, or killed before the first checkpoint
 *  SCP_ENOINPUT: there is no run in the folder. Not collective. */
scp_status scp_run_status(const char *dir, bool json, scp_strbuf *out, int *code) SCP_MUST_USE;

#endif
