# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run and of bench/study.sh
# Synthetic screens of the studies. Sourced by cases.

# screen_of SIZE TABLE OPTION...: sets what study.sh needs for screens of this size; OPTION... go to scppdm_synth.
screen_of() {
    size=$1
    table=$2
    shift 2
    config=$top/mpi/conf/demo.yaml
    stratum=
    baseline_steps=3000
    more_vae=
    more_train=
    case $size in
    large)
        if [ -z "$table" ]; then
            note "the large screen needs a drug table of 360 structures after the size"
            exit 64
        fi
        # 100 cells a key at five times the depth, and more vehicle: about the noise that 1,278 cells of the atlas leave
        screen="--preset medium --repeat 0 --plates 12 --lines 16 --drugs 360 --depth 5 --vehicle 6 --deflate 1 --table $table $*"
        study_baselines="ridge mlp mlp_shift"
        more_vae=${large_vae:-"--set vae_train.steps=6000 --set vae_train.lr=2e-3"}
        more_train="--set train.steps=6000"
        ;;
    demo) screen="--preset demo ${table:+--table $table} $*" ;;
    *) note "no screen of size $size: large, demo"; exit 64 ;;
    esac
}

shard_of() { # SEED DIR: plates are dropped when the shard is there
    # shellcheck disable=SC2086 # a list of options
    if [ ! -e "$2/prep.done" ]; then piece "$2" synth program scppdm_synth "$2/plates" $screen --seed "$1"; fi
    piece "$2" prep sh -c "$(prep_command "$1" "$2")"
    rm -f "$2"/plates/plate*.h5ad
}

# prep_command SEED DIR: one shell command, since plates are named by a pattern.
prep_command() {
    launch=
    if [ "$ranks" -gt 1 ]; then launch="$mpirun -n $ranks "; fi
    printf '%s"%s" --config "%s" "%s"/plates/plate*.h5ad --drugs "%s/plates/drugs.tsv" --seed %s --output "%s/shard.h5"' \
        "$launch" "$build/scppdm_prep" "$top/mpi/conf/prep-demo.yaml" "$2" "$2" "$1" "$2"
}
