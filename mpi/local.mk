# The MPI programs.
bin_PROGRAMS += scppdm_vae scppdm_train scppdm_predict scppdm_eval scppdm_ablate scppdm_info \
	scppdm_report
scppdm_vae_SOURCES = mpi/scppdm_vae.c
scppdm_train_SOURCES = mpi/scppdm_train.c
scppdm_predict_SOURCES = mpi/scppdm_predict.c
scppdm_eval_SOURCES = mpi/scppdm_eval.c
scppdm_ablate_SOURCES = mpi/scppdm_ablate.c
scppdm_info_SOURCES = mpi/scppdm_info.c
scppdm_report_SOURCES = mpi/scppdm_report.c
scppdm_report_LDADD = $(LDADD) $(IGRAPH_LIBS)
dist_conf_DATA += mpi/conf/paper.yaml mpi/conf/quick.yaml mpi/conf/demo.yaml mpi/conf/tggates.yaml mpi/conf/baseline-ridge.yaml \
	mpi/conf/baseline-linear.yaml mpi/conf/baseline-mlp.yaml mpi/conf/ablation-A.yaml mpi/conf/ablation-B.yaml mpi/conf/ablation-C.yaml \
	mpi/conf/ablation-D.yaml mpi/conf/ablation-E.yaml mpi/conf/ablation-F.yaml
