# The MPI programs.
bin_PROGRAMS += scppdm_vae scppdm_train scppdm_predict scppdm_eval
scppdm_vae_SOURCES = mpi/scppdm_vae.c
scppdm_train_SOURCES = mpi/scppdm_train.c
scppdm_predict_SOURCES = mpi/scppdm_predict.c
scppdm_eval_SOURCES = mpi/scppdm_eval.c
