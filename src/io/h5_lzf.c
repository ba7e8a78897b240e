/* LZF decoder. A stream is a sequence of
 *     000LLLLL                      L + 1 literal bytes follow
 *     LLLooooo oooooooo             copy L + 2 bytes from o + 1 back,            L in 1..6
 *     111ooooo LLLLLLLL oooooooo    copy L + 9 bytes from o + 1 back
 * as LibLZF defines it. The bytes come from a file: nothing is trusted. */
#include "io/h5_lzf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t scp_h5_lzf_decode(const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
    size_t at = 0, done = 0;
    while (at < n) {
        size_t control = in[at++], length, back;
        if (control < 32) {
            length = control + 1;
            if (length > n - at || length > room - done) return 0;
            memcpy(out + done, in + at, length);
            at += length;
            done += length;
            continue;
        }
        length = control >> 5;
        if (length == 7) {
            if (at == n) return 0;
            length += in[at++];
        }
        if (at == n) return 0;
        back = ((control & 31) << 8) + in[at++] + 1;
        length += 2;
        if (back > done || length > room - done) return 0;
        if (back == 1)
            memset(out + done, out[done - 1], length);
        else if (back >= length)
            memcpy(out + done, out + done - back, length);
        else
            for (size_t i = done; i < done + length; i++) out[i] = out[i - back];
        done += length;
    }
    return done;
}

/* Bytes that a stream makes, as far as its control bytes go. */
static size_t lzf_length(const uint8_t *in, size_t n)
{
    size_t at = 0, length = 0;
    while (at < n) {
        size_t control = in[at++];
        if (control < 32) {
            length += control + 1;
            at += control + 1;
            continue;
        }
        length += (control >> 5) + 2;
        if (control >> 5 == 7 && at < n) length += in[at++];
        at++;
    }
    return length;
}

/* HDF5's filter interface: 0 is a failure; the third client value is the size of a whole chunk.
 * h5py gives no values for variable-length texts: the stream then says how long it is. */
static size_t lzf_filter(unsigned flags, size_t n_values, const unsigned values[], size_t n,
                         size_t *buf_size, void **buf)
{
    if (!(flags & H5Z_FLAG_REVERSE)) return 0;
    size_t room = n_values > 2 && values[2] > 0 ? values[2] : lzf_length(*buf, n);
    uint8_t *out = room > 0 ? H5allocate_memory(room, false) : NULL;
    size_t done = out ? scp_h5_lzf_decode(*buf, n, out, room) : 0;
    if (done != room) {
        if (out) H5free_memory(out);
        return 0;
    }
    H5free_memory(*buf);
    *buf = out;
    *buf_size = room;
    return done;
}

const H5Z_class2_t scp_h5_lzf = {
    .version = H5Z_CLASS_T_VERS,
    .id = SCP_H5_LZF,
    .encoder_present = 0,
    .decoder_present = 1,
    .name = "lzf",
    .filter = lzf_filter,
};
