/* The grid, see grid_keys.h. */
#include "data/grid_keys.h"

#include <stdio.h>

#include "base/str.h"
#include "io/tsv.h"

scp_status grid_keys(const char *path, const scp_obs_map *map, scp_keys *keys)
{
    static const char *const name[] = { "plate", "cell_line", "drug", "conc", "n_cells" };
    scp_status st = SCP_OK;
    scp_tsv *t = NULL;
    scp_keys_builder *b = NULL;
    size_t column[5];
    char drug[256];
    SCP_GOTO(done, scp_tsv_read(path, &t));
    for (size_t i = 0; i < 5; i++) SCP_GOTO(done, scp_tsv_column(t, name[i], &column[i]));
    SCP_GOTO(done, scp_keys_builder_create(map, 0, &b));
    for (size_t r = 0; r < scp_tsv_n_rows(t); r++) {
        double dose;
        int64_t cells;
        SCP_GOTO(done, scp_tsv_real(t, r, column[3], &dose));
        SCP_GOTO(done, scp_tsv_int(t, r, column[4], &cells));
        snprintf(drug, sizeof drug, "%s", scp_tsv_text(t, r, column[2]));
        SCP_GOTO(done, scp_keys_add_count(b, scp_tsv_text(t, r, column[1]), scp_str_trim(drug),
                                          dose, scp_tsv_text(t, r, column[0]), cells));
    }
    SCP_GOTO(done, scp_keys_finish(b, keys));
done:
    scp_keys_builder_destroy(&b);
    scp_tsv_destroy(&t);
    return st;
}
