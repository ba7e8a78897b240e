# Sources of data-prep.
bin_PROGRAMS += data-prep/scppdm_prep
data_prep_scppdm_prep_SOURCES = data-prep/scppdm_prep.c
