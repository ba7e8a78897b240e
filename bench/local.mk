# Benchmarks: bench/run CASE.
noinst_PROGRAMS += bench/read_floor
bench_read_floor_SOURCES = bench/read_floor.c
bench_read_floor_LDADD = $(HDF5_LIBS)
EXTRA_DIST += bench/run bench/lib.sh bench/README.md bench/cases/prep.sh bench/peers/pseudobulk.py bench/peers/compare.py
