/* Reading comma-separated tables, see csv.h: rewritten with tabs, then read as such. */
#include "io/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

static char plain(char c)
{
    return c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
}

scp_status scp_csv_parse(const char *text, size_t len, const char *name, scp_tsv **out)
{
    SCP_ARG(text && name && out, "text, name and table are required");
    enum { OPEN, QUOTED, CLOSED } state = OPEN; /* CLOSED: after a closing quote */
    size_t line = 1, n = 0, opened = 0;
    bool begin = true; /* of a field */
    char *tabs = NULL;
    scp_status st = SCP_OK;
    *out = NULL;
    SCP_TRY(scp_alloc(len + 1, 1, &tabs));
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        line += c == '\n';
        if (state == QUOTED) {
            if (c != '"')
                tabs[n++] = plain(c);
            else if (i + 1 < len && text[i + 1] == '"')
                tabs[n++] = text[i++];
            else
                state = CLOSED;
        } else if (begin && c == '"') {
            state = QUOTED;
            opened = line;
        } else if (c == ',' || c == '\n' || c == '\r') {
            tabs[n++] = c == ',' ? '\t' : c;
            state = OPEN;
        } else if (state == CLOSED) {
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s:%zu: text after a closing quote", name, line);
        } else {
            tabs[n++] = plain(c);
        }
        begin = state == OPEN && (c == ',' || c == '\n');
    }
    if (state == QUOTED)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s:%zu: a quote is opened and never closed", name, opened);
    st = scp_tsv_parse(tabs, n, name, out);
done:
    free(tabs);
    return st;
}

scp_status scp_csv_read(const char *path, scp_tsv **out)
{
    char *text = NULL;
    size_t len = 0;
    *out = NULL;
    SCP_TRY(scp_fs_read_text(path, &text, &len));
    scp_status st = scp_csv_parse(text, len, path, out);
    free(text);
    return st;
}
