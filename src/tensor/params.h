/* The parameter store: named tensors in one arena each for weights, gradients, moments and the
 * moving average. Trainable parameters come first, states (running statistics) after them, so that
 * the optimiser, clipping and the all-reduce run over flat arrays. Every tensor begins at a
 * multiple of SCP_PARAM_ALIGN reals; the gaps between tensors are zero in all arenas and stay it.
 * Files hold tensors by name and know of no gaps.
 *
 * Graphs of one model (training, prediction, other batch sizes) share a store by name. */
#ifndef SCP_TENSOR_PARAMS_H
#define SCP_TENSOR_PARAMS_H

#include "tensor/op.h"

enum { SCP_PARAM_ALIGN = 32 }; /* reals: 64 bytes in half */

typedef enum scp_init_kind { SCP_INIT_CONST, SCP_INIT_UNIFORM, SCP_INIT_NORMAL } scp_init_kind;
typedef struct scp_init {
    scp_init_kind kind;
    double a; /* value, half-width, or standard deviation */
} scp_init;

typedef struct scp_param_info {
    char *name;
    scp_shape shape;
    scp_init init;
    bool state;    /* not trained: running statistics */
    bool decay;    /* weight decay applies (matrices) */
    size_t offset; /* first real in the arenas, set by finalize */
    size_t count;
} scp_param_info;

typedef enum scp_arena {
    SCP_ARENA_W,
    SCP_ARENA_G,
    SCP_ARENA_M,
    SCP_ARENA_V,
    SCP_ARENA_EMA,
    SCP_ARENA_COUNT
} scp_arena;

typedef struct scp_params scp_params;

/** An empty store on a device. seed keys the initial values, each by its parameter's name. */
scp_status scp_params_create(scp_device *dev, uint64_t seed, scp_params **out) SCP_MUST_USE;
/** The same for a model that is not trained here: there is no arena but that of the weights, and no
 *  plan with a loss. Reading and writing the others is an error of the caller. */
scp_status scp_params_create_fixed(scp_device *dev, uint64_t seed, scp_params **out) SCP_MUST_USE;
void scp_params_destroy(scp_params **p);

/** Find by name (shape must agree) or add. Adding after finalize is SCP_EINTERNAL. */
scp_status scp_params_add(scp_params *p, const char *name, const scp_shape *shape, scp_init init,
                          bool state, size_t *index) SCP_MUST_USE;

/** Assign offsets, allocate arenas, set initial values (ema = w). Idempotent. */
scp_status scp_params_finalize(scp_params *p) SCP_MUST_USE;

size_t scp_params_count(const scp_params *p);
const scp_param_info *scp_params_info(const scp_params *p, size_t index);
int64_t scp_params_find(const scp_params *p, const char *name); /* index or -1 */
size_t scp_params_trainable(const scp_params *p); /* reals of the trained part, gaps included */
size_t scp_params_total(const scp_params *p);     /* with the states                         */
size_t scp_params_weights(const scp_params *p);   /* values that are trained, without gaps   */
scp_device *scp_params_device(const scp_params *p);
const uint8_t *
scp_params_decay_mask(const scp_params *p); /* [trainable], device memory, borrowed */

/** Base of an arena, device memory, borrowed; NULL where a fixed store has none. G, M, V have
 *  `trainable` reals; W, EMA have `total`. */
void *scp_params_arena(const scp_params *p, scp_arena a);

/** The trained weights stored as F16 or BF16, laid out as the arenas: device memory, borrowed; on a
 *  device of the host reals, rounded. One type per store. scp_params_half_refresh makes them those
 *  of W; the optimiser keeps them so (scp_update.half). */
scp_status scp_params_half(scp_params *p, scp_dtype type, void **half) SCP_MUST_USE;
scp_status scp_params_half_refresh(scp_params *p) SCP_MUST_USE;

/** Exchange the contents of W and EMA (evaluate with the average, then swap back). */
void scp_params_swap_ema(scp_params *p);

/** Copy part of an arena: reals [offset, offset + n) from or to host doubles / floats. */
scp_status scp_params_read_f64(const scp_params *p, scp_arena a, size_t offset, size_t n,
                               double *host) SCP_MUST_USE;
scp_status scp_params_write_f64(scp_params *p, scp_arena a, size_t offset, size_t n,
                                const double *host) SCP_MUST_USE;
scp_status scp_params_read_f32(const scp_params *p, scp_arena a, size_t offset, size_t n,
                               float *host) SCP_MUST_USE;
scp_status scp_params_write_f32(scp_params *p, scp_arena a, size_t offset, size_t n,
                                const float *host) SCP_MUST_USE;

/** Give a parameter other initial values, in W and EMA: value [n] is all of it. SCP_EINTERNAL when
 *  there is none of that name and size. */
scp_status scp_params_start(scp_params *p, const char *name, const double *value,
                            size_t n) SCP_MUST_USE;

#endif
