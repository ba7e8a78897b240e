# Job scripts, installed in $(pkgdatadir)/slurm.
dist_slurm_SCRIPTS += slurm/prep.sh slurm/vae.sh slurm/train.sh slurm/eval.sh slurm/ablate.sh
dist_slurm_DATA += slurm/lib.sh slurm/site.conf.example
