# shellcheck shell=sh disable=SC2034 # used by those who source it
# Options of a model so small that a step takes a millisecond, for tests of the programs. Sourced.
tiny="--vae.latent 16 --vae.hidden 12,10 --model.widths 20,16 --model.time_dim 12 --model.tokens 4 --model.blocks 1
 --model.drug_hidden 9 --model.drug_dim 8 --model.cond_dim 8 --model.film_hidden 6 --diffusion.T 50
 --diffusion.negatives 10 --diffusion.bank 16 --guidance.ddim_steps 2 --train.batch 16 --vae_train.batch 16 --device cpu"
