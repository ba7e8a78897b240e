# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run and of bench/study.sh
# Models on a synthetic screen, from cells: bench/run study-a [--repeat SEEDS] [-- SIZE [TABLE]]
#   SIZE   large (default): 16 lines x 360 drugs x 3 doses, 2,000 genes, about 1.7 million cells; TABLE, a drug table of
#          that many structures, is needed
#          demo: 12 lines x 90 drugs x 3 doses, 1,200 genes
# A seed draws the screen, its splits, and starts every model.

# shellcheck source=bench/study.sh
. "$bench/study.sh"
# shellcheck source=bench/screens.sh
. "$bench/screens.sh"
screen_of "${1:-large}" "${2:-}"
study_kernel=yes
study_bounds=,truth
run_study "study-a-${1:-large}"
