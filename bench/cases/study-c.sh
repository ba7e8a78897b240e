# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run and of bench/study.sh
# Models on Open TG-GATEs, real arrays: bench/run study-c [--repeat SEEDS] -- tggates_small_hepatocyte.h5ad
# A seed draws the splits and starts every model. Its goal: Pearson of the change of unseen drugs at 24 h and the
# highest dose (stratum 24:0).

plates=${1:?study-c needs the file tggates_small_hepatocyte.h5ad}
# shellcheck source=bench/study.sh
. "$bench/study.sh"
config=$top/mpi/conf/tggates.yaml
stratum=24:0
study_members=2
baseline_steps=1000
more_vae=
more_train=

shard_of() { # SEED DIR
    piece "$2" prep program scppdm_prep --config "$top/mpi/conf/prep-tggates.yaml" "$plates" --seed "$1" \
        --output "$2/shard.h5"
}

run_study study-c
