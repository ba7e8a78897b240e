#!/bin/bash
# usage: rank.sh GPUS COMMAND [ARGUMENT...]
#
# What one rank starts with where GPUs are used: it takes the GPU of its number on the node. All GPUs stay
# visible, since NCCL's peer paths need that. Where Slurm shows it one GPU only, it takes that.
gpus=$1
shift
local_rank=${SLURM_LOCALID:-${OMPI_COMM_WORLD_LOCAL_RANK:-0}}
if [[ -n ${CUDA_VISIBLE_DEVICES:-} ]]; then
    IFS=, read -ra visible <<<"$CUDA_VISIBLE_DEVICES"
    gpus=${#visible[@]}
fi
case " $* " in
*" --device"[=\ ]* | *scppdm_prep\ * | *scppdm_synth\ * | *scppdm_report\ * | *scppdm_info\ *) exec "$@" ;;
esac
exec "$@" --device "cuda:$((local_rank % gpus))"
