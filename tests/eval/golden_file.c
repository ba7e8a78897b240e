/* Golden files, see golden_file.h. */
#include "eval/golden_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"

int golden_open(golden_file *f, const char *name)
{
    const char *top = getenv("top_srcdir");
    char path[SCP_PATH_MAX];
    size_t len;
    memset(f, 0, sizeof *f);
    snprintf(path, sizeof path, "%s/tests/golden/%s", top ? top : ".", name);
    if (scp_fs_read_text(path, &f->text, &len) != SCP_OK) return 0;
    f->next = f->text;
    return 1;
}

int golden_next(golden_file *f)
{
    while (f->next && *f->next) {
        char *line = f->next, *end = strchr(line, '\n');
        f->next = end ? end + 1 : NULL;
        if (end) *end = '\0';
        if (*line == '#') continue;
        f->n = scp_str_split(line, '\t', f->field, sizeof f->field / sizeof f->field[0]);
        return 1;
    }
    return 0;
}

int golden_is(const golden_file *f, const char *kind)
{
    return strcmp(f->field[0], kind) == 0;
}

float *golden_floats(const golden_file *f, size_t from)
{
    float *v = malloc((f->n - from) * sizeof *v);
    for (size_t i = from; v && i < f->n; i++) v[i - from] = strtof(f->field[i], NULL);
    return v;
}

void golden_close(golden_file *f)
{
    free(f->text);
    f->text = NULL;
}
