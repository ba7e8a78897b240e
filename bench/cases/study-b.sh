# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run and of bench/study.sh
# As study-a, on effects that are drawn from a Gaussian process over the drugs, so that the best possible prediction of
# an unseen drug is known: bench/run study-b [--repeat SEEDS] [-- SIZE [TABLE]]
# Its goal: scppdm has 80 % of what kriging has, for unseen drugs.

# shellcheck source=bench/study.sh
. "$bench/study.sh"
# shellcheck source=bench/screens.sh
. "$bench/screens.sh"
large_vae="--set vae_train.steps=4000"
screen_of "${1:-large}" "${2:-}" --effects gp
study_kernel=yes
study_bounds=,truth,kriging
study_share=kriging
run_study "study-b-${1:-large}"
