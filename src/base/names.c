/* A list of unique strings: an array for the order, uthash for the look-up. */
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define HASH_NONFATAL_OOM 1 /* out of memory: the element's table stays NULL instead of exit() */
#include <uthash.h>

typedef struct entry {
    size_t index;
    UT_hash_handle hh;
    char text[];
} entry;

struct scp_names {
    entry *table, **list;
    size_t n, cap;
};

scp_status scp_names_create(scp_names **out)
{
    return scp_alloc(1, sizeof **out, out);
}

void scp_names_destroy(scp_names **n)
{
    if (!n || !*n) return;
    HASH_CLEAR(hh, (*n)->table);
    for (size_t i = 0; i < (*n)->n; i++) free((*n)->list[i]);
    free((*n)->list);
    free(*n);
    *n = NULL;
}

scp_status scp_names_add(scp_names *n, const char *s, size_t *index)
{
    SCP_ARG(n && s, "list and text are required");
    entry *e;
    size_t len = strlen(s);
    HASH_FIND(hh, n->table, s, len, e);
    if (!e) {
        SCP_TRY(scp_grow(&n->list, &n->cap, n->n + 1, sizeof *n->list));
        SCP_TRY(scp_alloc(1, sizeof *e + len + 1, &e));
        memcpy(e->text, s, len + 1);
        e->index = n->n;
        HASH_ADD_KEYPTR(hh, n->table, e->text, len, e);
        if (!e->hh.tbl) {
            free(e);
            SCP_FAIL(SCP_ENOMEM, "cannot grow a table of %zu names", n->n);
        }
        n->list[n->n++] = e;
    }
    if (index) *index = e->index;
    return SCP_OK;
}

int64_t scp_names_find(const scp_names *n, const char *s)
{
    entry *e;
    HASH_FIND(hh, n->table, s, strlen(s), e);
    return e ? (int64_t)e->index : -1;
}

size_t scp_names_count(const scp_names *n)
{
    return n->n;
}

const char *scp_names_get(const scp_names *n, size_t i)
{
    return i < n->n ? n->list[i]->text : NULL;
}
