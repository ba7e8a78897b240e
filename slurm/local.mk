# Job scripts, installed in $(pkgdatadir)/slurm.
dist_slurm_SCRIPTS += slurm/prep.sh slurm/vae.sh slurm/train.sh slurm/eval.sh slurm/predict.sh slurm/ablate.sh \
	slurm/sweep.sh slurm/baselines.sh slurm/report.sh slurm/pipeline.sh
dist_slurm_DATA += slurm/lib.sh slurm/job.sh slurm/rank.sh
