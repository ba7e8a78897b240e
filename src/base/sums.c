/* See sums.h. A line is: 64 hex digits, a blank, a blank or '*', the name. */
#include "base/sums.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"

/* The checksum of a line, or NULL; *name is set to what follows. */
static bool parse_line(char *line, char hex[SCP_SHA256_HEX], const char **name)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    if (digits != SCP_SHA256_HEX - 1) return false;
    for (size_t i = 0; i < digits; i++) hex[i] = (char)tolower((unsigned char)line[i]);
    hex[digits] = '\0';
    char *rest = line + digits;
    if (*rest == '\0') { /* a bare checksum, in FILE.sha256 */
        *name = rest;
        return true;
    }
    if (rest[0] != ' ' || (rest[1] != ' ' && rest[1] != '*')) return false;
    rest += 2;
    if (strncmp(rest, "./", 2) == 0) rest += 2;
    *name = rest;
    return true;
}

/* Look for `name` in a list; any_name: its first line counts whatever it names. */
static scp_status search(const char *list, const char *name, bool any_name, bool *found,
                         char hex[SCP_SHA256_HEX])
{
    char *text = NULL, *rest = NULL, sum[SCP_SHA256_HEX];
    const char *is;
    size_t len = 0;
    *found = false;
    if (!scp_fs_exists(list) || scp_fs_is_dir(list)) return SCP_OK;
    SCP_TRY(scp_fs_read_text(list, &text, &len));
    for (char *line = strtok_r(text, "\n", &rest); line && !*found;
         line = strtok_r(NULL, "\n", &rest)) {
        size_t end = strlen(line);
        if (end > 0 && line[end - 1] == '\r') line[end - 1] = '\0';
        if (!parse_line(line, sum, &is)) continue;
        *found = any_name || strcmp(is, name) == 0;
        if (*found) memcpy(hex, sum, sizeof sum);
    }
    free(text);
    return SCP_OK;
}

/* Look in the folder of a path, then in the folder above; `source` is what was looked at last. */
static scp_status search_folders(const char *path, bool *found, char hex[SCP_SHA256_HEX],
                                 char source[SCP_PATH_MAX])
{
    char folder[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(folder, sizeof folder, "%s", path));
    for (int up = 0; up < 2 && !*found; up++) {
        char *slash = strrchr(folder, '/');
        if (!slash) return SCP_OK;
        *slash = '\0';
        SCP_TRY(scp_str_format(source, SCP_PATH_MAX, "%s/SHA256SUMS", folder));
        SCP_TRY(search(source, path + (slash - folder) + 1, false, found, hex));
    }
    return SCP_OK;
}

scp_status scp_sums_find(const char *path, char hex[SCP_SHA256_HEX], char source[SCP_PATH_MAX])
{
    SCP_ARG(path && hex && source, "a file, and room for the answer, are required");
    char beside[SCP_PATH_MAX];
    bool found = false;
    SCP_TRY(scp_str_format(source, SCP_PATH_MAX, "%s.sha256", path));
    SCP_TRY(search(source, "", true, &found, hex));
    if (found) return SCP_OK;
    SCP_TRY(scp_str_format(beside, sizeof beside, "%s%s", strchr(path, '/') ? "" : "./", path));
    SCP_TRY(search_folders(beside, &found, hex, source));
    char *real = found ? NULL : realpath(path, NULL); /* where a link points to */
    scp_status st = real ? search_folders(real, &found, hex, source) : SCP_OK;
    free(real);
    SCP_TRY(st);
    if (!found)
        SCP_FAIL(SCP_ENOINPUT,
                 "%s: no checksum: neither %s.sha256 nor a SHA256SUMS beside it or one folder "
                 "above names it; make one with sha256sum where the file is known to be whole",
                 path, path);
    return SCP_OK;
}

scp_status scp_sums_check(const char *path)
{
    char want[SCP_SHA256_HEX], got[SCP_SHA256_HEX], source[SCP_PATH_MAX];
    if (!scp_fs_exists(path)) SCP_FAIL(SCP_ENOINPUT, "%s: no such file", path);
    SCP_TRY(scp_sums_find(path, want, source));
    SCP_TRY(scp_sha256_file(path, got));
    if (strcmp(want, got) != 0)
        SCP_FAIL(SCP_EDATA,
                 "%s: its SHA-256 is %.16s..., but %s says %.16s...: the file is damaged or "
                 "another one; fetch it again",
                 path, got, source, want);
    return SCP_OK;
}
