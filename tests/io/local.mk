# Tests of src/io.
io_tests = tests/io/h5.t tests/io/tsv.t tests/io/h5ad_real.t tests/io/h5ad_write.t tests/io/ckpt.t tests/io/ckpt_kept.t \
	tests/io/safetensors.t tests/io/h5ad_read.t tests/io/h5ad_frame.t \
	tests/io/h5ad_damage.t tests/io/h5_out.t tests/io/inflate.t
check_PROGRAMS += $(io_tests) tests/io/h5_all.mpi
dist_check_SCRIPTS += tests/io/anndata_opens.sh
TESTS += $(io_tests) tests/io/h5_all.mpi tests/io/anndata_opens.sh
EXTRA_DIST += tests/golden/h5ad.tsv tests/golden/make_h5ad_golden.py
tests_io_inflate_t_SOURCES = tests/io/inflate.c
tests_io_inflate_t_LDADD = libscptest.a $(LDADD)
tests_io_h5_out_t_SOURCES = tests/io/h5_out.c
tests_io_h5_out_t_LDADD = libscptest.a $(LDADD)
tests_io_h5_t_SOURCES = tests/io/h5.c
tests_io_h5_t_LDADD = libscptest.a $(LDADD)
tests_io_tsv_t_SOURCES = tests/io/tsv.c
tests_io_tsv_t_LDADD = libscptest.a $(LDADD)
tests_io_h5ad_real_t_SOURCES = tests/io/h5ad_real.c
tests_io_h5ad_real_t_LDADD = libscptest.a $(LDADD)
tests_io_h5ad_write_t_SOURCES = tests/io/h5ad_write.c
tests_io_h5ad_write_t_LDADD = libscptest.a $(LDADD)
tests_io_h5_all_mpi_SOURCES = tests/io/h5_all.c
tests_io_h5_all_mpi_LDADD = libscptest.a $(LDADD)
tests_io_ckpt_t_SOURCES = tests/io/ckpt.c
tests_io_ckpt_t_LDADD = libscptest.a $(LDADD)
tests_io_ckpt_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=scp_h5_open
tests_io_ckpt_kept_t_SOURCES = tests/io/ckpt_kept.c
tests_io_ckpt_kept_t_LDADD = libscptest.a $(LDADD)
tests_io_ckpt_kept_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fcntl,--wrap=write,--wrap=fsync,--wrap=rename
tests_io_safetensors_t_SOURCES = tests/io/safetensors.c
tests_io_safetensors_t_LDADD = libscptest.a $(LDADD)
tests_io_h5ad_read_t_SOURCES = tests/io/h5ad_read.c
tests_io_h5ad_read_t_LDADD = libscptest.a $(LDADD)
tests_io_h5ad_frame_t_SOURCES = tests/io/h5ad_frame.c
tests_io_h5ad_frame_t_LDADD = libscptest.a $(LDADD)
tests_io_h5ad_damage_t_SOURCES = tests/io/h5ad_damage.c
tests_io_h5ad_damage_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/io/array_file.t
TESTS += tests/io/array_file.t
tests_io_array_file_t_SOURCES = tests/io/array_file.c
tests_io_array_file_t_LDADD = libscptest.a $(LDADD)
LONG_TESTS += tests/io/ckpt.t
check_PROGRAMS += tests/io/gz.t tests/io/gmt.t
TESTS += tests/io/gz.t tests/io/gmt.t
tests_io_gz_t_SOURCES = tests/io/gz.c
tests_io_gz_t_LDADD = libscptest.a $(LDADD)
tests_io_gmt_t_SOURCES = tests/io/gmt.c
tests_io_gmt_t_LDADD = libscptest.a $(LDADD)

# Reading of stored chunks.
stored_tests = tests/io/h5_chunk.t tests/io/h5ad_starts.t tests/io/h5ad_stream.t tests/io/h5ad_stream_bad.t
tests_io_h5_chunk_t_SOURCES = tests/io/h5_chunk.c tests/io/stored.h tests/io/stored.c
tests_io_h5_chunk_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += $(stored_tests)
TESTS += $(stored_tests)
tests_io_h5ad_starts_t_SOURCES = tests/io/h5ad_starts.c tests/io/stored.h tests/io/stored.c
tests_io_h5ad_starts_t_LDADD = libscptest.a $(LDADD)
tests_io_h5ad_stream_t_SOURCES = tests/io/h5ad_stream.c tests/io/stored.h tests/io/stored.c
tests_io_h5ad_stream_t_LDADD = libscptest.a $(LDADD)
tests_io_h5ad_stream_bad_t_SOURCES = tests/io/h5ad_stream_bad.c tests/io/stored.h tests/io/stored.c
tests_io_h5ad_stream_bad_t_LDADD = libscptest.a $(LDADD)
