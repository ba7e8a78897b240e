/* A 1-D array of values inside an AnnData file, whatever its storage: a dataset, one member of a
 * compound dataset, or a group of values and mask. Private to src/io. */
#ifndef SCP_IO_H5AD_FIELD_H
#define SCP_IO_H5AD_FIELD_H

#include "base/str.h"
#include "io/h5.h"

typedef enum scp_field_kind {
    SCP_FIELD_TEXT,
    SCP_FIELD_INT,
    SCP_FIELD_REAL,
    SCP_FIELD_BOOL
} scp_field_kind;

typedef struct scp_field {
    hid_t dset, mask; /* mask: dataset of booleans, TRUE = missing; invalid when there is none */
    hid_t type;       /* of one element, in the file */
    char *member;     /* name inside a compound, else NULL */
    scp_field_kind kind;
    bool narrow; /* a real of 32 bits or fewer: printed with fewer digits */
    size_t n;
    char where[1024]; /* "file:/object" for messages */
} scp_field;

/** Open `name` below loc: a dataset or a nullable group. A scalar counts as one element.
 *  SCP_EDATA for other types. f: scp_field_close, also after an error. */
scp_status scp_field_open(hid_t loc, const char *name, scp_field *f) SCP_MUST_USE;
/** Open member `member` of the compound dataset `name`. */
scp_status scp_field_open_member(hid_t loc, const char *name, const char *member,
                                 scp_field *f) SCP_MUST_USE;
void scp_field_close(scp_field *f);

/** "float32", "uint16", "big-endian int64", "boolean", "text", "text of 24 bytes" into name. */
void scp_field_type_name(hid_t type, char *name, size_t size);

/** All elements as texts: numbers printed with the fewest digits that read back, booleans True or
 *  False, missing "". (*out)[i] and *out [n]: scp_fs_list_free. */
scp_status scp_field_texts(const scp_field *f, char ***out) SCP_MUST_USE;

/** The same, dictionary-encoded: codes [n] into names, -1 = missing. Reads in blocks. */
scp_status scp_field_encode(const scp_field *f, scp_names *names, int32_t *codes) SCP_MUST_USE;

/** All elements as numbers [n]; missing (mask, or a text that says so: scp_field_real_of) is NaN.
 *  SCP_EDATA names the row of a text that is not a number. */
scp_status scp_field_reals(const scp_field *f, double *out) SCP_MUST_USE;

/** All elements as 32-bit integers [n], values beyond the range clipped to it. SCP_EDATA unless the
 *  field holds integers. */
scp_status scp_field_ints(const scp_field *f, int32_t *out) SCP_MUST_USE;

/** A text as a number; "", "nan", "NaN", "NA", "<NA>" and "None" are NaN. False when it is neither.
 */
bool scp_field_real_of(const char *text, double *out);

#endif
