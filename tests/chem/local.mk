# Sources of tests/chem.
check_PROGRAMS += tests/chem/morgan.t tests/chem/drug_table.t
TESTS += tests/chem/morgan.t tests/chem/drug_table.t
tests_chem_morgan_t_SOURCES = tests/chem/morgan.c
tests_chem_morgan_t_LDADD = libscptest.a $(LDADD)
tests_chem_drug_table_t_SOURCES = tests/chem/drug_table.c
tests_chem_drug_table_t_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/chem/golden/morgan.tsv tests/chem/golden/make_morgan.py
