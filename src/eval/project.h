/* Many genes as fewer numbers that keep distances: a sparse random projection [Kane and Nelson
 * 2014, Sparser Johnson-Lindenstrauss transforms]. Every gene is added with a random sign, over the
 * square root of 8, to 8 of the dimensions, one in each eighth of them; the expected square of a
 * distance is the true one, its relative standard deviation at most sqrt(2 / dims). Not
 * collective. */
#ifndef SCP_EVAL_PROJECT_H
#define SCP_EVAL_PROJECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct scp_projection scp_projection;

/** From G genes to `dims` (a multiple of 8); genes that are not twice as many stay what they are.
 *  Draws by (seed, gene). *out: scp_projection_destroy. */
scp_status scp_projection_create(size_t G, size_t dims, uint64_t seed,
                                 scp_projection **out) SCP_MUST_USE;
void scp_projection_destroy(scp_projection **p);

/** Length of a projected row. */
size_t scp_projection_dims(const scp_projection *p);

/** One row: x [G], out [scp_projection_dims]. */
void scp_projection_apply(const scp_projection *p, const float *x, float *out);

#endif
