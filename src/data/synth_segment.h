/* Segments: runs of the cells of one well, in the order of the file, drawn by a team of threads and
 * turned into the compressed chunks of X that end in them. Private to the generator.
 *
 * The entries of a plate's X are one long sequence; where a segment lies in it is known only when
 * all before it are drawn. So segments are drawn first, then learn their offset, take over the
 * entries that filled no chunk before them (the carry), pack every chunk that is now complete, and
 * leave a carry to the next. */
#ifndef SCP_DATA_SYNTH_SEGMENT_H
#define SCP_DATA_SYNTH_SEGMENT_H

#include "data/synth_cells.h"
#include "data/synth_write.h"

/* Where a segment lies. */
typedef struct scp_synth_span {
    size_t plate, well;
    int64_t first, n; /* cells of the well, in the order of the file */
} scp_synth_span;

/* Entries that fill no chunk. */
typedef struct scp_synth_carry {
    int32_t *column;
    float *value; /* [chunk] each, used up to n */
    size_t n;
} scp_synth_carry;

/* A packed chunk. */
typedef struct scp_synth_chunk {
    uint8_t *bytes; /* [cap], used up to n */
    size_t n, cap;
} scp_synth_chunk;

/* What a segment adds to the file. */
typedef struct scp_synth_batch {
    scp_synth_row *row; /* [cap], used up to rows */
    size_t rows, cap;
    scp_synth_chunk *part[2]; /* [cap_chunks], used up to chunks; by scp_h5ad_part */
    size_t chunks, cap_chunks;
} scp_synth_batch;

typedef struct scp_synth_segment scp_synth_segment;

/** The spans of a plate, in the order of the file. *out [*n] owned by the caller. */
scp_status scp_synth_spans(const scp_synth_design *d, size_t plate, scp_synth_span **out,
                           size_t *n) SCP_MUST_USE;

/** Let a batch hold so many rows and chunks. Zero-initialise; scp_synth_batch_fini frees. */
scp_status scp_synth_batch_reserve(scp_synth_batch *b, size_t rows, size_t chunks) SCP_MUST_USE;
void scp_synth_batch_fini(scp_synth_batch *b);

/** A segment for any span, on a plan that is borrowed. opt: how X is stored; opt->threads draw and
 *  pack. *out: scp_synth_segment_destroy. Not collective, as all here. */
scp_status scp_synth_segment_create(const scp_synth_design *d, const scp_h5ad_write_options *opt,
                                    scp_synth_segment **out) SCP_MUST_USE;
void scp_synth_segment_destroy(scp_synth_segment **s);

/** Bytes of a packed chunk at most. */
size_t scp_synth_chunk_bound(const scp_synth_segment *s);

/** Draw the cells of a span (NULL: none): b->row, *entries. Meanwhile thread 0 calls `aside` (may
 * be NULL) and then helps. */
scp_status scp_synth_segment_draw(scp_synth_segment *s, const scp_synth_span *span,
                                  scp_status (*aside)(void *ctx), void *ctx, scp_synth_batch *b,
                                  int64_t *entries) SCP_MUST_USE;

/** What came before the segment, to be filled in; and, after scp_synth_segment_cut, what is left
 *  behind it. Borrowed. */
scp_synth_carry *scp_synth_segment_before(scp_synth_segment *s);
scp_synth_carry *scp_synth_segment_after(scp_synth_segment *s);
/** Cut carry and cells into chunks: b->chunks of them, for which b has room
 * (scp_synth_batch_reserve), the rest into `after`. */
void scp_synth_segment_cut(scp_synth_segment *s, scp_synth_batch *b);
/** Pack those chunks: b->part. */
scp_status scp_synth_segment_pack(scp_synth_segment *s, scp_synth_batch *b) SCP_MUST_USE;
/** `after` becomes `before`. */
void scp_synth_segment_turn(scp_synth_segment *s);

/** Add what was drawn to a tally. */
void scp_synth_segment_tally(const scp_synth_segment *s, scp_synth_tally *t);

#endif
