/* See sha256.h; the arithmetic is OpenSSL's, which uses the processor's instructions for it. */
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/mem.h"

enum { BLOCK = 1 << 20 };

static scp_status digest_of(int fd, const char *path, EVP_MD_CTX *md, uint8_t *block)
{
    for (;;) {
        ssize_t n = read(fd, block, BLOCK);
        if (n == 0) return SCP_OK;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) SCP_FAIL(SCP_EIO, "%s: cannot read: %s", path, strerror(errno));
        if (EVP_DigestUpdate(md, block, (size_t)n) != 1)
            SCP_FAIL(SCP_EINTERNAL, "%s: OpenSSL cannot go on with SHA-256", path);
    }
}

scp_status scp_sha256_file(const char *path, char hex[SCP_SHA256_HEX])
{
    SCP_ARG(path && hex, "a file and room for its checksum are required");
    scp_status st = SCP_OK;
    uint8_t *block = NULL, sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        SCP_FAIL_GOTO(done, errno == ENOENT ? SCP_ENOINPUT : SCP_EIO, "%s: cannot open: %s", path,
                      strerror(errno));
    if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
        SCP_FAIL_GOTO(done, SCP_EINTERNAL, "OpenSSL has no SHA-256");
    SCP_GOTO(done, scp_alloc(BLOCK, 1, &block));
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    SCP_GOTO(done, digest_of(fd, path, md, block));
    if (EVP_DigestFinal_ex(md, sum, &n) != 1 || 2 * n + 1 != SCP_SHA256_HEX)
        SCP_FAIL_GOTO(done, SCP_EINTERNAL, "OpenSSL cannot end SHA-256");
    for (unsigned i = 0; i < n; i++) snprintf(hex + 2 * i, 3, "%02x", sum[i]);
done:
    if (fd >= 0) close(fd);
    EVP_MD_CTX_free(md);
    free(block);
    return st;
}
