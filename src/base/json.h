/* Reading JSON: an opaque value with checked accessors. jansson stays behind this header.
 * Writing is base/jsonl.h. Nothing here is collective. */
#ifndef SCP_BASE_JSON_H
#define SCP_BASE_JSON_H

#include <stdint.h>

#include "base/status.h"

typedef struct scp_json scp_json;

typedef enum scp_json_kind {
    SCP_JSON_NULL, SCP_JSON_BOOL, SCP_JSON_INT, SCP_JSON_REAL, SCP_JSON_TEXT, SCP_JSON_LIST,
    SCP_JSON_OBJECT
} scp_json_kind;

/** Parse text [len]; `name` stands for the source in messages. Duplicate keys, text after the value
 *  and integers beyond 64 bits are SCP_EDATA with the line. *out owned by the caller. */
scp_status scp_json_parse(const char *text, size_t len, const char *name, scp_json **out)
    SCP_MUST_USE;

/** Parse a file. SCP_ENOINPUT when missing. */
scp_status scp_json_load(const char *path, scp_json **out) SCP_MUST_USE;

/** Free a value that parse or load returned (not one that was reached through it). NULL is fine. */
void scp_json_destroy(scp_json **v);

/* Values below are borrowed from the root. */
scp_json_kind scp_json_kind_of(const scp_json *v); /* NULL counts as SCP_JSON_NULL                */
size_t scp_json_count(const scp_json *v);          /* members of an object or a list, 0 otherwise */
const scp_json *scp_json_get(const scp_json *object, const char *key); /* NULL when absent        */
const scp_json *scp_json_at(const scp_json *list, size_t i);           /* NULL beyond the end     */

/** Walk the members of an object in the order of the text: start with *iter = NULL; false at
 *  the end. */
bool scp_json_next(const scp_json *object, void **iter, const char **key, const scp_json **value);

/** The value itself, checked. SCP_EDATA names `what` (a key or a place) and the kind found. A real
 *  may be written as an integer. Text is borrowed. */
scp_status scp_json_as_int(const scp_json *v, const char *what, int64_t *out) SCP_MUST_USE;
scp_status scp_json_as_real(const scp_json *v, const char *what, double *out) SCP_MUST_USE;
scp_status scp_json_as_bool(const scp_json *v, const char *what, bool *out) SCP_MUST_USE;
scp_status scp_json_as_text(const scp_json *v, const char *what, const char **out) SCP_MUST_USE;

#endif
