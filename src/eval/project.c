/* Sparse random projection, see project.h. */
#include "eval/project.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { PARTS = 8, STREAM = 1000 /* step of SCP_RNG_LAYOUT, beyond those of the layout itself */ };

struct scp_projection {
    size_t G, dims;
    int32_t *to; /* [G, PARTS] dimension + 1, negative for the sign -1; NULL: rows stay */
};

scp_status scp_projection_create(size_t G, size_t dims, uint64_t seed, scp_projection **out)
{
    SCP_ARG(G && dims && dims % PARTS == 0 && dims < INT32_MAX && out,
            "genes and a multiple of 8 dimensions are required");
    scp_projection *p = NULL;
    scp_status st = SCP_OK;
    const uint32_t part = (uint32_t)(dims / PARTS);
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    *p = (scp_projection){ .G = G, .dims = G < 2 * dims ? G : dims };
    if (p->dims == G) goto done;
    SCP_GOTO(done, scp_alloc(G * PARTS, sizeof *p->to, &p->to));
    for (size_t g = 0; g < G; g++) {
        uint32_t word[PARTS];
        scp_rng_fill_words(seed, SCP_RNG_LAYOUT, STREAM, g, 0, PARTS / 4, word);
        for (uint32_t k = 0; k < PARTS; k++) {
            const int32_t at = (int32_t)(k * part + ((uint64_t)(word[k] >> 1) * part >> 31)) + 1;
            p->to[g * PARTS + k] = word[k] & 1 ? -at : at;
        }
    }
done:
    if (st != SCP_OK) scp_projection_destroy(&p);
    *out = p;
    return st;
}

void scp_projection_destroy(scp_projection **p)
{
    if (!p || !*p) return;
    free((*p)->to);
    free(*p);
    *p = NULL;
}

size_t scp_projection_dims(const scp_projection *p)
{
    return p->dims;
}

void scp_projection_apply(const scp_projection *p, const float *x, float *out)
{
    const float scale = 1 / sqrtf(PARTS);
    if (!p->to) {
        memcpy(out, x, p->G * sizeof *out);
        return;
    }
    memset(out, 0, p->dims * sizeof *out);
    for (size_t g = 0; g < p->G; g++) {
        const float v = x[g] * scale;
        if (v == 0) continue;
        for (size_t k = 0; k < PARTS; k++) {
            const int32_t to = p->to[g * PARTS + k];
            if (to > 0)
                out[to - 1] += v;
            else
                out[-to - 1] -= v;
        }
    }
}
