/* Texts: fixed-length ones are cut out of one block. Variable-length ones are taken over from HDF5,
 * which allocates them with malloc (H5Pset_vlen_mem_manager, default). The memory type is the
 * file's own: HDF5 does not convert between character sets. */
#include "io/h5_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

/* Length of a fixed text without its padding. */
static size_t fixed_length(const char *s, size_t width, H5T_str_t pad)
{
    size_t len = strnlen(s, width);
    while (pad == H5T_STR_SPACEPAD && len > 0 && s[len - 1] == ' ') len--;
    return len;
}

static scp_status take_fixed(scp_h5_transfer *transfer, void *ctx, hid_t type, size_t n,
                             char **texts)
{
    scp_status st = SCP_OK;
    size_t width = H5Tget_size(type);
    H5T_str_t pad = H5Tget_strpad(type);
    char *block = NULL;
    SCP_GOTO(done, scp_alloc(n, width, &block));
    SCP_GOTO(done, transfer(ctx, type, block));
    for (size_t i = 0; i < n; i++) {
        size_t len = fixed_length(block + i * width, width, pad);
        SCP_GOTO(done, scp_alloc(len + 1, 1, &texts[i]));
        memcpy(texts[i], block + i * width, len);
    }
done:
    free(block);
    return st;
}

static scp_status take_variable(scp_h5_transfer *transfer, void *ctx, hid_t type, size_t n,
                                char **texts)
{
    SCP_TRY(transfer(ctx, type, texts));
    for (size_t i = 0; i < n; i++)
        if (!texts[i]) SCP_TRY(scp_strdup("", &texts[i])); /* a nil reference */
    return SCP_OK;
}

scp_status scp_h5_take_texts(scp_h5_transfer *transfer, void *ctx, hid_t type, size_t n,
                             const char *where, char ***out)
{
    scp_status st = SCP_OK;
    char **texts = NULL;
    *out = NULL;
    if (n > 0 && H5Tget_class(type) != H5T_STRING)
        SCP_FAIL(SCP_EDATA, "%s: text was expected, but it holds another type", where);
    SCP_TRY(scp_alloc(n, sizeof *texts, &texts));
    if (n > 0 && H5Tis_variable_str(type) > 0)
        SCP_GOTO(done, take_variable(transfer, ctx, type, n, texts));
    else if (n > 0)
        SCP_GOTO(done, take_fixed(transfer, ctx, type, n, texts));
    for (size_t i = 0; i < n; i++)
        if (texts[i][scp_str_utf8(texts[i], strlen(texts[i]))] != '\0')
            SCP_FAIL_GOTO(done, SCP_EDATA,
                          "%s: text %zu is not UTF-8: the file is damaged, or was written in "
                          "another encoding; convert its texts to UTF-8",
                          where, i);
done:
    if (st != SCP_OK)
        scp_fs_list_free(texts, n);
    else
        *out = texts;
    return st;
}
