# Benchmarks: bench/run CASE.
noinst_PROGRAMS += bench/read_floor bench/read_stream bench/pack_floor bench/bench_ops bench/bench_step
bench_read_floor_SOURCES = bench/read_floor.c
bench_read_stream_SOURCES = bench/read_stream.c
bench_read_stream_LDADD = $(LDADD)
bench_pack_floor_SOURCES = bench/pack_floor.c
bench_pack_floor_LDADD = $(LDADD)
bench_bench_ops_SOURCES = bench/bench_ops.c bench/timing.h
bench_bench_ops_LDADD = libscpcases.a $(LDADD)
bench_bench_step_SOURCES = bench/bench_step.c bench/sheet.h bench/sheet.c bench/step_run.h bench/step_run.c bench/blas.h bench/op_clock.h bench/op_clock.c bench/step_ops.h bench/step_ops.c bench/step_export.h bench/step_export.c bench/timing.h
bench_bench_step_LDADD = libscptoy.a $(LDADD)
noinst_PROGRAMS += bench/bench_sample
bench_bench_sample_SOURCES = bench/bench_sample.c bench/op_clock.h bench/op_clock.c bench/sheet.h bench/sheet.c bench/sample_run.h bench/sample_run.c bench/step_run.h bench/step_run.c bench/blas.h bench/timing.h
bench_bench_sample_LDADD = libscptoy.a $(LDADD)
EXTRA_DIST += bench/training.sh bench/cases/vae.sh bench/cases/sample.sh bench/peers/training.py bench/peers/vae_torch.py \
	bench/peers/sample_torch.py bench/results/vae-zen5.json bench/results/sample-zen5.json
noinst_PROGRAMS += bench/bench_eval
bench_bench_eval_SOURCES = bench/bench_eval.c
bench_bench_eval_LDADD = libscptoy.a $(LDADD)
EXTRA_DIST += bench/cases/eval.sh bench/peers/cell_eval_bulk.py bench/peers/compare_scores.py
EXTRA_DIST += bench/run bench/lib.sh bench/README.md bench/cases/prep.sh bench/cases/scaling.sh bench/cases/memory.sh bench/cases/ops.sh \
	bench/cases/step.sh bench/cases/breakdown.sh bench/cases/ckpt.sh bench/cases/synth.sh \
	bench/peers/scanpy_aggregate.py bench/peers/compare.py bench/peers/step_torch.py \
	bench/results/memory-zen5.json bench/results/ops-zen5.json bench/results/prep-zen5.json \
	bench/results/scaling-zen5.json bench/results/step-zen5.json bench/results/products-zen5.json bench/results/growth-zen5.json \
	bench/results/ckpt-zen5.json bench/results/eval-zen5.json
EXTRA_PROGRAMS += bench/bench_gpu
bench_gpu_sources = bench/gpu/bench_gpu.c bench/sheet.h bench/sheet.c bench/sample_run.h bench/sample_run.c bench/gpu/gpu_step.h bench/gpu/gpu_step.c bench/gpu/gpu_list.h \
	bench/gpu/gpu_list.c bench/step_export.h bench/step_export.c bench/timing.h
bench_bench_gpu_SOURCES = $(bench_gpu_sources)
bench_bench_gpu_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bench
bench_bench_gpu_LDADD = libscptoy.a $(LDADD)
bench_bench_gpu_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
CLEANFILES += bench/bench_gpu$(EXEEXT)
EXTRA_DIST += bench/gpu/run bench/peers/gpu_torch.py
EXTRA_DIST += bench/study.sh bench/screens.sh bench/cases/study-a.sh bench/cases/study-b.sh bench/cases/study-c.sh \
	bench/cases/tune.sh bench/cases/ablations.sh bench/peers/kernel_regression.py bench/results/study-b-demo-zen5.json bench/results/ablations-zen5.json \
	bench/lists/tggates.txt bench/lists/tggates.yaml bench/results/study-c-zen5.json bench/results/study-a-large-zen5.json \
	bench/results/study-b-large-zen5.json
noinst_PROGRAMS += bench/bench_products
bench_bench_products_SOURCES = bench/bench_products.c bench/blas.h bench/timing.h
bench_bench_products_LDADD = $(LDADD)
EXTRA_DIST += bench/cases/products.sh
noinst_PROGRAMS += bench/bench_scaling
bench_bench_scaling_SOURCES = bench/bench_scaling.c bench/scaling_model.h bench/scaling_model.c bench/step_run.h bench/step_run.c bench/blas.h bench/timing.h
bench_bench_scaling_LDADD = libscptoy.a $(LDADD)
EXTRA_DIST += bench/cases/growth.sh
