/* JSON objects written by appending keys: one line per object, for metrics.jsonl and summaries.
 * Text that is not UTF-8 gets the replacement character. Numbers are printed with the fewest digits
 * that read back exactly; NaN and infinities as null. */
#ifndef SCP_BASE_JSONL_H
#define SCP_BASE_JSONL_H

#include <stdint.h>

#include "base/str.h"

/* An object under construction. Zero-initialise; fini frees. Errors stick until end. */
typedef struct scp_jsonl {
    scp_strbuf buf;
    int depth;
    bool comma;
    scp_status st;
} scp_jsonl;

void scp_jsonl_begin(scp_jsonl *j);                             /* start a top-level object   */
void scp_jsonl_text(scp_jsonl *j, const char *key, const char *value);
void scp_jsonl_int(scp_jsonl *j, const char *key, int64_t value);
void scp_jsonl_real(scp_jsonl *j, const char *key, double value);
void scp_jsonl_bool(scp_jsonl *j, const char *key, bool value);
void scp_jsonl_raw(scp_jsonl *j, const char *key, const char *json); /* already JSON, trusted */
void scp_jsonl_open(scp_jsonl *j, const char *key);             /* nested object              */
void scp_jsonl_close(scp_jsonl *j);
/** Close everything; *text borrowed from j until fini or the next begin. */
scp_status scp_jsonl_end(scp_jsonl *j, const char **text) SCP_MUST_USE;
void scp_jsonl_fini(scp_jsonl *j);

/** Append one line to a file with a single write(2), so that lines of a killed run stay whole.
 *  Waits for an append or a scp_jsonl_filter of another process or node (flock; where the file
 *  system has no locks, it does not). */
scp_status scp_jsonl_append(const char *path, const char *line) SCP_MUST_USE;

/** Should this line (without its newline) stay? */
typedef bool scp_jsonl_keep(void *ctx, const char *line, size_t len);

/** Drop the lines that `keep` does not want, and a last line without its newline, which is what a
 *  full disk leaves. The file is replaced atomically, and only when something goes. A missing file
 *  is fine. */
scp_status scp_jsonl_filter(const char *path, scp_jsonl_keep *keep, void *ctx) SCP_MUST_USE;

#endif
