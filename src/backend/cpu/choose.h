/* Which way multiplies a shape, by measurement, for LINEAR on cpu. Only where $SCPPDM_PRODUCTS
 * names a file: without it the level decides (gemm.h), and the bits do not depend on the number of
 * threads; the libraries' own do.
 *
 * A shape is measured when it first comes up: every way several times, on the operands at hand. What
 * was found is a line of the file, and a file that is there is believed: the same file on the same
 * number of threads gives the same bits again. Ranks share the file: what another one found counts,
 * and of several lines for a shape the first, so the run that makes the file has the bits of the
 * next one. Not collective. */
#ifndef SCP_BACKEND_CPU_CHOOSE_H
#define SCP_BACKEND_CPU_CHOOSE_H

#include "backend/cpu/gemm.h"

typedef enum scp_way { SCP_WAY_OURS, SCP_WAY_ONEDNN, SCP_WAY_OPENBLAS, SCP_WAYS } scp_way;

typedef struct scp_choice scp_choice;

/** *out: NULL without the variable. SCP_EDATA names a line of the file that is none; a last one
 *  that does not end is passed over. */
scp_status scp_choice_open(scp_choice **out) SCP_MUST_USE;
void scp_choice_close(scp_choice **c);

/** The product by the best way for its shape, at a level of the cpu backend; ours: that level's
 *  scp_gemm. c may be NULL, and products in bf16 are always ours. SCP_EIO when the file cannot be
 *  written, SCP_EDATA as scp_choice_open. */
scp_status scp_choice_multiply(scp_choice *c, int level, const scp_gemm_product *p,
                               void (*ours)(const scp_gemm_product *p)) SCP_MUST_USE;

#endif
