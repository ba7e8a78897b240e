# shellcheck shell=bash disable=SC2154 # variables of lib.sh and job.sh, which sources this
# What a step needs and is not there yet: the shard from the plates, the autoencoder.

# scp_prep OUTPUT [ARGUMENTS]: the shard from the plates.
scp_prep() {
    local shard=$1 drugs=${scp_opt[--drugs]:-$SCPPDM_DRUGS} config=${scp_opt[--prep-config]:-$SCPPDM_PREP_CONFIG}
    local beside
    shift
    beside=$(dirname "${scp_plates[0]:-.}")
    if [[ -z $config && -e $beside/truth.h5 ]]; then config=$scp_conf/prep-demo.yaml; fi # plates of scppdm_synth
    if [[ -n $config && ! -r $config && -r $scp_conf/$config ]]; then config=$scp_conf/$config; fi
    if [[ -z $drugs && -e $beside/drugs.tsv ]]; then drugs=$beside/drugs.tsv; fi
    scp_step scppdm_prep ${config:+--config "$config"} "${scp_plates[@]}" ${drugs:+--drugs "$drugs"} \
        --output "$shard" "$@"
}

# scp_lock FILE: wait until no other job holds it; a stop request ends the wait. It is let go with the shell.
scp_lock() {
    local code said=
    { exec 9>"$1"; } 2>/dev/null || scp_die 74 "cannot write $1"
    while :; do
        flock --nonblock --conflict-exit-code 200 9
        code=$?
        if [[ $code -ne 200 ]]; then break; fi
        if [[ -n $scp_stop ]]; then scp_end 85; fi
        if [[ -z $said ]]; then scp_log "waiting for the job that holds $1"; fi
        said=yes
        sleep "$scp_pause"
    done
    if [[ $code -ne 0 ]]; then scp_log "warning: $1 cannot be locked here: submit no other job before it is gone"; fi
}

# scp_build_shard SHARD: from the plates, which are made up where there are none.
scp_build_shard() {
    local shard=$1
    scp_find_plates
    if ((${#scp_plates[@]} == 0)); then
        if [[ $shard != shard.h5 || $SCPPDM_SYNTH == none ]]; then
            scp_no_plates "$shard"
        fi
        scp_log "NO PLATES were named, and $PWD/plates has none: a made-up screen is written there and used." \
            "Your own: --plates 'FOLDER/*.h5ad', or SCPPDM_PLATES in ${scp_site_file:-site.conf}"
        scp_step scppdm_synth plates --preset "$SCPPDM_SYNTH"
        scp_find_plates
    fi
    scp_log "no shard $shard yet: building it from ${#scp_plates[@]} plates"
    scp_prep "$shard"
}

# The shard that the arguments name, or else the run folder, or else ./shard.h5; built where it does not exist, by
# one job of those that need it.
scp_need_shard() {
    local named=${scp_opt[--shard]:-} shard=${scp_opt[--shard]:-$SCPPDM_SHARD}
    if [[ -z $shard && -e $scp_run/config.yaml ]]; then return; fi
    shard=${shard:-shard.h5}
    if [[ -z $named ]]; then scp_args+=(--shard "$shard"); fi
    if [[ ! -e $shard ]]; then
        scp_lock "$shard.build"
        if [[ ! -e $shard ]]; then scp_build_shard "$shard"; fi
        rm -f "$shard.build"
        exec 9>&-
    fi
    # The paper's settings are for millions of cells.
    if [[ -z ${scp_opt[--config]:-}$SCPPDM_CONFIG && $shard == shard.h5 && -e plates/truth.h5 &&
        $scp_kind != baselines ]]; then
        scp_args=(--config "$scp_conf/demo.yaml" "${scp_args[@]}")
    fi
}

# The autoencoder of the run folder, which diffusion models stand on and baselines do not.
scp_need_vae() {
    case ${scp_opt[--model]:-scppdm} in scppdm | regression) ;; *) return 0 ;; esac
    if [[ ! -e $scp_run/latents.h5 ]]; then
        scp_log "no autoencoder in $scp_run yet: training it"
        scp_step scppdm_vae "${scp_args[@]}"
    fi
}
