# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run
# One training step of the denoiser, 1,024 negatives, all three losses: see training.sh.
model=denoiser
peer_script=step_torch.py
# shellcheck source=bench/training.sh
. "$bench/training.sh"
