# Sources of tests/model.
check_PROGRAMS += tests/model/means.mpi
TESTS += tests/model/means.mpi
tests_model_means_mpi_SOURCES = tests/model/means.c tests/eval/screen.c tests/eval/screen.h \
	tests/eval/golden_file.c tests/eval/golden_file.h
tests_model_means_mpi_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/model/bf16.t
TESTS += tests/model/bf16.t
tests_model_bf16_t_SOURCES = tests/model/bf16.c
tests_model_bf16_t_LDADD = libscptoy.a libscptest.a $(LDADD)
check_PROGRAMS += tests/model/gradient.t tests/model/parity.t tests/model/denoiser.t tests/model/vae.t
TESTS += tests/model/gradient.t tests/model/parity.t tests/model/denoiser.t tests/model/vae.t
tests_model_gradient_t_SOURCES = tests/model/gradient.c
tests_model_gradient_t_LDADD = libscptoy.a libscptest.a $(LDADD)
tests_model_parity_t_SOURCES = tests/model/parity.c
tests_model_parity_t_LDADD = libscptoy.a libscptest.a $(LDADD)
tests_model_denoiser_t_SOURCES = tests/model/denoiser.c
tests_model_denoiser_t_LDADD = libscptoy.a libscptest.a $(LDADD)
tests_model_vae_t_SOURCES = tests/model/vae.c
tests_model_vae_t_LDADD = libscptoy.a libscptest.a $(LDADD)
check_PROGRAMS += tests/model/gd_block.t
TESTS += tests/model/gd_block.t
tests_model_gd_block_t_SOURCES = tests/model/gd_block.c
tests_model_gd_block_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/model/ridge.mpi tests/model/baseline.t
TESTS += tests/model/ridge.mpi tests/model/baseline.t
tests_model_ridge_mpi_SOURCES = tests/model/ridge.c tests/eval/screen.c tests/eval/screen.h \
	tests/eval/golden_file.c tests/eval/golden_file.h
tests_model_ridge_mpi_LDADD = libscptest.a $(LDADD)
tests_model_baseline_t_SOURCES = tests/model/baseline.c
tests_model_baseline_t_LDADD = libscptoy.a libscptest.a $(LDADD)
EXTRA_DIST += tests/golden/make_ridge_golden.py tests/golden/ridge.tsv
check_PROGRAMS += tests/model/losses.t
TESTS += tests/model/losses.t
tests_model_losses_t_SOURCES = tests/model/losses.c
tests_model_losses_t_LDADD = libscptoy.a libscptest.a $(LDADD)
