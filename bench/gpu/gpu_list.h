/* What a training step asks of a device: its calls, the kernels of each with their grids, the bytes
 * that they touch, the arithmetic of the products, and on a device how long each takes. */
#ifndef SCP_BENCH_GPU_LIST_H
#define SCP_BENCH_GPU_LIST_H

#include <stdio.h>

#include "gpu/gpu_step.h"

enum { GPU_ROWS_MAX = 256, GPU_KERNELS_MAX = 6 };

typedef struct gpu_kernel {
    const char *name;
    unsigned grid_x, grid_y; /* 0: a library's own choice */
    int block;
} gpu_kernel;

/* Calls of a step that are alike: operation, direction, shape, kernels. */
typedef struct gpu_row {
    const char *op, *pass; /* "linear", "forward" */
    char shape[48];
    int calls, launches; /* in all calls; memsets are launches */
    double bytes, flops; /* of one call                                 */
    double seconds;      /* of one call among others like it; NAN: not timed */
    gpu_kernel kernel[GPU_KERNELS_MAX];
    int kernels;
    const scp_op_impl *impl; /* one of them, to time it; both NULL: it is no operation */
    const scp_group_impl *group; /* or of several operations as one call */
    scp_call call[SCP_GROUP_MAX];
    int calls_as_one;
} gpu_row;

typedef struct gpu_list {
    gpu_row row[GPU_ROWS_MAX];
    size_t rows;
    int launches; /* of all rows, and so on */
    double bytes, flops;
} gpu_list;

/** Take one step, not recorded, and list its calls. The device must be new to b: its table of
 *  operations is exchanged for a watching one until gpu_list_end, also after an error; until then
 *  lives what the calls of the rows read. */
scp_status gpu_list_begin(gpu_step *b, gpu_list *out) SCP_MUST_USE;
void gpu_list_end(gpu_step *b);

/** Make the call of a row of operations once more, while the list is open. */
scp_status gpu_list_again(const gpu_row *r) SCP_MUST_USE;

/** Time each operation: recorded many times over, replayed, the fastest of some runs. What it
 *  computes is lost. Between begin and end. */
scp_status gpu_list_time(gpu_step *b, gpu_list *l) SCP_MUST_USE;

/** One object of JSON, one line. Times in microseconds, null where there are none. */
void gpu_list_json(const gpu_list *l, FILE *to);
/** A table, and what bounds the step at so many bytes and operations a second. */
void gpu_list_table(const gpu_list *l, double bytes_a_second, double flops_a_second, FILE *to);

#endif
