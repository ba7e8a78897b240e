/* Choosing guidance and readout on the validation split, after training.
 *
 * Candidates are scored one after the other with the weights that evaluation will use, on the pairs
 * of train/held.h: first every (s_p, s_0) of the grid, then the other readout at the strengths that
 * won, then the shares of residual decoding, then the doubts. The first of equals wins, so the
 * choice is a function of weights, data and settings. */
#ifndef SCP_TRAIN_CHOOSE_H
#define SCP_TRAIN_CHOOSE_H

#include "diffusion/guidance.h"
#include "diffusion/method.h"
#include "train/setup.h"

typedef enum scp_choose_by { SCP_CHOOSE_PEARSON, SCP_CHOOSE_SKILL } scp_choose_by;

typedef struct scp_choose_config {
    scp_real_list s_p, s_0; /* grid of strengths; both empty: nothing is chosen           */
    scp_real_list
        doubt;    /* about drugs that training has not seen; empty: as it is set, chosen by skill */
    scp_real_list residual; /* shares of residual decoding; empty: as it is set     */
    bool readout; /* draws against the posterior mean as well, where both exist */
    int by;       /* scp_choose_by                                              */
} scp_choose_config;

extern const scp_option scp_choose_options[]; /* "choose." */

/** Is there anything to choose for a network of this method? */
bool scp_choose_wanted(const scp_choose_config *cfg, const scp_method *m);

/** Guidance while training, when a choice will follow: the conditional network alone. */
scp_guidance scp_choose_before(const scp_guidance *gd);

/** Score the candidates with the weights of <run>/<stage> and put the best into gd (s_p, s_0,
 * readout, doubt, decoding); a line a candidate goes to metrics.jsonl. Without validation pairs gd stays as it is.
 * Collective. */
scp_status scp_choose_run(const scp_train_setup *setup, const char *stage,
                          const scp_choose_config *cfg, scp_guidance *gd) SCP_MUST_USE;

#endif
