# Sources of src/chem.
libscppdm_a_SOURCES += src/chem/drug_table.h src/chem/drug_table.c src/chem/morgan.h \
	src/chem/morgan_rdkit.cc
