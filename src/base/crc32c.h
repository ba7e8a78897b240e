/* CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as iSCSI [RFC 3720 B.4] and TFRecord files
 * have it. */
#ifndef SCP_BASE_CRC32C_H
#define SCP_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** "123456789" gives 0xe3069283. */
uint32_t scp_crc32c(const void *data, size_t n);

#endif
