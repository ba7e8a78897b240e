# Sources of data-prep.
bin_PROGRAMS += scppdm_prep
scppdm_prep_SOURCES = data-prep/scppdm_prep.c
dist_conf_DATA += mpi/conf/prep-demo.yaml mpi/conf/prep-gbm.yaml mpi/conf/prep-sciplex2.yaml \
	mpi/conf/prep-tahoe-layout.yaml mpi/conf/prep-tggates.yaml
