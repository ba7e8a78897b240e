# Sources of data-prep.
bin_PROGRAMS += scppdm_prep
scppdm_prep_SOURCES = data-prep/scppdm_prep.c
dist_conf_DATA += mpi/conf/prep-demo.yaml mpi/conf/prep-keys.yaml mpi/conf/prep-gbm.yaml mpi/conf/prep-sciplex2.yaml \
	mpi/conf/prep-tahoe-layout.yaml mpi/conf/prep-tggates.yaml
# The drug table is looked for where it is installed (seen from the program first), then in the source tree.
bin_PROGRAMS += scppdm_synth
scppdm_synth_SOURCES = data-prep/scppdm_synth.c
scppdm_synth_CPPFLAGS = $(AM_CPPFLAGS) \
	-DSCP_DRUG_TABLES='"../share/$(PACKAGE)/drugs/drugs.tsv:$(drugsdir)/drugs.tsv:$(abs_top_srcdir)/data-prep/drugs/drugs.tsv"'
dist_drugs_DATA += data-prep/drugs/drugs.tsv
EXTRA_DIST += data-prep/drugs/check_drugs.py
EXTRA_DIST += data-prep/README.md
# Started by the programs themselves, see src/io/h5_probe.h.
pkglibexec_PROGRAMS = scppdm_probe
scppdm_probe_SOURCES = data-prep/scppdm_probe.c
scppdm_probe_LDADD = libscppdm.a libscpengine.a $(HDF5_LIBS) $(JANSSON_LIBS) $(XXHASH_LIBS) $(LIBDEFLATE_LIBS) $(ISAL_LIBS) -lm
# Gets Tahoe-100M; the functions that transfer are a file of their own.
dist_bin_SCRIPTS += data-prep/fetch-tahoe
dist_pkgdata_DATA += data-prep/fetch-transfer.bash
# Conversions of Parquet, once; Python with pyarrow.
dist_bin_SCRIPTS += data-prep/parquet-to-h5ad data-prep/drugs-to-tsv
