/* XXH3 64-bit hashes, for checksums and for names. Same value on every machine (little-endian input
 * assumed for arrays, as HDF5 native types here). */
#ifndef SCP_BASE_HASH_H
#define SCP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t scp_hash_bytes(const void *data, size_t n, uint64_t seed);
uint64_t scp_hash_text(const char *s, uint64_t seed);

/* Streaming form. */
typedef struct scp_hasher scp_hasher;
scp_hasher *scp_hasher_create(void); /* NULL when out of memory */
void scp_hasher_add(scp_hasher *h, const void *data, size_t n);
uint64_t scp_hasher_value(const scp_hasher *h);
void scp_hasher_destroy(scp_hasher **h);

#endif
