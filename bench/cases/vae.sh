# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run
# One training step of the autoencoder, hidden 1024, 1024, 1024: see training.sh.
model=vae
peer_script=vae_torch.py
# shellcheck source=bench/training.sh
. "$bench/training.sh"
