/* Damage of files, for mutate.c: what of a good file lies where, and what is done to a copy. */
#ifndef SCP_TESTS_DATA_MUTATE_DAMAGE_H
#define SCP_TESTS_DATA_MUTATE_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fs.h"
#include "base/status.h"

typedef enum mutate_kind {
    MUTATE_BIT,
    MUTATE_BITS,
    MUTATE_BYTE,
    MUTATE_RUN,
    MUTATE_ZEROS,
    MUTATE_PAGE,
    MUTATE_SWAP,
    MUTATE_CUT,
    MUTATE_TAIL,
    MUTATE_REFERENCE, /* of a text in an attribute                     */
    MUTATE_ATTRIBUTE, /* name, type or extent of an attribute of texts */
    MUTATE_KINDS
} mutate_kind;

const char *mutate_kind_name(mutate_kind kind);

typedef struct mutate_range {
    size_t at, end;
} mutate_range;

enum { MUTATE_RANGES = 4096, MUTATE_ANCHORS = 4096, MUTATE_REFS = 256 };

/* One layout: the good file and where its bytes are of what sort. */
typedef struct mutate_subject {
    char good[SCP_PATH_MAX], *bytes; /* bytes [n]: free */
    const char *name;
    size_t n;
    uint64_t want;                     /* hash of its content, the caller's                */
    mutate_range chunk[MUTATE_RANGES]; /* stored bytes of compressed chunks                */
    size_t n_chunks;
    size_t anchor[MUTATE_ANCHORS]; /* where HDF5's structures begin, by their signatures */
    size_t n_anchors;
    size_t ref[MUTATE_REFS]; /* references of texts in attributes                  */
    size_t n_refs;
} mutate_subject;

/** Read a good file and find its structures; `name` is borrowed. */
scp_status mutate_subject_load(mutate_subject *s, const char *name, const char *path) SCP_MUST_USE;

/* A file that is being damaged: the bytes to be, and what may differ from the good ones. */
typedef struct mutate_damage {
    char *bytes; /* the good ones on entry */
    size_t n;
    mutate_kind kind;
    mutate_range touched[2];
} mutate_damage;

/** Damage number `file` of a subject: d->bytes change, the rest of d is set. `only` is a kind, or
 *  MUTATE_KINDS for any. Bits and lengths are drawn from (seed, file). */
void mutate_draw(const mutate_subject *s, uint64_t seed, uint64_t file, mutate_kind only,
                 mutate_damage *d);

/** Do all bytes that differ lie in compressed chunks? */
bool mutate_only_chunks(const mutate_subject *s, const mutate_damage *d);

#endif
