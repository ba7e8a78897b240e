/* XXH3 from libxxhash. */
#include "base/hash.h"

#include <string.h>

#include <xxhash.h>

uint64_t scp_hash_bytes(const void *data, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, n, seed);
}

uint64_t scp_hash_text(const char *s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s, strlen(s), seed);
}

/* scp_hasher is only a name for the library's state. */
scp_hasher *scp_hasher_create(void)
{
    XXH3_state_t *state = XXH3_createState();
    if (state) XXH3_64bits_reset(state);
    return (scp_hasher *)state;
}

void scp_hasher_add(scp_hasher *h, const void *data, size_t n)
{
    XXH3_64bits_update((XXH3_state_t *)h, data, n);
}

uint64_t scp_hasher_value(const scp_hasher *h)
{
    return XXH3_64bits_digest((const XXH3_state_t *)h);
}

void scp_hasher_destroy(scp_hasher **h)
{
    if (!h || !*h) return;
    XXH3_freeState((XXH3_state_t *)*h);
    *h = NULL;
}
