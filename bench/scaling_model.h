/* What a training step takes on many GPUs, from what it must compute, read and send. */
#ifndef SCP_BENCH_SCALING_MODEL_H
#define SCP_BENCH_SCALING_MODEL_H

#include "base/status.h"

/* A step of one GPU: sums over all calls. What depends on the rows of the GPU is per row. */
typedef struct step_cost {
    double flops, flops_row; /* of products                            */
    double bytes, bytes_row; /* that calls must read and write          */
    double calls;
    double reals;       /* trained: all are averaged over the GPUs and updated */
    double calibration; /* measured over roofline, of the machine that measured */
} step_cost;

typedef struct cluster {
    double flops, bytes;    /* of a GPU, a second: peak of fp32, memory    */
    double call;            /* seconds that a call of a recorded step takes at least */
    int node;               /* GPUs of a node                              */
    double link, nic;       /* bytes a second and GPU: in a node, between nodes */
    double link_hop, nic_hop; /* seconds of a step of the ring             */
} cluster;

/** One node of eight NVIDIA H100 SXM and 400 Gb/s of network for each GPU. */
extern const cluster cluster_h100;

/** Seconds in which n GPUs add up S bytes: a ring in each node (reduce-scatter), rings over the
 *  nodes on the parts, a ring in each node (all-gather); by NCCL's account of what such a ring
 *  moves, 2 (n - 1)/n S for all and half of it for one of the two. */
double model_allreduce(const cluster *c, int n, double S);

/** Seconds of a step with `rows` rows on each of n GPUs. *exposed: of them, what is left of
 *  averaging after all but the last bucket went on during the backward pass (two thirds of the
 *  calls). */
double model_step(const cluster *c, const step_cost *s, int n, double rows, double *exposed);

/** Print the model from 1 to 1,024 GPUs and all that it assumes, on stdout. */
void model_print(const cluster *c, const step_cost *s);

#endif
