/* Sequential draws on one counter-based stream. Private to the generator. */
#ifndef SCP_DATA_SYNTH_RNG_H
#define SCP_DATA_SYNTH_RNG_H

#include "base/rng.h"

/* Independent streams of the generator: the `step` of scp_rng. A stream of cells adds plate, well
 * and line below it, see scp_synth_cell_step. */
enum scp_synth_stream_id {
    SCP_SYNTH_S_ABUNDANCE = 1, /* sample = gene of the universe, as in all gene streams */
    SCP_SYNTH_S_PANEL,
    SCP_SYNTH_S_POSITION,
    SCP_SYNTH_S_LINE_SET,
    SCP_SYNTH_S_LINE_LOAD,
    SCP_SYNTH_S_DRUG_SET,
    SCP_SYNTH_S_DRUG_LOAD,
    SCP_SYNTH_S_WELL_SET,
    SCP_SYNTH_S_STATE_SET,
    SCP_SYNTH_S_ORGAN,         /* sample = hash of the organ's name                     */
    SCP_SYNTH_S_LINE,          /* sample = line of the table, as in all line streams    */
    SCP_SYNTH_S_MIX,           /* structure axes to programmes                          */
    SCP_SYNTH_S_POWER,         /* start of the power iteration                          */
    SCP_SYNTH_S_DRUG,          /* sample = hash of the drug's name, as in all of drugs  */
    SCP_SYNTH_S_SENSITIVITY,
    SCP_SYNTH_S_PAIR,          /* sample = hash of the drug's name + line               */
    SCP_SYNTH_S_DEAL,          /* drugs to triples                                      */
    SCP_SYNTH_S_PLACE,         /* drugs to wells; + triple in the high word             */
    SCP_SYNTH_S_PLATE,         /* sample = gene; + plate in the high word               */
    SCP_SYNTH_S_WELL,          /* sample = well; + plate                                */
    SCP_SYNTH_S_GRADIENT,
    SCP_SYNTH_S_COUNT,         /* sample = (well, line); + plate                        */
    SCP_SYNTH_S_ORDER,         /* order of the cells of a well; + plate, well           */
    SCP_SYNTH_S_KEY            /* noise of a key mean; sample = (well, line); + plate     */
};

/** Step of the streams of a key's cells; sample = cell. Below 2^32, and past every stream above. */
static inline uint64_t scp_synth_cell_step(int plate, size_t well, size_t line)
{
    return UINT64_C(0x80000000) | (uint64_t)plate << 16 | (uint64_t)well << 8 | (uint64_t)line;
}

typedef struct scp_synth_stream {
    uint64_t seed, step, sample;
    uint32_t index;
    int left;
    uint32_t word[4];
} scp_synth_stream;

static inline scp_synth_stream scp_synth_stream_at(uint64_t seed, uint64_t step, uint64_t sample)
{
    return (scp_synth_stream){ .seed = seed, .step = step, .sample = sample };
}

/** Next 32 random bits. */
static inline uint32_t scp_synth_bits(scp_synth_stream *s)
{
    if (s->left == 0) {
        scp_rng_block(s->seed, SCP_RNG_SYNTH, s->step, s->sample, s->index++, s->word);
        s->left = 4;
    }
    return s->word[4 - s->left--];
}

/** Next uniform in (0, 1). */
static inline double scp_synth_u01(scp_synth_stream *s)
{
    return scp_rng_to_u01(scp_synth_bits(s));
}

/** Next standard normal (Box-Muller, cosine half). */
double scp_synth_normal(scp_synth_stream *s);

/** Next Poisson draw: inversion below a mean of 10, above it transformed rejection (PTRS; Hoermann,
 *  Insurance: Mathematics and Economics 12, 1993). mean in [0, 1e9]. */
int64_t scp_synth_poisson(scp_synth_stream *s, double mean);

#endif
