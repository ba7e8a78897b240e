/* Strings: a growing buffer, strict number parsing, trimming, splitting, spelling distance. */
#ifndef SCP_BASE_STR_H
#define SCP_BASE_STR_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* A growing text buffer; text is NUL-terminated and never NULL after the first append. */
typedef struct scp_strbuf {
    char *text;
    size_t len, cap;
} scp_strbuf;

scp_status scp_strbuf_addf(scp_strbuf *b, const char *fmt, ...) SCP_PRINTF(2, 3) SCP_MUST_USE;
scp_status scp_strbuf_addn(scp_strbuf *b, const char *s, size_t n) SCP_MUST_USE;
void scp_strbuf_fini(scp_strbuf *b);

/** Whole text as a finite real / a base-10 integer; leading and trailing blanks allowed, nothing
 *  else. SCP_EDATA with the text in the message otherwise. Locale independent. */
scp_status scp_parse_real(const char *text, double *out) SCP_MUST_USE;
scp_status scp_parse_int(const char *text, int64_t *out) SCP_MUST_USE;

enum { SCP_REAL_TEXT = 32 };
/** The fewest digits that scp_parse_real reads back to the same double; "nan", "inf", "-inf" for
 *  what is not finite. Writes into buf and returns it. Locale independent. */
const char *scp_print_real(double x, char buf[SCP_REAL_TEXT]);

/** Remove blanks (space, tab, CR, LF) at both ends in place; returns s. */
char *scp_str_trim(char *s);

/** Split s in place at every `sep`; fields [max] point into s. Returns the number of fields found,
 *  which may exceed max (the rest is then unsplit in the last field). */
size_t scp_str_split(char *s, char sep, char **fields, size_t max);

/** Length of the part of text [len] before the first byte that is not valid UTF-8 (RFC 3629) or is
 *  NUL; `len` when there is none. */
size_t scp_str_utf8(const char *text, size_t len);

/** Levenshtein distance, for "did you mean". */
size_t scp_str_distance(const char *a, const char *b);

/** snprintf into a fixed buffer; SCP_EUSAGE when it does not fit (e.g. a path too long). */
scp_status scp_str_format(char *buf, size_t size, const char *fmt, ...)
    SCP_PRINTF(3, 4) SCP_MUST_USE;

/* A list of unique strings with index lookup (uthash inside). Order of insertion is kept. */
typedef struct scp_names scp_names;
scp_status scp_names_create(scp_names **out) SCP_MUST_USE;
void scp_names_destroy(scp_names **n);
/** Index of s, added when new. */
scp_status scp_names_add(scp_names *n, const char *s, size_t *index) SCP_MUST_USE;
/** Index of s or -1. */
int64_t scp_names_find(const scp_names *n, const char *s);
size_t scp_names_count(const scp_names *n);
/** i-th string, borrowed from n. */
const char *scp_names_get(const scp_names *n, size_t i);

#endif
